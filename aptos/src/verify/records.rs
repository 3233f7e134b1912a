//! A chunk's records: read as a stream, prepared on all cores, and put together in their order. How much of them is in
//! memory at a time is bounded for all files together.

use super::endings::too_long;
use super::of_chain;
use crate::chain::ChainError;
use crate::records::{MAX_RECORD, Run, Splitter};
use bytes::{Bytes, BytesMut};
use sealift::verify::{Files, Finding, OpenFile, VerifiedFile};
use sealift::{Error, ErrorKind};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::io::AsyncBufReadExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

/// How many bytes are prepared together: enough to make the handing over small against the hashing.
const BATCH: usize = 1 << 20;
/// How many bytes are read together.
const READ: usize = BATCH / 4;
/// What a batch holds, with what was made of it and what is being read of the next.
const BATCH_MEMORY: u64 = 5 << 19;
/// A file that is wrong in so many records is wrong in all, and no more are told.
const MOST_FINDINGS: usize = 10;

/// The threads and the memory that all files share.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    threads: usize,
    turns: Arc<Semaphore>,
    batches: Arc<Semaphore>,
}

impl Pool {
    /// As many threads as the machine has cores, and batches in `memory` bytes; at least two.
    pub(super) fn new(memory: u64) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let batches = usize::try_from(memory / BATCH_MEMORY).unwrap_or(usize::MAX).clamp(2, Semaphore::MAX_PERMITS);
        Pool { threads, turns: Arc::new(Semaphore::new(threads)), batches: Arc::new(Semaphore::new(batches)) }
    }

    /// Runs `work` away from the runtime's threads, when it is its turn.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        done(self.begin(work).await).await
    }

    /// Begins `work` away from the runtime's threads, when it is its turn.
    async fn begin<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
    }
}

/// The end of work that was begun. A panic of it is one here.
async fn done<T>(work: JoinHandle<T>) -> T {
    match work.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and nothing after this is polled.
            Err(_) => std::future::pending().await,
        },
    }
}

/// What the records of a file came to.
pub(super) struct Folded<S> {
    pub(super) state: S,
    /// How many there were.
    pub(super) count: u64,
    /// How the file was verified; none where it was not read to its end.
    pub(super) verified: Option<VerifiedFile>,
    pub(super) findings: Vec<Finding>,
}

/// How records become one thing.
pub(super) trait Fold: Send + 'static {
    /// What is made of one record, whatever the others are.
    type Prepared: Send + 'static;
    /// Makes it.
    fn prepare(record: &[u8], how: &Self::How) -> Result<Self::Prepared, ChainError>;
    /// What preparing needs to know.
    type How: Clone + Send + Sync + 'static;
    /// Puts together what can be of records that follow one another, whatever comes before them.
    fn together(prepared: Vec<Self::Prepared>) -> Vec<Self::Prepared> {
        prepared
    }
    /// How many records are in it.
    fn records(_prepared: &Self::Prepared) -> u64 {
        1
    }
    /// Takes the next one. What is wrong is told; an error ends it: nothing behind it could be told.
    fn take(&mut self, prepared: Self::Prepared, wrong: &mut dyn FnMut(ChainError)) -> Result<(), ChainError>;
}

struct Batch {
    runs: Vec<Run>,
    /// How many records came before.
    first: u64,
    _memory: Option<OwnedSemaphorePermit>,
}

struct Prepared<T> {
    items: Vec<T>,
    first: u64,
    /// Why there is nothing behind these.
    ended: Option<ChainError>,
    _memory: Option<OwnedSemaphorePermit>,
}

/// Reads the records of `name`, and puts them together.
pub(super) async fn fold<F: Fold>(pool: &Pool, files: &Files, name: &str, how: F::How, fold: F) -> Folded<F> {
    let mut reading = match files.open(name).await {
        Ok(file) => Reading { file, name, pool, splitter: Splitter::new(MAX_RECORD), next: 0, ended: Ended::Not },
        Err(error) => {
            let findings = vec![Finding::of_error(name, &error)];
            return Folded { state: fold, count: 0, verified: None, findings };
        }
    };
    let (sender, mut receiver) = mpsc::channel::<Prepared<F::Prepared>>(2);
    let from = &mut reading;
    let produce = async move {
        let mut preparing = VecDeque::new();
        loop {
            let next = from.batch().await;
            let is_last = next.is_none();
            if let Some(batch) = next {
                let how = how.clone();
                preparing.push_back(pool.begin(move || prepare::<F>(batch, &how)).await);
            }
            while (is_last || preparing.len() > pool.threads)
                && let Some(work) = preparing.pop_front()
            {
                if sender.send(done(work).await).await.is_err() {
                    return;
                }
            }
            if is_last {
                return;
            }
        }
    };
    let consume = async {
        let mut folded = Folded { state: fold, count: 0, verified: None, findings: Vec::new() };
        while let Some(batch) = receiver.recv().await {
            let file = name.to_owned();
            let is_last;
            (folded, is_last) = pool.run(move || take(folded, batch, &file)).await;
            if is_last {
                break;
            }
        }
        receiver.close();
        folded
    };
    let ((), mut folded) = tokio::join!(produce, consume);
    match reading.ended {
        Ended::Well(verified) => folded.verified = Some(verified),
        Ended::Badly(finding) => folded.findings.push(*finding),
        Ended::Not => {}
    }
    folded
}

