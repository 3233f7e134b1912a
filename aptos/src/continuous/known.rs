//! What an archive is known to hold: all its metadata files, read when backups begin.

use crate::metadata::Metadata;
use crate::whole::read_whole;
use futures::{StreamExt, TryStreamExt, stream};
use sealift::{BackupStorage, Error, ErrorKind, FileHandle, Result};
use std::num::NonZeroUsize;
use std::pin::pin;

/// How often the list is read again because a file that it had is gone: somebody compacts.
const ATTEMPTS: u32 = 5;

/// What an archive is known to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    epochs: Ranges,
    versions: Ranges,
    last_snapshot_epoch: Option<u64>,
}

/// Ranges of numbers, both ends included, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    fn last(&self) -> Option<u64> {
        self.0.iter().map(|&(_, last)| last).max()
    }

    /// What is missing from 0 to the last.
    fn gaps(&self) -> Vec<(u64, u64)> {
        let mut ranges = self.0.clone();
        ranges.sort_unstable();
        let (mut gaps, mut next) = (Vec::new(), 0);
        for (first, last) in ranges {
            if first > next {
                gaps.push((next, first - 1));
            }
            next = next.max(last.saturating_add(1));
        }
        gaps
    }
}

impl Known {
    /// Reads all metadata files of an archive, `at_once` at a time. Cancel-safe.
    ///
    /// # Errors
    /// The storage's; [`ErrorKind::Corrupt`] when a file holds something else than metadata.
    pub async fn read(storage: &dyn BackupStorage, at_once: NonZeroUsize) -> Result<Known> {
        let mut attempt = 1;
        loop {
            match Known::read_once(storage, at_once).await {
                Err(error) if error.kind() == ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
                read => return read,
            }
        }
    }

    async fn read_once(storage: &dyn BackupStorage, at_once: NonZeroUsize) -> Result<Known> {
        let files = storage.list_metadata_files().await?;
        let read = stream::iter(&files).map(|file| lines(storage, file)).buffer_unordered(at_once.get());
        let mut known = Known::default();
        let mut read = pin!(read);
        while let Some(lines) = read.try_next().await? {
            lines.iter().for_each(|line| known.add(line));
        }
        Ok(known)
    }

    fn add(&mut self, line: &Metadata) {
        match *line {
            Metadata::EpochEndingBackup { first_epoch, last_epoch, .. } => {
                self.epochs.0.push((first_epoch, last_epoch))
            }
            Metadata::TransactionBackup { first_version, last_version, .. } => {
                self.versions.0.push((first_version, last_version));
            }
            Metadata::StateSnapshotBackup { epoch, .. } => {
                self.last_snapshot_epoch = self.last_snapshot_epoch.max(Some(epoch));
            }
            Metadata::Identity { .. } | Metadata::CompactionTimestamps { .. } => {}
        }
    }

    /// The last epoch whose ending there is.
    pub fn last_epoch(&self) -> Option<u64> {
        self.epochs.last()
    }

    /// The last epoch whose end state there is.
    pub fn last_snapshot_epoch(&self) -> Option<u64> {
        self.last_snapshot_epoch
    }

    /// The last version of which there is a transaction.
    pub fn last_version(&self) -> Option<u64> {
        self.versions.last()
    }

    /// What is missing before the last, in words, and how to add it. Backups go on after the last all the same.
    pub fn gaps(&self) -> Vec<String> {
        let epochs = self.epochs.gaps().into_iter().map(|(first, last)| {
            let end = last.saturating_add(1);
            format!(
                "epoch endings {first} to {last} are missing: \
                 `backup epoch-ending --start-epoch {first} --end-epoch {end}` adds them"
            )
        });
        let versions = self.versions.gaps().into_iter().map(|(first, last)| {
            let count = (last - first).saturating_add(1);
            format!(
                "transactions {first} to {last} are missing: \
                 `backup transaction --start-version {first} --num_transactions {count}` adds them"
            )
        });
        epochs.chain(versions).collect()
    }
}

async fn lines(storage: &dyn BackupStorage, file: &FileHandle) -> Result<Vec<Metadata>> {
    let text = String::from_utf8(read_whole(storage, file).await?);
    let text = text.map_err(|_| Error::new(ErrorKind::Corrupt, "read", file.to_string(), "it is not UTF-8"))?;
    Metadata::parse_lines(&text, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_no_range_covers() {
        let gaps = |ranges: &[(u64, u64)]| Ranges(ranges.to_vec()).gaps();
        assert_eq!(gaps(&[]), []);
        assert_eq!(gaps(&[(0, 0), (1, 100)]), []);
        assert_eq!(gaps(&[(51, 100), (0, 60)]), []);
        assert_eq!(gaps(&[(8, 9), (0, 0), (4, 5)]), [(1, 3), (6, 7)]);
        assert_eq!(gaps(&[(0, u64::MAX), (3, 4)]), []);
        let known = Known { epochs: Ranges(vec![(2, 3)]), versions: Ranges(vec![(10, 19)]), last_snapshot_epoch: None };
        let told = known.gaps().join("\n");
        assert!(told.contains("--start-epoch 0 --end-epoch 2`"), "{told}");
        assert!(told.contains("--start-version 0 --num_transactions 10`"), "{told}");
    }
}
