//! Chunks: records cut by the rule, each chunk written by a task of its own while later records arrive.

use crate::chunk::{ChunkRule, Cutter, Step};
use crate::feed::{Checked, Feed, Key, Records};
use crate::records::Run;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, Stream, TryStreamExt};
use sealift::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

/// How many pieces wait for one chunk's writer, whatever their size.
const PIECES: usize = 1024;

/// More memory than this serves nothing, and a semaphore counts it on every system.
const MAX_MEMORY: u64 = 1 << 28;

/// The records in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) first_key: Key,
    pub(crate) last_key: Key,
}

/// Bytes of a chunk, which hold their memory until they are dropped.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Debug)]
enum Piece {
    Records(Held),
    End(Span),
}

/// A chunk on its way to its writer.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Which of this run's chunks it is, from 0.
    pub(crate) number: u64,
    /// The first record in it.
    pub(crate) first: u64,
    record: Bytes,
    pieces: mpsc::Receiver<Piece>,
    arrival: Arrival,
}

#[derive(Debug, Clone, Copy)]
enum Arrival {
    Coming,
    Ended(Span),
}

impl Incoming {
    /// The chunk's bytes. A chunk whose records stopped coming ends in an error, so that it is not sealed.
    pub(crate) fn content(&mut self) -> impl Stream<Item = Result<Held>> + Send {
        stream::try_unfold(self, |incoming| async {
            match incoming.pieces.recv().await {
                Some(Piece::Records(held)) => Ok(Some((held, incoming))),
                Some(Piece::End(span)) => {
                    incoming.arrival = Arrival::Ended(span);
                    Ok(None)
                }
                None => Err(incoming.interrupted()),
            }
        })
    }

    /// What the chunk holds, once its content has ended.
    pub(crate) fn span(&self) -> Result<Span> {
        match self.arrival {
            Arrival::Ended(span) => Ok(span),
            Arrival::Coming => Err(self.interrupted()),
        }
    }

    /// What the chunk holds, after what is left of its content: also when nobody wanted all of that.
    pub(crate) async fn finish(&mut self) -> Result<Span> {
        if let Arrival::Coming = self.arrival {
            let mut content = pin!(self.content());
            while content.try_next().await?.is_some() {}
        }
        self.span()
    }

    /// The first record, without its length.
    pub(crate) fn first_record(&self) -> Bytes {
        self.record.clone()
    }

    fn interrupted(&self) -> Error {
        let location = format!("from record {}", self.first);
        Error::new(ErrorKind::Cancelled, "write the chunk", location, "its records stopped coming")
    }
}

/// Writes one chunk and says what the manifest has to know of it.
pub(crate) type WriteChunk<C> = Box<dyn Fn(Incoming) -> BoxFuture<'static, Result<C>> + Send + Sync>;

/// The chunks of one run. Writers run as tasks of its own: dropping it stops them, [`close`](Chunks::close) waits until
/// they have stopped.
pub(crate) struct Chunks<C> {
    feed: Feed,
    cutter: Cutter,
    write: WriteChunk<C>,
    /// How many chunks may be between the earliest that is not sealed and the one being filled, both counted.
    window: u64,
    writers: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    memory_size: u32,
    tasks: JoinSet<(u64, Result<C>)>,
    sealed: BTreeMap<u64, C>,
    opened: u64,
    /// The next record.
    next: u64,
    filling: Filling,
}

enum Filling {
    Nothing,
    Chunk { pieces: mpsc::Sender<Piece>, span: Span },
}

/// How chunks are made.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) feed: Feed,
    /// The first record.
    pub(crate) first: u64,
    pub(crate) rule: ChunkRule,
    /// How many are written at a time.
    pub(crate) window: usize,
    /// How much they hold together, in bytes.
    pub(crate) memory: u64,
    /// One for each chunk that may be open, of all backups under way. Chunks take theirs in order, so none waits for
    /// one that a later chunk holds.
    pub(crate) writers: Arc<Semaphore>,
}

