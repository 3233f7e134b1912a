//! The objects that are there, and what is left of others: looked at, listed, removed, moved.

use super::Bucket;
use crate::error::Result;
use crate::leftovers;
use crate::listing;
use crate::moving;
use crate::name::Key;
use crate::object::{Leftover, Leftovers, ObjectInfo, Removal};
use crate::object_store::ObjectStore;
use futures::stream::{Stream, TryStreamExt};
use std::sync::Arc;
use std::time::Duration;

impl Bucket {
    /// What is stored under `key`. Cancel-safe.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), or what else the service says.
    pub async fn stat(&self, key: &Key) -> Result<ObjectInfo> {
        self.store.head(key).await
    }

    /// What a version is that the bucket keeps. Cancel-safe.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no such version,
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) where the storage keeps none, or what else the service
    /// says.
    pub async fn stat_version(&self, key: &Key, version: &str) -> Result<ObjectInfo> {
        self.store.head_version(key, version).await
    }

    /// The object `name` and all that are below the folder of that name, or with an empty name all, in key order, page by
    /// page as the stream is read: `while let Some(object) = listed.try_next().await?`, with `futures::TryStreamExt` and
    /// the stream pinned by `std::pin::pin!`. By whole names: what is only called alike (`db2` beside `db`) is not among them. A service
    /// that sends the same page for ever is an error.
    pub fn list(&self, name: &str) -> impl Stream<Item = Result<ObjectInfo>> + Send + use<> {
        listing::list(Arc::clone(&self.store), name)
    }

    /// Removes the object. No error when it is not there.
    ///
    /// # Errors
    /// What the service says.
    pub async fn remove(&self, key: &Key) -> Result<()> {
        self.store.delete(key, None).await.map(drop)
    }

    /// How many objects [`remove_many`](Self::remove_many) removes by one request: 1 where the service has none for several.
    pub fn removals_at_once(&self) -> usize {
        self.store.deletes_at_once()
    }

    /// Removes each of `keys`, by as few requests as the service has, and says in their order what became of them. No error of
    /// one that is not there.
    ///
    /// # Cancel safety
    /// Dropped, any of them may or may not have been removed.
    pub async fn remove_many(&self, keys: &[Key]) -> Vec<Result<()>> {
        let mut removed = Vec::with_capacity(keys.len());
        for keys in keys.chunks(self.removals_at_once()) {
            match self.store.delete_many(keys).await {
                Ok(of_each) => removed.extend(of_each),
                Err(error) => removed.extend(keys.iter().map(|_| Err(error.clone()))),
            }
        }
        removed
    }

    /// Removes the object as long as it is the one that `info` describes, which [`stat`](Self::stat) has told. No error when
    /// it is not there.
    ///
    /// # Errors
    /// What the service says.
    ///
    /// # Cancel safety
    /// Dropped, it may or may not have been removed.
    pub async fn remove_only(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.store.delete(key, Some(info)).await
    }

    /// Moves an object within the store. `from` stays until `to` is proven to be the same, and is removed only as long as
    /// it still holds what was copied.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), or what else the service says. The error names a copy that stands
    /// beside the original.
    ///
    /// # Cancel safety
    /// The move goes on when the future is dropped; [`close`](Self::close) stops it, waits for its end, and tells what it
    /// left.
    pub async fn rename(&self, from: &Key, to: &Key) -> Result<()> {
        let (store, from, to) = (Arc::clone(&self.store), from.clone(), to.clone());
        let location = format!("{}/{from}", self.url());
        self.shutdown
            .own("move", location, move |work| async move { moving::rename(&*store, &from, &to, &work).await })
            .await
    }

    /// What crashes left of the object `name` and below the folder of that name, as [`list`](Self::list) takes it, and nothing
    /// has happened to for `older_than`: page by page as the stream is read. A service that comes back to a page is an error.
    ///
    /// # Errors
    /// What the service says of a page; what it says of one of them is in [`Leftovers::unread`].
    pub fn list_leftovers(
        &self,
        name: &str,
        older_than: Duration,
    ) -> impl Stream<Item = Result<Leftovers>> + Send + use<> {
        leftovers::list(Arc::clone(&self.store), name, older_than)
    }

    /// All of [`list_leftovers`](Self::list_leftovers) at once.
    ///
    /// # Errors
    /// As there.
    pub async fn leftovers(&self, name: &str, older_than: Duration) -> Result<Leftovers> {
        let pages = self.list_leftovers(name, older_than);
        let all = pages.try_fold(Leftovers::default(), async |mut all, page| {
            all.add(page);
            Ok(all)
        });
        all.await
    }

    /// Removes one of the [`leftovers`](Self::leftovers).
    ///
    /// # Errors
    /// [`ErrorKind::Changed`](crate::ErrorKind::Changed) when it turns out to be alive; it is left alone then.
    ///
    /// # Cancel safety
    /// The removal goes on when the future is dropped.
    pub async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        let (store, leftover) = (Arc::clone(&self.store), leftover.clone());
        let location = format!("{}/{}", self.url(), leftover.key);
        let removed = self
            .shutdown
            .own("remove a leftover of", location, move |_| async move { store.remove_leftover(&leftover).await });
        removed.await
    }
}
