//! Which keys are names of objects: what Google does with them beyond what a [`Key`] is anyway.
//!
//! | name | rule | source |
//! |---|---|---|
//! | longer than 1,024 bytes | refused; a key has so many at the most | "About Cloud Storage objects", <https://cloud.google.com/storage/docs/objects#naming> |
//! | `.` or `..` | there is no such object | the same |
//! | with a carriage return or a line feed | there is no such object | the same |
//! | below `.well-known/acme-challenge/` | refused | the same |
//! | with `#`, `[`, `]`, `*`, `?`, `:`, `"`, `<`, `>`, `|` | to be avoided, since `gcloud` takes some for patterns; the service has them as they are | the same |

use sealift::Key;

/// Why there is no object of this name.
pub(crate) fn refusal(key: &Key) -> Option<&'static str> {
    match key.as_ref() {
        "." | ".." => Some("Google has no object of this name"),
        key if key.contains(['\r', '\n']) => Some("Google has no object with a line break in its name"),
        key if key.starts_with(".well-known/acme-challenge/") => {
            Some("Google has no objects below .well-known/acme-challenge/")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_service_has_not_are_refused() {
        let refused = |key: &str| refusal(&Key::existing(key).expect("a key")).is_some();
        assert!(refused(".") && refused("..") && refused("a\nb") && refused(".well-known/acme-challenge/x"));
        assert!(!refused("a/./b") && !refused(".well-known/other") && !refused("a\u{1}") && !refused("#[*?:|"));
    }
}
