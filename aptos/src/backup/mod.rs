//! The three backups: what they have in common. `beside` holds them against what the archive has, `chunks` writes chunks
//! while records arrive, `group` is a backup's files, `sealed` finds those of an interrupted run, `publish` makes a backup
//! known, `away` moves what it replaces, `pruned` says when a node has no more of it, and each kind of backup has a module
//! of its own.
//!
//! # Continuing
//! A storage of backups has no listing, so what an interrupted run left is found by name. The four hex digits behind a
//! backup's name, a random suffix elsewhere, are here a checksum of all that its files depend on: kind, range and chunk
//! size. A run of the same finds the group of files again, opens `{first}-.chunk`, reads it (which checks it: the
//! storage's own checks, count, order, keys) and so learns where the next one begins. What follows the first gap is
//! asked of the node; a chunk that turns out to be sealed already, since several are written at a time, is compared and
//! not written again. No journal is kept, so nothing of it can be left behind, and an archive made in three runs is the
//! same as one made in one.
//!
//! Two runs at once of the same backup write the same content under the same names. The first to seal a file stands, and
//! the other takes it for its own: a run that replaced files, and took back what it was sealing when it was stopped,
//! would remove what the other has made known.
//!
//! # Memory
//! Requests have a share each to read ahead with, chunks have one together for what storage has not taken, and the
//! storage has its own budget. A chunk holds a writer of that budget while its records arrive, so no more chunks are
//! begun, by all backups together, than leave a writer for small files.

mod away;
mod beside;
mod chunks;
mod epoch_ending;
mod group;
mod pruned;
mod publish;
mod sealed;
mod state_snapshot;
mod transaction;

use crate::chunk::{ChunkRule, MAX_CHUNK_SIZE};
use crate::client::Client;
use crate::feed::{Feed, ReadAhead};
use crate::manifest::TransactionFormat;
use beside::Beside;
use chunks::Plan;
use sealift::{BackupStorage, Error, ErrorKind, FileHandle, Result};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// How backups are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The largest chunk, in bytes; a longer record is a chunk of its own.
    pub max_chunk_size: u64,
    /// How many records are asked of the node at a time: 100,000, as aptos-db-tool.
    pub items_per_request: u64,
    /// How many requests are under way at a time: 8, as aptos-db-tool's `--concurrent-data-requests`.
    pub concurrent_data_requests: usize,
    /// How many chunks are written at a time: 4, as aptos-db-tool, or as many as the storage's memory allows. A later
    /// chunk waits until fewer than this separate it from the earliest that is not sealed.
    pub concurrent_chunks: usize,
    /// How much the requests together may hold of what chunks have no room for yet, in bytes.
    pub read_ahead: u64,
    /// How much the chunks together may hold of what storage has not taken yet, in bytes. A longer record takes all of
    /// it.
    pub chunk_memory: u64,
    /// The form of transactions where none of a backup's can be told from them, because they hold something that this
    /// program does not know: V1, as nodes serve now.
    pub transaction_format: TransactionFormat,
    /// What becomes of chunks that an interrupted run has sealed.
    pub sealed_chunks: Continue,
    /// What becomes of lines that make the same epochs or versions known ([`Backups::beside`]).
    pub replace: Replace,
}

/// What becomes of metadata lines that stand where a backup's own is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// They stand: a backup that overlaps them is an error.
    Nothing,
    /// Those of what lies within the new backup are moved to `metadata_backup/`, once its own line is saved. If it is
    /// stopped just then, both are known, and nothing can be restored until it is run again. Without a look at the archive
    /// ([`Backups::beside`]) it is an error.
    Known,
}

/// What becomes of chunks that an interrupted run of the same backup has sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continue {
    /// They are read, checked and used.
    FromSealed,
    /// They are not looked for: the backup gets a new name.
    Afresh,
}

impl Default for Options {
    /// As aptos-db-tool, in 16 MiB read ahead and 8 MiB in chunks for each backup under way. On top come a network buffer
    /// or a record for each request, and what the storage itself takes.
    fn default() -> Self {
        Options {
            max_chunk_size: MAX_CHUNK_SIZE,
            items_per_request: 100_000,
            concurrent_data_requests: 8,
            concurrent_chunks: 4,
            read_ahead: 16 << 20,
            chunk_memory: 8 << 20,
            transaction_format: TransactionFormat::V1,
            sealed_chunks: Continue::FromSealed,
            replace: Replace::Nothing,
        }
    }
}

/// A backup that was made and is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackedUp {
    /// The manifest.
    pub manifest: FileHandle,
    /// The metadata file that makes it known.
    pub metadata: FileHandle,
    /// How many chunks it has.
    pub chunks: usize,
    /// How many of them an earlier run had sealed.
    pub sealed_before: usize,
    /// The last version that it is of: of epoch endings the one that ends the last epoch.
    pub last_version: u64,
    /// The last epoch that it is of; none of transactions.
    pub last_epoch: Option<u64>,
}

/// Makes backups of one node in one archive. Cheap to clone.
///
/// Each backup is cancel-safe: when its future is dropped, its tasks stop, files that were not sealed do not exist, and
/// nothing makes it known. Nor does anything after an error; then all its tasks have ended before it is returned.
#[derive(Debug, Clone)]
pub struct Backups {
    client: Client,
    storage: Arc<dyn BackupStorage>,
    options: Arc<Options>,
    /// One for each chunk that may be open, of all backups.
    chunk_writers: Arc<Semaphore>,
    /// What the archive has, where that is looked at.
    beside: Option<Arc<Mutex<Beside>>>,
}

impl Backups {
    /// Backups of the node behind `client` in `storage`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when an option that counts something is zero, or when the storage has memory for one
    /// file only: a chunk is open while its proof is written.
    pub fn new(client: Client, storage: Arc<dyn BackupStorage>, options: Options) -> Result<Backups> {
        for (option, value) in [
            ("the chunk size", options.max_chunk_size),
            ("the number of items in a request", options.items_per_request),
            ("the number of data requests at a time", options.concurrent_data_requests as u64),
            ("the number of chunks at a time", options.concurrent_chunks as u64),
        ] {
            if value == 0 {
                return Err(invalid(option, "it is zero", "give 1 or more"));
            }
        }
        let chunk_writers = match storage.writers_at_once() {
            0 | 1 => {
                let reason = "it is enough for one file at a time, and a backup writes two";
                return Err(invalid("the storage's memory", reason, "give it more (--memory, --part-size)"));
            }
            writers => Arc::new(Semaphore::new((writers - 1).min(Semaphore::MAX_PERMITS))),
        };
        Ok(Backups { client, storage, options: Arc::new(options), chunk_writers, beside: None })
    }

    /// The node's client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn plan(&self, feed: Feed, first: u64) -> Plan {
        let options = &self.options;
        Plan {
            feed,
            first,
            rule: ChunkRule::new(options.max_chunk_size),
            window: options.concurrent_chunks,
            memory: options.chunk_memory,
            writers: Arc::clone(&self.chunk_writers),
        }
    }

    fn read_ahead(&self) -> ReadAhead {
        ReadAhead {
            items: self.options.items_per_request,
            requests: self.options.concurrent_data_requests,
            memory: self.options.read_ahead,
        }
    }
}

fn invalid(what: &str, reason: &str, hint: &'static str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "use", what, reason).with_hint(hint)
}
