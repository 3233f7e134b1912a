//! A day of continuous backups in compressed time: as many looks at the node as a day has seconds, a dozen epochs, and trouble
//! at the node and at the storage all the time. Sockets are real, so the clock is; the pauses are shorter.

use crate::Baseline;
use sealift::{Archive, Bucket, Budget, Codec, Compressor, Level, RetryPolicy};
use sealift_aptos::{Backups, Client, ClientOptions, Continuous, Event, Known, Options, Schedule};
use sealift_node::{Chain, Endpoint, Match, Misbehaviour, MisbehaviourHandle, Node, Recipe};
use sealift_tests::cloud::Cloud;
use sealift_tests::eventually::eventually;
use sealift_tests::mix::weather;
use sealift_tests::proxy::FaultProxy;
use sealift_tests::s3::TestBucket;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// An epoch of Aptos takes two hours.
const EPOCHS: u64 = 12;
/// What is asked for during one epoch, at the most.
const HANGS: Duration = Duration::from_secs(600);

pub(crate) async fn of_polls(polls: usize) {
    let cloud = TestBucket::new("day").await;
    let proxy = FaultProxy::start(cloud.endpoint()).await;
    let weather = weather::<TestBucket>(7);
    proxy.set_weather(weather.clone());
    let store = TestBucket::connect(cloud.name(), &proxy.endpoint()).await;
    let compressor =
        Arc::new(Compressor::new(Codec::Gzip(Level::default()), Some(NonZeroUsize::MIN)).expect("a thread"));
    let policy = RetryPolicy::new(Duration::from_secs(30));
    let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("valid")).with_retry_policy(policy);
    let storage = Arc::new(Archive::new(bucket.clone(), "archive").expect("a prefix"));

    let node = Node::start(chain(1)).await;
    let (looks, trouble) = (count_looks(&node), trouble(&node));
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let client = Client::new(node.endpoint().parse().expect("an address"), ClientOptions::default()).expect("valid");
    let options = Options { max_chunk_size: 1500, ..Options::default() };
    let backups = Backups::new(client, storage.clone(), options).expect("valid");
    let continuous = Continuous::new(backups, schedule(), move |event| {
        if let Event::Made(..) = event {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let known = Known::read(storage.as_ref(), NonZeroUsize::MIN).await.expect("an empty archive");
    let continuous = continuous.expect("valid");
    tokio::select! {
        never = continuous.run(&known) => match never {},
        () = day(&node, polls, &looks, &made, &trouble) => {}
    }
    drop(continuous);
    let _ = bucket.close().await;
    let met: Vec<usize> = trouble.iter().map(MisbehaviourHandle::fired).collect();
    println!("{polls} looks, trouble {met:?}, {} requests struck", weather.struck());
    assert!(met.iter().all(|&times| times > 0) && weather.struck() > 0, "{met:?}");
    node.shutdown().await;
    proxy.shutdown().await;
    cloud.clear().await;
}

/// The chain goes on, until all of it is backed up, in trouble of each kind; then there is as much as when it had begun.
async fn day(node: &Node, polls: usize, looks: &AtomicUsize, made: &AtomicUsize, trouble: &[MisbehaviourHandle; 3]) {
    let mut baseline = None;
    for epoch in 2..=EPOCHS {
        reach(looks, polls / EPOCHS as usize * epoch as usize).await;
        node.set_chain(chain(epoch));
        if epoch == 4 {
            baseline = Some(Baseline::now());
        }
    }
    // A slow machine has looked often enough before it has asked for much.
    eventually("all that ended is backed up, in trouble", HANGS, async || {
        let (made, met) = (made.load(Ordering::SeqCst), trouble.each_ref().map(MisbehaviourHandle::fired));
        match made > EPOCHS as usize && met.iter().all(|&times| times > 0) {
            true => Ok(()),
            false => Err(format!("{made} backups, trouble {met:?}")),
        }
    })
    .await;
    let what = format!("{polls} looks, {} backups", made.load(Ordering::SeqCst));
    baseline.expect("a fourth epoch").assert_as_before(&what).await;
}

fn chain(epochs: u64) -> Chain {
    Chain::generate(&Recipe { epochs, state_items: 100, ..Recipe::default() })
}

fn schedule() -> Schedule {
    Schedule {
        state_snapshot_interval_epochs: 3,
        transaction_batch_size: 10,
        transaction_max_age: None,
        poll: Duration::from_millis(1),
        longest_poll: Duration::from_millis(60),
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(300),
    }
}

/// Of each so many requests one fails.
fn trouble(node: &Node) -> [MisbehaviourHandle; 3] {
    let one_in = |count, endpoint| Match::endpoint(endpoint).one_in(count);
    [
        node.on(one_in(50, Endpoint::DbState), Misbehaviour::Status(503)),
        node.on(one_in(3, Endpoint::Transactions), Misbehaviour::Cut { after_bytes: 700 }),
        node.on(one_in(3, Endpoint::StateChunk), Misbehaviour::Status(500)),
    ]
}

/// Counts how often the node is asked where it is.
fn count_looks(node: &Node) -> Arc<AtomicUsize> {
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let never = Match::new(move |path| {
        counted.fetch_add(usize::from(path.starts_with("db_state")), Ordering::SeqCst);
        false
    });
    node.on(never, Misbehaviour::Silence);
    looks
}

async fn reach(looks: &AtomicUsize, wanted: usize) {
    eventually("the node is looked at", HANGS, async || match looks.load(Ordering::SeqCst) {
        looks if looks >= wanted => Ok(()),
        looks => Err(format!("{looks} of {wanted} times")),
    })
    .await;
}
