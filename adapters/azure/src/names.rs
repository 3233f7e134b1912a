//! Which keys can be names of blobs: what Azure does with them beyond what a [`Key`] is anyway.
//!
//! | name | rule | source |
//! |---|---|---|
//! | with a backslash | it is the same as with a slash, so it is another blob's | azcopy issue 2753; a URL knows no backslash |
//! | of more than 254 segments | refused | "Naming and referencing containers, blobs, and metadata", <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata> |
//! | longer than 1,024 characters | refused; a key has so many bytes at the most | the same |
//! | with a dot at the end of a segment | to be avoided, since some clients drop it; the service has it as it is | the same |

use sealift::Key;

const SEGMENTS: usize = 254;

/// Why there is no blob of this name.
pub(crate) fn refusal(key: &Key) -> Option<&'static str> {
    let key = key.as_ref();
    match () {
        () if key.contains('\\') => Some("Azure takes a backslash for a slash, so this is the name of another blob"),
        () if key.split('/').count() > SEGMENTS => Some("Azure takes at most 254 parts between slashes"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_be_anothers_are_refused() {
        let refused = |key: &str| refusal(&key.parse().expect("a key")).is_some();
        assert!(refused("dir\\file") && refused("\\") && refused(&vec!["a"; 255].join("/")));
        assert!(!refused("dir/file") && !refused("a.") && !refused("a b%5Cc") && !refused(&vec!["a"; 254].join("/")));
    }
}
