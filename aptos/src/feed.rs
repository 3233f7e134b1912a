//! Records in order, from several requests at a time: what is asked of the node, checked as it arrives, asked again
//! from where it stopped, and never handed on twice.

use crate::chain::{HashValue, LedgerInfoWithSignatures, state_key_hash};
use crate::client::{Client, Request};
use crate::failure::{Failure, Tries};
use crate::records::{Oversized, Run, Splitter};
use sealift::{Error, ErrorKind, Result};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinSet, yield_now};

/// How many runs of records one request may have waiting, whatever their size.
const RUNS_AHEAD: usize = 1024;

/// How many records are checked before other tasks get their turn: about 0.2 ms of hashing.
const CHECKED_AT_ONCE: usize = 256;

/// What kind of records is read. They are numbered: by epoch, by version, by index among all items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Ledger infos, by epoch.
    EpochEndings,
    /// Transactions, by version.
    Transactions,
    /// The items of the state at a version, by index.
    StateItems { version: u64 },
}

impl Feed {
    pub(crate) fn request(self, first: u64, count: u64) -> Request {
        let end = first.saturating_add(count);
        let path = match self {
            Feed::EpochEndings => format!("epoch_ending_ledger_infos/{first}/{end}"),
            Feed::Transactions => format!("transactions/{first}/{count}"),
            Feed::StateItems { version } => format!("state_snapshot_chunk/{version}/{first}/{count}"),
        };
        Request::new(path, self.subject(first, end - 1))
    }

    /// The records `first..=last` in words.
    pub(crate) fn subject(self, first: u64, last: u64) -> String {
        match self {
            Feed::EpochEndings => format!("epoch endings {first} to {last}"),
            Feed::Transactions => format!("transactions {first} to {last}"),
            Feed::StateItems { version } => format!("state items {first} to {last} of version {version}"),
        }
    }

    /// Checks a record by itself and says what its place among the others is told by.
    pub(crate) fn key(self, number: u64, record: &[u8]) -> Result<Key, String> {
        match self {
            Feed::EpochEndings => {
                let info =
                    LedgerInfoWithSignatures::decode(record).map_err(|error| format!("epoch {number}: {error}"))?;
                match (info.epoch() == number, info.next_epoch_state().is_some()) {
                    (true, true) => Ok(Key::None),
                    (true, false) => Err(format!("the ledger info of epoch {number} does not end it")),
                    (false, _) => Err(format!("a ledger info of epoch {} where {number} was due", info.epoch())),
                }
            }
            Feed::Transactions => Ok(Key::None),
            Feed::StateItems { .. } => {
                state_key_hash(record).map(Key::Hash).map_err(|error| format!("item {number}: {error}"))
            }
        }
    }
}

/// What tells a record's place among the others, beside its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Nothing does.
    None,
    /// The hash of its key: it only grows.
    Hash(HashValue),
}

impl Key {
    fn follows(self, before: Key) -> bool {
        match (before, self) {
            (Key::Hash(before), Key::Hash(now)) => before < now,
            _ => true,
        }
    }
}

/// Records that were checked, and hold their memory until they are dropped.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) run: Run,
    first: Key,
    last: Key,
    _held: OwnedSemaphorePermit,
}

/// How records are read ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadAhead {
    /// How many records are asked for at a time.
    pub(crate) items: u64,
    /// How many requests are under way at a time.
    pub(crate) requests: usize,
    /// How much all requests together may hold, in bytes. Each has its own share, so that none waits for memory that
    /// a later one holds. On top comes one network buffer or one record for each request.
    pub(crate) memory: u64,
}

/// The records of a range, in order.
///
/// Requests run as tasks of its own: dropping it stops them, [`close`](Records::close) waits until they have stopped.
#[derive(Debug)]
pub(crate) struct Records {
    client: Client,
    feed: Feed,
    read_ahead: ReadAhead,
    /// The next record that no request asks for yet.
    unasked: u64,
    /// The end, excluded.
    end: u64,
    requests: VecDeque<Arriving>,
    tasks: JoinSet<()>,
    /// The next record to hand on, and the key of the last.
    next: u64,
    before: Key,
}

