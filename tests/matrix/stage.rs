//! What one cell runs on: a bucket of its own, a strict proxy before it, and Sealift through that.

use crate::cells::{Cell, Kind};
use bytes::Bytes;
use sealift::{Bucket, Budget, Codec, Compressor, Error, Key, LeftBehind};
use sealift_tests::cloud::Cloud;
use sealift_tests::data::noise;
use sealift_tests::patience::IMPATIENT;
use sealift_tests::promise::{Errand, Facts, Said, Violation, World, violations};
use sealift_tests::protocol::Account;
use sealift_tests::proxy::FaultProxy;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Where a task writes.
pub(crate) const KEY: &str = "backups/file";
/// Where another writer writes meanwhile.
pub(crate) const THEIRS: &str = "backups/theirs";
/// Where another's upload is open all the time.
pub(crate) const THEIR_UPLOAD: &str = "backups/theirs-open";

/// The time for a task that runs to its end: what an adapter goes on trying, and the abort after that.
const TO_THE_END: Duration = Duration::from_secs(200);
/// The same where nobody answers: a minute and a bit for each attempt, or ten for a completion.
const WITHOUT_ANSWER: Duration = Duration::from_secs(900);
/// After it is given up: the 5 seconds for an answer and the 30 for an abort that src/shutdown.rs states, and what a machine
/// is late that does dozens of these at once.
const GIVEN_UP: Duration = Duration::from_secs(35 + 25);

pub(crate) struct Stage<C> {
    pub(crate) cloud: C,
    pub(crate) proxy: FaultProxy,
    pub(crate) bucket: Bucket,
}

impl<C: Cloud> Stage<C> {
    pub(crate) async fn new() -> Self {
        let cloud = C::new("matrix").await;
        let proxy = FaultProxy::strict(cloud.endpoint(), Account::new(C::event)).await;
        let bucket = bucket::<C>(cloud.name(), &proxy.endpoint()).await;
        Stage { cloud, proxy, bucket }
    }

    /// Stores `content` under `key` as Sealift does, with nothing in between.
    pub(crate) async fn store(&self, key: &str, content: &Bytes) {
        let bucket = bucket::<C>(self.cloud.name(), self.cloud.endpoint()).await;
        let mut sink = bucket.create(&parsed(key), sealift::IfExists::Replace).expect("open");
        tokio::io::AsyncWriteExt::write_all(&mut sink, content).await.expect("written");
        sink.seal().await.expect("stored");
        bucket.close().await.expect("nothing left");
    }

    pub(crate) async fn end(self) {
        self.proxy.shutdown().await;
        self.cloud.clear().await;
    }

    pub(crate) async fn world(&self) -> World {
        World::of(&self.cloud).await
    }
}

/// What came of a cell.
pub(crate) struct Outcome {
    pub(crate) violations: BTreeSet<Violation>,
    /// How often the fault was done.
    pub(crate) fired: usize,
    /// For a person who looks for the reason.
    pub(crate) story: String,
}

/// What is known when a run has ended, before it is judged.
pub(crate) struct Run {
    pub(crate) said: Said,
    pub(crate) errand: Errand,
    pub(crate) before: World,
    pub(crate) foreign: World,
    pub(crate) now: World,
    pub(crate) settled: World,
    pub(crate) limit: Duration,
    pub(crate) fired: usize,
    /// What was read is not what is there.
    pub(crate) false_reading: bool,
}

impl Run {
    pub(crate) fn judge<C: Cloud>(self, stage: &Stage<C>) -> Outcome {
        let account = stage.proxy.account();
        let facts = Facts {
            url: stage.bucket.url(),
            errand: self.errand,
            before: self.before,
            foreign: self.foreign,
            now: self.now,
            settled: self.settled,
            commits: account.commits(),
            limit: self.limit,
        };
        let mut found = violations(&self.said, &facts);
        let misuse = account.misuse();
        let further = [
            (self.fired == 0, Violation::NotFired),
            (!misuse.is_empty(), Violation::Misuse),
            (self.false_reading, Violation::FalseReading),
        ];
        found.extend(further.into_iter().filter_map(|(is, violation)| is.then_some(violation)));
        let there = |world: &World| {
            let objects: Vec<String> =
                world.objects.iter().map(|(key, bytes)| format!("{key}:{}{}", bytes.len(), mark(bytes))).collect();
            format!("{objects:?} {:?}", world.uploads)
        };
        let story = format!(
            "said {}: {} ({:.1} s)\n      there: {}\n      later: {}\n      misuse: {misuse:?}, commits: {}",
            if self.said.success { "success" } else { "failure" },
            self.said.words,
            self.said.took.as_secs_f64(),
            there(&facts.now),
            there(&facts.settled),
            facts.commits,
        );
        Outcome { violations: found, fired: self.fired, story }
    }
}

/// Whose content it is.
fn mark(bytes: &Bytes) -> &'static str {
    match bytes {
        _ if *bytes == small() || *bytes == large() => "=ours",
        _ if *bytes == old(bytes.len()) => "=old",
        _ if *bytes == theirs() => "=theirs",
        _ => "",
    }
}

pub(crate) fn limit(cell: &Cell, given_up: bool) -> Duration {
    match cell.kind {
        _ if given_up => GIVEN_UP,
        Kind::Stall | Kind::AppliedThenStall => WITHOUT_ANSWER,
        _ => TO_THE_END,
    }
}

pub(crate) fn said(success: bool, left: Vec<LeftBehind>, errors: &[Error], begun: Instant) -> Said {
    Said::by_library(success, left, errors, begun.elapsed())
}

async fn bucket<C: Cloud>(name: &str, endpoint: &str) -> Bucket {
    static COMPRESSOR: OnceLock<Arc<Compressor>> = OnceLock::new();
    let compressor = COMPRESSOR.get_or_init(|| {
        // What is stored is what is given, so that it can be compared.
        Arc::new(Compressor::new(Codec::Plain, NonZeroUsize::new(2)).expect("threads"))
    });
    let store = C::connect(name, endpoint).await;
    let budget = Budget::new(Budget::DEFAULT).expect("valid");
    Bucket::new(store, Arc::clone(compressor), budget).with_retry_policy(IMPATIENT)
}

pub(crate) fn parsed(key: &str) -> Key {
    key.parse().expect("a key")
}

/// 1000 bytes.
pub(crate) fn small() -> Bytes {
    static DATA: OnceLock<Bytes> = OnceLock::new();
    DATA.get_or_init(|| noise(1000)).clone()
}

/// Three parts.
pub(crate) fn large() -> Bytes {
    static DATA: OnceLock<Bytes> = OnceLock::new();
    DATA.get_or_init(|| noise(12 << 20)).clone()
}

pub(crate) fn old(len: usize) -> Bytes {
    vec![b'o'; len].into()
}

pub(crate) fn theirs() -> Bytes {
    Bytes::from_static(b"another writer's")
}
