//! A multipart upload, from its start to complete or abort.

use crate::body::{Sent, body};
use crate::clock::ServiceClock;
use crate::errors::{Applied, applied, code, failed, status};
use crate::limits::{ANSWER, COMPLETE, answered, limits, once, unlimited};
use crate::persist::{Counted, persist};
use crate::provider::Checksums;
use crate::store::{S3Store, time};
use async_trait::async_trait;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::upload_part::{UploadPartError, UploadPartOutput};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use sealift::{
    Checksum, CommitOptions, Committed, Error, ErrorKind, IfExists, Key, LeftBehind, PartReceipt, Payload, Result,
    TOKEN_METADATA, Upload,
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The pauses between an abort and the next look for parts, in milliseconds: 16 s in all.
const PAUSES: [u64; 7] = [100, 200, 500, 1_000, 2_000, 4_000, 8_000];
/// How often an upload is aborted whose parts must not be listed.
const BLIND_ABORTS: usize = 3;
/// The pauses between attempts of a start, in milliseconds; half of each is chosen at random.
const START_PAUSES: [u64; 3] = [200, 400, 800];
/// How far the times that a service gives to an upload and to its answers may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// One multipart upload.
#[derive(Debug)]
pub(crate) struct S3Upload {
    store: S3Store,
    key: Key,
    options: CommitOptions,
    id: String,
}

/// Starts an upload for a new object.
pub(crate) async fn start(store: &S3Store, key: &Key, options: &CommitOptions) -> Result<S3Upload> {
    let template = store.client.create_multipart_upload().metadata(TOKEN_METADATA, options.token.as_ref());
    let id = begin(store, key, template).await?;
    Ok(S3Upload { store: store.clone(), key: key.clone(), options: options.clone(), id })
}

/// Sends the start that `template` describes, and returns the upload id. The SDK's own retries are off: a start whose
/// answer was lost and that is repeated leaves an upload whose id nobody knows.
pub(crate) async fn begin(store: &S3Store, key: &Key, template: CreateMultipartUploadFluentBuilder) -> Result<String> {
    let mut template = template.bucket(&store.bucket).key(key.as_ref());
    if store.checksums == Checksums::FullObject {
        template = template.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
    }
    let operation = "start the upload of";
    let begun = Instant::now();
    let mut pauses = START_PAUSES.iter();
    loop {
        let error = match template.clone().customize().config_override(once()).send().await {
            Ok(started) => match started.upload_id {
                Some(id) => return Ok(id),
                None => {
                    let error =
                        Error::new(ErrorKind::Service, operation, store.location(key), "the answer has no upload id");
                    return Err(error.with_left_behind(started_within(store, key, begun).await));
                }
            },
            Err(error) => error,
        };
        match (applied(&error), pauses.next()) {
            (Applied::NotButAgain, Some(pause)) => {
                sleep(Duration::from_millis(rand::random_range(pause / 2..=*pause))).await;
            }
            (Applied::Unknown, _) => {
                let error = failed(operation, &store.location(key), &store.endpoint, error);
                return Err(error.with_left_behind(started_within(store, key, begun).await));
            }
            _ => return Err(failed(operation, &store.location(key), &store.endpoint, error)),
        }
    }
}

/// The uploads of exactly this key that were started since `begun`. One may be ours, and any may be another writer's,
/// so they are named and left alone.
async fn started_within(store: &S3Store, key: &Key, begun: Instant) -> Vec<LeftBehind> {
    let clock = ServiceClock::default();
    // The uploads of the key itself come first among those whose key begins with it, so one page is enough.
    let listed = store.client.list_multipart_uploads().bucket(&store.bucket).prefix(key.as_ref());
    let listed = listed.customize().config_override(limits(ANSWER)).interceptor(clock.clone()).send().await;
    let Ok(listed) = listed else {
        return vec![LeftBehind::for_sweep(format_args!(
            "perhaps an upload of {} whose id is unknown",
            store.location(key)
        ))];
    };
    let since = clock.now().checked_sub(begun.elapsed() + SKEW);
    let started = listed.uploads().iter().filter(|upload| {
        let initiated = upload.initiated().copied().and_then(time);
        upload.key() == Some(key.as_ref()) && initiated.is_none_or(|initiated| Some(initiated) >= since)
    });
    let name = |id: &str| {
        LeftBehind::for_sweep(format_args!("perhaps the incomplete upload of {}, upload id {id}", store.location(key)))
    };
    started.filter_map(|upload| upload.upload_id()).map(name).collect()
}

#[async_trait]
impl Upload for S3Upload {
    fn id(&self) -> &str {
        &self.id
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        // Storing a part twice is storing it once.
        let mut stored = persist(|| self.send_part(number, &payload)).await;
        if let Err(SdkError::TimeoutError(_)) = &stored {
            // Taken, but not answered, which the SDK does not see.
            stored = self.send_part(number, &payload).await;
        }
        match stored {
            Ok(UploadPartOutput { e_tag: Some(tag), .. }) => {
                Ok(PartReceipt { number, tag, checksum: payload.checksum() })
            }
            Ok(_) => {
                let location = self.store.location(&self.key);
                Err(Error::new(ErrorKind::Service, format!("upload part {number} of"), location, "it has no ETag"))
            }
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
        let completed = persist(send).await;
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
    async fn send_part(
        &self,
        number: u32,
        payload: &Payload,
    ) -> Result<UploadPartOutput, SdkError<UploadPartError, HttpResponse>> {
        let (store, sent) = (&self.store, Sent::not_yet());
        let request = store
            .client
            .upload_part()
            .bucket(&store.bucket)
            .key(self.key.as_ref())
            .upload_id(&self.id)
            .part_number(number as i32)
            .content_length(payload.byte_count() as i64)
            .set_checksum_crc64_nvme(store.checksum_header(&payload.checksum()))
            .body(body(payload, &sent))
            .customize()
            .config_override(unlimited())
            .interceptor(Counted(store.slow_downs.clone()))
            .disable_payload_signing();
        answered(&sent, request.send()).await
    }

    fn failed<E>(&self, operation: impl Into<std::borrow::Cow<'static, str>>, error: SdkError<E, HttpResponse>) -> Error
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
    let left = || [LeftBehind::for_sweep(format_args!("incomplete upload of {location}, upload id {id}"))];
    let mut blind_looks = 0;
    for pause in PAUSES {
        let aborted = store.client.abort_multipart_upload().bucket(&store.bucket).key(key).upload_id(id);
        if let Err(error) = aborted.customize().config_override(limits(ANSWER)).send().await
            && code(&error) != Some("NoSuchUpload")
            && status(&error) != Some(404)
        {
            return Err(failed("abort the upload of", &location, &store.endpoint, error).with_left_behind(left()));
        }
        let listed = store.client.list_parts().bucket(&store.bucket).key(key).upload_id(id);
        match listed.customize().config_override(limits(ANSWER)).send().await {
            Ok(listed) if listed.parts().is_empty() => return Ok(()),
            Ok(_) => {}
            Err(error) if code(&error) == Some("NoSuchUpload") || status(&error) == Some(404) => return Ok(()),
            // Credentials that may abort need not be allowed to list: abort again for what may have arrived meanwhile.
            Err(error) if status(&error) == Some(403) => {
                blind_looks += 1;
                if blind_looks == BLIND_ABORTS {
                    return Ok(());
                }
            }
            Err(error) => {
                return Err(failed("look for parts of", &location, &store.endpoint, error).with_left_behind(left()));
            }
        }
        sleep(Duration::from_millis(pause)).await;
    }
    let reason = "parts are still listed after the abort";
    Err(Error::new(ErrorKind::Service, "abort the upload of", location.clone(), reason).with_left_behind(left()))
}
