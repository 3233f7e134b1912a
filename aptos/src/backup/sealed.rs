//! Chunks that an earlier run of the same backup has sealed: finding, reading and checking them.

use super::chunks::{Held, Span};
use crate::feed::{Feed, Key, check};
use crate::records::Splitter;
use crate::whole::{read_error, read_whole};
use bytes::{Bytes, BytesMut};
use futures::{Stream, TryStreamExt};
use sealift::{BackupHandle, BackupStorage, Error, ErrorKind, FileHandle, Result, ShellSafeName};
use sha3::{Digest, Sha3_256};
use std::pin::pin;
use tokio::io::AsyncReadExt;

/// How much is read at a time, in bytes.
const READ: usize = 256 << 10;

/// A sealed chunk that was read whole and is right by itself.
#[derive(Debug)]
pub(super) struct SealedChunk {
    pub(super) file: FileHandle,
    pub(super) span: Span,
    /// Its first record.
    pub(super) record: Bytes,
    digest: [u8; 32],
}

/// What a sealed chunk should hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) feed: Feed,
    /// Its first record.
    pub(super) first: u64,
    /// The end of all records, excluded.
    pub(super) end: u64,
    /// The key of the record before.
    pub(super) before: Key,
    /// The longest record, in bytes.
    pub(super) max_record: usize,
}

/// The name of the chunk that begins with the record `first`.
pub(super) fn chunk_name(first: u64) -> Result<ShellSafeName> {
    format!("{first}-.chunk").parse()
}

/// The name of the proof of the chunk `span`.
pub(super) fn proof_name(span: &Span) -> Result<ShellSafeName> {
    format!("{}-{}.proof", span.first, span.last).parse()
}

/// The handle of the file `name` of `backup`, as every storage known forms it.
pub(super) fn file(backup: &BackupHandle, name: &ShellSafeName) -> Result<FileHandle> {
    format!("{backup}/{name}").parse()
}

/// The handle that the backup `name` had when its first file was written, if that is what storage calls it.
/// Every storage known uses the name itself, but not all take the same name twice.
pub(super) async fn handle_of(storage: &dyn BackupStorage, name: &ShellSafeName, first: u64) -> Result<BackupHandle> {
    let handle: BackupHandle = name.as_ref().parse()?;
    storage.open_for_read(&file(&handle, &chunk_name(first)?)?).await.map(|_| handle)
}

/// Whether the file `name` of `backup` is there, not empty, and can be read to its end. It is a small one.
pub(super) async fn find_file(
    storage: &dyn BackupStorage,
    backup: &BackupHandle,
    name: &ShellSafeName,
) -> Result<FileHandle> {
    let file = file(backup, name)?;
    read_whole(storage, &file).await.map(|_| file)
}

/// The chunk that `expected` describes, if it is there and right.
pub(super) async fn find_chunk(
    storage: &dyn BackupStorage,
    backup: &BackupHandle,
    expected: Expected,
) -> Result<SealedChunk> {
    let file = file(backup, &chunk_name(expected.first)?)?;
    read_chunk(storage, file, expected).await.inspect_err(|error| match error.kind() {
        ErrorKind::Corrupt => tracing::warn!("the chunk from record {} cannot be used: {error}", expected.first),
        // Not there, mostly: storage behind commands cannot say so by an error of its own.
        _ => tracing::debug!("no sealed chunk from record {}: {error}", expected.first),
    })
}

async fn read_chunk(storage: &dyn BackupStorage, file: FileHandle, expected: Expected) -> Result<SealedChunk> {
    let Expected { feed, first, end, before, max_record } = expected;
    let corrupt = |reason: String| Error::new(ErrorKind::Corrupt, "read the chunk", file.to_string(), reason);
    let mut reader = storage.open_for_read(&file).await?;
    let (mut splitter, mut digest) = (Splitter::new(max_record), Sha3_256::new());
    let (mut next, mut last_key, mut first_key, mut record) = (first, before, Key::None, Bytes::new());
    loop {
        let mut data = BytesMut::with_capacity(READ);
        if reader.read_buf(&mut data).await.map_err(|error| read_error(&file, error))? == 0 {
            break;
        }
        digest.update(&data);
        let runs = splitter.push(data.freeze());
        for run in runs.map_err(|record| corrupt(format!("a record of {} bytes", record.length)))? {
            if run.count() > end - next {
                // Not damaged, but of a longer backup whose name has the same suffix by chance: not to be replaced.
                let reason = format!("it goes on behind record {}", end - 1);
                return Err(Error::new(ErrorKind::Changed, "read the chunk", file.to_string(), reason));
            }
            let keys = check(feed, next, last_key, &run).await.map_err(corrupt)?;
            if next == first {
                (first_key, record) = (keys.0, run.first_record());
            }
            (next, last_key) = (next + run.count(), keys.1);
        }
    }
    if next == first || !splitter.is_between_records() {
        return Err(corrupt(format!("it ends inside of record {next}")));
    }
    let span = Span { first, last: next - 1, first_key, last_key };
    Ok(SealedChunk { file, span, record, digest: digest.finalize().into() })
}

impl SealedChunk {
    /// Compares this chunk with `content`, which is what would have been written.
    ///
    /// # Errors
    /// The content's own; [`ErrorKind::Changed`] when the two are not the same.
    pub(super) async fn same_as(&self, content: impl Stream<Item = Result<Held>>) -> Result<()> {
        let mut content = pin!(content);
        let mut digest = Sha3_256::new();
        while let Some(data) = content.try_next().await? {
            digest.update(data.as_ref());
        }
        match self.digest == <[u8; 32]>::from(digest.finalize()) {
            true => Ok(()),
            false => {
                let reason = "an earlier run has sealed another content under this name";
                Err(Error::new(ErrorKind::Changed, "continue with the chunk", self.file.to_string(), reason)
                    .with_hint("remove that backup's files, or begin afresh"))
            }
        }
    }
}
