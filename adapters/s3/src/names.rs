//! Names of objects: what S3 does with them beyond what a [`Key`] is anyway, and how listings spell them.
//!
//! | name | rule | source |
//! |---|---|---|
//! | longer than 1,024 bytes | refused; a key has so many at the most | "Naming Amazon S3 objects", <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html> |
//! | `soap` | not for virtual-hosted-style requests, so nothing new is stored by it | the same |
//! | with a segment `.` or `..` | the console shows them as folders, and clients fold them; here they are as they are | the same |
//! | with control characters | XML 1.0 cannot write them: listings are asked for URL-encoded | "ListObjectsV2", `encoding-type` |
//! | with a slash at the end | an object like any other; the console makes them for folders | "Organizing objects in the Amazon S3 console by using folders" |

use crate::answers::Unreadable;
use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;
use sealift::Key;
use std::borrow::Cow;

/// Why nothing is stored by this name.
pub(crate) fn new_refusal(key: &Key) -> Option<&'static str> {
    (key.as_ref() == "soap").then_some("S3 takes no object of this name where the bucket is named by its host")
}

/// A name from a listing that was asked for URL-encoded, as `encoding` says that it was made: like a form's, where a space
/// is a plus.
pub(crate) fn decoded(encoding: Option<&EncodingType>, name: String) -> Result<String, Unreadable> {
    match encoding {
        Some(EncodingType::Url) if name.contains(['+', '%']) => {
            let decoded = percent_decode_str(&name.replace('+', " ")).decode_utf8().map(Cow::into_owned);
            decoded.map_err(|_| Unreadable::new("it lists a name that is not UTF-8"))
        }
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_where_they_were_encoded() {
        let url = Some(EncodingType::Url);
        let decoded = |name: &str| decoded(url.as_ref(), name.to_owned());
        for (encoded, name) in [
            ("a/b", "a/b"),
            ("a+b%20c%2B", "a b c+"),
            ("%01%0a%C3%BC", "\u{1}\n\u{fc}"),
            ("100%25", "100%"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("", ""),
        ] {
            assert_eq!(decoded(encoded).as_deref(), Ok(name));
        }
        assert!(decoded("%ff").is_err());
        assert_eq!(super::decoded(None, "a+b%20".to_owned()).as_deref(), Ok("a+b%20"));
    }
}
