//! What the service says of an object, as its JSON has it: numbers are strings there.

use crate::faults::Fault;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use sealift::{Checksum, Committed, ObjectInfo, TOKEN_METADATA};
use serde::{Deserialize, Serialize};
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
    /// The object `key`.
    pub(crate) fn parse(json: &[u8], key: &str) -> Result<Self, Fault> {
        let resource: Resource = serde_json::from_slice(json).map_err(unreadable)?;
        resource.checked(key)
    }

    fn checked(self, key: &str) -> Result<Self, Fault> {
        match self.name == key {
            true => Ok(self),
            false => Err(Fault::Unexpected("it is about another object".to_owned())),
        }
    }

    fn generation(&self) -> Result<String, Fault> {
        match self.generation.parse::<u64>() {
            Ok(1..) => Ok(self.generation.clone()),
            _ => Err(Fault::Unexpected("an object without a generation".to_owned())),
        }
    }

    fn size(&self) -> Result<u64, Fault> {
        self.size.parse().map_err(|_| Fault::Unexpected(format!("an object of {:?} bytes", self.size)))
    }

    /// When this generation was made.
    fn at(&self) -> Option<SystemTime> {
        SystemTime::try_from(self.time_created.as_ref()?.parse::<Timestamp>().ok()?).ok()
    }

    fn checksum(&self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(crc) = &self.crc32c else { return Ok(None) };
        match BASE64_STANDARD.decode(crc) {
            Ok(crc) if crc.len() == 4 => Ok(Some(crc)),
            _ => Err(Fault::Unexpected("a CRC-32C that is none".to_owned())),
        }
    }

    /// The same for Sealift. Its tag is the generation: the service's own ETag changes with the metadata too.
    pub(crate) fn info(mut self) -> Result<ObjectInfo, Fault> {
        let mut info = ObjectInfo::new(std::mem::take(&mut self.name), self.size()?);
        info.checksum = self.checksum()?;
        // Of this generation; `updated` is the metadata's.
        info.modified = self.at();
        info.token = self.metadata.remove(TOKEN_METADATA);
        info.etag = Some(self.generation()?);
        info.version = Some(self.generation()?);
        Ok(info)
    }

    /// This as what a commit of `whole` made.
    pub(crate) fn committed(self, whole: Checksum) -> Result<Committed, Fault> {
        let (size, committed) = (self.size()?, self.into_committed()?);
        if size != whole.byte_count() {
            return Err(Fault::Differs(format!("{} bytes were sent and the service holds {size}", whole.byte_count())));
        }
        if committed.checksum.as_ref().is_some_and(|theirs| *theirs != whole.to_be_bytes()) {
            return Err(Fault::Differs(format!(
                "the checksum of what was sent is {whole} and the service's is another"
            )));
        }
        Ok(committed)
    }

    /// This as what was just made.
    pub(crate) fn into_committed(self) -> Result<Committed, Fault> {
        let ObjectInfo { etag, version, checksum, modified, .. } = self.info()?;
        let mut committed = Committed::new(etag);
        committed.version = version;
        committed.checksum = checksum;
        committed.at = modified;
        Ok(committed)
    }
}

/// A checksum as the header `X-Goog-Hash` has it.
pub(crate) fn hash_header(whole: Checksum) -> String {
    format!("crc32c={}", BASE64_STANDARD.encode(whole.to_be_bytes()))
}

/// The checksum of a value of that header, which may have an MD5 too.
pub(crate) fn checksum_of(header: &str) -> Option<Vec<u8>> {
    let crc = header.split(',').find_map(|sum| sum.trim().strip_prefix("crc32c="))?;
    BASE64_STANDARD.decode(crc).ok().filter(|crc| crc.len() == 4)
}

/// One page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listing {
    kind: String,
    #[serde(default)]
    pub(crate) items: Vec<Resource>,
    pub(crate) next_page_token: Option<String>,
}

impl Listing {
    /// A page that says that it is one: without objects it has nothing else to be known by.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Fault> {
        let listing: Listing = serde_json::from_slice(json).map_err(unreadable)?;
        match listing.kind.as_str() {
            "storage#objects" => Ok(listing),
            _ => Err(Fault::Unexpected("its JSON is no listing".to_owned())),
        }
    }
}

/// What a copy is to have of its original, besides the bytes.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
    #[serde(default)]
    metadata: HashMap<String, String>,
    #[serde(skip_serializing)]
    kms_key_name: Option<String>,
}

impl Kept {
    /// Of the object `key`.
    pub(crate) fn parse(json: &[u8], key: &str) -> Result<Self, Fault> {
        Resource::parse(json, key)?;
        serde_json::from_slice(json).map_err(unreadable)
    }

    /// As the service takes it.
    pub(crate) fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The customer's key that it is encrypted with, without its version, which only the service chooses.
    pub(crate) fn key(&self) -> Option<&str> {
        let name = self.kms_key_name.as_deref()?;
        Some(name.split_once("/cryptoKeyVersions/").map_or(name, |(key, _)| key))
    }
}

/// How far a rewrite is.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It made this.
    Done(Committed),
    /// So many bytes are done, and this is to go on with.
    More { token: String, rewritten: u64 },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rewrite {
    done: bool,
    rewrite_token: Option<String>,
    total_bytes_rewritten: Option<String>,
    resource: Option<Resource>,
}

impl Progress {
    /// Of a rewrite to `key`.
    pub(crate) fn parse(json: &[u8], key: &str) -> Result<Self, Fault> {
        match serde_json::from_slice(json).map_err(unreadable)? {
            Rewrite { done: true, resource: Some(made), .. } => {
                Ok(Progress::Done(made.checked(key)?.into_committed()?))
            }
            Rewrite { done: true, resource: None, .. } => {
                Err(Fault::Unexpected("a rewrite that is done and made nothing".to_owned()))
            }
            Rewrite { rewrite_token: Some(token), total_bytes_rewritten: rewritten, .. } => {
                let rewritten = rewritten.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
                Ok(Progress::More { token, rewritten })
            }
            Rewrite { rewrite_token: None, .. } => {
                Err(Fault::Unexpected("a rewrite that is neither done nor to be gone on with".to_owned()))
            }
        }
    }
}

/// JSON that is none, or another.
fn unreadable(error: serde_json::Error) -> Fault {
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
        let info = Resource::parse(DIGITS.as_bytes(), "a b").expect("JSON").info().expect("complete");
        assert_eq!((info.key.as_str(), info.size, info.etag.as_deref()), ("a b", 9, Some("17")));
        assert_eq!((info.version.as_deref(), info.token.as_deref()), (Some("17"), Some("T")));
        let seconds = info.modified.expect("a time").duration_since(SystemTime::UNIX_EPOCH).expect("later");
        assert_eq!(seconds.as_millis(), 1_767_323_045_678);
    }

    #[test]
    fn a_commit_must_be_what_was_sent() {
        let of = |bytes: &[u8]| {
            let whole = Checksum::of(ChecksumAlgorithm::Crc32c, bytes);
            Resource::parse(DIGITS.as_bytes(), "a b").expect("JSON").committed(whole)
        };
        assert_eq!(of(b"123456789").expect("the same").etag.as_deref(), Some("17"));
        assert!(matches!(of(b"12345678"), Err(Fault::Differs(_))));
        assert!(matches!(of(b"123456780"), Err(Fault::Differs(_))));
        let whole = Checksum::of(ChecksumAlgorithm::Crc32c, b"123456789");
        assert_eq!(hash_header(whole), "crc32c=4waSgw==");
    }
}
