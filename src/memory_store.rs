//! An object store in memory, for this crate's own tests: what real services do is tested against those, in `tests/`.

use crate::*;
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Semaphore;

const MIB: u64 = 1 << 20;

/// Clones share the content.
#[derive(Debug, Clone)]
pub(crate) struct MemoryStore {
    state: Arc<Mutex<State>>,
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

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, (Bytes, String)>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    next: u32,
}

impl MemoryStore {
    pub(crate) fn new() -> Self {
        let commits = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        MemoryStore {
            state: Arc::default(),
            commits,
            part_size: 2 * MIB,
            tells_checksums: false,
            gets: Arc::default(),
            parts: PutParts::with_limits(1, 1, Duration::ZERO),
        }
    }

    pub(crate) fn with_part_size(part_size: u64) -> Self {
        MemoryStore { part_size, ..MemoryStore::new() }
    }

    /// A store far away, of small parts, that takes `max_in_flight` at once of one object, and of all objects `capacity`.
    pub(crate) fn with_capacity(max_in_flight: usize, capacity: usize) -> Self {
        let parts = PutParts::with_limits(max_in_flight, capacity, Duration::from_millis(30));
        MemoryStore { part_size: 64 << 10, parts, ..MemoryStore::new() }
    }

    pub(crate) fn with_checksums() -> Self {
        MemoryStore { tells_checksums: true, ..MemoryStore::new() }
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
        MemoryStore { commits: Arc::new(Semaphore::new(0)), ..MemoryStore::new() }
    }

    /// Lets one held answer go.
    pub(crate) fn answer(&self) {
        self.commits.add_permits(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    pub(crate) fn object(&self, key: &str) -> Option<Bytes> {
        self.state().objects.get(key).map(|(bytes, _)| bytes.clone())
    }

    pub(crate) fn insert(&self, key: &str, bytes: impl Into<Bytes>) {
        self.state().objects.insert(key.into(), (bytes.into(), Token::random().to_string()));
    }

    /// How many ranges were asked for, and how many at a time.
    pub(crate) fn gets(&self) -> (usize, usize) {
        (self.gets.all.load(Ordering::SeqCst), self.gets.most_under_way.load(Ordering::SeqCst))
    }

    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.objects.is_empty() && state.uploads.is_empty()
    }

    async fn commit(&self, key: &Key, bytes: Bytes, options: &CommitOptions, attempts: &Attempts) -> Result<Committed> {
        let attempt = attempts.begin();
        if options.if_exists == IfExists::Fail && self.object(key.as_ref()).is_some() {
            return Err(Error::new(ErrorKind::AlreadyExists, "commit", key.as_ref(), "it exists"));
        }
        let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &bytes).to_be_bytes();
        self.state().objects.insert(key.as_ref().into(), (bytes, options.token.as_ref().into()));
        attempt.sent();
        // Applied; the answer waits.
        self.commits.acquire().await.expect("open").forget();
        attempt.applied();
        Ok(Committed { checksum: Some(checksum), ..Committed::default() })
    }
}

async fn collect(payload: &Payload) -> Bytes {
    let bytes: Vec<Bytes> = payload.stream().try_collect().await.expect("readable");
    bytes.concat().into()
}

fn not_found(key: &Key) -> Error {
    Error::new(ErrorKind::NotFound, "look at", key.as_ref(), "there is none")
}

#[async_trait]
impl ObjectStore for MemoryStore {
    fn url(&self) -> String {
        "memory:".into()
    }

    fn part_policy(&self) -> PartPolicy {
        PartPolicy {
            max_parts: 10_000,
            max_part: 64 * MIB,
            max_object: 64 * 10_000 * MIB,
            growth: Growth::Equal { size: self.part_size },
            max_in_flight: self.parts.max_in_flight,
        }
    }

    fn slow_downs(&self) -> u64 {
        self.parts.slow_downs.count()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc64Nvme
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        let bytes = collect(&payload).await;
        self.commit(key, bytes, options, attempts).await
    }

