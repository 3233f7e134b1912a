//! A store behind a pointer is a store: what is opened by a configuration is a `Box<dyn ObjectStore>`, and what several
//! own is an `Arc`.

use crate::attempts::{Attempts, Effect};
use crate::checksum::ChecksumAlgorithm;
use crate::error::Result;
use crate::examined::Examined;
use crate::left_behind::LeftBehind;
use crate::name::Key;
use crate::object::{CommitOptions, Committed, Home, Leftover, Leftovers, ObjectInfo, Page, Removal};
use crate::object_store::{ObjectStore, Upload};
use crate::part_policy::PartPolicy;
use crate::payload::Payload;
use crate::work::Work;
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

macro_rules! delegate {
    ($pointer:ident) => {
        // A method with a default that is not handed on would silently be another store's.
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: ObjectStore + ?Sized> ObjectStore for $pointer<T> {
            fn url(&self) -> String {
                (**self).url()
            }

            fn refuses_name(&self, key: &Key) -> Option<&'static str> {
                (**self).refuses_name(key)
            }

            fn refuses_new_name(&self, key: &Key) -> Option<&'static str> {
                (**self).refuses_new_name(key)
            }

            async fn check_place(&self) -> Result<()> {
                (**self).check_place().await
            }

            fn part_policy(&self) -> PartPolicy {
                (**self).part_policy()
            }

            fn slow_downs(&self) -> u64 {
                (**self).slow_downs()
            }

            fn checksum_algorithm(&self) -> ChecksumAlgorithm {
                (**self).checksum_algorithm()
            }

            fn puts_in_one_step(&self) -> bool {
                (**self).puts_in_one_step()
            }

            async fn put(
                &self,
                key: &Key,
                payload: Payload,
                options: &CommitOptions,
                attempts: &Attempts,
            ) -> Result<Committed> {
                (**self).put(key, payload, options, attempts).await
            }

            async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
                (**self).start(key, options, attempts).await
            }

            async fn lost_starts(
                &self,
                key: &Key,
                options: &CommitOptions,
                since: Duration,
                effect: Effect,
                known: Option<&str>,
            ) -> Vec<LeftBehind> {
                (**self).lost_starts(key, options, since, effect, known).await
            }

            async fn head(&self, key: &Key) -> Result<ObjectInfo> {
                (**self).head(key).await
            }

            async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
                (**self).get(key, range, etag).await
            }

            async fn get_whole(&self, key: &Key, size: u64) -> Result<Option<(ObjectInfo, Bytes)>> {
                (**self).get_whole(key, size).await
            }

            async fn head_version(&self, key: &Key, version: &str) -> Result<ObjectInfo> {
                (**self).head_version(key, version).await
            }

            async fn get_version(
                &self,
                key: &Key,
                version: &str,
                range: Range<u64>,
                etag: Option<&str>,
            ) -> Result<Bytes> {
                (**self).get_version(key, version, range, etag).await
            }

            async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
                (**self).list(prefix, page).await
            }

            async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
                (**self).delete(key, only).await
            }

            fn deletes_at_once(&self) -> usize {
                (**self).deletes_at_once()
            }

            async fn delete_many(&self, keys: &[Key]) -> Result<Vec<Result<()>>> {
                (**self).delete_many(keys).await
            }

            async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
                (**self).retract(key, info).await
            }

            fn retracting_restores(&self, info: &ObjectInfo) -> bool {
                (**self).retracting_restores(info)
            }

            async fn rename(&self, from: &Key, to: &Key) -> Result<bool> {
                (**self).rename(from, to).await
            }

            async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
                (**self).copy(from, info, to, work).await
            }

            fn home(&self) -> Option<Home> {
                (**self).home()
            }

            async fn copy_from(
                &self,
                bucket: &str,
                from: &Key,
                info: &ObjectInfo,
                to: &Key,
                work: &Work,
            ) -> Result<Committed> {
                (**self).copy_from(bucket, from, info, to, work).await
            }

            async fn leftovers(&self, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
                (**self).leftovers(prefix, page).await
            }

            async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
                (**self).remove_leftover(leftover).await
            }

            fn examined(&self) -> Option<&dyn Examined> {
                (**self).examined()
            }
        }
    };
}

delegate!(Arc);
delegate!(Box);

#[cfg(test)]
mod tests {
    use crate::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_store_behind_any_pointer_is_the_same_store() {
        let memory = MemoryStore::new();
        let stores: [Box<dyn ObjectStore>; 3] = [
            Box::new(memory.clone()),
            Box::new(Arc::new(memory.clone())),
            Box::new(Arc::new(memory.clone()) as Arc<dyn ObjectStore>),
        ];
        for (n, store) in stores.into_iter().enumerate() {
            let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
            let bucket = Bucket::new(store, compressor, Budget::new(Budget::MIN).expect("valid"));
            let key: Key = format!("a{n}").parse().expect("a key");
            bucket.put(&key, "content".into(), IfExists::Fail).await.expect("stored");
            assert_eq!(memory.object(key.as_ref()).expect("there"), "content");
            bucket.rename(&key, &"b".parse().expect("a key")).await.expect("moved");
            assert!(memory.object(key.as_ref()).is_none());
        }
    }
}
