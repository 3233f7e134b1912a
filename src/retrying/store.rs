//! An object store whose requests are tried again.

use super::upload::RetryingUpload;
use crate::attempts::{Attempts, Effect};
use crate::checksum::ChecksumAlgorithm;
use crate::error::{Error, ErrorKind, Result};
use crate::examined::Examined;
use crate::left_behind::LeftBehind;
use crate::name::Key;
use crate::object::{CommitOptions, Committed, Home, Leftover, Leftovers, ObjectInfo, Page, Removal};
use crate::object_store::{ObjectStore, Upload};
use crate::part_policy::PartPolicy;
use crate::payload::Payload;
use crate::retry::{Retry, RetryPolicy};
use crate::work::Work;
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A store around another: what fails in passing is tried again, by a [`RetryPolicy`]. A [`Bucket`](crate::Bucket) puts one
/// around the store it is given; you need it only to call an adapter by itself. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RetryingStore {
    store: Arc<dyn ObjectStore>,
    retry: Retry,
}

impl RetryingStore {
    /// `store`, with its requests tried again by `policy`.
    pub fn new(store: impl ObjectStore, policy: RetryPolicy) -> Self {
        RetryingStore::of(Arc::new(store), Retry::new(policy, CancellationToken::new()))
    }

    pub(crate) fn of(store: Arc<dyn ObjectStore>, retry: Retry) -> Self {
        RetryingStore { store, retry }
    }

    pub(crate) fn with_retry(&self, retry: Retry) -> Self {
        RetryingStore { store: Arc::clone(&self.store), retry }
    }

    /// The error for a key that the service has no object of.
    fn check_name(&self, key: &Key) -> Result<()> {
        self.refused(key, self.store.refuses_name(key))
    }

    /// The error for a key that nothing is stored by.
    pub(crate) fn check_new_name(&self, key: &Key) -> Result<()> {
        key.check_new()?;
        self.check_name(key)?;
        self.refused(key, self.store.refuses_new_name(key))
    }

    fn refused(&self, key: &Key, why: Option<&'static str>) -> Result<()> {
        let Some(why) = why else { return Ok(()) };
        let error = Error::new(ErrorKind::InvalidName, "use the name", format!("{}/{key}", self.url()), why);
        Err(error.with_hint("choose another name; nothing was read, stored or removed"))
    }

    /// The same store, with requests tried again for no longer than `limit`.
    pub(crate) fn tried_for(&self, limit: Duration) -> Self {
        self.with_retry(self.retry.at_most(limit))
    }

    /// The store whose requests are sent once.
    pub(crate) fn once(&self) -> &dyn ObjectStore {
        &*self.store
    }

    /// The same store for what cleans up after a failure: see [`Retry::cleaning`].
    pub(crate) fn cleaning(&self) -> Self {
        self.with_retry(self.retry.cleaning())
    }
}