impl<C: Send + 'static> Chunks<C> {
    pub(crate) fn new(plan: Plan, write: WriteChunk<C>) -> Self {
        let memory_size = u32::try_from(plan.memory.clamp(1, MAX_MEMORY)).unwrap_or(u32::MAX);
        Chunks {
            feed: plan.feed,
            cutter: Cutter::new(plan.rule),
            write,
            window: plan.window as u64,
            writers: plan.writers,
            memory: Arc::new(Semaphore::new(memory_size as usize)),
            memory_size,
            tasks: JoinSet::new(),
            sealed: BTreeMap::new(),
            opened: 0,
            next: plan.first,
            filling: Filling::Nothing,
        }
    }

    /// Writes all `records` and returns the chunks in order, once all are sealed. `look` sees the records before.
    /// Whatever happens, all tasks have ended when this returns.
    pub(crate) async fn write_all(
        mut self,
        mut records: Records,
        mut look: impl FnMut(&Run) -> Result<()> + Send,
    ) -> Result<Vec<C>> {
        let written = self.take_all(&mut records, &mut look).await;
        records.close().await;
        self.tasks.shutdown().await;
        written.map(|()| self.sealed.into_values().collect())
    }

    async fn take_all(
        &mut self,
        records: &mut Records,
        look: &mut (impl FnMut(&Run) -> Result<()> + Send),
    ) -> Result<()> {
        while let Some(Checked { run, .. }) = self.unless_failed(records.next()).await?? {
            look(&run)?;
            for step in self.cutter.steps(run) {
                match step {
                    Step::Cut => self.cut().await?,
                    Step::Append(run) => self.append(run).await?,
                }
            }
        }
        self.cut().await?;
        while !self.tasks.is_empty() {
            self.joined().await?;
        }
        Ok(())
    }

    async fn append(&mut self, run: Run) -> Result<()> {
        let (first, last) = (self.next, self.next + run.count() - 1);
        let key = |number, record: Option<&[u8]>| {
            let key = self.feed.key(number, record.unwrap_or_default());
            key.map_err(|reason| Error::new(ErrorKind::Corrupt, "read", self.feed.subject(number, number), reason))
        };
        let (first_key, last_key) = (key(first, run.records().next())?, key(last, run.records().last())?);
        if matches!(self.filling, Filling::Nothing) {
            self.open(Span { first, last, first_key, last_key }, run.first_record()).await?;
        }
        let held = self.hold(run.bytes().clone()).await?;
        self.send(Piece::Records(held)).await?;
        if let Filling::Chunk { span, .. } = &mut self.filling {
            (span.last, span.last_key) = (last, last_key);
        }
        self.next = last + 1;
        Ok(())
    }

    async fn open(&mut self, span: Span, record: Bytes) -> Result<()> {
        while self.opened - self.sealed_in_a_row() >= self.window {
            self.joined().await?;
        }
        let writer = match self.unless_failed(Arc::clone(&self.writers).acquire_owned()).await? {
            Ok(writer) => writer,
            Err(_) => return Err(lost("the writers of chunks were closed")),
        };
        let (pieces, receiver) = mpsc::channel(PIECES);
        let number = self.opened;
        let incoming = Incoming { number, first: span.first, record, pieces: receiver, arrival: Arrival::Coming };
        let written = (self.write)(incoming);
        self.tasks.spawn(async move {
            let written = written.await;
            drop(writer);
            (number, written)
        });
        self.opened += 1;
        self.filling = Filling::Chunk { pieces, span };
        Ok(())
    }

    fn sealed_in_a_row(&self) -> u64 {
        self.sealed.keys().zip(0..).take_while(|&(&number, expected)| number == expected).count() as u64
    }

    async fn cut(&mut self) -> Result<()> {
        if let Filling::Chunk { span, .. } = self.filling {
            self.send(Piece::End(span)).await?;
        }
        self.filling = Filling::Nothing;
        Ok(())
    }

    /// Memory for `bytes`; what is longer than all there is takes all of it.
    async fn hold(&mut self, bytes: Bytes) -> Result<Held> {
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(self.memory_size);
        let permit = Arc::clone(&self.memory).acquire_many_owned(size);
        match self.unless_failed(permit).await? {
            Ok(permit) => Ok(Held { bytes, _permit: permit }),
            Err(_) => Err(lost("the memory of chunks was closed")),
        }
    }

    async fn send(&mut self, piece: Piece) -> Result<()> {
        let Filling::Chunk { pieces, .. } = &self.filling else { return Err(lost("no chunk is open")) };
        let pieces = pieces.clone();
        match self.unless_failed(pieces.send(piece)).await? {
            Ok(()) => Ok(()),
            // Its writer is gone, and will say why.
            Err(_) => Err(self.failed().await),
        }
    }

    /// What `work` comes to, unless a writer fails before.
    async fn unless_failed<T>(&mut self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            error = self.failed() => Err(error),
            done = work => Ok(done),
        }
    }

    /// The error of the first writer that fails; waits for ever while none does. Cancel-safe.
    async fn failed(&mut self) -> Error {
        while !self.tasks.is_empty() {
            if let Err(error) = self.joined().await {
                return error;
            }
        }
        pending().await
    }

    /// Waits for a writer to end. Cancel-safe.
    async fn joined(&mut self) -> Result<()> {
        match self.tasks.join_next().await {
            Some(Ok((number, Ok(chunk)))) => {
                self.sealed.insert(number, chunk);
                Ok(())
            }
            Some(Ok((_, Err(error)))) => Err(error),
            Some(Err(error)) => Err(lost("its task ended without a result").with_source(error)),
            None => Err(lost("there is no writer to wait for")),
        }
    }
}

/// What cannot happen unless this program is wrong.
fn lost(reason: &str) -> Error {
    Error::new(ErrorKind::Io, "write", "a chunk", reason).with_hint("this is a defect of Sealift: please report it")
}
