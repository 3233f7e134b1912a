//! Turns blocks of plain data into blocks to store, and back, on threads of its own.

use super::effort::{Done, Effort};
use super::level::Codec;
use super::unpack::{Packed, Unpacked, Unpackers};
use super::{gzip, zstd};
use crate::budget::Block;
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use libdeflater::CompressionLvl;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::sync::oneshot;

/// A codec and its threads. Shared by any number of files; dropping it waits for nothing.
pub struct Compressor {
    codec: Codec,
    effort: Arc<Effort>,
    threads: usize,
    pool: rayon::ThreadPool,
    workers: Arc<Idle<Worker>>,
    unpackers: Arc<Unpackers>,
}

/// States of threads that wait for their next block, never more than there are threads.
pub(super) struct Idle<T>(Mutex<Vec<T>>);

impl<T> Idle<T> {
    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    pub(super) fn give_back(&self, state: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(state);
    }
}

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Idle(Mutex::default())
    }
}

struct Worker {
    engine: Engine,
    level: u8,
    scratch: Vec<u8>,
}

enum Engine {
    Gzip(libdeflater::Compressor),
    Zstd(::zstd::bulk::Compressor<'static>),
}

impl Compressor {
    /// A compressor with `threads` threads; `None` for one a core.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the threads cannot be started.
    pub fn new(codec: Codec, threads: Option<NonZeroUsize>) -> Result<Self> {
        let threads = threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|n| format!("sealift-codec-{n}"))
            // A panic in a block drops its answer, which the waiting upload sees as an error.
            .panic_handler(|_| tracing::error!("a compression thread panicked"))
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Io, "start", "the compression threads", error.to_string()).with_source(error)
            })?;
        let effort = Arc::new(Effort::Fixed(codec.level()));
        Ok(Compressor { codec, effort, threads, pool, workers: Arc::default(), unpackers: Arc::default() })
    }

    /// Begins at the codec's level and finds its own from there, from 1 to 9, block by block: a higher one while the threads
    /// have to wait, for the input or for the service, or while the service falls behind, and a lower one when they are what
    /// is waited for. What is stored is read as ever; it is smaller where the line is slow, and larger where nothing is but the compressor.
    ///
    /// ```
    /// use sealift::{Codec, Compressor, Level};
    ///
    /// let compressor = Compressor::new(Codec::Gzip(Level::default()), None)?.with_adaptive_level();
    /// # Ok::<(), sealift::Error>(())
    /// ```
    pub fn with_adaptive_level(mut self) -> Self {
        self.effort = Arc::new(Effort::adaptive(self.codec.level(), self.threads));
        self
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The number of threads, and so of blocks worth having under way at once.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Encodes `block` on a compression thread, or here where there is nothing to compress. Callers bound how many they
    /// have under way; dropping the receiver gives the result up, and a block that has begun runs to its end. The sender
    /// goes without an answer only when the thread panicked. `waiting` is how many encoded bytes are not stored yet.
    pub(crate) fn encode(&self, block: Block, waiting: u64) -> oneshot::Receiver<Result<Bytes>> {
        let (workers, effort) = (Arc::clone(&self.workers), Arc::clone(&self.effort));
        match self.codec {
            Codec::Plain => {
                let (answer, result) = oneshot::channel();
                let _ = answer.send(Ok(block.into_bytes()));
                result
            }
            Codec::Gzip(_) => self.run(move || compress(&workers, &effort, block, waiting, Engine::gzip)),
            Codec::Zstd(_) => self.run(move || compress(&workers, &effort, block, waiting, Engine::zstd)),
        }
    }

    /// Unpacks a block on a compression thread, or here when that takes less time than to hand it over. As with
    /// [`encode`](Self::encode), dropping the receiver gives the result up.
    pub(crate) fn unpack(&self, packed: Packed) -> Unpacking {
        if packed.is_small() {
            return Unpacking::Done(Some(self.unpackers.unpack(packed)));
        }
        let unpackers = Arc::clone(&self.unpackers);
        Unpacking::Running(self.run(move || unpackers.unpack(packed)))
    }

    /// Runs `work` on a compression thread. Dropping the receiver before it has begun gives it up.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (answer, result) = oneshot::channel();
        self.pool.spawn_fifo(move || {
            if !answer.is_closed() {
                let _ = answer.send(work());
            }
        });
        result
    }

    /// What follows the last block of a stream of `plain_len` bytes, if anything does.
    pub(crate) fn end(&self, plain_len: u64) -> Option<Bytes> {
        match self.codec {
            Codec::Plain => None,
            Codec::Gzip(_) => Some(Bytes::copy_from_slice(&gzip::end(plain_len))),
            Codec::Zstd(_) => Some(Bytes::copy_from_slice(&zstd::end(plain_len))),
        }
    }
}

/// A block on its way to plain data.
#[derive(Debug)]
pub(crate) enum Unpacking {
    /// Until it has been taken.
    Done(Option<Result<Unpacked>>),
    Running(oneshot::Receiver<Result<Unpacked>>),
}

impl Future for Unpacking {
    type Output = Result<Unpacked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut *self {
            Unpacking::Done(done) => done.take(),
            Unpacking::Running(running) => ready!(Pin::new(running).poll(cx)).ok(),
        };
        Poll::Ready(answer.unwrap_or_else(|| Err(panicked())))
    }
}

/// The error for an answer that never came.
pub(crate) fn panicked() -> Error {
    Error::new(ErrorKind::Io, "decompress", "a block", "the compression thread panicked")
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("codec", &self.codec).field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// A block compressed, by a worker that waits or a new one. `engine` makes one for a level.
fn compress(
    workers: &Idle<Worker>,
    effort: &Effort,
    block: Block,
    waiting: u64,
    engine: fn(u8) -> Result<Engine>,
) -> Result<Bytes> {
    let (level, begun) = (effort.level(), Instant::now());
    let mut worker = match workers.take() {
        Some(worker) if worker.level == level => worker,
        Some(worker) => Worker { engine: engine(level)?, level, ..worker },
        None => Worker { engine: engine(level)?, level, scratch: Vec::new() },
    };
    let len = worker.engine.write_data(&block.data, &mut worker.scratch)?;
    let stored = worker.scratch[..len].to_vec();
    workers.give_back(worker);
    effort.compressed(Done { level, bytes: block.data.len(), made: len, time: begun.elapsed(), waiting });
    Ok(block.replaced_by(stored))
}

impl Engine {
    fn gzip(level: u8) -> Result<Self> {
        let level = CompressionLvl::new(i32::from(level)).map_err(|_| failed(format_args!("level {level}")))?;
        Ok(Engine::Gzip(libdeflater::Compressor::new(level)))
    }

    fn zstd(level: u8) -> Result<Self> {
        let mut engine = ::zstd::bulk::Compressor::new(i32::from(level)).map_err(failed)?;
        engine.include_checksum(true).map_err(failed)?;
        Ok(Engine::Zstd(engine))
    }

    fn write_data(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<usize> {
        match self {
            Engine::Gzip(engine) => gzip::write_data(engine, plain, out).map_err(failed),
            Engine::Zstd(engine) => zstd::write_data(engine, plain, out).map_err(failed),
        }
    }
}

fn failed(error: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Io, "compress", "a block", error.to_string())
}
