//! A store in this process, without a network or a cloud's protocol, so that a benchmark sees the rest.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use sealift::{
    Attempts, Checksum, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, Growth, Key, Leftover,
    Leftovers, ObjectInfo, ObjectStore, Page, PartPolicy, PartReceipt, Payload, Removal, Result, Upload, Work,
};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// They are thrown away.
    Nothing,
    /// They can be read back.
    Everything,
}

/// The store.
#[derive(Clone)]
pub struct InProcess(Arc<Inner>);

struct Inner {
    keep: Keep,
    objects: Mutex<HashMap<String, Object>>,
}

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    size: u64,
    token: String,
    checksum: Vec<u8>,
}

impl InProcess {
    /// An empty store.
    pub fn new(keep: Keep) -> Self {
        InProcess(Arc::new(Inner { keep, objects: Mutex::default() }))
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<String, Object>> {
        self.0.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The payload's bytes, if they are kept.
    async fn take(&self, payload: &Payload) -> Result<Bytes> {
        if self.0.keep == Keep::Nothing {
            return Ok(Bytes::new());
        }
        let all = payload.stream().try_fold(BytesMut::new(), |mut all, bytes| async move {
            all.extend_from_slice(&bytes);
            Ok(all)
        });
        all.await
            .map(BytesMut::freeze)
            .map_err(|error| Error::new(ErrorKind::Io, "take", "a payload", error.to_string()).with_source(error))
    }

    fn commit(&self, key: &Key, bytes: Bytes, whole: Checksum, options: &CommitOptions) -> Committed {
        let checksum = whole.to_be_bytes();
        let object =
            Object { bytes, size: whole.byte_count(), token: options.token.to_string(), checksum: checksum.clone() };
        self.objects().insert(key.to_string(), object);
        let mut committed = Committed::new(None);
        committed.checksum = Some(checksum);
        committed
    }

    fn object(&self, key: &Key) -> Result<Object> {
        let found = self.objects().get(key.as_ref()).cloned();
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "look at", key.to_string(), "there is no such object"))
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").field("keep", &self.0.keep).finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStore for InProcess {
    fn url(&self) -> String {
        "in-process:".into()
    }

    /// S3's.
    fn part_policy(&self) -> PartPolicy {
        PartPolicy::new(Growth::Growing { first: 8 << 20, least: 8 << 20 })
            .with_max_parts(10_000)
            .with_max_object(50 << 40)
            .with_max_in_flight(8)
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
        let bytes = self.take(&payload).await?;
        attempts.begin().applied();
        Ok(self.commit(key, bytes, payload.checksum(), options))
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        attempts.begin().applied();
        let (store, key, options) = (self.clone(), key.clone(), options.clone());
        Ok(Box::new(Parts { store, key, options, parts: Mutex::default() }))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let object = self.object(key)?;
        let mut info = ObjectInfo::new(key.to_string(), object.size);
        info.token = Some(object.token);
        info.checksum = Some(object.checksum);
        Ok(info)
    }

    async fn get(&self, key: &Key, range: Range<u64>, _etag: Option<&str>) -> Result<Bytes> {
        Ok(self.object(key)?.bytes.slice(range.start as usize..range.end as usize))
    }

    async fn list(&self, _prefix: &str, _page: Option<&str>) -> Result<Page> {
        Err(not_needed("list"))
    }

    async fn delete(&self, key: &Key, _only: Option<&ObjectInfo>) -> Result<Removal> {
        self.objects().remove(key.as_ref());
        Ok(Removal::Gone)
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.delete(key, Some(info)).await
    }

    async fn copy(&self, _from: &Key, _info: &ObjectInfo, _to: &Key, _work: &Work) -> Result<Committed> {
        Err(not_needed("copy"))
    }

    async fn leftovers(&self, _prefix: &str, _page: Option<&str>) -> Result<Leftovers> {
        Ok(Leftovers::default())
    }

    async fn remove_leftover(&self, _leftover: &Leftover) -> Result<()> {
        Ok(())
    }
}

fn not_needed(operation: &'static str) -> Error {
    Error::new(ErrorKind::InvalidConfig, operation, "in-process:", "the store of the benchmarks cannot do that")
}

/// An upload.
struct Parts {
    store: InProcess,
    key: Key,
    options: CommitOptions,
    parts: Mutex<HashMap<u32, Bytes>>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("key", &self.key).finish_non_exhaustive()
    }
}

#[async_trait]
impl Upload for Parts {
    fn id(&self) -> &str {
        "the only one"
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let bytes = self.store.take(&payload).await?;
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).insert(number, bytes);
        Ok(PartReceipt::new(number, number.to_string(), payload.checksum()))
    }

    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        attempts.begin().applied();
        let mut all = BytesMut::new();
        let held = std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner));
        for part in parts {
            all.extend_from_slice(held.get(&part.number).map_or(&[], |bytes| bytes));
        }
        Ok(self.store.commit(&self.key, all.freeze(), whole, &self.options))
    }

    async fn abort(&self) -> Result<()> {
        Ok(())
    }
}
