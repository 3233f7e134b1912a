//! The three backups: what they have in common. `chunks` writes chunks while records arrive, `sealed` finds those of an
//! interrupted run, and each kind of backup has a module of its own.
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
//! Two runs at once of the same backup write the same content under the same names: whichever is later replaces it.

mod chunks;
mod epoch_ending;
mod sealed;
mod state_snapshot;
mod transaction;

use crate::chunk::{ChunkRule, MAX_CHUNK_SIZE};
use crate::client::Client;
use crate::feed::{Feed, Key, ReadAhead};
use crate::manifest::{Manifest, TransactionFormat};
use crate::metadata::Metadata;
use crate::seal::{Part, Subject, seal};
use bytes::Bytes;
use chunks::{Incoming, Plan};
use futures::stream;
use sealed::{Expected, SealedChunk, find_chunk};
use sealift::{BackupHandle, BackupStorage, Error, ErrorKind, FileHandle, Result, ShellSafeName};
use sha3::{Digest, Sha3_256};
use std::sync::Arc;

/// How backups are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The largest chunk, in bytes; a longer record is a chunk of its own.
    pub max_chunk_size: u64,
    /// How many records are asked of the node at a time: 100,000, as aptos-db-tool.
    pub items_per_request: u64,
    /// How many requests are under way at a time: 8, as aptos-db-tool's `--concurrent-data-requests`.
    pub concurrent_data_requests: usize,
    /// How many chunks are written at a time: 4, as aptos-db-tool. A later chunk waits until fewer than this separate
    /// it from the earliest that is not sealed.
    pub concurrent_chunks: usize,
    /// How much the requests together may hold of what chunks have no room for yet, in bytes.
    pub read_ahead: u64,
    /// How much the chunks together may hold of what storage has not taken yet, in bytes. Never less than one chunk.
    pub chunk_memory: u64,
    /// The form of transactions that hold something this program does not know, so that it cannot be told from them.
    pub transaction_format: TransactionFormat,
    /// What becomes of chunks that an interrupted run has sealed.
    pub sealed_chunks: Continue,
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
    /// As aptos-db-tool. Memory is at most 128 MiB read ahead and 256 MiB (or one chunk, if that is more) in chunks, a
    /// network buffer or a record for each request, and what the storage itself takes.
    fn default() -> Self {
        Options {
            max_chunk_size: MAX_CHUNK_SIZE,
            items_per_request: 100_000,
            concurrent_data_requests: 8,
            concurrent_chunks: 4,
            read_ahead: 128 << 20,
            chunk_memory: 256 << 20,
            transaction_format: TransactionFormat::V1,
            sealed_chunks: Continue::FromSealed,
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
}

impl Backups {
    /// Backups of the node behind `client` in `storage`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when an option that counts something is zero.
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
        Ok(Backups { client, storage, options: Arc::new(options) })
    }

    fn plan(&self, feed: Feed, first: u64) -> Plan {
        let options = &self.options;
        Plan {
            feed,
            first,
            rule: ChunkRule::new(options.max_chunk_size),
            window: options.concurrent_chunks,
            memory: options.chunk_memory.max(options.max_chunk_size),
        }
    }

    fn read_ahead(&self) -> ReadAhead {
        ReadAhead {
            items: self.options.items_per_request,
            requests: self.options.concurrent_data_requests,
            memory: self.options.read_ahead,
        }
    }

    /// The group of files for the backup called `name`, which depends on `depends_on` besides, and the first chunk of
    /// which begins with the record `first`.
    async fn open(&self, name: &str, depends_on: &str, first: u64) -> Result<Group> {
        let storage = &self.storage;
        if self.options.sealed_chunks == Continue::FromSealed {
            let suffix = checksum(&format!("{name} {depends_on} {}", self.options.max_chunk_size));
            let name: ShellSafeName = format!("{name}.{suffix:04x}").parse()?;
            if let Ok(handle) = sealed::handle_of(storage.as_ref(), &name, first).await {
                return Ok(Group { handle, sealed: Continue::FromSealed });
            }
            match storage.create_backup(&name).await {
                Ok(handle) => return Ok(Group { handle, sealed: Continue::FromSealed }),
                // Some storages refuse a name that they have seen; then what is sealed there cannot be used.
                Err(error) => tracing::warn!("beginning under a new name: {error}"),
            }
        }
        let handle = storage.create_backup_with_random_suffix(name).await?;
        Ok(Group { handle, sealed: Continue::Afresh })
    }

    /// The chunks from the record `first` on that are sealed already, up to the first gap.
    async fn sealed_chunks(&self, group: &Group, feed: Feed, first: u64, end: u64) -> Vec<SealedChunk> {
        let mut found: Vec<SealedChunk> = Vec::new();
        if group.sealed == Continue::Afresh {
            return found;
        }
        loop {
            let (next, before) =
                found.last().map_or((first, Key::None), |chunk| (chunk.span.last + 1, chunk.span.last_key));
            if next == end {
                return found;
            }
            let expected = self.expected(feed, next, end, before);
            match find_chunk(self.storage.as_ref(), &group.handle, expected).await {
                Ok(chunk) => found.push(chunk),
                Err(_) => return found,
            }
        }
    }

    /// The chunk that is on its way, if it is sealed already. Chunks behind the first gap can be, but no further than
    /// were written at a time.
    async fn sealed_chunk(&self, group: &Group, feed: Feed, incoming: &Incoming, end: u64) -> Result<SealedChunk> {
        let behind_the_gap = 1..self.options.concurrent_chunks as u64;
        match group.sealed {
            Continue::FromSealed if behind_the_gap.contains(&incoming.number) => {
                let expected = self.expected(feed, incoming.first, end, Key::None);
                find_chunk(self.storage.as_ref(), &group.handle, expected).await
            }
            _ => Err(Error::new(ErrorKind::NotFound, "find", "a sealed chunk", "it is not looked for")),
        }
    }

    fn expected(&self, feed: Feed, first: u64, end: u64, before: Key) -> Expected {
        Expected { feed, first, end, before, max_record: self.client.options().max_record }
    }

    /// Writes a small file.
    async fn seal_bytes(
        &self,
        group: &Group,
        name: &ShellSafeName,
        subject: &Subject,
        bytes: Bytes,
    ) -> Result<FileHandle> {
        seal(self.storage.as_ref(), &group.handle, name, subject, stream::iter([Ok(bytes)])).await
    }

    /// Writes the manifest and then the line that makes the backup known.
    async fn publish(&self, group: &Group, name: &str, manifest: &impl Manifest, line: Line) -> Result<Published> {
        let subject = Subject { part: Part::Manifest, content: manifest.subject() };
        let (name, json) = (name.parse()?, Bytes::from(manifest.to_json()?));
        let manifest = self.seal_bytes(group, &name, &subject, json).await?;
        let metadata = line(manifest.clone());
        let file = metadata.file_name()?;
        let saved = self.storage.save_metadata_line(&file, &metadata.to_line()?).await;
        let metadata = saved.map_err(|error| {
            error.within(format!("write the metadata line of {}", subject.content), format!("metadata/{file}"))
        })?;
        tracing::info!("backed up {}: {manifest}", subject.content);
        Ok(Published { manifest, metadata })
    }
}

/// A metadata line but for its manifest.
type Line = Box<dyn FnOnce(FileHandle) -> Metadata + Send>;

/// The two files that end a backup.
struct Published {
    manifest: FileHandle,
    metadata: FileHandle,
}

/// A backup's group of files.
#[derive(Debug, Clone)]
struct Group {
    handle: BackupHandle,
    /// Whether there may be sealed chunks of an earlier run.
    sealed: Continue,
}

fn invalid(what: &str, reason: &str, hint: &'static str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "use", what, reason).with_hint(hint)
}

/// The first two bytes of SHA3-256. It must never change, or interrupted runs are not found again.
fn checksum(text: &str) -> u16 {
    let [high, low, ..] = <[u8; 32]>::from(Sha3_256::digest(text));
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_in_names_does_not_change() {
        // SHA3-256 of "" and "abc" are published (NIST): a7ffc6f8… and 3a985da7….
        assert_eq!((checksum(""), checksum("abc")), (0xa7ff, 0x3a98));
    }
}
