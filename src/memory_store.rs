//! An object store in memory: for tests of programs that use Sealift, and to try it without a service.

use crate::attempts::Attempts;
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Key;
use crate::object::{
    CommitOptions, Committed, IfExists, Leftover, Leftovers, ObjectInfo, Origin, Page, Removal, Token,
};
use crate::object_store::{ObjectStore, PartReceipt, Upload};
use crate::part_policy::{Growth, PartPolicy};
use crate::payload::Payload;
use crate::work::Work;
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

const MIB: u64 = 1 << 20;
const ALGORITHM: ChecksumAlgorithm = ChecksumAlgorithm::Crc64Nvme;
const OBJECTS_OF_A_PAGE: usize = 1000;

/// Objects in memory. Clones share them; the last that is dropped takes them with it.
///
/// It keeps what a store promises: an object appears in one step with its commit, [`IfExists::Fail`] is decided in that
/// step, every commit has an ETag of its own, and a checksum is kept of each object. It never fails in passing, and
/// never asks to slow down: how a program bears that is to be tested against a service.
///
/// ```
/// use sealift::{Bucket, Budget, Codec, Compressor, IfExists, MemoryStore};
/// use std::sync::Arc;
/// use tokio::io::AsyncReadExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let compressor = Arc::new(Compressor::new(Codec::Plain, None)?);
/// let bucket = Bucket::new(store.clone(), compressor, Budget::new(Budget::DEFAULT)?);
/// bucket.put(&"greeting".parse()?, "hello".into(), IfExists::Fail).await?;
///
/// assert_eq!(store.object("greeting").as_deref(), Some(&b"hello"[..]));
/// let mut text = String::new();
/// bucket.open(&"greeting".parse()?).await?.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Unfinished>,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Bytes,
    token: String,
    etag: String,
    checksum: Checksum,
    modified: SystemTime,
}

/// An upload that is neither complete nor aborted.
#[derive(Debug)]
struct Unfinished {
    key: Key,
    parts: BTreeMap<u32, Bytes>,
    touched: Instant,
}

impl MemoryStore {
    /// A store without objects.
    pub fn new() -> Self {
        MemoryStore::default()
    }

    /// The stored bytes of an object.
    pub fn object(&self, key: &str) -> Option<Bytes> {
        self.state().objects.get(key).map(|object| object.bytes.clone())
    }

    /// Puts stored bytes there, as another program might have; it replaces what is there.
    pub fn insert(&self, key: &str, bytes: impl Into<Bytes>) {
        self.state().objects.insert(key.into(), Object::new(bytes.into(), Token::random().to_string()));
    }

    /// Whether there is neither an object nor an upload that was not finished.
    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.objects.is_empty() && state.uploads.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is half done when a thread panics: each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an object visible, in one step with the decision about what is there.
    fn commit(&self, key: &Key, bytes: Bytes, options: &CommitOptions, attempts: &Attempts) -> Result<Committed> {
        let attempt = attempts.begin();
        let object = Object::new(bytes, options.token.to_string());
        let mut state = self.state();
        if options.if_exists == IfExists::Fail && state.objects.contains_key(key.as_ref()) {
            attempt.refused();
            return Err(failed(ErrorKind::AlreadyExists, "commit", key, "it exists"));
        }
        let committed = object.committed();
        state.objects.insert(key.to_string(), object);
        attempt.sent();
        attempt.applied();
        Ok(committed)
    }
}

impl Object {
    fn new(bytes: Bytes, token: String) -> Self {
        let checksum = Checksum::of(ALGORITHM, &bytes);
        Object { bytes, token, etag: Token::random().to_string(), checksum, modified: SystemTime::now() }
    }

    fn info(&self, key: &str) -> ObjectInfo {
        let mut info = ObjectInfo::new(key, self.bytes.len() as u64);
        info.modified = Some(self.modified);
        info.etag = Some(self.etag.clone());
        info.token = Some(self.token.clone());
        info.checksum = Some(self.checksum.to_be_bytes());
        info
    }

    fn committed(&self) -> Committed {
        let mut committed = Committed::new(Some(self.etag.clone()));
        committed.checksum = Some(self.checksum.to_be_bytes());
        committed.at = Some(self.modified);
        committed
    }

    /// Whether it is the one that `info` describes.
    fn is(&self, info: &ObjectInfo) -> bool {
        match &info.etag {
            Some(etag) => *etag == self.etag,
            None => info.token.as_ref() == Some(&self.token),
        }
    }
}

fn failed(kind: ErrorKind, operation: &'static str, key: &Key, reason: &str) -> Error {
    Error::new(kind, operation, format!("memory:/{key}"), reason)
}

fn not_found(operation: &'static str, key: &Key) -> Error {
    failed(ErrorKind::NotFound, operation, key, "there is none")
}

async fn collect(operation: &'static str, key: &Key, payload: &Payload) -> Result<Bytes> {
    let pieces: Vec<Bytes> = payload
        .stream()
        .try_collect()
        .await
        .map_err(|error| failed(ErrorKind::Io, operation, key, &error.to_string()))?;
    Ok(pieces.concat().into())
}

#[async_trait]
impl ObjectStore for MemoryStore {
    fn url(&self) -> String {
        "memory:".into()
    }

