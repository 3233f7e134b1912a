//! A store in memory that is as a store far away: late, busy, damaged on the way. For this crate's own tests; what real
//! services do is tested against those, in `tests/`.

use crate::memory_store::MemoryStore;
use crate::*;
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

const MIB: u64 = 1 << 20;

/// Clones share the content.
#[derive(Debug, Clone)]
pub(crate) struct FarStore {
    memory: MemoryStore,
    /// Commits wait here for a permit, so that a test decides when they are answered.
    commits: Arc<Semaphore>,
    part_size: u64,
    /// Whether it tells the checksums of its objects.
    tells_checksums: bool,
    gets: Arc<Gets>,
    parts: Arc<PutParts>,
}

/// The parts that come in.
#[derive(Debug)]
struct PutParts {
    /// The policy's limit for one object.
    max_in_flight: usize,
    /// With more than so many of all objects at once the store asks to slow down.
    capacity: usize,
    /// How long a part takes.
    latency: Duration,
    in_flight: AtomicUsize,
    /// How many there were when each came, itself included.
    met: Mutex<Vec<usize>>,
    slow_downs: SlowDowns,
}

impl PutParts {
    fn with_limits(max_in_flight: usize, capacity: usize, latency: Duration) -> Arc<Self> {
        let (in_flight, met, slow_downs) = Default::default();
        Arc::new(PutParts { max_in_flight, capacity, latency, in_flight, met, slow_downs })
    }
}

/// The requests for ranges.
#[derive(Debug, Default)]
struct Gets {
    all: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    /// Where a bit flips on its way, once for each time it is named here.
    damage: Mutex<Vec<u64>>,
}

impl FarStore {
    pub(crate) fn new() -> Self {
        let commits = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        FarStore {
            memory: MemoryStore::new(),
            commits,
            part_size: 2 * MIB,
            tells_checksums: false,
            gets: Arc::default(),
            parts: PutParts::with_limits(1, 1, Duration::ZERO),
        }
    }

    pub(crate) fn with_part_size(part_size: u64) -> Self {
        FarStore { part_size, ..FarStore::new() }
    }

    /// A store far away, of small parts, that takes `max_in_flight` at once of one object, and of all objects `capacity`.
    pub(crate) fn with_capacity(max_in_flight: usize, capacity: usize) -> Self {
        let parts = PutParts::with_limits(max_in_flight, capacity, Duration::from_millis(30));
        FarStore { part_size: 64 << 10, parts, ..FarStore::new() }
    }

    pub(crate) fn with_checksums() -> Self {
        FarStore { tells_checksums: true, ..FarStore::new() }
    }

    /// From here on a bit flips in what is read of each of these bytes, once for each time that it is named.
    pub(crate) fn damage(&self, at: &[u64]) {
        *self.gets.damage.lock().expect("not poisoned") = at.to_vec();
    }

    /// How many of them have not been read yet.
    pub(crate) fn undamaged(&self) -> usize {
        self.gets.damage.lock().expect("not poisoned").len()
    }

    /// For each part that came, how many there were at that moment, itself included.
    pub(crate) fn parts_met(&self) -> Vec<usize> {
        self.parts.met.lock().expect("not poisoned").clone()
    }

    /// A store that applies commits and holds their answers back.
    pub(crate) fn with_held_answers() -> Self {
        FarStore { commits: Arc::new(Semaphore::new(0)), ..FarStore::new() }
    }

    /// Lets one held answer go.
    pub(crate) fn answer(&self) {
        self.commits.add_permits(1);
    }

    pub(crate) fn object(&self, key: &str) -> Option<Bytes> {
        self.memory.object(key)
    }

    pub(crate) fn insert(&self, key: &str, bytes: impl Into<Bytes>) {
        self.memory.insert(key, bytes);
    }

    /// How many ranges were asked for, and how many at a time.
    pub(crate) fn gets(&self) -> (usize, usize) {
        (self.gets.all.load(Ordering::SeqCst), self.gets.most_under_way.load(Ordering::SeqCst))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.memory.is_empty()
    }

    /// A commit that is applied at once, and whose answer waits.
    async fn commit(
        &self,
        attempts: &Attempts,
        commit: impl Future<Output = Result<Committed>> + Send,
    ) -> Result<Committed> {
        let attempt = attempts.begin();
        let Committed { checksum, .. } = commit.await?;
        attempt.sent();
        self.commits.acquire().await.expect("open").forget();
        attempt.applied();
        Ok(Committed { checksum, ..Committed::default() })
    }
}

