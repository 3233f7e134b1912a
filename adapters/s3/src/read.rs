//! Reads: all the bytes that were asked for, of the content that was asked for, or an error.

use crate::client::Client;
use crate::errors::status;
use crate::head::info;
use crate::limits::ANSWER;
use crate::provider::Checksums;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use bytes::{Bytes, BytesMut};
use sealift::{Error, ErrorKind, Key, ObjectInfo, Passing, Result};
use std::ops::Range;

/// The bytes of `range`, of `version` or of what is there now. The time to answer is limited, and then standing still is; the time to read is not.
pub(crate) async fn read(
    client: &Client,
    key: &Key,
    version: Option<&str>,
    range: Range<u64>,
    etag: Option<&str>,
) -> Result<Bytes> {
    let changed = || Error::changed_while_read(client.location(key));
    let answer = client
        .sdk
        .get_object()
        .bucket(&client.bucket)
        .key(key.as_ref())
        .set_version_id(version.map(str::to_owned))
        .range(format!("bytes={}-{}", range.start, range.end - 1))
        .set_if_match(etag.map(str::to_owned))
        .customize()
        .config_override(client.reading(ANSWER))
        .send()
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let status = status(&error);
            let error = client.failed("read", key, error);
            let gone = error.kind() == ErrorKind::NotFound || matches!(status, Some(412 | 416));
            return Err(if gone && etag.is_some() { changed() } else { error });
        }
    };
    // Not every service knows If-Match.
    if let (Some(wanted), Some(is)) = (etag, answer.e_tag())
        && bare(wanted) != bare(is)
    {
        return Err(changed());
    }
    let wanted = range.end - range.start;
    if !holds(&answer, &range) {
        let reason = format!("bytes {range:?} were asked for, and the service answered with others");
        let error = Error::new(ErrorKind::Service, "read", client.location(key), reason);
        return Err(error.with_passing(Passing::Unlikely));
    }
    body(client, key, answer, wanted).await
}

/// The object, and what the service says of it with its bytes; as long as it is `size` bytes. Without a range, for a service
/// tells the checksum of the whole with the whole only.
pub(crate) async fn whole(client: &Client, key: &Key, size: u64) -> Result<(ObjectInfo, Bytes)> {
    let mut request = client.sdk.get_object().bucket(&client.bucket).key(key.as_ref());
    if client.checksums == Checksums::FullObject {
        request = request.checksum_mode(ChecksumMode::Enabled);
    }
    let answer = request.customize().config_override(client.reading(ANSWER)).send().await;
    let answer = answer.map_err(|error| client.failed("read", key, error))?;
    if answer.content_length().and_then(|length| u64::try_from(length).ok()) != Some(size) {
        let reason = format!("{size} bytes were listed, and the service answers with others");
        return Err(Error::new(ErrorKind::Changed, "read", client.location(key), reason));
    }
    let info = info(key, &as_if_looked_at(&answer));
    Ok((info, body(client, key, answer, size).await?))
}

/// What the answer to HEAD would have said.
fn as_if_looked_at(answer: &GetObjectOutput) -> HeadObjectOutput {
    HeadObjectOutput::builder()
        .set_content_length(answer.content_length)
        .set_metadata(answer.metadata.clone())
        .set_last_modified(answer.last_modified)
        .set_e_tag(answer.e_tag.clone())
        .set_version_id(answer.version_id.clone())
        .set_checksum_crc64_nvme(answer.checksum_crc64_nvme.clone())
        .set_checksum_type(answer.checksum_type.clone())
        .build()
}

/// The bytes of an answer, which have to be `wanted`.
async fn body(client: &Client, key: &Key, mut answer: GetObjectOutput, wanted: u64) -> Result<Bytes> {
    let broke_off = |reason: String| {
        Error::new(ErrorKind::Unreachable, "read", client.location(key), reason).with_passing(Passing::Outage)
    };
    let mut bytes = BytesMut::with_capacity(wanted as usize);
    loop {
        match answer.body.try_next().await {
            // An answer that is longer than it said is not kept.
            Ok(Some(more)) if (bytes.len() + more.len()) as u64 <= wanted => bytes.extend_from_slice(&more),
            Ok(None) if bytes.len() as u64 == wanted => return Ok(bytes.freeze()),
            Ok(_) => {
                let reason = format!("connection ended early: {wanted} bytes were asked for, not {}", bytes.len());
                return Err(broke_off(reason));
            }
            Err(error) => return Err(broke_off(format!("the answer from {} broke off: {error}", client.endpoint))),
        }
    }
}

/// Whether an answer is about exactly this range; a service that ignores Range sends everything.
fn holds(answer: &GetObjectOutput, range: &Range<u64>) -> bool {
    let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
    let length_fits = length.is_none_or(|length| length == range.end - range.start);
    length_fits
        && match answer.content_range() {
            Some(told) => told
                .strip_prefix("bytes ")
                .is_some_and(|told| told.split('/').next() == Some(&format!("{}-{}", range.start, range.end - 1))),
            None => range.start == 0 && length.is_some(),
        }
}

fn bare(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_must_be_about_the_range() {
        let answer = |length, range: Option<&str>| {
            GetObjectOutput::builder().content_length(length).set_content_range(range.map(str::to_owned)).build()
        };
        assert!(holds(&answer(5, Some("bytes 5-9/100")), &(5..10)));
        assert!(holds(&answer(10, None), &(0..10)));
        assert!(!holds(&answer(5, Some("bytes 5-8/9")), &(5..10)), "it ends before");
        assert!(!holds(&answer(4, Some("bytes 5-9/100")), &(5..10)));
        assert!(!holds(&answer(100, None), &(5..10)), "Range was ignored");
        assert!(!holds(&answer(5, None), &(5..10)));
    }

    #[test]
    fn etags_are_compared_without_their_dress() {
        assert_eq!(bare("W/\"abc-2\""), bare("abc-2"));
        assert_ne!(bare("\"abc-2\""), bare("\"abc-3\""));
    }
}