/// A request under way.
#[derive(Debug)]
struct Arriving {
    runs: mpsc::Receiver<Result<Checked>>,
    /// Where its records end, excluded.
    end: u64,
}

impl Records {
    /// The records `first..end`; the one before `first` has the key `before`. Requests start when the first is awaited.
    pub(crate) fn new(client: &Client, feed: Feed, first: u64, end: u64, before: Key, read_ahead: ReadAhead) -> Self {
        Records {
            client: client.clone(),
            feed,
            read_ahead,
            unasked: first,
            end,
            requests: VecDeque::new(),
            tasks: JoinSet::new(),
            next: first,
            before,
        }
    }

    /// The next records, or nothing after the last. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Checked>> {
        loop {
            self.ask_ahead();
            let Some(request) = self.requests.front_mut() else { return Ok(None) };
            match request.runs.recv().await {
                Some(checked) => return self.hand_on(checked?).map(Some),
                None if self.next == request.end => {
                    self.requests.pop_front();
                }
                None => return Err(self.out_of_order("the request ended without an answer")),
            }
        }
    }

    /// Stops all requests and waits until they have stopped.
    pub(crate) async fn close(mut self) {
        self.requests.clear();
        self.tasks.shutdown().await;
    }

    fn ask_ahead(&mut self) {
        // What has finished is forgotten.
        while self.tasks.try_join_next().is_some() {}
        while self.unasked < self.end && self.requests.len() < self.read_ahead.requests {
            let (first, count) = (self.unasked, self.read_ahead.items.min(self.end - self.unasked));
            let (sender, runs) = mpsc::channel(RUNS_AHEAD);
            let share = self.read_ahead.memory / self.read_ahead.requests as u64;
            let fetch = Fetch {
                client: self.client.clone(),
                feed: self.feed,
                next: first,
                end: first + count,
                before: Key::None,
                share: Share::new(share),
                sender,
            };
            self.tasks.spawn(fetch.run());
            self.unasked += count;
            self.requests.push_back(Arriving { runs, end: self.unasked });
        }
    }

    fn hand_on(&mut self, checked: Checked) -> Result<Checked> {
        if !checked.first.follows(self.before) {
            return Err(self.out_of_order("its key does not come after the one before"));
        }
        self.next += checked.run.count();
        self.before = checked.last;
        Ok(checked)
    }

    fn out_of_order(&self, reason: &str) -> Error {
        let operation = format!("read {} from", self.feed.subject(self.next, self.next));
        Error::new(ErrorKind::Corrupt, operation, self.client.address().to_string(), reason)
            .with_hint("look whether the node is healthy, or take another one")
    }
}

/// The memory of one request.
#[derive(Debug)]
struct Share {
    bytes: Arc<Semaphore>,
    size: u32,
}

impl Share {
    fn new(bytes: u64) -> Self {
        // A share of more than 1 GiB serves nothing.
        let size = u32::try_from(bytes.clamp(1, 1 << 30)).unwrap_or(1 << 30);
        Share { bytes: Arc::new(Semaphore::new(size as usize)), size }
    }

    /// Memory for `length` bytes; what is longer than the whole share takes all of it.
    async fn hold(&self, length: usize) -> Result<OwnedSemaphorePermit, Stopped> {
        let size = u32::try_from(length).unwrap_or(u32::MAX).min(self.size);
        Arc::clone(&self.bytes).acquire_many_owned(size).await.map_err(|_| Stopped)
    }
}

/// Nobody waits for the records any more.
#[derive(Debug)]
struct Stopped;

/// How an attempt at a request ended early.
#[derive(Debug)]
enum Ended {
    Stopped,
    Failed(Failure),
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Self {
        Ended::Stopped
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Ended::Failed(failure)
    }
}

