//! The bucket: objects put, looked at, read, listed, removed.

use crate::body::body;
use crate::connect::limits_for;
use crate::errors::{failed, status};
use crate::provider::Checksums;
use crate::{copy, sweep, upload};
use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};
use bytes::Bytes;
use sealift::{
    Checksum, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, IfExists, Key, Leftover, ObjectInfo,
    ObjectStore, Page, PartPolicy, Payload, Result, TOKEN_METADATA, Upload,
};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::ops::Range;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// The pauses before a commit is sent again that another commit of the same key was in the way of. AWS answers
/// 409 ConditionalRequestConflict then ("How to prevent object overwrites with conditional writes").
const CONFLICT_PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(300), Duration::from_secs(1)];

/// A bucket of a service that speaks S3's API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct S3Store {
    pub(crate) client: Client,
    pub(crate) bucket: String,
    /// For messages.
    pub(crate) endpoint: String,
    policy: PartPolicy,
    pub(crate) checksums: Checksums,
}

impl S3Store {
    /// A store on `bucket` through a client of the SDK that you have set up yourself. `endpoint` is what errors call
    /// the service. Retries and time limits are your client's where this adapter needs no others.
    pub fn new(
        client: Client,
        bucket: impl Into<String>,
        endpoint: impl Into<String>,
        policy: PartPolicy,
        checksums: Checksums,
    ) -> Self {
        S3Store { client, bucket: bucket.into(), endpoint: endpoint.into(), policy, checksums }
    }

    pub(crate) fn location(&self, key: &Key) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// The value of the checksum headers: base64 of the CRC in network byte order.
    pub(crate) fn checksum_header(&self, checksum: &Checksum) -> Option<String> {
        match self.checksums {
            Checksums::FullObject => Some(aws_smithy_types::base64::encode(checksum.to_be_bytes())),
            Checksums::None => None,
        }
    }

    /// The service's checksum of a whole object, if that is what it answered: a composite one is of something else.
    pub(crate) fn full_checksum(&self, crc: Option<String>, kind: Option<ChecksumType>) -> Option<Vec<u8>> {
        match kind {
            Some(ChecksumType::Composite) => None,
            _ => crc.and_then(|crc| aws_smithy_types::base64::decode(crc).ok()),
        }
    }

