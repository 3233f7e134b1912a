//! The emulator's own view of a bucket, through a client of the tests' own: what is really there.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use bytes::Bytes;
use std::path::PathBuf;

/// The AWS command line that comes with the emulator.
pub fn aws() -> PathBuf {
    let aws = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../localstack/.state/venv/bin/aws");
    assert!(aws.exists(), "{} is missing: run ./localstack/up", aws.display());
    aws
}

/// The S3 emulator.
#[derive(Debug)]
pub struct TestS3 {
    client: Client,
    endpoint: String,
}

impl TestS3 {
    /// The emulator at `SEALIFT_TEST_S3_ENDPOINT`, or where `localstack/up` starts it.
    pub async fn new() -> Self {
        let endpoint = std::env::var("SEALIFT_TEST_S3_ENDPOINT").unwrap_or_else(|_| "http://127.0.0.1:4566".into());
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&endpoint)
            .force_path_style(true)
            .build();
        TestS3 { client: Client::from_conf(config), endpoint }
    }

    /// A new bucket, whose name begins with `prefix`.
    pub async fn bucket(self, prefix: &str) -> TestBucket {
        let name = format!("{prefix}-{:016x}", rand::random::<u64>());
        let made = self.client.create_bucket().bucket(&name).send().await;
        if let Err(error) = made {
            panic!("no S3 emulator at {}: run ./localstack/up first ({error:?})", self.endpoint);
        }
        TestBucket { name, s3: self }
    }
}

/// A bucket of one test.
#[derive(Debug)]
pub struct TestBucket {
    /// Its name.
    pub name: String,
    s3: TestS3,
}

impl TestBucket {
    /// The emulator's URL.
    pub fn endpoint(&self) -> &str {
        &self.s3.endpoint
    }

    /// The keys of all objects.
    pub async fn objects(&self) -> Vec<String> {
        let listed = self.s3.client.list_objects_v2().bucket(&self.name).send().await.expect("listed");
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// Key and id of all incomplete uploads.
    pub async fn uploads(&self) -> Vec<(String, String)> {
        let listed = self.s3.client.list_multipart_uploads().bucket(&self.name).send().await.expect("listed");
        let name = |upload: &aws_sdk_s3::types::MultipartUpload| {
            Some((upload.key()?.to_owned(), upload.upload_id()?.to_owned()))
        };
        listed.uploads().iter().filter_map(name).collect()
    }

    /// An object's stored bytes.
    pub async fn get(&self, key: &str) -> Option<Bytes> {
        let object = self.s3.client.get_object().bucket(&self.name).key(key).send().await.ok()?;
        Some(object.body.collect().await.expect("read").into_bytes())
    }

    /// Stores an object.
    pub async fn put(&self, key: &str, bytes: Bytes) {
        self.s3.client.put_object().bucket(&self.name).key(key).body(bytes.into()).send().await.expect("stored");
    }

    /// Starts an upload as another program would, with one part, and leaves it.
    pub async fn start_upload(&self, key: &str) -> String {
        let started = self.s3.client.create_multipart_upload().bucket(&self.name).key(key).send().await;
        let id = started.expect("started").upload_id.expect("an id");
        let part = self.s3.client.upload_part().bucket(&self.name).key(key).upload_id(&id).part_number(1);
        part.body(vec![7; 5 << 20].into()).send().await.expect("stored");
        id
    }

    /// Asserts that there is no object and no incomplete upload.
    pub async fn assert_untouched(&self) {
        assert_eq!(self.objects().await, Vec::<String>::new(), "no object");
        assert_eq!(self.uploads().await, Vec::new(), "no incomplete upload");
    }
}
