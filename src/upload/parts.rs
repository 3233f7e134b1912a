//! Gathers encoded blocks into parts of the sizes that the policy asks for. A part that the memory budget has room
//! for is kept as the blocks themselves; a larger one goes to an unlinked temporary file.

use crate::checksum::{ChecksumAlgorithm, Hashing};
use crate::error::{Error, ErrorKind, Result};
use crate::part_policy::PartPolicy;
use crate::payload::Payload;
use bytes::Bytes;
use std::fs::File;
use std::io::Write;
use std::mem;
use tokio::task::spawn_blocking;

/// The part being gathered, and what has gone into parts so far.
#[derive(Debug)]
pub(super) struct Parts {
    policy: PartPolicy,
    /// The largest part that is kept in memory, in bytes.
    memory_limit: u64,
    content: Content,
    size: u64,
    hashing: Hashing,
    stored: u64,
}

#[derive(Debug)]
enum Content {
    Memory(Vec<Bytes>),
    Spool(File),
}

/// A part that is ready to be stored.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) payload: Payload,
    pub(super) kept: Kept,
}

/// Where the bytes of a part are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Memory,
    Spool,
}

impl Parts {
    pub(super) fn new(policy: PartPolicy, memory_limit: u64, algorithm: ChecksumAlgorithm) -> Self {
        Parts {
            policy,
            memory_limit,
            content: Content::Memory(Vec::new()),
            size: policy.first_part(),
            hashing: Hashing::new(algorithm),
            stored: 0,
        }
    }

    /// Adds a block. Returns the parts that are full now that more has come: a part that the stream exactly fills
    /// stays until then, so that the last part is never empty.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when the service takes no more; [`ErrorKind::Io`] when the temporary file fails.
    pub(super) async fn push(&mut self, mut block: Bytes) -> Result<Vec<Part>> {
        let mut full = Vec::new();
        loop {
            let room = self.size - self.hashing.byte_count();
            if block.len() as u64 <= room {
                self.append(block).await?;
                return Ok(full);
            }
            if room > 0 {
                self.append(block.split_to(room as usize)).await?;
            }
            full.push(self.take());
        }
    }

    /// The last part, which may be empty when nothing was pushed.
    pub(super) fn finish(mut self) -> Part {
        self.take()
    }

    async fn append(&mut self, block: Bytes) -> Result<()> {
        let stored = self.stored + self.hashing.byte_count() + block.len() as u64;
        if stored > self.policy.max_object {
            let reason = format!("the stream is longer than the {} bytes the service takes", self.policy.max_object);
            return Err(Error::new(ErrorKind::TooLarge, "store", "the stream", reason)
                .with_hint("split it into several objects"));
        }
        if self.hashing.byte_count() == 0 && self.size > self.memory_limit {
            self.content = Content::Spool(spool_file().await?);
        }
        // A block is at most about 1 MiB: less than 0.1 ms.
        self.hashing.update(&block);
        match &mut self.content {
            Content::Memory(blocks) => blocks.push(block),
            Content::Spool(file) => {
                let mut file = file.try_clone().map_err(spool_error)?;
                let written = spawn_blocking(move || file.write_all(&block)).await;
                written.map_err(std::io::Error::other).flatten().map_err(spool_error)?;
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Part {
        let checksum = self.hashing.finish();
        self.stored += checksum.byte_count();
        self.size = self.policy.part_size(self.stored);
        match mem::replace(&mut self.content, Content::Memory(Vec::new())) {
            Content::Memory(blocks) => Part { payload: Payload::from_segments(blocks, checksum), kept: Kept::Memory },
            Content::Spool(file) => Part { payload: Payload::from_spool(file, checksum), kept: Kept::Spool },
        }
    }
}

async fn spool_file() -> Result<File> {
    let made = spawn_blocking(tempfile::tempfile).await;
    made.map_err(std::io::Error::other).flatten().map_err(spool_error)
}

fn spool_error(error: std::io::Error) -> Error {
    let folder = std::env::temp_dir().display().to_string();
    Error::io("keep a large part in a temporary file in", folder, error).with_hint(
        "free space there, set TMPDIR to a roomier folder, or raise the memory budget so that parts stay in memory",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksum;
    use crate::part_policy::Growth;
    use futures::TryStreamExt;

    const ALGORITHM: ChecksumAlgorithm = ChecksumAlgorithm::Crc64Nvme;

    fn policy(size: u64) -> PartPolicy {
        PartPolicy {
            max_parts: 10,
            max_part: 1 << 30,
            max_object: 1 << 30,
            growth: Growth::Equal { size },
            max_in_flight: 1,
        }
    }

    async fn cut(part_size: u64, memory_limit: u64, whole: &[u8], block_size: usize) -> Vec<(Kept, Vec<u8>)> {
        let mut parts = Parts::new(policy(part_size), memory_limit, ALGORITHM);
        let mut done = Vec::new();
        for bytes in whole.chunks(block_size) {
            done.extend(parts.push(Bytes::copy_from_slice(bytes)).await.expect("pushed"));
        }
        done.push(parts.finish());
        let mut cut = Vec::new();
        for part in done {
            let bytes: Vec<Bytes> = part.payload.stream().try_collect().await.expect("readable");
            let bytes = bytes.concat();
            assert_eq!(part.payload.checksum(), Checksum::of(ALGORITHM, &bytes));
            cut.push((part.kept, bytes));
        }
        cut
    }

    #[tokio::test]
    async fn parts_have_exactly_the_policys_size_and_the_last_is_not_empty() {
        let whole: Vec<u8> = (0..1_000u32).map(|i| (i % 251) as u8).collect();
        for block_size in [1, 7, 99, 100, 101, 250, 1_000] {
            for memory_limit in [0, 1_000] {
                let cut = cut(100, memory_limit, &whole, block_size).await;
                assert_eq!(cut.len(), 10, "blocks of {block_size}");
                assert!(cut.iter().all(|(_, bytes)| bytes.len() == 100));
                assert!(cut.iter().all(|(kept, _)| (*kept == Kept::Spool) == (memory_limit == 0)));
                assert!(cut.into_iter().flat_map(|(_, bytes)| bytes).eq(whole.iter().copied()));
            }
        }
    }

    #[tokio::test]
    async fn what_fits_stays_one_part() {
        assert_eq!(cut(100, 100, &[1; 100], 30).await.len(), 1);
        assert_eq!(cut(100, 100, &[], 30).await.len(), 1);
        assert_eq!(cut(100, 100, &[1; 101], 30).await.len(), 2);
    }

    #[tokio::test]
    async fn more_than_the_service_takes_is_an_error() {
        let policy = PartPolicy { max_object: 150, ..policy(100) };
        let mut parts = Parts::new(policy, 100, ALGORITHM);
        parts.push(Bytes::from_static(&[0; 150])).await.expect("fits");
        let error = parts.push(Bytes::from_static(&[0; 1])).await.expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}
