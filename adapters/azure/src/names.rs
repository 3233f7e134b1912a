//! Which keys can be names of blobs: what Azure does with them beyond what a [`Key`] is anyway.
//!
//! | name | rule | source |
//! |---|---|---|
//! | with a backslash | it is the same as with a slash, so it is another blob's | azcopy issue 2753; a URL knows no backslash |
//! | of more than 254 segments | refused | "Naming and referencing containers, blobs, and metadata", <https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata> |
//! | longer than 1,024 characters | refused; a key has so many bytes at the most | the same |
//! | with a tab or a line break | the SDK's URLs drop them, so it is another blob's | the WHATWG's URL, "remove all ASCII tab or newline" |
//! | with a segment `.` or `..` | a URL folds it away, here or on its way, so it may be another blob's | RFC 3986, 5.2.4; the WHATWG's URL, "double-dot URL path segment" |
//! | with a dot at the end of a segment | to be avoided, since some clients drop it; the service has it as it is, and names of backups may end so | "Naming and referencing containers, …" |
//! | with a slash at the end | to be avoided; what is there is read | the same |

use sealift::Key;

const SEGMENTS: usize = 254;

/// Why there is no blob of this name.
pub(crate) fn refusal(key: &Key) -> Option<&'static str> {
    let key = key.as_ref();
    match () {
        () if key.contains('\\') => Some("Azure takes a backslash for a slash, so this is the name of another blob"),
        () if key.contains(['\t', '\r', '\n']) => {
            Some("a URL drops tabs and line breaks, so this is the name of another blob")
        }
        () if key.split('/').any(|segment| matches!(segment, "." | "..")) => {
            Some("a URL folds away what is only dots between slashes, so this may be the name of another blob")
        }
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
        assert!(["..", "a/./b", "a\tb"].iter().all(|key| refusal(&Key::existing(key).expect("a key")).is_some()));
        assert!(!refused("dir/file") && !refused("a.") && !refused("a b%5Cc") && !refused(&vec!["a"; 254].join("/")));
    }
}
