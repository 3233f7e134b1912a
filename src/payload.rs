//! The bytes of one part or one whole object on their way to an adapter: complete, of known length, and readable
//! any number of times, so that an adapter's retries can send them again.

use crate::checksum::Checksum;
use bytes::Bytes;
use futures::Stream;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;

/// How much of a spooled payload is in memory at a time, per reader.
const SPOOL_READ: usize = 256 * 1024;

/// Bytes to upload. Cheap to clone: clones share the bytes.
#[derive(Debug, Clone)]
pub struct Payload {
    content: Content,
    checksum: Checksum,
}

#[derive(Debug, Clone)]
enum Content {
    Memory(Arc<[Bytes]>),
    /// An unlinked temporary file: it has no name, so it cannot be left behind.
    Spool(Arc<File>),
}

impl Payload {
    /// A payload of these bytes in this order, whose checksum is `checksum`.
    pub fn from_segments(segments: Vec<Bytes>, checksum: Checksum) -> Self {
        debug_assert_eq!(segments.iter().map(|s| s.len() as u64).sum::<u64>(), checksum.byte_count());
        Payload { content: Content::Memory(segments.into()), checksum }
    }

    /// A payload that lies in `file` from its start, whose checksum is `checksum`.
    pub(crate) fn from_spool(file: File, checksum: Checksum) -> Self {
        Payload { content: Content::Spool(Arc::new(file)), checksum }
    }

    /// The number of bytes.
    pub fn byte_count(&self) -> u64 {
        self.checksum.byte_count()
    }

    /// The checksum of the bytes.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// The bytes from the start, as a fresh stream. Dropping it early is fine.
    pub fn stream(&self) -> PayloadStream {
        let source = match &self.content {
            Content::Memory(segments) => Source::Memory { segments: Arc::clone(segments), next: 0 },
            Content::Spool(file) => Source::Spool { file: Arc::clone(file), at: 0, reading: Reading::Idle },
        };
        PayloadStream { source, remaining: self.byte_count() }
    }
}

/// The bytes of a [`Payload`], once. `Send`, `Sync` and `Unpin`.
#[derive(Debug)]
pub struct PayloadStream {
    source: Source,
    remaining: u64,
}

#[derive(Debug)]
enum Source {
    Memory { segments: Arc<[Bytes]>, next: usize },
    Spool { file: Arc<File>, at: u64, reading: Reading },
}

#[derive(Debug)]
enum Reading {
    Idle,
    Under(JoinHandle<io::Result<Bytes>>),
}

impl PayloadStream {
    /// The number of bytes still to come.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }
}

impl Stream for PayloadStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.remaining == 0 {
            return Poll::Ready(None);
        }
        let bytes = match &mut this.source {
            Source::Memory { segments, next } => {
                let bytes = segments.get(*next).cloned();
                *next += 1;
                bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
            }
            Source::Spool { file, at, reading } => ready!(poll_spool(file, at, reading, this.remaining, cx)),
        };
        this.remaining = match &bytes {
            Ok(bytes) => this.remaining.saturating_sub(bytes.len() as u64),
            Err(_) => 0,
        };
        Poll::Ready(Some(bytes))
    }
}

/// Reads the next run of a spooled payload on a blocking thread.
fn poll_spool(
    file: &Arc<File>,
    at: &mut u64,
    reading: &mut Reading,
    remaining: u64,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    loop {
        match reading {
            Reading::Idle => {
                let (file, from) = (Arc::clone(file), *at);
                let len = remaining.min(SPOOL_READ as u64) as usize;
                *reading = Reading::Under(tokio::task::spawn_blocking(move || {
                    let mut buffer = vec![0; len];
                    file.read_exact_at(&mut buffer, from)?;
                    Ok(Bytes::from(buffer))
                }));
            }
            Reading::Under(task) => {
                let read = ready!(Pin::new(task).poll(cx)).map_err(io::Error::other).flatten();
                *reading = Reading::Idle;
                if let Ok(bytes) = &read {
                    *at += bytes.len() as u64;
                }
                return Poll::Ready(read);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::ChecksumAlgorithm;
    use futures::TryStreamExt;
    use std::io::Write;

    #[tokio::test]
    async fn memory_and_spool_give_the_same_bytes_again_and_again() {
        let whole: Vec<u8> = (0..700_000u32).map(|i| (i % 251) as u8).collect();
        let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &whole);
        let segments = whole.chunks(99_999).map(Bytes::copy_from_slice).collect();
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(&whole).expect("written");
        for payload in [Payload::from_segments(segments, checksum), Payload::from_spool(file, checksum)] {
            for _ in 0..2 {
                let read: Vec<Bytes> = payload.stream().try_collect().await.expect("readable");
                assert!(read.concat() == whole);
            }
        }
    }
}
