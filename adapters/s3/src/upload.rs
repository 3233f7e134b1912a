//! A multipart upload, from its start to complete or abort.

use crate::body::body;
use crate::connect::{ANSWER, COMPLETE, limits, limits_for, once};
use crate::errors::{Applied, applied, code, failed, status};
use crate::provider::Checksums;
use crate::store::S3Store;
use async_trait::async_trait;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use sealift::{
    Checksum, CommitOptions, Committed, Error, ErrorKind, IfExists, Key, LeftBehind, PartReceipt, Payload, Result,
    TOKEN_METADATA, Upload,
};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// The pauses between attempts of a start, and between an abort and the next look for parts.
const PAUSES: [u64; 7] = [100, 200, 500, 1_000, 2_000, 4_000, 8_000];
/// Attempts of a start.
const START_ATTEMPTS: usize = 4;
/// How far this clock and the service's may be apart when uploads of the last moments are looked for.
const SKEW: Duration = Duration::from_secs(60);

/// One multipart upload.
#[derive(Debug)]
pub(crate) struct S3Upload {
    store: S3Store,
    key: Key,
    options: CommitOptions,
    id: String,
}

/// Starts an upload. The SDK's own retries are off: a start whose answer was lost and that is repeated leaves an upload
/// whose id nobody knows.
pub(crate) async fn start(store: &S3Store, key: &Key, options: &CommitOptions) -> Result<S3Upload> {
    let begun = SystemTime::now();
    let mut pauses = PAUSES.iter().take(START_ATTEMPTS - 1);
    loop {
        let mut request = store
            .client
            .create_multipart_upload()
            .bucket(&store.bucket)
            .key(key.as_ref())
            .metadata(TOKEN_METADATA, options.token.as_ref());
        if store.checksums == Checksums::FullObject {
            request = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
        }
        let error = match request.customize().config_override(once()).send().await {
            Ok(started) => {
                let id = started.upload_id.ok_or_else(|| {
                    Error::new(
                        ErrorKind::Service,
                        "start the upload",
                        store.location(key),
                        "the answer has no upload id",
                    )
                })?;
                return Ok(S3Upload { store: store.clone(), key: key.clone(), options: options.clone(), id });
            }
            Err(error) => error,
        };
        match (applied(&error), pauses.next()) {
            (Applied::NotButAgain, Some(pause)) => sleep(Duration::from_millis(*pause)).await,
            (Applied::Unknown, _) => {
                let error = failed("start the upload", &store.location(key), &store.endpoint, error);
                return Err(error.with_left_behind(started_since(store, key, begun).await));
            }
            _ => return Err(failed("start the upload", &store.location(key), &store.endpoint, error)),
        }
    }
}

/// The uploads of exactly this key that were started since. One may be ours, and any may be another writer's, so they
/// are named and left alone.
async fn started_since(store: &S3Store, key: &Key, since: SystemTime) -> Vec<LeftBehind> {
    let since = DateTime::from(since - SKEW);
    let listed = store.client.list_multipart_uploads().bucket(&store.bucket).prefix(key.as_ref()).send().await;
    let Ok(listed) = listed else {
        return vec![LeftBehind(format!("perhaps an upload of {} whose id is unknown", store.location(key)))];
    };
    let started = listed.uploads().iter().filter(|upload| {
        upload.key() == Some(key.as_ref()) && upload.initiated().is_none_or(|initiated| *initiated >= since)
    });
    let name = |id: &str| LeftBehind(format!("perhaps the upload of {}, upload id {id}", store.location(key)));
    started.filter_map(|upload| upload.upload_id()).map(name).collect()
}

