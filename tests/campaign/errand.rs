//! One seed: the errand, made on a bucket through a proxy with weather, and held against the promise.

use crate::plan::{Before, Ending, Outage, Plan, Task};
use bytes::Bytes;
use sealift::{Bucket, Budget, Codec, Compressor, Error, IfExists, Key, LeftBehind, RetryPolicy};
use sealift_tests::cloud::Cloud;
use sealift_tests::data::noise;
use sealift_tests::mix::weather;
use sealift_tests::promise::{Errand, Facts, Said, Violation, World, violations};
use sealift_tests::protocol::Account;
use sealift_tests::proxy::FaultProxy;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const KEY: &str = "backups/file";
const TARGET: &str = "backups/moved";
const THEIR_UPLOAD: &str = "backups/theirs-open";

/// What an errand may take that goes on to its end: the time for an outage, the answer to the last attempt, an abort.
const TO_THE_END: Duration = Duration::from_secs(300 + 75 + 30);
/// What it may take after it was given up, as src/shutdown.rs states, and what a machine is late that does many at once.
const GIVEN_UP: Duration = Duration::from_secs(35 + 40);

/// What came of a seed.
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// How many requests met a fault.
    pub(crate) struck: usize,
    pub(crate) violations: BTreeSet<Violation>,
    pub(crate) story: String,
}

pub(crate) async fn run<C: Cloud>(cloud: &C, plan: Plan) -> Outcome {
    let proxy = FaultProxy::strict(cloud.endpoint(), Account::new(C::event)).await;
    let bucket = bucket::<C>(cloud.name(), &proxy.endpoint()).await;
    prepare(cloud, plan.task).await;
    cloud.leave_unfinished(THEIR_UPLOAD).await;
    let before = World::of(cloud).await;
    let weather = weather::<C>(plan.seed);
    proxy.set_weather(weather.clone());

    let over = CancellationToken::new();
    let done = async {
        let done = end(&bucket, plan).await;
        over.cancel();
        done
    };
    let (done, ()) = tokio::join!(done, outage(&proxy, plan.outage, &over));
    let now = World::of(cloud).await;
    proxy.clear();
    weather.apply_now().await;
    let settled = World::of(cloud).await;

    let said = Said::by_library(done.success, done.left, &done.errors, done.took);
    let facts = Facts {
        url: bucket.url(),
        errand: errand(plan.task),
        before: match plan.task {
            // What is read stays, also where something else arrives late.
            Task::Read => settled.clone(),
            _ => before,
        },
        foreign: World::default(),
        now,
        settled,
        commits: proxy.account().commits(),
        limit: if plan.ending == Ending::Itself { TO_THE_END } else { GIVEN_UP },
    };
    let mut found = violations(&said, &facts);
    let misuse = proxy.account().misuse();
    if !misuse.is_empty() {
        found.insert(Violation::Misuse);
    }
    if done.reading == Reading::False {
        found.insert(Violation::FalseReading);
    }
    let there: Vec<_> =
        facts.settled.objects.iter().map(|(key, bytes)| format!("{key}: {} bytes", bytes.len())).collect();
    let story = format!(
        "success {} in {:.1} s: {}; there: {there:?} {:?}; misuse: {misuse:?}",
        said.success,
        said.took.as_secs_f64(),
        said.words,
        facts.settled.uploads
    );
    proxy.shutdown().await;
    Outcome { success: said.success, struck: weather.struck(), violations: found, story }
}

fn errand(task: Task) -> Errand {
    let key = KEY.to_owned();
    match task {
        Task::Put(..) => Errand::Store { key, content: small() },
        Task::Upload(..) => Errand::Store { key, content: large() },
        Task::Read => Errand::Read,
        Task::Move => Errand::Move { from: key, to: TARGET.to_owned() },
        Task::Remove => Errand::Remove { key },
    }
}

async fn prepare<C: Cloud>(cloud: &C, task: Task) {
    match task {
        Task::Put(_, Before::Nothing) | Task::Upload(_, Before::Nothing) => {}
        Task::Put(_, Before::Old) => cloud.put(KEY, vec![b'o'; small().len()].into()).await,
        Task::Upload(_, Before::Old) => cloud.put(KEY, vec![b'o'; large().len()].into()).await,
        Task::Read | Task::Move | Task::Remove => {
            let bucket = bucket::<C>(cloud.name(), cloud.endpoint()).await;
            write(bucket.clone(), IfExists::Replace, small()).await.expect("nothing is in the way");
            bucket.close().await.expect("nothing left");
        }
    }
}

