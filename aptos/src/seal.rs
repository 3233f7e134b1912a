//! The one place where a file of an archive is written. Every chunk, proof and manifest goes through [`seal`], so that
//! none is written without its shutdown being looked at, and each failure says what was being written.

use futures::{Stream, StreamExt};
use sealift::{BackupHandle, BackupStorage, Error, FileHandle, Result, ShellSafeName};
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

/// Writes the file `name` of `backup` from `content` and shuts it down. When this returns `Ok` the file exists, whole.
///
/// Otherwise it does not exist: after an error, or when the future is dropped, or when `content` fails, the writer is
/// dropped without a shutdown, which by the storage's contract leaves nothing.
///
/// # Errors
/// The content's own error as it is; the storage's, saying what was being written and where.
pub(crate) async fn seal<B: AsRef<[u8]>>(
    storage: &dyn BackupStorage,
    backup: &BackupHandle,
    name: &ShellSafeName,
    subject: &Subject,
    content: impl Stream<Item = Result<B>>,
) -> Result<FileHandle> {
    let (file, mut writer) = storage
        .create_for_write(backup, name)
        .await
        .map_err(|error| told(error.within(format!("open {subject}"), format!("{backup}/{name}"))))?;
    let during = |operation: &str, error: io::Error| {
        let (operation, location) = (format!("{operation} {subject}"), file.to_string());
        told(match Error::from_io(&error) {
            Some(inner) => inner.clone().within(operation, location),
            None => Error::io(operation, location, error),
        })
    };
    let mut content = pin!(content);
    let mut length = 0;
    while let Some(data) = content.next().await {
        let data = data?;
        writer.write_all(data.as_ref()).await.map_err(|error| during("write", error))?;
        length += data.as_ref().len() as u64;
    }
    writer.shutdown().await.map_err(|error| during("seal", error))?;
    tracing::debug!("sealed {subject}: {file}, {length} bytes");
    Ok(file)
}

/// Logs an error here, where it happened: of several that happen at once, only one can be returned.
fn told(error: Error) -> Error {
    tracing::error!("{error}");
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use sealift::{Archive, Bucket, Budget, Codec, Compressor, ErrorKind};
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
        let error = seal(&archive, &backup, &name, &subject, content).await.expect_err("half a file");
        assert_eq!(error.to_string(), stopped().to_string());
        bucket.close().await.expect("nothing left");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
