//! Reading all metadata files of an archive, while others may compact them.

use super::Known;
use crate::metadata::Metadata;
use crate::whole::read_small;
use futures::{StreamExt, TryStreamExt, stream};
use sealift::{BackupStorage, Error, ErrorKind, FileHandle, Result};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::pin::pin;

/// How often a file is read that is listed again and again, and not there: a list may be behind.
const ATTEMPTS: u32 = 5;

/// What the text of a metadata file is taken for; the file is for the error.
pub(crate) type Parse = fn(&str, &FileHandle) -> Result<Vec<Metadata>>;

impl Known {
    /// Reads all metadata files of an archive, `at_once` at a time. One that is gone when it is read was compacted, and
    /// what there is instead is read.
    ///
    /// # Cancel safety
    /// It only reads: dropped, it leaves nothing.
    ///
    /// # Errors
    /// The storage's; [`ErrorKind::Corrupt`] when a file holds something else than metadata. An empty file makes nothing
    /// known, and is told in the log.
    pub async fn read(storage: &dyn BackupStorage, at_once: NonZeroUsize) -> Result<Known> {
        Known::read_with(storage, at_once, Metadata::parse_lines).await
    }

    /// The same, where the text of files is taken for what `parse` says.
    pub(crate) async fn read_with(storage: &dyn BackupStorage, at_once: NonZeroUsize, parse: Parse) -> Result<Known> {
        let mut known = Known::default();
        known.catch_up(storage, at_once, parse).await?;
        Ok(known)
    }

    /// Reads what has come since, and forgets what is gone: what a file holds does not change, unless it was empty.
    pub(crate) async fn read_again(&mut self, storage: &dyn BackupStorage, at_once: NonZeroUsize) -> Result<()> {
        self.catch_up(storage, at_once, Metadata::parse_lines).await
    }

    async fn catch_up(&mut self, storage: &dyn BackupStorage, at_once: NonZeroUsize, parse: Parse) -> Result<()> {
        let (mut files, mut attempt) = (list(storage).await?, 1);
        while let Err((file, error)) = self.read_missing(storage, &files, at_once, parse).await {
            files = list(storage).await?;
            // How a storage says that a file is not there is its own affair, so the list decides. One that is gone does
            // not count: there are only so many.
            if files.contains(&file) {
                if error.kind() != ErrorKind::NotFound || attempt == ATTEMPTS {
                    return Err(error);
                }
                attempt += 1;
            }
            tracing::debug!("the metadata files are listed again: {error}");
        }
        self.files.retain(|file, _| files.contains(file));
        Ok(())
    }

    /// Reads those of `files` that were not read before. What was read up to an error stays.
    async fn read_missing(
        &mut self,
        storage: &dyn BackupStorage,
        files: &BTreeSet<FileHandle>,
        at_once: NonZeroUsize,
        parse: Parse,
    ) -> Result<(), (FileHandle, Error)> {
        let missing = files.iter().filter(|file| self.files.get(*file).is_none_or(Vec::is_empty));
        let missing: Vec<FileHandle> = missing.cloned().collect();
        let read = stream::iter(missing).map(async |file| match read_lines_with(storage, &file, parse).await {
            Ok(lines) => Ok((file, lines)),
            Err(error) => Err((file, error)),
        });
        let mut read = pin!(read.buffer_unordered(at_once.get()));
        while let Some((file, lines)) = read.try_next().await? {
            if lines.is_empty() && !self.files.contains_key(&file) {
                tracing::warn!("{file} is empty, and makes nothing known: a tool that was killed may have left it");
            }
            self.files.insert(file, lines);
        }
        Ok(())
    }
}

async fn list(storage: &dyn BackupStorage) -> Result<BTreeSet<FileHandle>> {
    Ok(storage.list_metadata_files().await?.into_iter().collect())
}

/// The lines of a metadata file; none of an empty one.
pub(crate) async fn read_lines(storage: &dyn BackupStorage, file: &FileHandle) -> Result<Vec<Metadata>> {
    read_lines_with(storage, file, Metadata::parse_lines).await
}

/// The same, where its text is taken for what `parse` says.
pub(crate) async fn read_lines_with(
    storage: &dyn BackupStorage,
    file: &FileHandle,
    parse: Parse,
) -> Result<Vec<Metadata>> {
    let text = String::from_utf8(read_small(storage, file).await?);
    let text = text.map_err(|_| Error::new(ErrorKind::Corrupt, "read", file.to_string(), "it is not UTF-8"))?;
    parse(&text, file)
}