    fn part_policy(&self) -> PartPolicy {
        PartPolicy {
            max_parts: 10_000,
            max_part: 64 * MIB,
            max_object: 64 * 10_000 * MIB,
            growth: Growth::Equal { size: 2 * MIB },
            max_in_flight: 16,
        }
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ALGORITHM
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        let bytes = collect("put", key, &payload).await?;
        self.commit(key, bytes, options, attempts)
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        let attempt = attempts.begin();
        let id = Token::random().to_string();
        let unfinished = Unfinished { key: key.clone(), parts: BTreeMap::new(), touched: Instant::now() };
        self.state().uploads.insert(id.clone(), unfinished);
        attempt.sent();
        attempt.applied();
        Ok(Box::new(MemoryUpload { store: self.clone(), key: key.clone(), options: options.clone(), id }))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let state = self.state();
        let object = state.objects.get(key.as_ref()).ok_or_else(|| not_found("look at", key))?;
        Ok(object.info(key.as_ref()))
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        let state = self.state();
        let object = state.objects.get(key.as_ref()).ok_or_else(|| not_found("read", key))?;
        let (bytes, (from, to)) = (&object.bytes, (range.start as usize, range.end as usize));
        if etag.is_some_and(|etag| etag != object.etag) || from > to || to > bytes.len() {
            return Err(Error::changed_while_read(format!("memory:/{key}")));
        }
        Ok(bytes.slice(from..to))
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        let state = self.state();
        let after = page.unwrap_or_default();
        let mut below = state.objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
        let objects: Vec<ObjectInfo> =
            below.by_ref().take(OBJECTS_OF_A_PAGE).map(|(key, object)| object.info(key)).collect();
        let next = below.next().and_then(|_| objects.last()).map(|last| last.key.clone());
        Ok(Page::new(objects, next))
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        let mut state = self.state();
        if let (Some(only), Some(object)) = (only, state.objects.get(key.as_ref()))
            && !object.is(only)
        {
            return Ok(Removal::Another);
        }
        state.objects.remove(key.as_ref());
        Ok(Removal::Gone)
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.delete(key, Some(info)).await
    }

    async fn rename(&self, from: &Key, to: &Key) -> Result<bool> {
        let mut state = self.state();
        let object = state.objects.remove(from.as_ref()).ok_or_else(|| not_found("move", from))?;
        state.objects.insert(to.to_string(), object);
        Ok(true)
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, _work: &Work) -> Result<Committed> {
        let mut state = self.state();
        let object = state.objects.get(from.as_ref()).ok_or_else(|| not_found("copy", from))?;
        if !object.is(info) {
            return Err(failed(ErrorKind::Changed, "copy", from, "it is another by now"));
        }
        let copy = Object::new(object.bytes.clone(), object.token.clone());
        let committed = copy.committed();
        state.objects.insert(to.to_string(), copy);
        Ok(committed)
    }

    async fn leftovers(&self, prefix: &str, _: Option<&str>) -> Result<Leftovers> {
        let mut leftovers = Leftovers::default();
        for (id, upload) in &self.state().uploads {
            if upload.key.as_ref().starts_with(prefix) {
                let mut leftover = Leftover::new(upload.key.as_ref(), id, Origin::Sealift);
                leftover.idle = upload.touched.elapsed();
                leftover.bytes = upload.parts.values().map(|part| part.len() as u64).sum();
                leftovers.found.push(leftover);
            }
        }
        Ok(leftovers)
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        let mut state = self.state();
        let idle = state.uploads.get(&leftover.id).map(|upload| upload.touched.elapsed());
        if idle.is_some_and(|idle| idle < leftover.idle) {
            return Err(Error::new(ErrorKind::Changed, "remove a leftover of", &leftover.key, "it is alive"));
        }
        state.uploads.remove(&leftover.id);
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryUpload {
    store: MemoryStore,
    key: Key,
    options: CommitOptions,
    id: String,
}

#[async_trait]
impl Upload for MemoryUpload {
    fn id(&self) -> &str {
        &self.id
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let bytes = collect("put a part of", &self.key, &payload).await?;
        let mut state = self.store.state();
        let upload = state.uploads.get_mut(&self.id).ok_or_else(|| not_found("put a part of", &self.key))?;
        upload.parts.insert(number, bytes);
        upload.touched = Instant::now();
        Ok(PartReceipt::new(number, number.to_string(), payload.checksum()))
    }

    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let bytes = {
            let state = self.store.state();
            let upload = state.uploads.get(&self.id).ok_or_else(|| not_found("complete", &self.key))?;
            upload.parts.values().cloned().collect::<Vec<_>>().concat()
        };
        let (theirs, ours) = (whole.to_be_bytes(), Checksum::of(ALGORITHM, &bytes).to_be_bytes());
        if theirs != ours {
            let reason = format!("its {} parts are not what the {} told make", parts.len(), parts.len());
            return Err(failed(ErrorKind::Corrupt, "complete", &self.key, &reason));
        }
        let committed = self.store.commit(&self.key, bytes.into(), &self.options, attempts)?;
        self.store.state().uploads.remove(&self.id);
        Ok(committed)
    }

    async fn abort(&self) -> Result<()> {
        self.store.state().uploads.remove(&self.id);
        Ok(())
    }
}
