//! Uploads on a bad night, of which most fail, and some are dropped or stopped.

use crate::Baseline;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sealift::{Bucket, Budget, Codec, Compressor, Error, IfExists, RetryPolicy};
use sealift_tests::cloud::{Cloud, PART};
use sealift_tests::mix::weather;
use sealift_tests::proxy::FaultProxy;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Under way at the same time in one bucket.
const AT_ONCE: usize = 24;
/// At most of one bucket, which is emptied and closed then: the emulators keep what they hold in memory.
const OF_A_BUCKET: u64 = 100;
/// Little enough for many to fail for good.
const PATIENCE: Duration = Duration::from_millis(300);

/// So many, a third of them on each cloud.
pub(crate) async fn faulty(count: u64) {
    let count = count / 3;
    let compressor = Arc::new(Compressor::new(Codec::Plain, Some(NonZeroUsize::MIN)).expect("a thread"));
    let mut told = Told::default();
    let mut baseline = None;
    let of_a_bucket = OF_A_BUCKET.min(count.div_ceil(10));
    for first in (0..count).step_by(of_a_bucket as usize) {
        let seeds = first..(first + of_a_bucket).min(count);
        told += of_one_bucket::<sealift_tests::s3::TestBucket>(seeds.clone(), &compressor).await;
        told += of_one_bucket::<sealift_tests::azure::TestContainer>(seeds.clone(), &compressor).await;
        told += of_one_bucket::<sealift_tests::gcs::TestBucket>(seeds, &compressor).await;
        // Of ten parts the first is how everything becomes as it stays.
        if first >= count / 10 && baseline.is_none() {
            baseline = Some(Baseline::now());
        }
    }
    assert!(told.failed > 0 && told.given_up > 0 && told.sealed > 0 && told.struck > 0, "{told:?}");
    let what = format!("{} uploads: {told:?}", told.sealed + told.failed + told.given_up);
    baseline.expect("more than one part").assert_as_before(&what).await;
}

/// How they ended.
#[derive(Debug, Default, Clone, Copy)]
struct Told {
    sealed: u64,
    failed: u64,
    given_up: u64,
    /// Requests that met a fault.
    struck: u64,
}

impl std::ops::AddAssign for Told {
    fn add_assign(&mut self, other: Told) {
        let Told { sealed, failed, given_up, struck } = other;
        self.sealed += sealed;
        self.failed += failed;
        self.given_up += given_up;
        self.struck += struck;
    }
}

async fn of_one_bucket<C: Cloud>(seeds: std::ops::Range<u64>, compressor: &Arc<Compressor>) -> Told {
    let cloud = C::new("leaks").await;
    let proxy = FaultProxy::start(cloud.endpoint()).await;
    let weather = weather::<C>(seeds.start);
    proxy.set_weather(weather.clone());
    let store = C::connect(cloud.name(), &proxy.endpoint()).await;
    let budget = Budget::new(Budget::DEFAULT).expect("valid");
    let bucket = Bucket::new(store, Arc::clone(compressor), budget).with_retry_policy(RetryPolicy::new(PATIENCE));
    let ends: Vec<End> =
        stream::iter(seeds).map(|seed| one(bucket.clone(), seed)).buffer_unordered(AT_ONCE).collect().await;
    // What was left is told, and is not what this is about.
    let _ = bucket.close().await;
    let struck = weather.struck() as u64;
    // What was kept for later comes now, so that it is not in the way of what is counted.
    proxy.clear();
    weather.apply_now().await;
    proxy.shutdown().await;
    cloud.clear().await;
    let count = |end: End| ends.iter().filter(|&&found| found == end).count() as u64;
    Told { sealed: count(End::Sealed), failed: count(End::Failed), given_up: count(End::GivenUp), struck }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Sealed,
    Failed,
    GivenUp,
}

/// One upload, most of one request, some of two parts; one in three is dropped when its moment comes.
async fn one(bucket: Bucket, seed: u64) -> End {
    let mut chance = SmallRng::seed_from_u64(seed);
    let len = if chance.random_ratio(1, 25) { PART + 1000 } else { chance.random_range(1..4000) };
    let moment = Duration::from_millis(chance.random_range(0..300));
    let is_given_up = chance.random_ratio(1, 3);
    let writing = write(bucket, seed, Bytes::from(vec![seed as u8; len]));
    let written = match is_given_up {
        true => timeout(moment, writing).await,
        false => Ok(writing.await),
    };
    match written {
        Ok(Ok(())) => End::Sealed,
        Ok(Err(_)) => End::Failed,
        Err(_) => End::GivenUp,
    }
}

async fn write(bucket: Bucket, seed: u64, data: Bytes) -> Result<(), Error> {
    let key = format!("file-{seed}").parse().expect("a key");
    let mut sink = bucket.create(&key, IfExists::Replace)?;
    match sink.write_all(&data).await {
        Ok(()) => sink.seal().await.map(drop),
        Err(error) => Err(Error::from_io(&error).expect("ours").clone()),
    }
}
