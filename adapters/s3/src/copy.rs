//! A copy within the bucket, made by the service.

use crate::connect::{COMPLETE, limits};
use crate::errors::failed;
use crate::store::S3Store;
use crate::upload::abort;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use sealift::{Error, ErrorKind, Key, ObjectInfo, ObjectStore, Result};

/// What one CopyObject, and one UploadPartCopy, takes (AWS, "CopyObject": up to 5 GB in a single atomic action).
const AT_ONCE: u64 = 5_000_000_000;

/// Copies `from` to `to`, with its metadata.
pub(crate) async fn copy(store: &S3Store, from: &Key, to: &Key) -> Result<()> {
    let info = store.head(from).await?;
    match info.size <= AT_ONCE {
        true => copy_at_once(store, from, to).await,
        false => copy_in_parts(store, from, to, &info).await,
    }
}

async fn copy_at_once(store: &S3Store, from: &Key, to: &Key) -> Result<()> {
    let copied = store
        .client
        .copy_object()
        .bucket(&store.bucket)
        .key(to.as_ref())
        .copy_source(source(store, from))
        .customize()
        .config_override(limits(COMPLETE))
        .send()
        .await;
    copied.map(drop).map_err(|error| failed("copy", &store.location(from), &store.endpoint, error))
}

async fn copy_in_parts(store: &S3Store, from: &Key, to: &Key, info: &ObjectInfo) -> Result<()> {
    let location = store.location(from);
    let mut start = store.client.create_multipart_upload().bucket(&store.bucket).key(to.as_ref());
    if let Some(token) = &info.token {
        start = start.metadata(sealift::TOKEN_METADATA, token);
    }
    let started = start.send().await.map_err(|error| failed("start the copy of", &location, &store.endpoint, error))?;
    let Some(id) = started.upload_id else {
        return Err(Error::new(ErrorKind::Service, "start the copy of", location, "the answer has no upload id"));
    };
    match copy_parts(store, from, to, info, &id).await {
        Ok(()) => Ok(()),
        Err(error) => match abort(store, to.as_ref(), &id).await {
            Ok(()) => Err(error),
            Err(left) => Err(error.with_left_behind(left.left_behind().iter().cloned())),
        },
    }
}

async fn copy_parts(store: &S3Store, from: &Key, to: &Key, info: &ObjectInfo, id: &str) -> Result<()> {
    let location = store.location(from);
    let mut parts = Vec::new();
    for (number, start) in (1..).zip((0..info.size).step_by(AT_ONCE as usize)) {
        let copied = store
            .client
            .upload_part_copy()
            .bucket(&store.bucket)
            .key(to.as_ref())
            .upload_id(id)
            .part_number(number)
            .copy_source(source(store, from))
            .copy_source_range(format!("bytes={start}-{}", info.size.min(start + AT_ONCE) - 1))
            .set_copy_source_if_match(info.etag.clone())
            .customize()
            .config_override(limits(COMPLETE))
            .send()
            .await
            .map_err(|error| failed(format!("copy part {number} of"), &location, &store.endpoint, error))?;
        let tag = copied.copy_part_result.and_then(|part| part.e_tag);
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(tag).build());
    }
    let completed = store
        .client
        .complete_multipart_upload()
        .bucket(&store.bucket)
        .key(to.as_ref())
        .upload_id(id)
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .customize()
        .config_override(limits(COMPLETE))
        .send()
        .await;
    completed.map(drop).map_err(|error| failed("complete the copy of", &location, &store.endpoint, error))
}

/// The value of `x-amz-copy-source`: percent-encoded, but for the slashes.
fn source(store: &S3Store, key: &Key) -> String {
    let path = format!("{}/{key}", store.bucket);
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~');
    path.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
