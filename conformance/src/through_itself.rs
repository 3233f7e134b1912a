//! Any object store, looked at through itself.

use crate::backend::{Backend, Traits};
use async_trait::async_trait;
use sealift::{
    Archive, BackupStorage, Bucket, Budget, Codec, Compressor, Error, Growth, Key, Level, ObjectStore, PartPolicy,
};
use std::num::NonZeroUsize;
use std::sync::Arc;

const PREFIX: &str = "conformance/archive";

/// Makes the stores of an adapter that are tested. The value lives as long as its test: it may hold what the store
/// needs, such as a folder that is removed when it is dropped.
#[async_trait]
pub trait NewStore: Send + Sync + 'static {
    /// A new store without objects, which nobody else uses.
    async fn new() -> Self
    where
        Self: Sized;

    /// The store.
    fn store(&self) -> Arc<dyn ObjectStore>;

    /// What it does not promise. Unless said otherwise it promises what a service can: an upload under way is the
    /// service's, so a runtime that ends leaves it, and an object that was sealed in the last moment may stand.
    fn traits(&self) -> Traits {
        let part = first_part(self.store().part_policy());
        Traits { part: Some(part), cleans_up_without_runtime: false, takes_back: false, ..Traits::ALL }
    }
}

/// The size of the first part in the memory of these tests, which is the command line's.
fn first_part(policy: PartPolicy) -> usize {
    let size = match policy.growth {
        Growth::Equal { size } => size,
        Growth::Growing { first, least } => (Budget::DEFAULT / 24).max(least).min(first),
    };
    size as usize
}

/// An archive over a new store, with gzip and below a prefix. What it holds is what the store lists, and what is
/// unfinished is what it tells as leftovers.
pub struct ThroughItself<N> {
    new: N,
    store: Arc<dyn ObjectStore>,
    archive: Archive,
}

#[async_trait]
impl<N: NewStore> Backend for ThroughItself<N> {
    async fn open() -> Self {
        let new = N::new().await;
        let store = new.store();
        let compressor = Compressor::new(Codec::Gzip(Level::default()), NonZeroUsize::new(2)).expect("threads");
        let budget = Budget::new(Budget::DEFAULT).expect("valid");
        let bucket = Bucket::new(Arc::clone(&store), Arc::new(compressor), budget);
        ThroughItself { new, store, archive: Archive::new(bucket, PREFIX).expect("a prefix") }
    }

    fn traits(&self) -> Traits {
        self.new.traits()
    }

    fn storage(&self) -> Arc<dyn BackupStorage> {
        Arc::new(self.archive.clone())
    }

    async fn close(&self) -> Result<(), Vec<Error>> {
        self.archive.bucket().close().await
    }

    async fn is_idle(&self) -> bool {
        self.archive.bucket().under_way().iter().all(|work| work.has_ended)
    }

    async fn files(&self) -> Vec<String> {
        let (mut files, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.list("", after.as_deref()).await.expect("listed");
            files.extend(page.objects.iter().map(|object| match object.key.strip_prefix(PREFIX) {
                Some(handle) => handle.trim_start_matches('/').to_owned(),
                None => panic!("{} is not below the prefix", object.key),
            }));
            after = page.next;
            if after.is_none() {
                return files;
            }
        }
    }

    async fn stored_len(&self, file: &str) -> usize {
        let key: Key = format!("{PREFIX}/{file}").parse().expect("a key");
        self.store.head(&key).await.expect("there").size as usize
    }

    async fn unfinished(&self) -> Vec<String> {
        let (mut unfinished, mut after) = (Vec::new(), None);
        loop {
            let mut page = self.store.leftovers("", after.as_deref()).await.expect("told");
            after = page.next.take();
            let found = page.all().expect("all looked at");
            unfinished.extend(found.iter().map(|leftover| format!("{} of {}", leftover.id, leftover.key)));
            if after.is_none() {
                return unfinished;
            }
        }
    }
}
