//! The trait's implementation: each verb has a module of its own.

use crate::client::Client;
use crate::upload::AzureUpload;
use crate::{copy, delete, head, list, names, put, read, sweep};
use async_trait::async_trait;
use bytes::Bytes;
use sealift::doctor::Examined;
use sealift::{
    Attempts, ChecksumAlgorithm, CommitOptions, Committed, Home, Key, Leftover, Leftovers, ObjectInfo, ObjectStore,
    Page, PartPolicy, Payload, Removal, Result, Upload, Work,
};
use std::fmt;
use std::ops::Range;

/// A container of Azure Blob Storage. Cheap to clone.
#[derive(Clone)]
pub struct AzureStore {
    pub(crate) client: Client,
    policy: PartPolicy,
}

impl fmt::Debug for AzureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStore").field("location", &self.client.location).finish_non_exhaustive()
    }
}

impl AzureStore {
    pub(crate) fn of(client: Client, policy: PartPolicy) -> Self {
        AzureStore { client, policy }
    }
}

#[async_trait]
impl ObjectStore for AzureStore {
    fn url(&self) -> String {
        self.client.location.clone()
    }

    fn refuses_name(&self, key: &Key) -> Option<&'static str> {
        names::refusal(key)
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
        put::put(&self.client, key.as_ref(), &payload, options, attempts).await
    }

    async fn start(&self, key: &Key, options: &CommitOptions, _: &Attempts) -> Result<Box<dyn Upload>> {
        Ok(Box::new(AzureUpload::new(&self.client, key, options)))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        head::head(&self.client, key.as_ref()).await
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        read::read(&self.client, key.as_ref(), None, range, etag).await
    }

    async fn get_whole(&self, key: &Key, size: u64) -> Result<Option<(ObjectInfo, Bytes)>> {
        read::with_properties(&self.client, key.as_ref(), size).await.map(Some)
    }

    async fn head_version(&self, key: &Key, version: &str) -> Result<ObjectInfo> {
        head::head_version(&self.client, key.as_ref(), version).await
    }

    async fn get_version(&self, key: &Key, version: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        read::read(&self.client, key.as_ref(), Some(version), range, etag).await
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        list::list(&self.client, prefix, page).await
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        match only {
            None => delete::remove(&self.client, key.as_ref()).await,
            Some(info) => delete::remove_exactly(&self.client, key.as_ref(), info).await,
        }
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        delete::remove_exactly(&self.client, key.as_ref(), info).await
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        copy::copy(&self.client, from.as_ref(), info, to.as_ref(), work).await
    }

    /// Another container of the account: who may not read there by these credentials is refused by the service.
    fn home(&self) -> Option<Home> {
        let Client { account, container, .. } = &self.client;
        let bucket = container.url().path_segments()?.next_back()?.to_owned();
        Some(Home::new(account.url.to_string(), bucket))
    }

    async fn copy_from(&self, bucket: &str, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        copy::copy_from(&self.client, bucket, from.as_ref(), info, to.as_ref(), work).await
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