#[async_trait]
impl ObjectStore for FarStore {
    fn url(&self) -> String {
        self.memory.url()
    }

    fn part_policy(&self) -> PartPolicy {
        let growth = Growth::Equal { size: self.part_size };
        PartPolicy { growth, max_in_flight: self.parts.max_in_flight, ..self.memory.part_policy() }
    }

    fn slow_downs(&self) -> u64 {
        self.parts.slow_downs.count()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        self.memory.checksum_algorithm()
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        self.commit(attempts, self.memory.put(key, payload, options, &Attempts::default())).await
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        let upload = self.memory.start(key, options, attempts).await?;
        Ok(Box::new(FarUpload { store: self.clone(), upload, parts_in_flight: AtomicUsize::new(0) }))
    }

    /// A service that knows its objects by nothing but their tokens.
    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let info = self.memory.head(key).await?;
        let checksum = info.checksum.filter(|_| self.tells_checksums);
        Ok(ObjectInfo { modified: None, etag: None, checksum, ..info })
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        self.gets.all.fetch_add(1, Ordering::SeqCst);
        let under_way = self.gets.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.gets.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        // In any order, as from a network.
        for _ in 0..rand::random_range(1..20) {
            tokio::task::yield_now().await;
        }
        self.gets.under_way.fetch_sub(1, Ordering::SeqCst);
        let mut bytes = self.memory.get(key, range.clone(), etag).await?.to_vec();
        let mut damage = self.gets.damage.lock().expect("not poisoned");
        // One at a time, as a passing fault is.
        if let Some(index) = damage.iter().position(|at| range.contains(at)) {
            bytes[(damage.swap_remove(index) - range.start) as usize] ^= 1;
        }
        Ok(bytes.into())
    }

    /// Pages of three, of which one after the other is empty.
    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        const PAGE: usize = 3;
        let (after, empty) = match page.map(|page| page.strip_prefix("empty:").ok_or(page)) {
            None => ("", true),
            Some(Ok(after)) => (after, false),
            Some(Err(after)) => (after, true),
        };
        if empty {
            return Ok(Page { objects: Vec::new(), next: Some(format!("empty:{after}")) });
        }
        let mut listed = self.memory.list(prefix, Some(after)).await?.objects;
        let more = listed.len() > PAGE;
        listed.truncate(PAGE);
        let mut objects = Vec::new();
        for object in &listed {
            objects.push(self.head(&Key::existing(&object.key)?).await?);
        }
        Ok(Page { next: listed.pop().filter(|_| more).map(|last| last.key), objects })
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        self.memory.delete(key, only).await
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.delete(key, Some(info)).await
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        self.memory.copy(from, info, to, work).await?;
        Ok(Committed::default())
    }

    /// An upload a page, and an empty one at the end.
    async fn leftovers(&self, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
        let mut left = self.memory.leftovers(prefix, None).await?;
        left.found.sort_by(|one, other| one.id.cmp(&other.id));
        left.found.retain(|leftover| page.is_none_or(|after| leftover.id.as_str() > after));
        left.found.truncate(1);
        left.next = left.found.first().map(|leftover| leftover.id.clone());
        Ok(left)
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        self.memory.remove_leftover(leftover).await
    }
}

#[derive(Debug)]
struct FarUpload {
    store: FarStore,
    upload: Box<dyn Upload>,
    parts_in_flight: AtomicUsize,
}

#[async_trait]
impl Upload for FarUpload {
    fn id(&self) -> &str {
        self.upload.id()
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let others = self.parts_in_flight.fetch_add(1, Ordering::SeqCst);
        assert!(others < self.store.part_policy().max_in_flight, "the policy's limit");
        // Long enough for another part to be started, if the limit does not hold it.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let parts = &self.store.parts;
        let met = parts.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        parts.met.lock().expect("not poisoned").push(met);
        if met > parts.capacity {
            parts.slow_downs.see(503);
        }
        tokio::time::sleep(parts.latency).await;
        parts.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.parts_in_flight.fetch_sub(1, Ordering::SeqCst);
        self.upload.put_part(number, payload).await
    }

    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        self.store.commit(attempts, self.upload.complete(parts, whole, &Attempts::default())).await
    }

    async fn abort(&self) -> Result<()> {
        self.upload.abort().await
    }
}
