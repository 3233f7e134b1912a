//! Turns blocks of plain data into blocks to store, on threads of its own.

use super::member;
use crate::budget::{Held, bytes_holding};
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use libdeflater::CompressionLvl;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// How much plain data is compressed at a time, in bytes. Larger blocks compress no better with DEFLATE's window of
/// 32 KiB, and would only hold more memory.
pub(crate) const BLOCK: usize = 1 << 20;

/// A compression level from 1 (fastest) to 12 (smallest).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(CompressionLvl);

impl Level {
    /// Level `level`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] outside of 1 to 12.
    pub fn new(level: u8) -> Result<Self> {
        match CompressionLvl::new(i32::from(level)) {
            Ok(lvl) if level >= 1 => Ok(Level(lvl)),
            _ => {
                let reason = format!("{level} is not one of 1 (fastest) to 12 (smallest)");
                Err(Error::new(ErrorKind::InvalidConfig, "set up", "the compression level", reason))
            }
        }
    }
}

impl Default for Level {
    /// Level 5: no larger than `gzip -6`, at about four times its speed.
    fn default() -> Self {
        Level(CompressionLvl::new(5).unwrap_or_default())
    }
}

/// What becomes of plain data before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// gzip members of about 1 MiB of plain data each.
    Gzip(Level),
    /// Stored as it is.
    Plain,
}

/// A block of plain data with the memory it holds.
pub(crate) struct Block {
    pub(crate) data: Vec<u8>,
    pub(crate) held: Held,
}

/// A block ready to be stored.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) checksum: Checksum,
}

/// A codec and its threads. Shared by any number of files; dropping it waits for nothing.
pub struct Compressor {
    codec: Codec,
    threads: usize,
    pool: rayon::ThreadPool,
    workers: Arc<Workers>,
}

/// Compressor states that wait for their next block, never more than there are threads.
type Workers = Mutex<Vec<Worker>>;

struct Worker {
    engine: libdeflater::Compressor,
    scratch: Vec<u8>,
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
            .thread_name(|n| format!("sealift-gzip-{n}"))
            // A panic in a block drops its answer, which the waiting upload sees as an error.
            .panic_handler(|_| tracing::error!("a compression thread panicked"))
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Io, "start", "the compression threads", error.to_string()).with_source(error)
            })?;
        Ok(Compressor { codec, threads, pool, workers: Arc::default() })
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The number of threads, and so of blocks worth having under way at once.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Encodes `block` on a compression thread. Callers bound how many they have under way; dropping the receiver
    /// gives the result up, and a block that has begun runs to its end. The sender goes without an answer only when
    /// the thread panicked.
    pub(crate) fn encode(&self, block: Block, algorithm: ChecksumAlgorithm) -> oneshot::Receiver<Result<Encoded>> {
        let (answer, result) = oneshot::channel();
        let (codec, workers) = (self.codec, Arc::clone(&self.workers));
        self.pool.spawn_fifo(move || {
            if !answer.is_closed() {
                let _ = answer.send(encode(codec, &workers, block, algorithm));
            }
        });
        result
    }

    /// What follows the last block of a stream of `plain_len` bytes, if anything does.
    pub(crate) fn end(&self, plain_len: u64, algorithm: ChecksumAlgorithm) -> Option<Encoded> {
        match self.codec {
            Codec::Plain => None,
            Codec::Gzip(_) => {
                let bytes = Bytes::copy_from_slice(&member::end(plain_len));
                let checksum = Checksum::of(algorithm, &bytes);
                Some(Encoded { bytes, checksum })
            }
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").field("codec", &self.codec).field("threads", &self.threads).finish_non_exhaustive()
    }
}

fn encode(codec: Codec, workers: &Workers, block: Block, algorithm: ChecksumAlgorithm) -> Result<Encoded> {
    let stored = match codec {
        Codec::Plain => block.data,
        Codec::Gzip(level) => {
            let mut worker = take(workers)
                .unwrap_or_else(|| Worker { engine: libdeflater::Compressor::new(level.0), scratch: Vec::new() });
            let len = member::write_data(&mut worker.engine, &block.data, &mut worker.scratch)
                .map_err(|error| failed(&error.to_string()))?;
            // Into the block's own memory where it fits: that is what the budget counts.
            let mut stored = block.data;
            stored.clear();
            stored.extend_from_slice(&worker.scratch[..len]);
            stored.shrink_to_fit();
            give_back(workers, worker);
            stored
        }
    };
    let checksum = Checksum::of(algorithm, &stored);
    Ok(Encoded { bytes: bytes_holding(stored, block.held), checksum })
}

fn take(workers: &Workers) -> Option<Worker> {
    workers.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn give_back(workers: &Workers, worker: Worker) {
    workers.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
}

fn failed(reason: &str) -> Error {
    Error::new(ErrorKind::Io, "compress", "a block", reason.to_owned())
}
