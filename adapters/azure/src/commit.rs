//! What goes along with a commit, and what its answer says: the same for Put Blob, Put Block List and a copy.

use crate::clock::time;
use azure_core::http::Etag;
use azure_core::http::headers::{HeaderName, Headers};
use sealift::{CHECKSUM_METADATA, Checksum, CommitOptions, Committed, IfExists, TOKEN_METADATA};
use std::collections::HashMap;

/// The name of the metadata entry that holds the token: Azure's names are identifiers of C#, without hyphens.
pub(crate) fn token_metadata() -> String {
    TOKEN_METADATA.replace('-', "_")
}

/// The name of the metadata entry that holds the checksum of the whole, of which the service keeps none.
fn checksum_metadata() -> String {
    CHECKSUM_METADATA.replace('-', "_")
}

/// The metadata of a commit.
pub(crate) fn metadata_of(options: &CommitOptions, whole: Checksum) -> HashMap<String, String> {
    HashMap::from([(token_metadata(), options.token.to_string()), (checksum_metadata(), whole.to_string())])
}

/// The condition of a commit, to be met by the ETag of what is there (`If-None-Match`).
pub(crate) fn condition_of(options: &CommitOptions) -> Option<Etag> {
    (options.if_exists == IfExists::Fail).then(|| Etag::from("*"))
}

/// The checksum that [`metadata_of`] kept, in network byte order.
pub(crate) fn kept_checksum(get: impl Fn(&str) -> Option<String>) -> Option<Vec<u8>> {
    let text = get(&checksum_metadata())?;
    let digits = text.strip_prefix("crc64nvme:").filter(|digits| digits.len() == 16)?;
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let value = plain.then(|| u64::from_str_radix(digits, 16).ok())??;
    Some(value.to_be_bytes().to_vec())
}

/// What an answer says of the blob that was committed. That it has an ETag was checked where it came in.
pub(crate) fn committed(headers: &Headers) -> Committed {
    let text = |name: &'static str| headers.get_optional_string(&HeaderName::from_static(name));
    let mut committed = Committed::new(text("etag"));
    committed.version = text("x-ms-version-id");
    committed.at = time(headers, "last-modified").or_else(|| time(headers, "date"));
    committed
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealift::ChecksumAlgorithm;

    #[test]
    fn what_is_kept_is_read_again_and_nothing_else() {
        let options = CommitOptions::new(IfExists::Replace);
        let whole = Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"123456789");
        let metadata = metadata_of(&options, whole);
        assert_eq!(metadata["sealift_checksum"], "crc64nvme:ae8b14860a799888");
        assert_eq!(kept_checksum(|name| metadata.get(name).cloned()), Some(whole.to_be_bytes()));
        for odd in ["", "crc64nvme:", "crc64nvme:+e8b14860a799888", "crc32c:e3069283", "crc64nvme:ae8b14860a7998880"] {
            assert_eq!(kept_checksum(|_| Some(odd.to_owned())), None, "{odd}");
        }
    }
}
