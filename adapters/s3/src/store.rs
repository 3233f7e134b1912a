//! The bucket: objects put, looked at, read, listed, removed.

use crate::body::{Sent, body};
use crate::errors::{failed, status};
use crate::limits::{answered, unlimited};
use crate::persist::{Counted, persist};
use crate::provider::{Checksums, Conditions, Provider};
use crate::{copy, read, sweep, upload};
use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ChecksumType;
use bytes::Bytes;
use sealift::{
    Checksum, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, IfExists, Key, Leftover, ObjectInfo,
    ObjectStore, Page, PartPolicy, Payload, Result, SlowDowns, TOKEN_METADATA, Upload,
};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::ops::Range;
use std::time::SystemTime;

/// A bucket of a service that speaks S3's API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct S3Store {
    pub(crate) client: Client,
    pub(crate) bucket: String,
    /// For messages.
    pub(crate) endpoint: String,
    provider: Provider,
    policy: PartPolicy,
    pub(crate) checksums: Checksums,
    pub(crate) slow_downs: SlowDowns,
}

impl S3Store {
    /// A store on `bucket` through a client of the SDK that you have set up yourself, with the part policy and the
    /// checksums of `provider`. Region, credentials, retries and the connect timeout are the client's; time limits are
    /// set where this adapter needs its own.
    pub fn from_client(client: Client, bucket: impl Into<String>, provider: Provider) -> Self {
        S3Store {
            client,
            bucket: bucket.into(),
            endpoint: provider.name().to_owned(),
            provider,
            policy: provider.default_part_policy(),
            checksums: provider.checksums(),
            slow_downs: SlowDowns::default(),
        }
    }

    /// The same store with another part policy; [`Provider::part_policy`] makes one.
    #[must_use]
    pub fn with_part_policy(self, policy: PartPolicy) -> Self {
        S3Store { policy, ..self }
    }

    /// The same store with other checksums than the provider's row in the table says.
    #[must_use]
    pub fn with_checksums(self, checksums: Checksums) -> Self {
        S3Store { checksums, ..self }
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

    fn failed<E>(&self, operation: impl Into<Cow<'static, str>>, key: &Key, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        failed(operation, &self.location(key), &self.endpoint, error)
    }

    /// Refuses, before anything is sent, a condition that the service would not keep.
    fn check_condition(&self, key: &Key, options: &CommitOptions) -> Result<()> {
        match (options.if_exists, self.provider.conditional_puts()) {
            (IfExists::Replace, _) | (_, Conditions::Honoured) => Ok(()),
            (IfExists::Fail, Conditions::Unknown) => {
                let reason =
                    format!("{} cannot be relied on not to replace an object that exists", self.provider.name());
                Err(Error::new(ErrorKind::InvalidConfig, "store", self.location(key), reason)
                    .with_hint("let it be replaced, under a name that nothing else uses"))
            }
        }
    }

    /// The error of a HEAD.
    pub(crate) async fn not_seen<E>(&self, key: &Key, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match status(&error) {
            Some(404) => self.missing(key).await,
            _ => self.failed("look at", key, error),
        }
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

    fn slow_downs(&self) -> u64 {
        self.slow_downs.count()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc64Nvme
    }

    async fn put(&self, key: &Key, payload: Payload, options: &CommitOptions) -> Result<Committed> {
        self.check_condition(key, options)?;
        let checksum = self.checksum_header(&payload.checksum());
        let send = || {
            let sent = Sent::not_yet();
            let mut request = self
                .client
                .put_object()
                .bucket(&self.bucket)
                .key(key.as_ref())
                .content_length(payload.byte_count() as i64)
                .metadata(TOKEN_METADATA, options.token.as_ref())
                .set_checksum_crc64_nvme(checksum.clone())
                .body(body(&payload, &sent));
            if options.if_exists == IfExists::Fail {
                request = request.if_none_match("*");
            }
            let request =
                request.customize().config_override(unlimited()).interceptor(Counted(self.slow_downs.clone()));
            let request = request.disable_payload_signing();
            async move { answered(&sent, request.send()).await }
        };
        match persist(send).await {
            Ok(stored) => Ok(Committed {
                etag: stored.e_tag,
                version: stored.version_id,
                checksum: self.full_checksum(stored.checksum_crc64_nvme, stored.checksum_type),
            }),
            Err(error) => Err(self.failed("put", key, error)),
        }
    }

    async fn start(&self, key: &Key, options: &CommitOptions) -> Result<Box<dyn Upload>> {
        self.check_condition(key, options)?;
        Ok(Box::new(upload::start(self, key, options).await?))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let head = copy::source_of(self, key).await?;
        Ok(ObjectInfo {
            key: key.to_string(),
            size: head.content_length.map_or(0, |size| size.max(0) as u64),
            modified: head.last_modified.and_then(time),
            etag: head.e_tag,
            version: head.version_id,
            token: head.metadata.and_then(|mut metadata| metadata.remove(TOKEN_METADATA)),
            checksum: self.full_checksum(head.checksum_crc64_nvme, head.checksum_type),
        })
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        read::read(self, key, range, etag).await
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
        let next = listed.next_continuation_token.filter(|_| listed.is_truncated == Some(true));
        Ok(Page { objects: objects.collect(), next })
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
        let head = copy::source_of(self, from).await?;
        if from == to {
            return Ok(());
        }
        copy::copy(self, from, to, &head).await?;
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
