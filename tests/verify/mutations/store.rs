//! An object store in memory whose objects can be damaged.

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use sealift::{
    Attempts, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, Growth, IfExists, Key, Leftover,
    Leftovers, ObjectInfo, ObjectStore, Page, PartPolicy, Payload, Removal, Result, Upload, Work,
};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is stored under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) stored: Bytes,
    /// The service's tag, which another commit changes and damage does not.
    pub(crate) etag: String,
    /// What the service has computed when it was committed, where it keeps that.
    pub(crate) checksum: Option<Vec<u8>>,
}

pub(crate) type Objects = BTreeMap<String, Object>;

/// Whether a service keeps checksums of what it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksums {
    Kept,
    Unknown,
}

/// Clones share the objects.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    objects: Arc<Mutex<Objects>>,
    checksums: Checksums,
}

impl Shelf {
    pub(crate) fn of(objects: Objects, checksums: Checksums) -> Self {
        Shelf { objects: Arc::new(Mutex::new(objects)), checksums }
    }

    pub(crate) fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, key: &Key) -> Result<Object> {
        let found = self.objects().get(key.as_ref()).cloned();
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "look at", key.to_string(), "there is no such object"))
    }
}

fn info(key: &str, object: &Object) -> ObjectInfo {
    let mut info = ObjectInfo::new(key.to_owned(), object.stored.len() as u64);
    info.etag = Some(object.etag.clone());
    info.checksum = object.checksum.clone();
    info
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

    async fn put(&self, key: &Key, payload: Payload, options: &CommitOptions, all: &Attempts) -> Result<Committed> {
        let attempt = all.begin();
        let segments = payload.stream().try_collect::<Vec<Bytes>>().await;
        let segments = segments.map_err(|error| Error::io("read", "a payload", error))?;
        attempt.sent();
        let mut objects = self.objects();
        if options.if_exists == IfExists::Fail && objects.contains_key(key.as_ref()) {
            return Err(Error::new(ErrorKind::AlreadyExists, "store", key.to_string(), "it exists"));
        }
        let checksum = Some(payload.checksum().to_be_bytes());
        let (etag, stored) = (options.token.to_string(), segments.concat().into());
        let kept = checksum.clone().filter(|_| self.checksums == Checksums::Kept);
        objects.insert(key.to_string(), Object { stored, etag: etag.clone(), checksum: kept });
        attempt.applied();
        let mut committed = Committed::new(Some(etag));
        committed.checksum = checksum;
        Ok(committed)
    }

    async fn start(&self, _: &Key, _: &CommitOptions, _: &Attempts) -> Result<Box<dyn Upload>> {
        none("start")
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        Ok(info(key.as_ref(), &self.object(key)?))
    }

    async fn get(&self, key: &Key, range: Range<u64>, _: Option<&str>) -> Result<Bytes> {
        Ok(self.object(key)?.stored.slice(range.start as usize..range.end as usize))
    }

    async fn list(&self, prefix: &str, _: Option<&str>) -> Result<Page> {
        let objects = self.objects();
        let below = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(Page::new(below.map(|(key, object)| info(key, object)).collect(), None))
    }

    async fn delete(&self, key: &Key, _: Option<&ObjectInfo>) -> Result<Removal> {
        self.objects().remove(key.as_ref());
        Ok(Removal::Gone)
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.delete(key, Some(info)).await
    }

    async fn copy(&self, _: &Key, _: &ObjectInfo, _: &Key, _: &Work) -> Result<Committed> {
        none("copy")
    }

    async fn leftovers(&self, _: &str, _: Option<&str>) -> Result<Leftovers> {
        Ok(Leftovers::default())
    }

    async fn remove_leftover(&self, _: &Leftover) -> Result<()> {
        none("remove_leftover")
    }
}
