//! What every test of this file needs: a bucket of its own on the emulator, a proxy that injects faults, a Sealift
//! bucket that talks through it, and the account of what was there before.

use sealift::{Bucket, Budget, Certainty, Codec, Compressor, Error, IfExists, Key, Level, Sealed, Sink};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::leaks::Counts;
use sealift_tests::patience::IMPATIENT;
use sealift_tests::proxy::{Fault, FaultProxy};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Stored data of three parts: two full ones of 5 MiB and a last one.
pub(crate) const THREE_PARTS: usize = 12 << 20;

/// A small and a large object, and the step that commits it.
pub(crate) const COMMITS: [(usize, Step); 2] = [(1000, Step::Put), (THREE_PARTS, Step::Complete)];

pub(crate) struct Scene<C> {
    before: Counts,
    pub(crate) remote: C,
    pub(crate) proxy: FaultProxy,
    pub(crate) bucket: Bucket,
}

impl<C: Cloud> Scene<C> {
    pub(crate) async fn new() -> Self {
        let before = Counts::now();
        let remote = C::new("promise").await;
        let proxy = FaultProxy::start(remote.endpoint()).await;
        let bucket = open_bucket::<C>(remote.name(), &proxy.endpoint()).await;
        Scene { before, remote, proxy, bucket }
    }

    pub(crate) fn sink(&self, if_exists: IfExists) -> Sink {
        self.bucket.create(&key(), if_exists).expect("open")
    }

    /// A sink that has been given `len` bytes that do not compress.
    pub(crate) async fn filled(&self, if_exists: IfExists, len: usize) -> Sink {
        self.filled_sink(if_exists, len).await
    }

    /// The same, for another runtime to make.
    pub(crate) fn filled_sink(&self, if_exists: IfExists, len: usize) -> impl Future<Output = Sink> + Send + use<C> {
        let bucket = self.bucket.clone();
        async move {
            let mut sink = bucket.create(&key(), if_exists).expect("open");
            sink.write_all(&incompressible(len)).await.expect("written");
            sink
        }
    }

    /// A sink of which the server has a part, without having answered: there is something to remove, for certain.
    pub(crate) async fn with_a_part_stored(&self) -> Sink {
        let stored = self.proxy.on(C::on(Step::Part(1)), Fault::ApplyThenStall);
        let sink = self.filled(IfExists::Replace, THREE_PARTS).await;
        stored.wait_fired(1).await;
        sink
    }

    /// Writes an object of `len` bytes to its end.
    pub(crate) async fn write(&self, len: usize, if_exists: IfExists) -> Result<Sealed, Error> {
        let mut sink = self.sink(if_exists);
        match sink.write_all(&incompressible(len)).await {
            Ok(()) => sink.seal().await,
            Err(error) => Err(Error::from_io(&error).expect("ours").clone()),
        }
    }

    /// Asserts that the object of `len` bytes is all there is, and whole.
    pub(crate) async fn assert_stored(&self, len: usize) {
        assert_eq!(self.remote.objects().await, [key().to_string()]);
        assert_eq!(self.remote.unfinished().await, Vec::new());
        let mut data = Vec::new();
        self.bucket.open(&key()).await.expect("there").read_to_end(&mut data).await.expect("whole");
        assert!(data == incompressible(len));
    }

    /// Closes everything and asserts that nothing is left: no object, nothing unfinished, no child, no descriptor.
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

pub(crate) async fn open_bucket<C: Cloud>(name: &str, endpoint: &str) -> Bucket {
    open_bucket_of::<C>(name, endpoint, Codec::Gzip(Level::default())).await
}

pub(crate) async fn open_bucket_of<C: Cloud>(name: &str, endpoint: &str, codec: Codec) -> Bucket {
    let store = C::connect(name, endpoint).await;
    let compressor = Compressor::new(codec, NonZeroUsize::new(2)).expect("threads");
    let budget = Budget::new(Budget::DEFAULT).expect("valid");
    Bucket::new(store, Arc::new(compressor), budget).with_retry_policy(IMPATIENT)
}

/// Asserts that nothing is named that is surely there.
pub(crate) fn assert_only_perhaps(errors: &[Error]) {
    let mut left = errors.iter().flat_map(Error::left_behind);
    assert!(left.all(|left| left.certainty() == Certainty::Perhaps), "{errors:?}");
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
