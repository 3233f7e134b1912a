//! The operating system's errors in the words of [`sealift::Error`], and work on blocking threads.

use rustix::io::Errno;
use sealift::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::io;

/// The error of `operation` at `location`, with what to do about it.
pub(crate) fn failed(operation: impl Into<Cow<'static, str>>, location: impl Into<String>, error: io::Error) -> Error {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::StorageFull => (ErrorKind::Io, Some("free space on the file system, and try again")),
        io::ErrorKind::QuotaExceeded => (ErrorKind::Io, Some("free space or raise the quota, and try again")),
        io::ErrorKind::FileTooLarge => {
            (ErrorKind::TooLarge, Some("the file system or `ulimit -f` does not take files of this size"))
        }
        io::ErrorKind::InvalidFilename => (
            ErrorKind::InvalidName,
            Some("the file system takes no name or path of this length: choose a shorter key or root"),
        ),
        io::ErrorKind::IsADirectory => {
            (ErrorKind::InvalidName, Some("a folder has this name: choose another key, or remove the folder"))
        }
        io::ErrorKind::NotADirectory => (
            ErrorKind::InvalidName,
            Some("a part of the path is a file, not a folder: choose another key or root, or move that file away"),
        ),
        io::ErrorKind::PermissionDenied => (
            ErrorKind::Denied,
            Some("give this user the right to read, write and search the folders from the root down"),
        ),
        io::ErrorKind::ReadOnlyFilesystem => (
            ErrorKind::Denied,
            Some("the file system is mounted read-only: mount it for writing, or choose another root"),
        ),
        io::ErrorKind::CrossesDevices => (
            ErrorKind::InvalidConfig,
            Some("the root and everything below it must be on one file system, since a commit is a rename"),
        ),
        io::ErrorKind::NotFound => (ErrorKind::NotFound, None),
        io::ErrorKind::AlreadyExists => (ErrorKind::AlreadyExists, None),
        _ => match Errno::from_io_error(&error) {
            Some(Errno::MFILE | Errno::NFILE) => {
                (ErrorKind::Io, Some("too many files are open: raise `ulimit -n`, or write fewer files at once"))
            }
            _ => (ErrorKind::Io, None),
        },
    };
    let failure = Error::new(kind, operation, location, error.to_string()).with_source(error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// Whether an error says that no file can be there: no such name, or a file where a folder would have to be.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Runs `work` on a thread for blocking work. When the returned future is dropped, work that has begun goes on.
pub(crate) async fn blocking<T: Send + 'static>(
    operation: &'static str,
    location: String,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => {
            Err(Error::new(ErrorKind::Cancelled, operation, location, "the runtime is shutting down"))
        }
        Err(error) => Err(Error::new(ErrorKind::Io, operation, location, format!("a worker thread failed: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_a_kind_and_say_what_to_do() {
        for (errno, kind) in [
            (Errno::NOSPC, ErrorKind::Io),
            (Errno::DQUOT, ErrorKind::Io),
            (Errno::MFILE, ErrorKind::Io),
            (Errno::FBIG, ErrorKind::TooLarge),
            (Errno::NAMETOOLONG, ErrorKind::InvalidName),
            (Errno::ISDIR, ErrorKind::InvalidName),
            (Errno::NOTDIR, ErrorKind::InvalidName),
            (Errno::ACCESS, ErrorKind::Denied),
            (Errno::ROFS, ErrorKind::Denied),
            (Errno::XDEV, ErrorKind::InvalidConfig),
        ] {
            let error = failed("write", "file:///x", io::Error::from(errno));
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.hint().is_some(), "{error}");
        }
    }
}
