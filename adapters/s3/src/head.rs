//! What the service knows of an object.

use crate::answers::is_html;
use crate::client::{Client, full_checksum};
use crate::clock::time;
use crate::errors::status;
use crate::limits::ANSWER;
use crate::provider::Checksums;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::types::ChecksumMode;
use sealift::{CHECKSUM_METADATA, Error, ErrorKind, Key, ObjectInfo, Passing, Result, TOKEN_METADATA};
use std::collections::HashMap;

const OPERATION: &str = "look at";

/// What AWS's services call the id of a request: S3 the first, others, and moto's S3, the second.
const REQUEST_IDS: [&str; 2] = ["x-amz-request-id", "x-amzn-requestid"];

/// What is stored under `key` now.
pub(crate) async fn head(client: &Client, key: &Key) -> Result<ObjectInfo> {
    Ok(info(key, &all_of(client, key).await?))
}

/// What `version` of it is. A service says 400 to what is no version id, 404 to one that is not there, and 405 to the mark
/// that the object was removed (Amazon S3 API, HeadObject).
pub(crate) async fn head_version(client: &Client, key: &Key, version: &str) -> Result<ObjectInfo> {
    let missing = |reason: &str| {
        Error::new(ErrorKind::NotFound, OPERATION, client.location(key), reason.to_owned())
            .with_hint("`aws s3api list-object-versions` shows the versions there are")
    };
    match ask(client, key, Some(version)).await {
        Ok(head) => Ok(info(key, &head)),
        Err(error) if status(&error) == Some(405) => {
            Err(missing("this version is a delete marker: it says that the object was removed, and has no content"))
        }
        Err(error) if status(&error) == Some(400) || says_not_there(&error) => {
            Err(missing("there is no such version of it"))
        }
        Err(error) => Err(client.failed(OPERATION, key, error)),
    }
}

async fn ask(
    client: &Client,
    key: &Key,
    version: Option<&str>,
) -> std::result::Result<HeadObjectOutput, SdkError<HeadObjectError, HttpResponse>> {
    let mut request = client.sdk.head_object().bucket(&client.bucket).key(key.as_ref());
    request = request.set_version_id(version.map(str::to_owned));
    if client.checksums == Checksums::FullObject {
        request = request.checksum_mode(ChecksumMode::Enabled);
    }
    request.customize().config_override(client.within(ANSWER)).send().await
}

/// The whole answer.
pub(crate) async fn all_of(client: &Client, key: &Key) -> Result<HeadObjectOutput> {
    match ask(client, key, None).await {
        Ok(head) => Ok(head),
        Err(error) if says_not_there(&error) => Err(missing(client, key).await),
        Err(error) if status(&error) == Some(404) => {
            let reason = "404, not in the words of an S3 service";
            Err(Error::new(ErrorKind::Service, OPERATION, client.location(key), reason)
                .with_hint("check that the endpoint is that of the S3 service, and what stands between here and it")
                .with_passing(Passing::Unlikely))
        }
        Err(error) => Err(client.failed(OPERATION, key, error)),
    }
}

/// The error for a 404 without a code: the answer to HEAD has no body, so the bucket is asked for.
async fn missing(client: &Client, key: &Key) -> Error {
    let request = client.sdk.head_bucket().bucket(&client.bucket);
    match request.customize().config_override(client.within(ANSWER)).send().await {
        Err(error) if says_not_there(&error) => {
            Error::new(ErrorKind::NoSuchBucket, OPERATION, client.location(key), "there is no such bucket")
                .with_hint("check the bucket's name, and that it is in this account and region")
        }
        _ => Error::new(ErrorKind::NotFound, OPERATION, client.location(key), "there is no such object")
            .with_hint("`sealift ls` shows what there is"),
    }
}

/// Whether the service itself says that something is not there, and not something between here and it, whose 404 is a page
/// of its own. The answer to a HEAD has nothing else to tell it by: no body, and so no code.
fn says_not_there<E>(error: &SdkError<E, HttpResponse>) -> bool {
    let of_the_service = |response: &HttpResponse| {
        let headers = response.headers();
        REQUEST_IDS.iter().any(|name| headers.get(*name).is_some()) || !headers.get("content-type").is_some_and(is_html)
    };
    status(error) == Some(404) && error.raw_response().is_some_and(of_the_service)
}

/// What an answer says of the object.
pub(crate) fn info(key: &Key, head: &HeadObjectOutput) -> ObjectInfo {
    let metadata = head.metadata.as_ref();
    let mut info = ObjectInfo::new(key.to_string(), size(head));
    info.modified = head.last_modified.and_then(time);
    info.etag = head.e_tag.clone();
    info.version = head.version_id.clone();
    info.token = metadata.and_then(|metadata| metadata.get(TOKEN_METADATA)).cloned();
    info.checksum = full_checksum(head.checksum_crc64_nvme.clone(), head.checksum_type.clone());
    info.kept_checksum = metadata.and_then(kept_checksum);
    info
}

/// The size; an answer without it is none.
pub(crate) fn size(head: &HeadObjectOutput) -> u64 {
    head.content_length.map_or(0, i64::unsigned_abs)
}

/// Whether two looks saw one commit. The same bytes have the same ETag, whoever stored them.
pub(crate) fn is_same(now: &ObjectInfo, then: &ObjectInfo) -> bool {
    now.etag == then.etag && now.token == then.token && now.version == then.version && now.modified == then.modified
}

/// The version of an object in a bucket that keeps versions: to remove it brings the one before back.
pub(crate) fn version(info: &ObjectInfo) -> Option<&str> {
    // What was stored while versions were not kept is "null", and is overwritten.
    info.version.as_deref().filter(|version| !version.is_empty() && *version != "null")
}

/// The checksum in the metadata, in the form that `put` keeps it.
fn kept_checksum(metadata: &HashMap<String, String>) -> Option<Vec<u8>> {
    let digits = metadata.get(CHECKSUM_METADATA)?.strip_prefix("crc64nvme:")?;
    let hexadecimal = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let value = hexadecimal.then(|| u64::from_str_radix(digits, 16).ok()).flatten()?;
    Some(value.to_be_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealift::{Checksum, ChecksumAlgorithm};

    #[test]
    fn a_kept_checksum_is_read_as_it_was_written_or_not_at_all() {
        let kept = |text: &str| kept_checksum(&HashMap::from([(CHECKSUM_METADATA.to_owned(), text.to_owned())]));
        let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"bytes");
        assert_eq!(kept(&checksum.to_string()), Some(checksum.to_be_bytes()));
        for other in
            ["", "crc64nvme:", "crc64nvme:+123456789abcdef", "crc64nvme:0", "crc32c:00000000", "0123456789abcdef"]
        {
            assert_eq!(kept(other), None, "{other}");
        }
        assert_eq!(kept_checksum(&HashMap::new()), None);
    }
}
