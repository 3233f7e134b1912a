//! An object store of one object, in memory.

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use sealift::{
    Attempts, Checksum, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, Growth, Key, Leftover,
    Leftovers, ObjectInfo, ObjectStore, Page, PartPolicy, Payload, Removal, Result, Upload, Work,
};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Every key is the same object. It keeps no checksum: what is damaged must be seen by what is in the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Bytes>>);

impl Shelf {
    pub(crate) fn set(&self, content: Bytes) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = content;
    }

    pub(crate) fn content(&self) -> Bytes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn none<T>(operation: &'static str) -> Result<T> {
    Err(Error::new(ErrorKind::Service, operation, "shelf:", "a shelf cannot"))
}

#[async_trait]
impl ObjectStore for Shelf {
    fn url(&self) -> String {
        "shelf:".to_owned()
    }

    fn part_policy(&self) -> PartPolicy {
        let size = 8 << 20;
        PartPolicy::new(Growth::Equal { size }).with_max_parts(1).with_max_object(size)
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc64Nvme
    }

    async fn put(&self, _: &Key, payload: Payload, _: &CommitOptions, attempts: &Attempts) -> Result<Committed> {
        let attempt = attempts.begin();
        let segments = payload.stream().try_collect::<Vec<Bytes>>().await;
        let segments = segments.map_err(|error| Error::io("read", "a payload", error))?;
        attempt.sent();
        let content: Bytes = segments.concat().into();
        let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &content).to_be_bytes();
        self.set(content);
        attempt.applied();
        let mut committed = Committed::new(None);
        committed.checksum = Some(checksum);
        Ok(committed)
    }

    async fn start(&self, _: &Key, _: &CommitOptions, _: &Attempts) -> Result<Box<dyn Upload>> {
        none("start")
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        Ok(ObjectInfo::new(key.to_string(), self.content().len() as u64))
    }

    async fn get(&self, _: &Key, range: Range<u64>, _: Option<&str>) -> Result<Bytes> {
        Ok(self.content().slice(range.start as usize..range.end as usize))
    }

    async fn list(&self, _: &str, _: Option<&str>) -> Result<Page> {
        none("list")
    }

    async fn delete(&self, _: &Key, _: Option<&ObjectInfo>) -> Result<Removal> {
        none("delete")
    }

    async fn retract(&self, _: &Key, _: &ObjectInfo) -> Result<Removal> {
        none("retract")
    }

    async fn copy(&self, _: &Key, _: &ObjectInfo, _: &Key, _: &Work) -> Result<Committed> {
        none("copy")
    }

    async fn leftovers(&self, _: &str, _: Option<&str>) -> Result<Leftovers> {
        none("leftovers")
    }

    async fn remove_leftover(&self, _: &Leftover) -> Result<()> {
        none("remove_leftover")
    }
}
