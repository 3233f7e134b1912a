//! A cloud, on its emulator: gzip, below a prefix, in the smallest parts.

use async_trait::async_trait;
use sealift::{Archive, BackupStorage, Codec, Error, Level};
use sealift_conformance::{Backend, Traits};
use sealift_tests::cloud::{Cloud, PART};
use std::sync::Arc;

const PREFIX: &str = "conformance/archive";

pub(crate) struct Native<C> {
    remote: C,
    archive: Archive,
}

#[async_trait]
impl<C: Cloud> Backend for Native<C> {
    async fn open() -> Self {
        let remote = C::new("conformance").await;
        let store = C::connect(remote.name(), remote.endpoint()).await;
        Native { archive: super::archive(store, Codec::Gzip(Level::default()), PREFIX), remote }
    }

    fn traits(&self) -> Traits {
        // An upload under way is the service's, and only a request can end it.
        Traits {
            part: Some(PART),
            cleans_up_without_runtime: false,
            takes_back: false,
            // What uploads share, a late part of one that was given up adds to.
            refuses_late_parts: C::keeps_uploads_apart(),
            ..Traits::ALL
        }
    }

    fn storage(&self) -> Arc<dyn BackupStorage> {
        Arc::new(self.archive.clone())
    }

    async fn close(&self) -> Result<(), Vec<Error>> {
        self.archive.bucket().close().await
    }

    async fn is_idle(&self) -> bool {
        super::is_idle(self.archive.bucket())
    }

    async fn files(&self) -> Vec<String> {
        let handle = |key: String| match key.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/')) {
            Some(handle) => handle.to_owned(),
            None => panic!("{key} is not below the prefix"),
        };
        self.remote.objects().await.into_iter().map(handle).collect()
    }

    async fn stored_len(&self, file: &str) -> usize {
        self.remote.get(&format!("{PREFIX}/{file}")).await.expect("there").len()
    }

    async fn unfinished(&self) -> Vec<String> {
        let uploads = self.remote.unfinished().await;
        uploads.into_iter().map(|(key, id)| format!("upload {id} of {key}")).collect()
    }
}
