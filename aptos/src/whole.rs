//! Small files of an archive, read whole: metadata, proofs, manifests.

use sealift::{BackupStorage, Error, ErrorKind, FileHandle, Result};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest file that is read whole, in bytes. A manifest has some hundred bytes for each chunk, and a compacted
/// metadata file as many for each backup.
const MAX: u64 = 64 << 20;

/// All of a small file that holds something.
///
/// # Errors
/// The storage's; [`ErrorKind::Corrupt`] when it is empty or too long to be what it should be.
pub(crate) async fn read_whole(storage: &dyn BackupStorage, file: &FileHandle) -> Result<Vec<u8>> {
    let content = read_small(storage, file).await?;
    match content.is_empty() {
        true => Err(Error::new(ErrorKind::Corrupt, "read", file.to_string(), "it is empty")),
        false => Ok(content),
    }
}

/// All of a small file, which may be empty.
///
/// # Errors
/// The storage's; [`ErrorKind::Corrupt`] when it is too long to be what it should be.
pub(crate) async fn read_small(storage: &dyn BackupStorage, file: &FileHandle) -> Result<Vec<u8>> {
    read_up_to(MAX, storage.open_for_read(file).await?, file).await
}

async fn read_up_to(limit: u64, reader: impl AsyncRead + Unpin, file: &FileHandle) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = reader.take(limit + 1).read_to_end(&mut content).await;
    if read.map_err(|error| read_error(file, error))? as u64 > limit {
        let reason = format!("it is longer than {limit} bytes");
        return Err(Error::new(ErrorKind::Corrupt, "read", file.to_string(), reason));
    }
    Ok(content)
}

/// An error of a file's reader, which may carry one of the storage's.
pub(crate) fn read_error(file: &FileHandle, error: io::Error) -> Error {
    Error::from_io(&error).cloned().unwrap_or_else(|| Error::io("read", file.to_string(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_too_long_is_not_cut() {
        let file = "metadata/x".parse().expect("a handle");
        assert_eq!(read_up_to(4, &b"four"[..], &file).await.expect("short enough"), b"four");
        let error = read_up_to(4, &b"five5"[..], &file).await.expect_err("too long").to_string();
        assert!(error.contains("longer than 4") && error.contains("metadata/x"), "{error}");
    }
}
