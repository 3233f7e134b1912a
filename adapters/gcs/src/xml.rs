//! The documents of the XML API: of the start and the end of an upload in parts, lists of uploads and of parts, and errors.

use jiff::Timestamp;
use serde::Deserialize;
use std::fmt::Write;
use std::time::SystemTime;

/// A document, by the name of its root.
#[derive(Debug, Deserialize)]
pub(crate) enum Document {
    InitiateMultipartUploadResult(Started),
    CompleteMultipartUploadResult(Completed),
    ListMultipartUploadsResult(UploadsPage),
    ListPartsResult(PartsPage),
    Error(Told),
}

/// An upload that was started.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Started {
    pub(crate) key: String,
    pub(crate) upload_id: String,
}

/// An upload that became an object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Completed {
    pub(crate) key: String,
}

/// A page of the uploads that are open.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UploadsPage {
    #[serde(rename = "Upload", default)]
    pub(crate) uploads: Vec<Upload>,
    #[serde(default)]
    pub(crate) is_truncated: bool,
    pub(crate) next_key_marker: Option<String>,
    pub(crate) next_upload_id_marker: Option<String>,
}

/// An upload that is open.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) upload_id: String,
    initiated: Option<String>,
}

impl Upload {
    /// When it was started.
    pub(crate) fn initiated(&self) -> Option<SystemTime> {
        time(self.initiated.as_deref()?)
    }
}

/// A page of the parts of an upload.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PartsPage {
    #[serde(rename = "Part", default)]
    pub(crate) parts: Vec<Part>,
    #[serde(default)]
    pub(crate) is_truncated: bool,
    pub(crate) next_part_number_marker: Option<String>,
}

/// A part.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Part {
    pub(crate) size: u64,
    last_modified: Option<String>,
}

impl Part {
    /// When it was stored.
    pub(crate) fn stored(&self) -> Option<SystemTime> {
        time(self.last_modified.as_deref()?)
    }
}

/// An error in the service's words.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Told {
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) message: String,
}

impl Told {
    /// What the body of an answer tells, if it is the XML API's word for an error.
    pub(crate) fn of(body: &[u8]) -> Option<Told> {
        match Document::parse(body) {
            Ok(Document::Error(told)) => Some(told),
            _ => None,
        }
    }
}

impl Document {
    /// The document that `body` is, or why it is none of these.
    pub(crate) fn parse(body: &[u8]) -> Result<Document, String> {
        let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        quick_xml::de::from_str(text).map_err(|error| error.to_string())
    }

    /// What it is, in words.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Document::InitiateMultipartUploadResult(_) => "the start of an upload",
            Document::CompleteMultipartUploadResult(_) => "the end of an upload",
            Document::ListMultipartUploadsResult(_) => "a list of uploads",
            Document::ListPartsResult(_) => "a list of parts",
            Document::Error(_) => "an error",
        }
    }
}

/// The list of the parts, numbered from 1, that are to become an object: their tags, in order.
pub(crate) fn parts_list<'a>(parts: impl IntoIterator<Item = (u32, &'a str)>) -> Vec<u8> {
    let mut list = "<CompleteMultipartUpload>".to_owned();
    for (number, tag) in parts {
        // Quotes stay: a tag has them, and in text they mean nothing.
        let tag = quick_xml::escape::partial_escape(tag);
        let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
    }
    list.push_str("</CompleteMultipartUpload>");
    list.into_bytes()
}

fn time(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(text.parse::<Timestamp>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_they_are() {
        for (written, key) in [
            ("a/b", "a/b"),
            (" a  b ", " a  b "),
            ("a &amp; b&lt;&gt;&quot;", "a & b<>\""),
            ("\u{1}&#2;", "\u{1}\u{2}"),
            ("+%2B", "+%2B"),
        ] {
            let page = format!(
                "<?xml version='1.0' encoding='UTF-8'?><ListMultipartUploadsResult xmlns='x'>\n<Bucket>b</Bucket>\
                 <Upload><Key>{written}</Key><UploadId>U</UploadId><Initiated>2026-01-02T03:04:05.678Z</Initiated>\
                 <StorageClass>STANDARD</StorageClass></Upload>\n<IsTruncated>true</IsTruncated>\
                 <NextKeyMarker>{written}</NextKeyMarker></ListMultipartUploadsResult>"
            );
            let Ok(Document::ListMultipartUploadsResult(page)) = Document::parse(page.as_bytes()) else {
                panic!("{page}")
            };
            assert_eq!(page.uploads[0].key, key);
            assert!(page.is_truncated && page.uploads[0].initiated().is_some());
            assert_eq!(page.next_key_marker.as_deref(), Some(key));
        }
    }

    /// As if it had ended there, less would be told than there is.
    #[test]
    fn a_document_that_is_cut_off_is_none() {
        let upload = "<Upload><Key>k</Key><UploadId>U</UploadId></Upload>";
        let part = "<Part><PartNumber>1</PartNumber><Size>5</Size></Part>";
        for (root, one) in [("ListMultipartUploadsResult", upload), ("ListPartsResult", part)] {
            let page = format!("<?xml version='1.0'?><{root}>{one}{one}</{root}>");
            assert!(Document::parse(page.as_bytes()).is_ok(), "{page}");
            for end in 0..page.len() {
                assert!(Document::parse(&page.as_bytes()[..end]).is_err(), "{}", &page[..end]);
            }
        }
    }

    #[test]
    fn only_the_services_word_is_an_error() {
        let told = Told::of(
            b"<?xml version='1.0' encoding='utf-8'?> <Error> <Code>NoSuchUpload</Code><Details>x</Details> </Error>",
        );
        assert_eq!(told.expect("an error").code, "NoSuchUpload");
        for other in [&b"<html>gone</html>"[..], b"<Error></Error>", b"", b"<Error><Code>x", b"{}", b"\xff"] {
            assert!(Told::of(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn the_list_of_parts_is_written() {
        let list = parts_list([(1, "\"a\""), (2, "<&>")]);
        assert_eq!(
            String::from_utf8_lossy(&list),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>\
             <Part><PartNumber>2</PartNumber><ETag>&lt;&amp;&gt;</ETag></Part></CompleteMultipartUpload>"
        );
    }
}
