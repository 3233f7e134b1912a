//! What the service says of an object, as its JSON has it: numbers are strings there.

use crate::faults::Fault;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use sealift::{Checksum, Committed, ObjectInfo, TOKEN_METADATA};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::SystemTime;

/// The fields that [`Resource`] has.
pub(crate) const FIELDS: &str = "name,size,generation,crc32c,timeCreated,metadata";

/// An object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resource {
    pub(crate) name: String,
    pub(crate) size: String,
    pub(crate) generation: String,
    crc32c: Option<String>,
    time_created: Option<String>,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

impl Resource {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(json).map_err(not_an_object)
    }

    pub(crate) fn size(&self) -> Result<u64, Fault> {
        self.size.parse().map_err(|_| Fault::Unexpected(format!("an object of {:?} bytes", self.size)))
    }

    /// When this generation was made.
    fn at(&self) -> Option<SystemTime> {
        SystemTime::try_from(self.time_created.as_ref()?.parse::<Timestamp>().ok()?).ok()
    }

    fn checksum(&self) -> Result<Option<Vec<u8>>, Fault> {
        let decoded = self.crc32c.as_ref().map(|crc| BASE64_STANDARD.decode(crc)).transpose();
        decoded.map_err(|_| Fault::Unexpected("a CRC-32C that is not base64".to_owned()))
    }

    /// The same for Sealift. Its tag is the generation: the service's own ETag changes with the metadata too.
    pub(crate) fn info(mut self) -> Result<ObjectInfo, Fault> {
        Ok(ObjectInfo {
            size: self.size()?,
            checksum: self.checksum()?,
            kept_checksum: None,
            // Of this generation; `updated` is the metadata's.
            modified: self.at(),
            token: self.metadata.remove(TOKEN_METADATA),
            etag: Some(self.generation.clone()),
            version: Some(self.generation),
            key: self.name,
        })
    }

    /// This as what a commit of `whole` made.
    pub(crate) fn committed(self, whole: Checksum) -> Result<Committed, Fault> {
        let (size, checksum) = (self.size()?, self.checksum()?);
        if size != whole.byte_count() {
            return Err(Fault::Differs(format!("{} bytes were sent and the service holds {size}", whole.byte_count())));
        }
        if checksum.as_ref().is_some_and(|theirs| *theirs != whole.to_be_bytes()) {
            return Err(Fault::Differs(format!(
                "the checksum of what was sent is {whole} and the service's is another"
            )));
        }
        Ok(Committed {
            at: self.at(),
            etag: Some(self.generation.clone()),
            version: Some(self.generation),
            checksum,
            left_behind: Vec::new(),
        })
    }
}

/// A checksum as the header `X-Goog-Hash` has it.
pub(crate) fn hash_header(whole: Checksum) -> String {
    format!("crc32c={}", BASE64_STANDARD.encode(whole.to_be_bytes()))
}

/// One page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listing {
    #[serde(default)]
    pub(crate) items: Vec<Resource>,
    pub(crate) next_page_token: Option<String>,
}

/// How far a rewrite is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rewrite {
    pub(crate) done: bool,
    pub(crate) rewrite_token: Option<String>,
    pub(crate) resource: Option<Resource>,
}

/// JSON that is none, or another.
pub(crate) fn not_an_object(error: serde_json::Error) -> Fault {
    Fault::Unexpected(format!("its JSON is not what was asked for (line {}, {:?})", error.line(), error.classify()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealift::ChecksumAlgorithm;

    const DIGITS: &str = r#"{"name": "a b", "size": "9", "generation": "17", "crc32c": "4waSgw==",
        "timeCreated": "2026-01-02T03:04:05.678Z", "metadata": {"sealift-token": "T"}}"#;

    #[test]
    fn an_object_is_read() {
        let info = Resource::parse(DIGITS.as_bytes()).expect("JSON").info().expect("complete");
        assert_eq!((info.key.as_str(), info.size, info.etag.as_deref()), ("a b", 9, Some("17")));
        assert_eq!((info.version.as_deref(), info.token.as_deref()), (Some("17"), Some("T")));
        let seconds = info.modified.expect("a time").duration_since(SystemTime::UNIX_EPOCH).expect("later");
        assert_eq!(seconds.as_millis(), 1_767_323_045_678);
    }

    #[test]
    fn a_commit_must_be_what_was_sent() {
        let of = |bytes: &[u8]| {
            let whole = Checksum::of(ChecksumAlgorithm::Crc32c, bytes);
            Resource::parse(DIGITS.as_bytes()).expect("JSON").committed(whole)
        };
        assert_eq!(of(b"123456789").expect("the same").etag.as_deref(), Some("17"));
        assert!(matches!(of(b"12345678"), Err(Fault::Differs(_))));
        assert!(matches!(of(b"123456780"), Err(Fault::Differs(_))));
        let whole = Checksum::of(ChecksumAlgorithm::Crc32c, b"123456789");
        assert_eq!(hash_header(whole), "crc32c=4waSgw==");
    }
}