#[async_trait]
impl Upload for S3Upload {
    fn id(&self) -> &str {
        &self.id
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let store = &self.store;
        let checksum = payload.checksum();
        let stored = store
            .client
            .upload_part()
            .bucket(&store.bucket)
            .key(self.key.as_ref())
            .upload_id(&self.id)
            .part_number(number as i32)
            .content_length(payload.byte_count() as i64)
            .set_checksum_crc64_nvme(store.checksum_header(&checksum))
            .body(body(&payload))
            .customize()
            .config_override(limits_for(payload.byte_count()))
            .disable_payload_signing()
            .send()
            .await;
        match stored {
            Ok(stored) => Ok(PartReceipt { number, tag: stored.e_tag.unwrap_or_default(), checksum }),
            Err(error) => Err(self.failed(format!("upload part {number} of"), error)),
        }
    }

    async fn complete(&self, parts: &[PartReceipt], whole: Checksum) -> Result<Committed> {
        let store = &self.store;
        let parts = parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(part.number as i32)
                .e_tag(&part.tag)
                .set_checksum_crc64_nvme(store.checksum_header(&part.checksum))
                .build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let send = || {
            let mut request = store
                .client
                .complete_multipart_upload()
                .bucket(&store.bucket)
                .key(self.key.as_ref())
                .upload_id(&self.id)
                .multipart_upload(parts.clone())
                .set_checksum_crc64_nvme(store.checksum_header(&whole));
            if store.checksums == Checksums::FullObject {
                request = request.checksum_type(ChecksumType::FullObject).mpu_object_size(whole.byte_count() as i64);
            }
            if self.options.if_exists == IfExists::Fail {
                request = request.if_none_match("*");
            }
            request.customize().config_override(limits(COMPLETE)).send()
        };
        let completed = store.past_conflicts(send).await;
        completed
            .map(|completed| Committed {
                etag: completed.e_tag,
                version: completed.version_id,
                checksum: store.full_checksum(completed.checksum_crc64_nvme, completed.checksum_type),
            })
            .map_err(|error| self.failed("complete the upload of", error))
    }

    async fn abort(&self) -> Result<()> {
        abort(&self.store, self.key.as_ref(), &self.id).await
    }
}

impl S3Upload {
    fn failed<E>(
        &self,
        operation: impl Into<std::borrow::Cow<'static, str>>,
        error: aws_sdk_s3::error::SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
    ) -> Error
    where
        E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        failed(operation, &self.store.location(&self.key), &self.store.endpoint, error)
    }
}

/// Aborts an upload and looks until none of its parts is left: a part that was under way may arrive after the abort
/// (AWS, "AbortMultipartUpload": "it might be necessary to abort a given multipart upload multiple times").
pub(crate) async fn abort(store: &S3Store, key: &str, id: &str) -> Result<()> {
    let location = format!("s3://{}/{key}", store.bucket);
    let left = || [LeftBehind(format!("incomplete upload of {location}, upload id {id}"))];
    for pause in PAUSES {
        let aborted = store.client.abort_multipart_upload().bucket(&store.bucket).key(key).upload_id(id);
        if let Err(error) = aborted.customize().config_override(limits(ANSWER)).send().await
            && code(&error) != Some("NoSuchUpload")
            && status(&error) != Some(404)
        {
            return Err(failed("abort the upload of", &location, &store.endpoint, error).with_left_behind(left()));
        }
        match store.client.list_parts().bucket(&store.bucket).key(key).upload_id(id).send().await {
            Ok(listed) if listed.parts().is_empty() => return Ok(()),
            Ok(_) => sleep(Duration::from_millis(pause)).await,
            Err(error) if code(&error) == Some("NoSuchUpload") || status(&error) == Some(404) => return Ok(()),
            // Credentials that may abort need not be allowed to list; the abort itself was answered with success.
            Err(error) if status(&error) == Some(403) => return Ok(()),
            Err(error) => {
                return Err(failed("look for parts of", &location, &store.endpoint, error).with_left_behind(left()));
            }
        }
    }
    Err(Error::new(
        ErrorKind::Service,
        "abort the upload of",
        location.clone(),
        "parts are still listed after the abort",
    )
    .with_left_behind(left()))
}
