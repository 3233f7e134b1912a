//! What a case came to, and how it is compared with what its row says.

use crate::expected::Expected;

/// What a case came to.
#[derive(Debug)]
pub(crate) enum Seen {
    /// As on S3.
    Works,
    /// Not so, and this is Sealift's answer; what the server shows does not speak against it.
    Answered { code: i32, words: String },
    /// What the server shows speaks against the answer.
    Untrue { code: i32, words: String, shows: String },
}

impl Seen {
    /// Whether it is what was expected.
    pub(crate) fn is(&self, expected: Expected) -> bool {
        match (self, expected) {
            (Seen::Works, Expected::Works | Expected::WorksOr(..) | Expected::NotTried(_)) => true,
            (Seen::Answered { code: 0, words }, Expected::Less(pattern)) => fits(words, pattern),
            (Seen::Answered { code, words }, Expected::Refused(exit, pattern) | Expected::WorksOr(exit, pattern)) => {
                *code == exit && fits(words, pattern)
            }
            (Seen::Untrue { code, words, shows }, Expected::Wrong(exit, pattern, against)) => {
                *code == exit && fits(words, pattern) && shows == against
            }
            _ => false,
        }
    }
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
fn fits(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('…') else { return text == pattern };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let (between, last) = rest.rsplit_once('…').map_or((None, rest), |(between, last)| (Some(between), last));
    for piece in between.into_iter().flat_map(|between| between.split('…')) {
        match left.split_once(piece) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

#[test]
fn patterns_have_holes_and_no_others() {
    for (text, pattern, is) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "a…", true),
        ("abc", "…c", true),
        ("abc", "…b", false),
        ("a b c d", "a…b…d", true),
        ("a b c d", "a…c…b…d", false),
        ("ab", "ab…b", false),
        ("xabc", "a…", false),
    ] {
        assert_eq!(fits(text, pattern), is, "{text:?} {pattern:?}");
    }
}