/// How an errand ended.
struct Done {
    success: bool,
    left: Vec<LeftBehind>,
    errors: Vec<Error>,
    took: Duration,
    reading: Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    True,
    False,
}

async fn end(bucket: &Bucket, plan: Plan) -> Done {
    let mut begun = Instant::now();
    let mut doing = Box::pin(perform(bucket.clone(), plan.task));
    let ended = match plan.ending {
        Ending::Itself => Some(doing.await),
        Ending::Dropped(after) | Ending::Stopped(after) => {
            tokio::select! {
                ended = &mut doing => Some(ended),
                () = sleep(after) => {
                    begun = Instant::now();
                    match plan.ending {
                        Ending::Stopped(_) => {
                            bucket.stop();
                            // What only reads has nothing to stop.
                            match plan.task {
                                Task::Read | Task::Remove => None,
                                _ => Some(doing.await),
                            }
                        }
                        _ => {
                            drop(doing);
                            None
                        }
                    }
                }
            }
        }
    };
    let mut errors = bucket.close().await.err().unwrap_or_default();
    let (mut success, mut left, mut reading) = (false, Vec::new(), Reading::True);
    match ended {
        Some(Ok(Ended::Sealed(beside))) => (success, left) = (true, beside),
        Some(Ok(Ended::Read(read))) => (success, reading) = (true, read),
        Some(Ok(Ended::Done)) => success = true,
        Some(Err(error)) => errors.push(error),
        None => {}
    }
    Done { success, left, errors, took: begun.elapsed(), reading }
}

enum Ended {
    Sealed(Vec<LeftBehind>),
    Read(Reading),
    Done,
}

async fn perform(bucket: Bucket, task: Task) -> Result<Ended, Error> {
    match task {
        Task::Put(if_exists, _) => write(bucket, if_exists, small()).await,
        Task::Upload(if_exists, _) => write(bucket, if_exists, large()).await,
        Task::Read => {
            let mut data = Vec::new();
            let read = bucket.open(&key(KEY)).await?.read_to_end(&mut data).await;
            read.map_err(|error| Error::from_io(&error).expect("ours").clone())?;
            Ok(Ended::Read(if data == small() { Reading::True } else { Reading::False }))
        }
        Task::Move => bucket.rename(&key(KEY), &key(TARGET)).await.map(|()| Ended::Done),
        Task::Remove => bucket.remove(&key(KEY)).await.map(|()| Ended::Done),
    }
}

async fn write(bucket: Bucket, if_exists: IfExists, content: Bytes) -> Result<Ended, Error> {
    let mut sink = bucket.create(&key(KEY), if_exists)?;
    match sink.write_all(&content).await {
        Ok(()) => sink.seal().await.map(|sealed| Ended::Sealed(sealed.left_behind)),
        Err(error) => Err(Error::from_io(&error).expect("ours").clone()),
    }
}

/// Nobody listens for a while, if the errand lasts for so long.
async fn outage(proxy: &FaultProxy, outage: Option<Outage>, over: &CancellationToken) {
    let Some(Outage { after, lasts }) = outage else { return };
    let passing = async {
        sleep(after).await;
        proxy.down().await;
        sleep(lasts).await;
    };
    over.run_until_cancelled(passing).await;
    proxy.up().await;
}

async fn bucket<C: Cloud>(name: &str, endpoint: &str) -> Bucket {
    static COMPRESSOR: OnceLock<Arc<Compressor>> = OnceLock::new();
    let compressor = COMPRESSOR.get_or_init(|| {
        // What is stored is what is given, so that it can be compared.
        Arc::new(Compressor::new(Codec::Plain, NonZeroUsize::new(2)).expect("threads"))
    });
    let store = C::connect(name, endpoint).await;
    let budget = Budget::new(Budget::DEFAULT).expect("valid");
    Bucket::new(store, Arc::clone(compressor), budget).with_retry_policy(RetryPolicy::default())
}

fn key(key: &str) -> Key {
    key.parse().expect("a key")
}

/// 1000 bytes.
fn small() -> Bytes {
    static DATA: OnceLock<Bytes> = OnceLock::new();
    DATA.get_or_init(|| noise(1000)).clone()
}

/// Three parts.
fn large() -> Bytes {
    static DATA: OnceLock<Bytes> = OnceLock::new();
    DATA.get_or_init(|| noise(12 << 20)).clone()
}
