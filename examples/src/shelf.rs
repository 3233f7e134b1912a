//! A whole adapter, for a storage that keeps objects in a map: put in its place what your storage does.

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use sealift::{
    Attempts, Checksum, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, Growth, IfExists, Key, Leftover,
    Leftovers, ObjectInfo, ObjectStore, Origin, Page, PartPolicy, PartReceipt, Payload, Removal, Result, Token, Upload,
    Work,
};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Objects by key. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Shelf(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    objects: BTreeMap<String, Object>,
    /// The parts of uploads, by the id of the upload.
    uploads: BTreeMap<String, (Key, BTreeMap<u32, Bytes>)>,
}

#[derive(Debug, Clone)]
struct Object {
    bytes: Bytes,
    /// Kept with the object: by it a commit is recognised whose answer was lost. It serves as the ETag here, too.
    token: String,
}

impl Shelf {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an object visible, in one step with the decision about what is there.
    fn commit(&self, key: &Key, bytes: Bytes, options: &CommitOptions, attempts: &Attempts) -> Result<Committed> {
        // An attempt is accounted for before it is sent, and then by its answer: what was sent and not answered may
        // still take effect. Nothing is sent here, so the answers come at once.
        let attempt = attempts.begin();
        let mut content = self.content();
        if options.if_exists == IfExists::Fail && content.objects.contains_key(key.as_ref()) {
            attempt.refused();
            return Err(failed(ErrorKind::AlreadyExists, "commit", key, "it exists"));
        }
        let object = Object { bytes, token: options.token.to_string() };
        let mut committed = Committed::new(Some(object.token.clone()));
        committed.checksum = Some(object.checksum());
        content.objects.insert(key.to_string(), object);
        attempt.sent();
        attempt.applied();
        Ok(committed)
    }
}

impl Object {
    fn checksum(&self) -> Vec<u8> {
        Checksum::of(ChecksumAlgorithm::Crc64Nvme, &self.bytes).to_be_bytes()
    }

    fn info(&self, key: &str) -> ObjectInfo {
        let mut info = ObjectInfo::new(key, self.bytes.len() as u64);
        info.etag = Some(self.token.clone());
        info.token = Some(self.token.clone());
        info.checksum = Some(self.checksum());
        info
    }
}

/// What failed, where, and why. `with_passing` says that a failure may pass: then it is tried again, which is not the
/// adapter's to do.
fn failed(kind: ErrorKind, operation: &'static str, key: &Key, reason: &str) -> Error {
    Error::new(kind, operation, format!("shelf:/{key}"), reason)
}

async fn all_of(payload: &Payload, key: &Key) -> Result<Bytes> {
    let pieces: Vec<Bytes> =
        payload.stream().try_collect().await.map_err(|error| Error::io("put", key.as_ref(), error))?;
    Ok(pieces.concat().into())
}

#[async_trait]
impl ObjectStore for Shelf {
    fn url(&self) -> String {
        "shelf:".into()
    }

    fn part_policy(&self) -> PartPolicy {
        let growth = Growth::Equal { size: 1 << 20 };
        PartPolicy::new(growth).with_max_parts(10_000).with_max_object(10_000 << 20).with_max_in_flight(4)
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
        let bytes = all_of(&payload, key).await?;
        self.commit(key, bytes, options, attempts)
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        let (attempt, id) = (attempts.begin(), Token::random().to_string());
        self.content().uploads.insert(id.clone(), (key.clone(), BTreeMap::new()));
        attempt.sent();
        attempt.applied();
        Ok(Box::new(ShelfUpload { shelf: self.clone(), key: key.clone(), options: options.clone(), id }))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let content = self.content();
        let found = content.objects.get(key.as_ref()).map(|object| object.info(key.as_ref()));
        found.ok_or_else(|| failed(ErrorKind::NotFound, "look at", key, "there is none"))
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        let content = self.content();
        let missing = || failed(ErrorKind::NotFound, "read", key, "there is none");
        let object = content.objects.get(key.as_ref()).ok_or_else(missing)?;
        if etag.is_some_and(|etag| etag != object.token) {
            return Err(failed(ErrorKind::Changed, "read", key, "it is another by now"));
        }
        Ok(object.bytes.slice(range.start as usize..range.end as usize))
    }

    async fn list(&self, prefix: &str, _page: Option<&str>) -> Result<Page> {
        let content = self.content();
        let below = content.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(Page::new(below.map(|(key, object)| object.info(key)).collect(), None))
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        let mut content = self.content();
        let there = content.objects.get(key.as_ref()).map(|object| object.token.clone());
        if only.is_some_and(|only| there.is_some() && only.token != there) {
            return Ok(Removal::Another);
        }
        content.objects.remove(key.as_ref());
        Ok(Removal::Gone)
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.delete(key, Some(info)).await
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, _work: &Work) -> Result<Committed> {
        let mut content = self.content();
        let object = content.objects.get(from.as_ref()).filter(|object| info.token.as_ref() == Some(&object.token));
        let Some(object) = object.cloned() else {
            return Err(failed(ErrorKind::Changed, "copy", from, "it is another by now"));
        };
        let mut committed = Committed::new(None);
        committed.checksum = Some(object.checksum());
        content.objects.insert(to.to_string(), object);
        Ok(committed)
    }

    async fn leftovers(&self, prefix: &str, _: Option<&str>) -> Result<Leftovers> {
        let content = self.content();
        let below = content.uploads.iter().filter(|(_, (key, _))| key.as_ref().starts_with(prefix));
        let mut leftovers = Leftovers::default();
        leftovers.found.extend(below.map(|(id, (key, _))| Leftover::new(key.as_ref(), id, Origin::Sealift)));
        Ok(leftovers)
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        self.content().uploads.remove(&leftover.id);
        Ok(())
    }
}

/// An upload in parts: nothing is visible before it is complete.
#[derive(Debug)]
struct ShelfUpload {
    shelf: Shelf,
    key: Key,
    options: CommitOptions,
    id: String,
}

impl ShelfUpload {
    fn gone(&self) -> Error {
        failed(ErrorKind::NotFound, "upload", &self.key, "the upload was aborted")
    }
}

#[async_trait]
impl Upload for ShelfUpload {
    fn id(&self) -> &str {
        &self.id
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let bytes = all_of(&payload, &self.key).await?;
        let mut content = self.shelf.content();
        let (_, parts) = content.uploads.get_mut(&self.id).ok_or_else(|| self.gone())?;
        parts.insert(number, bytes);
        Ok(PartReceipt::new(number, number.to_string(), payload.checksum()))
    }

    async fn complete(&self, _parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let parts =
            self.shelf.content().uploads.get(&self.id).map(|(_, parts)| parts.clone()).ok_or_else(|| self.gone())?;
        let bytes: Bytes = parts.into_values().collect::<Vec<_>>().concat().into();
        if Checksum::of(ChecksumAlgorithm::Crc64Nvme, &bytes).to_be_bytes() != whole.to_be_bytes() {
            return Err(failed(ErrorKind::Corrupt, "complete", &self.key, "the parts are not the whole"));
        }
        let committed = self.shelf.commit(&self.key, bytes, &self.options, attempts)?;
        self.shelf.content().uploads.remove(&self.id);
        Ok(committed)
    }

    async fn abort(&self) -> Result<()> {
        self.shelf.content().uploads.remove(&self.id);
        Ok(())
    }
}