/// The task of one request.
struct Fetch {
    client: Client,
    feed: Feed,
    /// The first record not handed on: where the next attempt begins.
    next: u64,
    end: u64,
    before: Key,
    share: Share,
    sender: mpsc::Sender<Result<Checked>>,
}

impl Fetch {
    async fn run(mut self) {
        let mut tries = Tries::new(self.client.options());
        loop {
            let failure = match self.attempt(&mut tries).await {
                Ok(()) | Err(Ended::Stopped) => return,
                // All has arrived; only the end of the answer is missing, and there is nothing left to ask for.
                Err(Ended::Failed(Failure::Passing(_))) if self.next == self.end => return,
                Err(Ended::Failed(failure)) => failure,
            };
            if let Err(error) = tries.pause(failure).await {
                // If nobody waits for the records, nobody waits for the error.
                let _ = self.sender.send(Err(error)).await;
                return;
            }
        }
    }

    async fn attempt(&mut self, tries: &mut Tries) -> Result<(), Ended> {
        let asked = self.end - self.next;
        let request = self.feed.request(self.next, asked);
        let mut answer = self.client.open(&request).await?;
        let mut splitter = Splitter::new(self.client.options().max_record);
        let wrong = |reason: String| {
            Failure::Final(
                answer_error(&self.client, &request, reason)
                    .with_hint("look whether the node is healthy, or take another one"),
            )
        };
        while let Some(data) = answer.next().await? {
            for run in splitter.push(data).map_err(|oversized| wrong(self.oversized(oversized)))? {
                if run.count() > self.end - self.next {
                    Err(wrong(format!("more than the {asked} records that were asked for")))?;
                }
                let (first, last) = check(self.feed, self.next, self.before, &run).await.map_err(wrong)?;
                let (count, held) = (run.count(), self.share.hold(run.bytes().len()).await?);
                let checked = Checked { run, first, last, _held: held };
                self.sender.send(Ok(checked)).await.map_err(|_| Stopped)?;
                (self.next, self.before) = (self.next + count, last);
                tries.headway();
            }
        }
        if !splitter.is_between_records() && self.next < self.end {
            let reason = format!("the answer ended inside of record {}", self.next);
            Err(Failure::Passing(answer_error(&self.client, &request, reason)))?;
        }
        if !splitter.is_between_records() {
            Err(wrong(format!("more than the {asked} records that were asked for")))?;
        }
        if self.next < self.end {
            let reason =
                format!("the answer ended before record {}; the last asked for is {}", self.next, self.end - 1);
            let error = answer_error(&self.client, &request, reason);
            Err(Failure::Passing(error.with_hint("the node may not have got there yet, or have pruned it")))?;
        }
        Ok(())
    }

    fn oversized(&self, Oversized { length, limit }: Oversized) -> String {
        format!("record {} or one soon after it is said to have {length} bytes, more than {limit}", self.next)
    }
}

fn answer_error(client: &Client, request: &Request, reason: String) -> Error {
    let location = client.address().url(&request.path);
    Error::new(ErrorKind::Corrupt, request.operation.clone(), location, reason)
}

/// Checks each record of `run`, the first of which has the number `first` and comes after `before`.
pub(crate) async fn check(feed: Feed, first: u64, mut before: Key, run: &Run) -> Result<(Key, Key), String> {
    if feed == Feed::Transactions {
        return Ok((Key::None, Key::None));
    }
    let mut keys = (Key::None, Key::None);
    for (at, record) in run.records().enumerate() {
        let number = first + at as u64;
        let key = feed.key(number, record)?;
        if !key.follows(before) {
            return Err(format!("the key of item {number} does not come after the one before"));
        }
        if at == 0 {
            keys.0 = key;
        }
        (keys.1, before) = (key, key);
        if at % CHECKED_AT_ONCE == CHECKED_AT_ONCE - 1 {
            yield_now().await;
        }
    }
    Ok(keys)
}
