//! S3, on the emulator: gzip, below a prefix, in the smallest parts that S3 takes.

use crate::backend::{Backend, Traits};
use async_trait::async_trait;
use sealift::{Archive, BackupStorage, Codec, Error, Level};
use sealift_s3::aws_credential_types::Credentials;
use sealift_s3::aws_credential_types::provider::SharedCredentialsProvider;
use sealift_s3::{S3Options, S3Store};
use sealift_tests::s3::{TestBucket, TestS3};
use std::sync::Arc;

const PREFIX: &str = "conformance/archive";
const PART: usize = 5 << 20;

pub(crate) struct S3Native {
    remote: TestBucket,
    archive: Archive,
}

#[async_trait]
impl Backend for S3Native {
    async fn open() -> Self {
        let remote = TestS3::new().await.bucket("conformance").await;
        let mut options = S3Options::new(&remote.name);
        options.endpoint_url = Some(remote.endpoint().to_owned());
        options.region = Some("us-east-1".into());
        options.part_size = Some(PART as u64);
        let keys = Credentials::new("test", "test", None, None, "tests");
        options.credentials = sealift_s3::Credentials::Provider(SharedCredentialsProvider::new(keys));
        let store = S3Store::connect(options).await.expect("connected");
        S3Native { archive: super::archive(store, Codec::Gzip(Level::default()), PREFIX), remote }
    }

    fn traits(&self) -> Traits {
        // An upload under way is the service's, and only a request can end it.
        Traits { part: Some(PART), cleans_up_without_runtime: false, ..Traits::ALL }
    }

    fn storage(&self) -> Arc<dyn BackupStorage> {
        Arc::new(self.archive.clone())
    }

    async fn close(&self) -> Result<(), Vec<Error>> {
        self.archive.bucket().close().await
    }

    async fn is_idle(&self) -> bool {
        self.archive.bucket().under_way().is_empty()
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
        let uploads = self.remote.uploads().await;
        uploads.into_iter().map(|(key, id)| format!("upload {id} of {key}")).collect()
    }
}
