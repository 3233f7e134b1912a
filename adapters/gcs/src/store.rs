//! The bucket as an object store: a line a verb.

use crate::client::Client;
use crate::multipart::{self, MultipartUpload};
use crate::options::Streams;
use crate::upload::{self, GcsUpload};
use crate::{copy, look, names, put, read, remove, sweep};
use async_trait::async_trait;
use bytes::Bytes;
use sealift::doctor::Examined;
use sealift::{
    Attempts, ChecksumAlgorithm, CommitOptions, Committed, Effect, Home, IfExists, Key, LeftBehind, Leftover,
    Leftovers, ObjectInfo, ObjectStore, Page, PartPolicy, Payload, Removal, Result, Upload, Work,
};
use std::ops::Range;
use std::time::Duration;

/// A bucket of Google Cloud Storage. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GcsStore {
    pub(crate) client: Client,
    pub(crate) policy: PartPolicy,
    pub(crate) streams: Streams,
}

impl GcsStore {
    /// What must not replace anything goes by a session, whose last piece takes the condition: an upload in parts takes none.
    fn streams_of(&self, options: &CommitOptions) -> Streams {
        match options.if_exists {
            IfExists::Replace => self.streams,
            IfExists::Fail => Streams::Session,
        }
    }
}

#[async_trait]
impl ObjectStore for GcsStore {
    fn url(&self) -> String {
        self.client.url()
    }

    fn refuses_name(&self, key: &Key) -> Option<&'static str> {
        names::refusal(key)
    }

    fn part_policy(&self) -> PartPolicy {
        self.policy
    }

    fn slow_downs(&self) -> u64 {
        self.client.http.slow_downs.count()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc32c
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        put::put(&self.client, key.as_ref(), &payload, options, attempts).await
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        let (client, key) = (&self.client, key.as_ref());
        Ok(match self.streams_of(options) {
            Streams::Multipart => Box::new(MultipartUpload::start(client, key, options, attempts).await?),
            Streams::Session => Box::new(GcsUpload::start(client, key, options, attempts).await?),
        })
    }

    async fn lost_starts(
        &self,
        key: &Key,
        options: &CommitOptions,
        since: Duration,
        effect: Effect,
        known: Option<&str>,
    ) -> Vec<LeftBehind> {
        match self.streams_of(options) {
            Streams::Session => upload::lost_starts(&self.client, key.as_ref(), effect),
            Streams::Multipart => multipart::lost_starts(&self.client, key.as_ref(), since, effect, known).await,
        }
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        look::head(&self.client, key.as_ref()).await
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        read::get(&self.client, key.as_ref(), range, etag).await
    }

    async fn head_version(&self, key: &Key, version: &str) -> Result<ObjectInfo> {
        look::head_version(&self.client, key.as_ref(), version).await
    }

    /// A generation is its own tag.
    async fn get_version(&self, key: &Key, version: &str, range: Range<u64>, _etag: Option<&str>) -> Result<Bytes> {
        read::get(&self.client, key.as_ref(), range, Some(version)).await
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        look::list(&self.client, prefix, page).await
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        remove::delete(&self.client, key.as_ref(), only).await
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        remove::retract(&self.client, key.as_ref(), info).await
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        copy::copy(&self.client, from.as_ref(), info, to.as_ref(), work).await
    }

    fn home(&self) -> Option<Home> {
        Some(Home::new(self.client.endpoint.to_string(), self.client.bucket.clone()))
    }

    async fn copy_from(&self, bucket: &str, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        copy::copy_from(&self.client, bucket, from.as_ref(), info, to.as_ref(), work).await
    }

    /// Uploads in parts. A session that was not finished cannot be listed, shows nothing, and ends by itself
    /// after a week.
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