/// How a file ended.
enum Ended {
    /// Not yet.
    Not,
    Well(VerifiedFile),
    Badly(Box<Finding>),
}

/// A file whose records are being read.
struct Reading<'a> {
    file: OpenFile<'a>,
    name: &'a str,
    pool: &'a Pool,
    splitter: Splitter,
    next: u64,
    ended: Ended,
}

impl Reading<'_> {
    /// The next records, as soon as there is room for them.
    async fn batch(&mut self) -> Option<Batch> {
        if !matches!(self.ended, Ended::Not) {
            return None;
        }
        let memory = Arc::clone(&self.pool.batches).acquire_owned().await.ok();
        let mut runs = Vec::new();
        let mut taken = 0;
        while taken < BATCH {
            match self.read().await {
                Ok(data) if data.is_empty() => {
                    self.ended = self.at_end();
                    break;
                }
                Ok(data) => {
                    taken += data.len();
                    match self.splitter.push(data) {
                        Ok(found) => runs.extend(found),
                        Err(record) => {
                            self.fail(&too_long(self.name, record.length));
                            break;
                        }
                    }
                }
                Err(error) => {
                    self.fail(&error);
                    break;
                }
            }
        }
        let first = self.next;
        self.next += runs.iter().map(Run::count).sum::<u64>();
        (!runs.is_empty()).then_some(Batch { runs, first, _memory: memory })
    }

    async fn read(&mut self) -> Result<Bytes, Error> {
        // Never longer than that, so that nothing is copied to where there is more room.
        let mut data = BytesMut::with_capacity(READ);
        while data.len() < READ {
            let failed = |error| Error::from_io(&error).cloned().unwrap_or_else(|| Error::io("read", self.name, error));
            let piece = self.file.fill_buf().await.map_err(failed)?;
            let count = piece.len().min(READ - data.len());
            if count == 0 {
                break;
            }
            data.extend_from_slice(&piece[..count]);
            self.file.consume(count);
        }
        Ok(data.freeze())
    }

    fn at_end(&self) -> Ended {
        match self.splitter.is_between_records() {
            true => Ended::Well(self.file.verified()),
            false => {
                let reason = format!("it ends inside of record {}", self.next);
                let error = Error::new(ErrorKind::Corrupt, "read", self.name.to_owned(), reason);
                Ended::Badly(Box::new(Finding::of_error(self.name, &error)))
            }
        }
    }

    fn fail(&mut self, error: &Error) {
        self.ended = Ended::Badly(Box::new(Finding::of_error(self.name, error).in_record(self.next)));
    }
}

fn prepare<F: Fold>(batch: Batch, how: &F::How) -> Prepared<F::Prepared> {
    let mut prepared = Prepared { items: Vec::new(), first: batch.first, ended: None, _memory: batch._memory };
    for record in batch.runs.iter().flat_map(Run::records) {
        match F::prepare(record, how) {
            Ok(item) => prepared.items.push(item),
            Err(error) => {
                prepared.ended = Some(error);
                break;
            }
        }
    }
    prepared.items = F::together(prepared.items);
    prepared
}

/// Takes a batch, and tells whether it is the last that can be.
fn take<F: Fold>(mut folded: Folded<F>, batch: Prepared<F::Prepared>, file: &str) -> (Folded<F>, bool) {
    let mut number = batch.first;
    for item in batch.items {
        let findings = &mut folded.findings;
        let mut wrong = |error: ChainError| {
            if findings.len() < MOST_FINDINGS {
                findings.push(of_chain(file, &error).in_record(number));
            }
        };
        let records = F::records(&item);
        let taken = folded.state.take(item, &mut wrong);
        if let Err(error) = taken {
            folded.findings.push(of_chain(file, &error).in_record(number));
            return (folded, true);
        }
        folded.count += records;
        number += records;
    }
    match batch.ended {
        Some(error) => {
            folded.findings.push(of_chain(file, &error).in_record(number));
            (folded, true)
        }
        None => (folded, false),
    }
}
