//! What every test of this file needs: a bucket of its own on the emulator, a proxy that injects faults, a Sealift
//! bucket that talks through it, and the account of what was there before.

use sealift::{Bucket, Budget, Codec, Compressor, Error, IfExists, Key, Level, Sink};
use sealift_s3::aws_credential_types::Credentials;
use sealift_s3::aws_credential_types::provider::SharedCredentialsProvider;
use sealift_s3::{S3Options, S3Store};
use sealift_tests::leaks::Counts;
pub(crate) use sealift_tests::leaks::in_turn;
use sealift_tests::proxy::FaultProxy;
use sealift_tests::s3::{TestBucket, TestS3};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

/// Stored data of three parts: two full ones of 5 MiB and a last one.
pub(crate) const THREE_PARTS: usize = 12 << 20;

pub(crate) struct Scene {
    before: Counts,
    pub(crate) remote: TestBucket,
    pub(crate) proxy: FaultProxy,
    pub(crate) bucket: Bucket,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let before = Counts::now();
        let remote = TestS3::new().await.bucket("promise").await;
        let proxy = FaultProxy::start(remote.endpoint()).await;
        let bucket = open_bucket(&remote.name, &proxy.endpoint()).await;
        Scene { before, remote, proxy, bucket }
    }

    pub(crate) fn sink(&self, if_exists: IfExists) -> Sink {
        self.bucket.create(&key(), if_exists).expect("open")
    }

    /// A sink that has been given `len` bytes that do not compress.
    pub(crate) async fn filled(&self, len: usize) -> Sink {
        self.filled_sink(len).await
    }

    /// The same, for another runtime to make.
    pub(crate) fn filled_sink(&self, len: usize) -> impl Future<Output = Sink> + Send + use<> {
        let bucket = self.bucket.clone();
        async move {
            let mut sink = bucket.create(&key(), IfExists::Replace).expect("open");
            sink.write_all(&incompressible(len)).await.expect("written");
            sink
        }
    }

    /// Writes an object of `len` bytes to its end.
    pub(crate) async fn write(&self, len: usize, if_exists: IfExists) -> Result<sealift::Sealed, Error> {
        let mut sink = self.sink(if_exists);
        match sink.write_all(&incompressible(len)).await {
            Ok(()) => sink.seal().await,
            Err(error) => Err(Error::from_io(&error).expect("ours").clone()),
        }
    }

    /// Closes everything and asserts that nothing is left: no object, no upload, no child, no descriptor.
    pub(crate) async fn assert_nothing_left(self) {
        self.bucket.close().await.expect("nothing unheard");
        self.remote.assert_untouched().await;
        self.end().await;
    }

    /// Closes everything and asserts that this process is as it was.
    pub(crate) async fn end(self) {
        self.bucket.close().await.expect("nothing unheard");
        let Scene { before, remote, proxy, bucket } = self;
        drop((bucket, remote));
        proxy.shutdown().await;
        before.assert_as_before().await;
    }
}

pub(crate) async fn open_bucket(name: &str, endpoint: &str) -> Bucket {
    let store = S3Store::connect(options(name, endpoint)).await.expect("connected");
    let threads = NonZeroUsize::new(2);
    let compressor = Compressor::new(Codec::Gzip(Level::default()), threads).expect("threads");
    Bucket::new(store, Arc::new(compressor), Budget::new(Budget::DEFAULT).expect("valid"))
}

pub(crate) fn options(name: &str, endpoint: &str) -> S3Options {
    let mut options = S3Options::new(name);
    options.endpoint_url = Some(endpoint.to_owned());
    options.region = Some("us-east-1".into());
    options.part_size = Some(5 << 20);
    let keys = Credentials::new("test", "test", None, None, "tests");
    options.credentials = sealift_s3::Credentials::Provider(SharedCredentialsProvider::new(keys));
    options
}

pub(crate) fn key() -> Key {
    "backups/file".parse().expect("a key")
}

pub(crate) fn incompressible(len: usize) -> Vec<u8> {
    use rand::{RngExt, SeedableRng};
    let mut data = vec![0; len];
    rand::rngs::SmallRng::seed_from_u64(len as u64).fill(data.as_mut_slice());
    data
}