    /// Sends a commit, again when another commit of the same key is in its way.
    pub(crate) async fn past_conflicts<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, SdkError<E, HttpResponse>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        for pause in CONFLICT_PAUSES {
            match send().await {
                Err(error) if status(&error) == Some(409) => sleep(pause).await,
                done => return done,
            }
        }
        send().await
    }

    fn failed<E>(&self, operation: impl Into<Cow<'static, str>>, key: &Key, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        failed(operation, &self.location(key), &self.endpoint, error)
    }

    /// The error for a 404 without a code: the answer to HEAD has no body, so the bucket is asked for.
    async fn missing(&self, key: &Key) -> Error {
        match self.client.head_bucket().bucket(&self.bucket).send().await {
            Err(error) if status(&error) == Some(404) => {
                Error::new(ErrorKind::NoSuchBucket, "look at", self.location(key), "there is no such bucket")
                    .with_hint("check the bucket's name, and that it is in this account and region")
            }
            _ => Error::new(ErrorKind::NotFound, "look at", self.location(key), "there is no such object")
                .with_hint("`sealift ls` shows what there is"),
        }
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    fn url(&self) -> String {
        format!("s3://{}", self.bucket)
    }

    fn part_policy(&self) -> PartPolicy {
        self.policy
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc64Nvme
    }

    async fn put(&self, key: &Key, payload: Payload, options: &CommitOptions) -> Result<Committed> {
        let checksum = self.checksum_header(&payload.checksum());
        let send = || {
            let mut request = self
                .client
                .put_object()
                .bucket(&self.bucket)
                .key(key.as_ref())
                .content_length(payload.byte_count() as i64)
                .metadata(TOKEN_METADATA, options.token.as_ref())
                .set_checksum_crc64_nvme(checksum.clone())
                .body(body(&payload));
            if options.if_exists == IfExists::Fail {
                request = request.if_none_match("*");
            }
            let request = request.customize().config_override(limits_for(payload.byte_count()));
            request.disable_payload_signing().send()
        };
        match self.past_conflicts(send).await {
            Ok(stored) => Ok(Committed {
                etag: stored.e_tag,
                version: stored.version_id,
                checksum: self.full_checksum(stored.checksum_crc64_nvme, stored.checksum_type),
            }),
            Err(error) => Err(self.failed("put", key, error)),
        }
    }

    async fn start(&self, key: &Key, options: &CommitOptions) -> Result<Box<dyn Upload>> {
        Ok(Box::new(upload::start(self, key, options).await?))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let mut request = self.client.head_object().bucket(&self.bucket).key(key.as_ref());
        if self.checksums == Checksums::FullObject {
            request = request.checksum_mode(ChecksumMode::Enabled);
        }
        match request.send().await {
            Ok(head) => Ok(ObjectInfo {
                key: key.to_string(),
                size: head.content_length.map_or(0, |size| size.max(0) as u64),
                modified: head.last_modified.and_then(time),
                etag: head.e_tag,
                version: head.version_id,
                token: head.metadata.and_then(|mut metadata| metadata.remove(TOKEN_METADATA)),
                checksum: self.full_checksum(head.checksum_crc64_nvme, head.checksum_type),
            }),
            Err(error) if status(&error) == Some(404) => Err(self.missing(key).await),
            Err(error) => Err(self.failed("look at", key, error)),
        }
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        let wanted = range.end - range.start;
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_ref())
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .set_if_match(etag.map(str::to_owned))
            .customize()
            .config_override(limits_for(wanted))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if matches!(status(&error), Some(412 | 404)) && etag.is_some() => {
                let reason = "it was replaced or removed while it was being read";
                return Err(Error::new(ErrorKind::Changed, "read", self.location(key), reason)
                    .with_hint("what was read so far must not be used; read again"));
            }
            Err(error) => return Err(self.failed("read", key, error)),
        };
        let broke_off = |reason: String| Error::new(ErrorKind::Unreachable, "read", self.location(key), reason);
        let body = answer
            .body
            .collect()
            .await
            .map_err(|error| broke_off(format!("the answer from {} broke off: {error}", self.endpoint)))?;
        let body = body.into_bytes();
        match body.len() as u64 == wanted {
            true => Ok(body),
            false => Err(broke_off(format!("{wanted} bytes were asked for and {} came", body.len()))),
        }
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        let listed = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_continuation_token(page.map(str::to_owned))
            .send()
            .await;
        let listed =
            listed.map_err(|error| failed("list", &format!("s3://{}/{prefix}", self.bucket), &self.endpoint, error))?;
        let objects = listed.contents.unwrap_or_default().into_iter().filter_map(|object| {
            Some(ObjectInfo {
                key: object.key?,
                size: object.size.map_or(0, |size| size.max(0) as u64),
                modified: object.last_modified.and_then(time),
                etag: object.e_tag,
                version: None,
                token: None,
                checksum: None,
            })
        });
        Ok(Page { objects: objects.collect(), next: listed.next_continuation_token })
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key.as_ref()).send().await;
        deleted.map(drop).map_err(|error| self.failed("remove", key, error))
    }

    async fn delete_exactly(&self, key: &Key, info: &ObjectInfo) -> Result<()> {
        let request = || self.client.delete_object().bucket(&self.bucket).key(key.as_ref());
        let conditional = match info.version.as_deref() {
            // Removing the version brings back the one before it.
            Some(version) if version != "null" => request().version_id(version),
            // Not every service honours the condition, so the look comes as close before it as it can.
            _ => match self.head(key).await {
                Ok(now) if now.etag == info.etag && now.token == info.token => {
                    request().set_if_match(info.etag.clone())
                }
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            },
        };
        let deleted = match conditional.send().await {
            // The service does not know the condition; it was just looked at.
            Err(error) if status(&error) == Some(501) => request().send().await,
            deleted => deleted,
        };
        match deleted {
            Ok(_) => Ok(()),
            // Replaced or removed in between: what was meant is gone.
            Err(error) if matches!(status(&error), Some(404 | 412)) => Ok(()),
            Err(error) => Err(self.failed("remove", key, error)),
        }
    }

    async fn rename(&self, from: &Key, to: &Key) -> Result<()> {
        copy::copy(self, from, to).await?;
        self.delete(from).await
    }

    async fn leftovers(&self, prefix: &str) -> Result<Vec<Leftover>> {
        sweep::leftovers(self, prefix).await
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        sweep::remove(self, leftover).await
    }
}

pub(crate) fn time(time: DateTime) -> Option<SystemTime> {
    SystemTime::try_from(time).ok()
}