    async fn start(&self, key: &Key, options: &CommitOptions, _: &Attempts) -> Result<Box<dyn Upload>> {
        let mut state = self.state();
        state.next += 1;
        let id = state.next.to_string();
        state.uploads.insert(id.clone(), BTreeMap::new());
        Ok(Box::new(MemoryUpload {
            store: self.clone(),
            key: key.clone(),
            options: options.clone(),
            id,
            parts_in_flight: AtomicUsize::new(0),
        }))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let state = self.state();
        let (bytes, token) = state.objects.get(key.as_ref()).ok_or_else(|| not_found(key))?;
        Ok(ObjectInfo {
            key: key.to_string(),
            size: bytes.len() as u64,
            modified: None,
            etag: None,
            version: None,
            token: Some(token.clone()),
            checksum: self.tells_checksums.then(|| Checksum::of(ChecksumAlgorithm::Crc64Nvme, bytes).to_be_bytes()),
            kept_checksum: None,
        })
    }

    async fn get(&self, key: &Key, range: Range<u64>, _etag: Option<&str>) -> Result<Bytes> {
        self.gets.all.fetch_add(1, Ordering::SeqCst);
        let under_way = self.gets.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.gets.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        // In any order, as from a network.
        for _ in 0..rand::random_range(1..20) {
            tokio::task::yield_now().await;
        }
        self.gets.under_way.fetch_sub(1, Ordering::SeqCst);
        let bytes = self.object(key.as_ref()).ok_or_else(|| not_found(key))?;
        let mut bytes = bytes[range.start as usize..range.end as usize].to_vec();
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
        let keys: Vec<Key> = {
            let state = self.state();
            let below = state.objects.keys().filter(|key| key.starts_with(prefix) && key.as_str() > after);
            below.map(|key| Key::existing(key).expect("a key")).collect()
        };
        let mut objects = Vec::new();
        for key in keys.iter().take(PAGE) {
            objects.push(self.head(key).await?);
        }
        Ok(Page { next: keys.get(PAGE).map(|_| keys[PAGE - 1].to_string()), objects })
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        let mut state = self.state();
        let token = state.objects.get(key.as_ref()).map(|(_, token)| token);
        if let (Some(only), Some(token)) = (only, token)
            && only.token.as_ref() != Some(token)
        {
            return Ok(Removal::Another);
        }
        state.objects.remove(key.as_ref());
        Ok(Removal::Gone)
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.delete(key, Some(info)).await
    }

    async fn copy(&self, from: &Key, _info: &ObjectInfo, to: &Key, _work: &Work) -> Result<Committed> {
        let mut state = self.state();
        let object = state.objects.get(from.as_ref()).cloned().ok_or_else(|| not_found(from))?;
        state.objects.insert(to.to_string(), object);
        Ok(Committed::default())
    }

    async fn leftovers(&self, _prefix: &str) -> Result<Leftovers> {
        Ok(Leftovers::default())
    }

    async fn remove_leftover(&self, _leftover: &Leftover) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryUpload {
    store: MemoryStore,
    key: Key,
    options: CommitOptions,
    id: String,
    parts_in_flight: AtomicUsize,
}

#[async_trait]
impl Upload for MemoryUpload {
    fn id(&self) -> &str {
        &self.id
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
        let bytes = collect(&payload).await;
        let mut state = self.store.state();
        state.uploads.get_mut(&self.id).expect("under way").insert(number, bytes);
        Ok(PartReceipt { number, tag: number.to_string(), checksum: payload.checksum() })
    }

    async fn complete(&self, parts: &[PartReceipt], _whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let stored = self.store.state().uploads.remove(&self.id).expect("under way");
        assert!(stored.keys().copied().eq(parts.iter().map(|part| part.number)));
        let whole: Vec<Bytes> = stored.into_values().collect();
        self.store.commit(&self.key, whole.concat().into(), &self.options, attempts).await
    }

    async fn abort(&self) -> Result<()> {
        self.store.state().uploads.remove(&self.id);
        Ok(())
    }
}
