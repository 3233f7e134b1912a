//! The one place where a file of an archive is written. Every chunk, proof and manifest is a [`NewFile`], so that none is
//! written without its shutdown being looked at, and each failure says what was being written.

use futures::{Stream, StreamExt};
use sealift::{BackupHandle, BackupStorage, Error, ErrorKind, FileHandle, FileWriter, Result, ShellSafeName};
use std::fmt;
use std::io;
use std::pin::pin;
use tokio::io::AsyncWriteExt;

/// What a file is: for its errors and for the log.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Which file of the backup it is.
    pub(crate) part: Part,
    /// What is in it, with its epochs or versions.
    pub(crate) content: String,
}

/// The kinds of files that a backup has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Chunk,
    ChunkProof,
    StateProof,
    Manifest,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Chunk => "the chunk",
            Part::ChunkProof => "the proof of the chunk",
            Part::StateProof => "the proof",
            Part::Manifest => "the manifest",
        };
        write!(f, "{part} of {}", self.content)
    }
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It is kept, and the new one fails with [`ErrorKind::AlreadyExists`], where storage can tell.
    Kept,
    /// It is known to be damaged, and replaced.
    Replaced,
}

/// A file being written. Dropped without [`seal`](NewFile::seal), or after an error, it does not exist: its writer is
/// dropped without a shutdown, which by the storage's contract leaves nothing.
pub(crate) struct NewFile {
    subject: Subject,
    file: FileHandle,
    writer: FileWriter,
    length: usize,
}

impl NewFile {
    /// Opens the file `name` of `backup`.
    pub(crate) async fn create(
        storage: &dyn BackupStorage,
        backup: &BackupHandle,
        name: &ShellSafeName,
        subject: Subject,
        existing: Existing,
    ) -> Result<NewFile> {
        let created = match existing {
            Existing::Kept => storage.create_new(backup, name).await,
            Existing::Replaced => storage.create_for_write(backup, name).await,
        };
        let (file, writer) =
            created.map_err(|error| told(error.within(format!("open {subject}"), format!("{backup}/{name}"))))?;
        Ok(NewFile { subject, file, writer, length: 0 })
    }

    /// Writes all of `content`.
    ///
    /// # Errors
    /// The content's own error as it is; the storage's, saying what was being written and where.
    pub(crate) async fn write<B: AsRef<[u8]>>(&mut self, content: impl Stream<Item = Result<B>>) -> Result<()> {
        let mut content = pin!(content);
        while let Some(data) = content.next().await {
            let data = data?;
            let written = self.writer.write_all(data.as_ref()).await;
            written.map_err(|error| self.failed("write", error))?;
            self.length += data.as_ref().len();
        }
        Ok(())
    }

    /// Says more exactly what is in it, now that this is known.
    pub(crate) fn holds(&mut self, content: String) {
        self.subject.content = content;
    }

    /// Shuts the file down. When this returns `Ok` the file exists, whole.
    pub(crate) async fn seal(mut self) -> Result<FileHandle> {
        self.writer.shutdown().await.map_err(|error| self.failed("seal", error))?;
        tracing::debug!("sealed {}: {}, {} bytes", self.subject, self.file, self.length);
        Ok(self.file)
    }

    fn failed(&self, operation: &str, error: io::Error) -> Error {
        let (operation, location) = (format!("{operation} {}", self.subject), self.file.to_string());
        told(match Error::from_io(&error) {
            Some(inner) => inner.clone().within(operation, location),
            None => Error::io(operation, location, error),
        })
    }
}

/// Writes a whole file at once.
///
/// # Errors
/// As [`NewFile`]'s.
pub(crate) async fn seal<B: AsRef<[u8]>>(
    storage: &dyn BackupStorage,
    backup: &BackupHandle,
    name: &ShellSafeName,
    subject: Subject,
    existing: Existing,
    content: impl Stream<Item = Result<B>>,
) -> Result<FileHandle> {
    let mut file = NewFile::create(storage, backup, name, subject, existing).await?;
    file.write(content).await?;
    file.seal().await
}

/// Logs an error here, where it happened: of several that happen at once, only one can be returned. That another run was
/// first is no trouble.
fn told(error: Error) -> Error {
    match error.kind() {
        ErrorKind::AlreadyExists => tracing::debug!("{error}"),
        _ => tracing::error!("{error}"),
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use sealift::{Archive, Bucket, Budget, Codec, Compressor};
    use sealift_local_fs::LocalFs;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_file_whose_content_fails_does_not_exist() {
        let folder = tempfile::tempdir().expect("a folder");
        let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
        let store = LocalFs::open(folder.path()).expect("a root");
        let bucket = Bucket::new(store, compressor, Budget::new(Budget::MIN).expect("a budget"));
        let archive = Archive::new(bucket.clone(), "").expect("no prefix");
        let (backup, name) = ("backup".parse().expect("a handle"), "0-.chunk".parse().expect("a name"));
        let subject = Subject { part: Part::Chunk, content: "nothing".to_owned() };
        let stopped = || Error::new(ErrorKind::Cancelled, "read", "records", "they stopped coming");

        let content = stream::iter([Ok(b"some"), Err(stopped())]);
        let error = seal(&archive, &backup, &name, subject, Existing::Kept, content).await.expect_err("half a file");
        assert_eq!(error.to_string(), stopped().to_string());
        bucket.close().await.expect("nothing left");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