// A method with a default that is not handed on would silently be another store's.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ObjectStore for RetryingStore {
    fn url(&self) -> String {
        self.store.url()
    }

    fn refuses_name(&self, key: &Key) -> Option<&'static str> {
        self.store.refuses_name(key)
    }

    fn refuses_new_name(&self, key: &Key) -> Option<&'static str> {
        self.store.refuses_new_name(key)
    }

    fn part_policy(&self) -> PartPolicy {
        self.store.part_policy()
    }

    fn slow_downs(&self) -> u64 {
        self.store.slow_downs()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        self.store.checksum_algorithm()
    }

    fn puts_in_one_step(&self) -> bool {
        self.store.puts_in_one_step()
    }

    /// An attempt after one that was lost sends the same object, with the same token; who commits it settles which of them
    /// took effect.
    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        self.check_new_name(key)?;
        let left = Mutex::new(Vec::new());
        let stored = self.retry.run(async || {
            let stored = self.store.put(key, payload.clone(), options, attempts).await;
            stored.inspect_err(|error| {
                left.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(error.left_behind());
            })
        });
        let stored = stored.await;
        let mut left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
        match stored {
            Ok(mut committed) => {
                committed.left_behind.append(&mut left);
                Ok(committed)
            }
            Err(error) => Err(error.with_left_behind(left)),
        }
    }

    /// Each attempt may leave an upload of its own. What those may have left that told none is told by the upload
    /// ([`Upload::left_beside`]), or by the error.
    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        self.check_new_name(key)?;
        let began = Instant::now();
        let started = self.retry.run(|| self.store.start(key, options, attempts)).await;
        let known = started.as_ref().ok().map(|upload| upload.id());
        let beside = self.lost_starts(key, options, began.elapsed(), attempts.effect(), known).await;
        match started {
            Ok(upload) => Ok(Box::new(RetryingUpload::new(upload, self.retry.clone(), beside))),
            Err(error) => Err(error.with_left_behind(beside)),
        }
    }

    async fn lost_starts(
        &self,
        key: &Key,
        options: &CommitOptions,
        since: Duration,
        effect: Effect,
        known: Option<&str>,
    ) -> Vec<LeftBehind> {
        self.store.lost_starts(key, options, since, effect, known).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        self.check_name(key)?;
        self.retry.run(|| self.store.head(key)).await
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        self.check_name(key)?;
        let counts = self.retry.counts();
        let _in_flight = counts.read();
        let bytes = self.retry.run(|| self.store.get(key, range.clone(), etag)).await?;
        counts.came(bytes.len() as u64);
        Ok(bytes)
    }

    async fn check_place(&self) -> Result<()> {
        self.store.check_place().await
    }

    /// Sent once: who asks goes the longer way after an error, and that is tried again.
    async fn get_whole(&self, key: &Key, size: u64) -> Result<Option<(ObjectInfo, Bytes)>> {
        self.check_name(key)?;
        let counts = self.retry.counts();
        let _in_flight = counts.read();
        let whole = self.store.get_whole(key, size).await?;
        counts.came(whole.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64));
        Ok(whole)
    }

    async fn head_version(&self, key: &Key, version: &str) -> Result<ObjectInfo> {
        self.check_name(key)?;
        self.retry.run(|| self.store.head_version(key, version)).await
    }

    async fn get_version(&self, key: &Key, version: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        self.check_name(key)?;
        self.retry.run(|| self.store.get_version(key, version, range.clone(), etag)).await
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        self.retry.run(|| self.store.list(prefix, page)).await
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        self.check_name(key)?;
        self.retry.run(|| self.store.delete(key, only)).await
    }

    fn deletes_at_once(&self) -> usize {
        self.store.deletes_at_once()
    }

    /// One that the service has no object of is an error of its own. Of those that were not removed, for a reason that passes,
    /// each is tried again by itself.
    async fn delete_many(&self, keys: &[Key]) -> Result<Vec<Result<()>>> {
        let mut removed: Vec<_> = keys.iter().map(|key| self.check_name(key)).collect();
        let asked: Vec<usize> = (0..keys.len()).filter(|&at| removed[at].is_ok()).collect();
        let named: Vec<Key> = asked.iter().map(|&at| keys[at].clone()).collect();
        let mut answers = self.retry.run(|| self.store.delete_many(&named)).await?.into_iter();
        for at in asked {
            removed[at] = match answers.next() {
                Some(Err(error)) if error.passing().is_none() => Err(error),
                Some(Ok(())) => Ok(()),
                // Nor is one taken to be gone that no answer is about.
                Some(Err(_)) | None => self.delete(&keys[at], None).await.map(drop),
            };
        }
        Ok(removed)
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.retry.run(|| self.store.retract(key, info)).await
    }

    fn retracting_restores(&self, info: &ObjectInfo) -> bool {
        self.store.retracting_restores(info)
    }

    async fn rename(&self, from: &Key, to: &Key) -> Result<bool> {
        self.check_name(from)?;
        self.check_new_name(to)?;
        self.store.rename(from, to).await
    }

    /// Not tried again in whole: its steps are, by [`Work::retry`].
    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        self.check_name(from)?;
        self.check_new_name(to)?;
        self.store.copy(from, info, to, work).await
    }

    fn home(&self) -> Option<Home> {
        self.store.home()
    }

    /// Not tried again in whole, as [`copy`](Self::copy).
    async fn copy_from(&self, bucket: &str, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        self.check_name(from)?;
        self.check_new_name(to)?;
        self.store.copy_from(bucket, from, info, to, work).await
    }

    /// Tried again also where one of them failed in passing; if that one does not pass, the others are told all the same.
    async fn leftovers(&self, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
        let last = Mutex::new(None);
        let keep = |leftovers| *last.lock().unwrap_or_else(PoisonError::into_inner) = leftovers;
        let looked = self.retry.run(async || {
            keep(None);
            let leftovers = self.store.leftovers(prefix, page).await?;
            let Some(passing) = leftovers.unread.iter().find(|unread| unread.error.passing().is_some()) else {
                return Ok(leftovers);
            };
            let error = passing.error.clone();
            keep(Some(leftovers));
            Err(error)
        });
        let looked = looked.await;
        let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
        looked.or_else(|error| last.ok_or(error))
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        self.retry.run(|| self.store.remove_leftover(leftover)).await
    }

    fn examined(&self) -> Option<&dyn Examined> {
        self.store.examined()
    }
}
