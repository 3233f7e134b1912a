//! The bucket as `sealift` sees it: each verb is a module of its own.

use crate::client::Client;
use crate::conditions::Gate;
use crate::credentials::Renewable;
use crate::provider::{Checksums, Conditions, Provider};
use crate::start::lost_starts;
use crate::upload::S3Upload;
use crate::{copy, delete, delete_many, head, list, names, put, read, sweep};
use async_trait::async_trait;
use bytes::Bytes;
use sealift::doctor::Examined;
use sealift::{
    Attempts, ChecksumAlgorithm, CommitOptions, Committed, Effect, Home, Key, LeftBehind, Leftover, Leftovers,
    ObjectInfo, ObjectStore, Page, PartPolicy, Payload, Removal, Result, RetryPolicy, SlowDowns, Upload, Work,
};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// A bucket of a service that speaks S3's API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct S3Store {
    pub(crate) client: Client,
    policy: PartPolicy,
    pub(crate) conditions: Gate,
}

impl S3Store {
    /// A store on `bucket` through a client of the SDK that you have set up yourself, with the part policy and the
    /// checksums of `provider`. Region, credentials and the connect timeout are the client's; time limits are set
    /// where this adapter needs its own, and nothing is tried again: a [`Bucket`](sealift::Bucket) does that. Credentials are
    /// renewed as far as the client does it: those that the service refuses are not asked for anew.
    pub fn from_client(client: aws_sdk_s3::Client, bucket: impl Into<String>, provider: Provider) -> Self {
        S3Store {
            client: Client {
                sdk: client,
                bucket: bucket.into(),
                endpoint: provider.name().to_owned(),
                provider,
                checksums: provider.checksums(),
                slow_downs: SlowDowns::default(),
                credentials: None,
            },
            policy: provider.default_part_policy(),
            conditions: Gate::new(provider.conditional_puts()),
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
        S3Store { client: Client { checksums, ..self.client }, ..self }
    }

    /// The same store, knowing better than the provider's row in the table whether conditions are kept.
    #[must_use]
    pub fn with_conditional_writes(self, conditions: Conditions) -> Self {
        S3Store { conditions: self.conditions.stated(conditions), ..self }
    }

    /// The same store, with the file that remembers where conditions were proven.
    #[must_use]
    pub(crate) fn with_conditions_cache(self, cache: PathBuf) -> Self {
        S3Store { conditions: self.conditions.cached_in(cache), ..self }
    }

    /// The same store, with how the proof of conditions is tried again.
    #[must_use]
    pub(crate) fn with_retry_policy(self, policy: RetryPolicy) -> Self {
        S3Store { conditions: self.conditions.tried_by(policy), ..self }
    }

    /// The same store, whose client's credentials are these.
    pub(crate) fn with_credentials(self, credentials: Renewable) -> Self {
        S3Store { client: Client { credentials: Some(credentials), ..self.client }, ..self }
    }

    /// The same store, called so in messages.
    pub(crate) fn with_endpoint(self, endpoint: String) -> Self {
        S3Store { client: Client { endpoint, ..self.client }, ..self }
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    fn url(&self) -> String {
        format!("s3://{}", self.client.bucket)
    }

    fn refuses_new_name(&self, key: &Key) -> Option<&'static str> {
        names::new_refusal(key)
    }

    fn part_policy(&self) -> PartPolicy {
        self.policy
    }

    fn slow_downs(&self) -> u64 {
        self.client.slow_downs.count()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc64Nvme
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        self.conditions.check(&self.client, key, options).await?;
        put::put(&self.client, key, payload, options, attempts).await
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        self.conditions.check(&self.client, key, options).await?;
        Ok(Box::new(S3Upload::start(&self.client, key, options, attempts).await?))
    }

    async fn lost_starts(
        &self,
        key: &Key,
        _options: &CommitOptions,
        since: Duration,
        effect: Effect,
        known: Option<&str>,
    ) -> Vec<LeftBehind> {
        lost_starts(&self.client, key, since, effect, known).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        head::head(&self.client, key).await
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        read::read(&self.client, key, None, range, etag).await
    }

    async fn get_whole(&self, key: &Key, size: u64) -> Result<Option<(ObjectInfo, Bytes)>> {
        read::whole(&self.client, key, size).await.map(Some)
    }

    async fn head_version(&self, key: &Key, version: &str) -> Result<ObjectInfo> {
        head::head_version(&self.client, key, version).await
    }

    async fn get_version(&self, key: &Key, version: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        read::read(&self.client, key, Some(version), range, etag).await
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        list::list(&self.client, prefix, page).await
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        delete::delete(&self.client, key, only).await
    }

    fn deletes_at_once(&self) -> usize {
        delete_many::AT_ONCE
    }

    async fn delete_many(&self, keys: &[Key]) -> Result<Vec<Result<()>>> {
        delete_many::delete_many(&self.client, keys).await
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        delete::retract(&self.client, key, info).await
    }

    fn retracting_restores(&self, info: &ObjectInfo) -> bool {
        head::version(info).is_some()
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        copy::copy(&self.client, from, info, to, work).await
    }

    /// An access point is no bucket to copy from.
    fn home(&self) -> Option<Home> {
        let Client { endpoint, bucket, .. } = &self.client;
        (!bucket.starts_with("arn:")).then(|| Home::new(endpoint.clone(), bucket.clone()))
    }

    async fn copy_from(&self, bucket: &str, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        copy::copy_from(&self.client, bucket, from, info, to, work).await
    }

    async fn leftovers(&self, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
        sweep::leftovers(&self.client, prefix, page).await
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        sweep::remove(&self.client, leftover).await
    }

    fn examined(&self) -> Option<&dyn Examined> {
        Some(self)
    }
}
