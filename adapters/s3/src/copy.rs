//! A copy within the bucket, made by the service.

use crate::errors::{failed, status};
use crate::limits::{COMPLETE, limits};
use crate::provider::Checksums;
use crate::store::S3Store;
use crate::upload::{abort, begin};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};
use sealift::{Error, ErrorKind, Key, Result};
use std::borrow::Cow;
use std::error::Error as StdError;

/// What one CopyObject, and one UploadPartCopy, takes (AWS, "CopyObject": up to 5 GB in a single atomic action).
const AT_ONCE: u64 = 5_000_000_000;

/// Copies the object that `head` describes from `from` to `to`, with its metadata.
pub(crate) async fn copy(store: &S3Store, from: &Key, to: &Key, head: &HeadObjectOutput) -> Result<()> {
    match size(head) <= AT_ONCE {
        true => copy_at_once(store, from, to, head).await,
        false => copy_in_parts(store, from, to, head).await,
    }
}

/// What there is to copy.
pub(crate) async fn source_of(store: &S3Store, from: &Key) -> Result<HeadObjectOutput> {
    let mut request = store.client.head_object().bucket(&store.bucket).key(from.as_ref());
    if store.checksums == Checksums::FullObject {
        request = request.checksum_mode(ChecksumMode::Enabled);
    }
    match request.send().await {
        Ok(head) => Ok(head),
        Err(error) => Err(store.not_seen(from, error).await),
    }
}

async fn copy_at_once(store: &S3Store, from: &Key, to: &Key, head: &HeadObjectOutput) -> Result<()> {
    let copied = store
        .client
        .copy_object()
        .bucket(&store.bucket)
        .key(to.as_ref())
        .copy_source(source(store, from))
        .set_copy_source_if_match(head.e_tag.clone())
        .customize()
        .config_override(limits(COMPLETE))
        .send()
        .await;
    let copied = copied.map_err(|error| not_copied(store, "copy", from, error))?;
    let copied = copied
        .copy_object_result
        .and_then(|copied| store.full_checksum(copied.checksum_crc64_nvme, copied.checksum_type));
    match (copied, store.full_checksum(head.checksum_crc64_nvme.clone(), head.checksum_type.clone())) {
        (Some(copied), Some(original)) if copied != original => Err(Error::new(
            ErrorKind::Corrupt,
            "copy",
            store.location(from),
            format!("its copy at {} has another checksum", store.location(to)),
        )),
        _ => Ok(()),
    }
}

async fn copy_in_parts(store: &S3Store, from: &Key, to: &Key, head: &HeadObjectOutput) -> Result<()> {
    let template = store
        .client
        .create_multipart_upload()
        .set_metadata(head.metadata.clone())
        .set_content_type(head.content_type.clone())
        .set_content_encoding(head.content_encoding.clone())
        .set_content_disposition(head.content_disposition.clone())
        .set_content_language(head.content_language.clone())
        .set_cache_control(head.cache_control.clone())
        .set_storage_class(head.storage_class.clone());
    let id = begin(store, to, template).await?;
    match copy_parts(store, from, to, head, &id).await {
        Ok(()) => Ok(()),
        Err(error) => match abort(store, to.as_ref(), &id).await {
            Ok(()) => Err(error),
            Err(left) => Err(error.with_left_behind(left.left_behind().iter().cloned())),
        },
    }
}

async fn copy_parts(store: &S3Store, from: &Key, to: &Key, head: &HeadObjectOutput, id: &str) -> Result<()> {
    let (location, size) = (store.location(from), size(head));
    let mut parts = Vec::new();
    for (number, start) in (1..).zip((0..size).step_by(AT_ONCE as usize)) {
        let copied = store
            .client
            .upload_part_copy()
            .bucket(&store.bucket)
            .key(to.as_ref())
            .upload_id(id)
            .part_number(number)
            .copy_source(source(store, from))
            .copy_source_range(format!("bytes={start}-{}", size.min(start + AT_ONCE) - 1))
            .set_copy_source_if_match(head.e_tag.clone())
            .customize()
            .config_override(limits(COMPLETE))
            .send()
            .await
            .map_err(|error| not_copied(store, format!("copy part {number} of"), from, error))?;
        let part = copied.copy_part_result.ok_or_else(|| {
            let operation = format!("copy part {number} of");
            Error::new(ErrorKind::Service, operation, &location, "the answer does not tell the part")
        })?;
        let done = CompletedPart::builder().part_number(number).set_e_tag(part.e_tag);
        parts.push(done.set_checksum_crc64_nvme(part.checksum_crc64_nvme).build());
    }
    let mut complete = store
        .client
        .complete_multipart_upload()
        .bucket(&store.bucket)
        .key(to.as_ref())
        .upload_id(id)
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
    if store.checksums == Checksums::FullObject {
        complete = complete.checksum_type(ChecksumType::FullObject).mpu_object_size(size as i64);
        if head.checksum_type == Some(ChecksumType::FullObject) {
            // The service compares it with what it copied.
            complete = complete.set_checksum_crc64_nvme(head.checksum_crc64_nvme.clone());
        }
    }
    let completed = complete.customize().config_override(limits(COMPLETE)).send().await;
    completed.map(drop).map_err(|error| failed("complete the copy of", &location, &store.endpoint, error))
}

/// The error of a copy on the condition that its source is still the same.
fn not_copied<E>(
    store: &S3Store,
    operation: impl Into<Cow<'static, str>>,
    from: &Key,
    error: SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let location = store.location(from);
    match status(&error) {
        Some(412) => Error::new(ErrorKind::Changed, operation, location, "it was replaced while it was being copied"),
        _ => failed(operation, &location, &store.endpoint, error),
    }
}

fn size(head: &HeadObjectOutput) -> u64 {
    head.content_length.map_or(0, |size| size.max(0) as u64)
}

/// The value of `x-amz-copy-source`: percent-encoded, but for the slashes.
fn source(store: &S3Store, key: &Key) -> String {
    percent_encoded(&format!("{}/{key}", store.bucket))
}

fn percent_encoded(path: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~');
    path.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_sources_are_percent_encoded() {
        assert_eq!(percent_encoded("b/a-_.~/ü+ %?"), "b/a-_.~/%C3%BC%2B%20%25%3F");
    }
}
