//! A backup's group of files: opening it, what an earlier run or another one has sealed of it, and its small files.

use super::chunks::Incoming;
use super::sealed::{Expected, SealedChunk, file, find_chunk};
use super::{Backups, Continue};
use crate::feed::{Feed, Key};
use crate::known::Extent;
use crate::seal::{Existing, Subject, seal};
use crate::whole::read_whole;
use bytes::Bytes;
use futures::stream;
use sealift::{BackupHandle, Error, ErrorKind, FileHandle, Result, ShellSafeName};
use sha3::{Digest, Sha3_256};

/// A backup's group of files.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) handle: BackupHandle,
    /// Whether there may be sealed chunks of an earlier run.
    sealed: Continue,
    /// What is to become of a file where the first chunk that is missing will be.
    gap: Existing,
}

/// What is there of a chunk that is on its way.
#[derive(Debug)]
pub(super) enum Found {
    /// All of it.
    Sealed(SealedChunk),
    /// Nothing that could be used.
    Missing(Existing),
}

/// Which content of a small file, sealed by another run, is as good as the one that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AsGood {
    /// Any: a proof of the same, up to another ledger info.
    Any,
    /// Only the same.
    TheSame,
}

/// What a backup's group of files is to be.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    /// Its name without the suffix.
    pub(super) name: &'a str,
    /// What its files depend on besides.
    pub(super) depends_on: &'a str,
    /// The record that the first chunk begins with.
    pub(super) first: u64,
    /// The name of its manifest.
    pub(super) manifest: &'a str,
    pub(super) extent: Extent,
}

impl Backups {
    /// The group of files for a backup, unless the archive has what is in its way.
    pub(super) async fn open(&self, opening: Opening<'_>) -> Result<Group> {
        let (storage, Opening { name, depends_on, first, manifest, extent }) = (&self.storage, opening);
        let group = |handle, sealed| Group { handle, sealed, gap: Existing::Kept };
        if self.options.sealed_chunks == Continue::FromSealed {
            let suffix = checksum(&format!("{name} {depends_on} {}", self.options.max_chunk_size));
            let name: ShellSafeName = format!("{name}.{suffix:04x}").parse()?;
            self.admit(extent, Some(&file(&name.as_ref().parse()?, &manifest.parse()?)?)).await?;
            if let Ok(handle) = super::sealed::handle_of(storage.as_ref(), &name, first).await {
                return Ok(group(handle, Continue::FromSealed));
            }
            match storage.create_backup(&name).await {
                Ok(handle) => return Ok(group(handle, Continue::FromSealed)),
                // Some storages refuse a name that they have seen; then what is sealed there cannot be used.
                Err(error) => tracing::warn!("beginning under a new name: {error}"),
            }
        }
        self.admit(extent, None).await?;
        let handle = storage.create_backup_with_random_suffix(name).await?;
        Ok(group(handle, Continue::Afresh))
    }

    /// The chunks from the record `first` on that are sealed already, up to the first gap.
    pub(super) async fn sealed_chunks(&self, group: &mut Group, feed: Feed, first: u64, end: u64) -> Vec<SealedChunk> {
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
            match self.find(group, self.expected(feed, next, end, before)).await {
                Found::Sealed(chunk) => found.push(chunk),
                Found::Missing(existing) => {
                    group.gap = existing;
                    return found;
                }
            }
        }
    }

    /// What is there of the chunk that is on its way. Chunks behind the first gap can be there, but no further than
    /// were written at a time.
    pub(super) async fn found(&self, group: &Group, feed: Feed, incoming: &Incoming, end: u64) -> Found {
        let written_at_a_time = self.options.concurrent_chunks as u64;
        match (group.sealed, incoming.number) {
            (Continue::FromSealed, 0) => Found::Missing(group.gap),
            (Continue::FromSealed, number) if number < written_at_a_time => {
                self.find(group, self.expected(feed, incoming.first, end, Key::None)).await
            }
            _ => Found::Missing(Existing::Kept),
        }
    }

    async fn find(&self, group: &Group, expected: Expected) -> Found {
        match find_chunk(self.storage.as_ref(), &group.handle, expected).await {
            Ok(chunk) => Found::Sealed(chunk),
            Err(error) if error.kind() == ErrorKind::Corrupt => Found::Missing(Existing::Replaced),
            Err(_) => Found::Missing(Existing::Kept),
        }
    }

    /// A chunk's file, once `sealing` it has ended: also when another run was first, which some storages say before all of
    /// it is written.
    pub(super) async fn sealed_by_either(
        &self,
        group: &Group,
        feed: Feed,
        incoming: &mut Incoming,
        sealing: Result<FileHandle>,
    ) -> Result<FileHandle> {
        match sealing {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let span = incoming.finish().await?;
                let expected = self.expected(feed, span.first, span.last + 1, Key::None);
                let other = find_chunk(self.storage.as_ref(), &group.handle, expected).await;
                let other = other.map_err(|error| error.with_hint("remove that file, or begin afresh"))?;
                match other.span == span {
                    true => Ok(other.file),
                    false => Err(sealed_otherwise(feed.subject(span.first, span.last), &other.file)),
                }
            }
            sealed => sealed,
        }
    }

    fn expected(&self, feed: Feed, first: u64, end: u64, before: Key) -> Expected {
        Expected { feed, first, end, before, max_record: self.client.options().max_record }
    }

    /// Writes a small file, unless another run has sealed one that is as good.
    pub(super) async fn seal_small(
        &self,
        group: &Group,
        name: &ShellSafeName,
        subject: Subject,
        as_good: AsGood,
        bytes: Bytes,
    ) -> Result<FileHandle> {
        let (storage, handle) = (self.storage.as_ref(), &group.handle);
        let content = || stream::iter([Ok(bytes.clone())]);
        let written = seal(storage, handle, name, subject.clone(), Existing::Kept, content()).await;
        match written {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            written => return written,
        }
        let file = file(handle, name)?;
        match read_whole(storage, &file).await {
            Ok(found) if as_good == AsGood::Any || found == bytes => Ok(file),
            Ok(_) => Err(sealed_otherwise(subject.to_string(), &file)),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                tracing::warn!("{subject} is written again: {error}");
                seal(storage, handle, name, subject, Existing::Replaced, content()).await
            }
            Err(error) => Err(error),
        }
    }
}

fn sealed_otherwise(subject: String, file: &FileHandle) -> Error {
    let reason = format!("another run has sealed another content of {subject} under this name");
    Error::new(ErrorKind::Changed, "seal", file.to_string(), reason)
        .with_hint("remove that backup's files, or begin afresh")
}

/// The first two bytes of SHA3-256. It must never change, or interrupted runs are not found again.
pub(super) fn checksum(text: &str) -> u16 {
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
