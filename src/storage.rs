//! The contract of a backup archive: groups of files, and one-line metadata files. [`Archive`](crate::Archive)
//! implements it over any object store; the command adapter implements it itself.

use crate::error::Result;
use crate::name::{BackupHandle, FileHandle, ShellSafeName, TextLine};
use async_trait::async_trait;
use std::fmt;
use std::num::NonZeroUsize;
use tokio::io::{AsyncRead, AsyncWrite};

/// A file being written. It exists from the moment its `shutdown()` has returned `Ok`, and in no other case.
pub type FileWriter = Box<dyn AsyncWrite + Send + Unpin>;

/// A file being read. An incomplete or damaged file ends in an error, never in a silent end.
pub type FileReader = Box<dyn AsyncRead + Send + Unpin>;

/// A storage of backups, as the Aptos backup tools know it.
#[async_trait]
pub trait BackupStorage: fmt::Debug + Send + Sync {
    /// Opens a group of files.
    async fn create_backup(&self, name: &ShellSafeName) -> Result<BackupHandle>;

    /// Opens a new file of the group `backup`. The handle is what a manifest keeps; the writer must be shut down.
    async fn create_for_write(&self, backup: &BackupHandle, name: &ShellSafeName) -> Result<(FileHandle, FileWriter)>;

    /// As [`create_for_write`](Self::create_for_write), of a file that must not exist yet: an existing one is neither
    /// replaced nor, when the new one is given up, removed, and `shutdown()`, or a write before, fails with
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists). A storage that cannot decide that in one step with
    /// the commit replaces the file.
    async fn create_new(&self, backup: &BackupHandle, name: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        self.create_for_write(backup, name).await
    }

    /// How many files one task can hold open for writing at a time. With more it would wait for memory that it holds
    /// itself.
    fn writers_at_once(&self) -> usize {
        usize::MAX
    }

    /// How many small files are read from it at a time, unless somebody says how many.
    fn reads_at_once(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(15)
    }

    /// Opens a file for reading.
    async fn open_for_read(&self, file: &FileHandle) -> Result<FileReader>;

    /// Writes the metadata file `name`, one line each with its newline, and returns its handle `metadata/<name>`.
    /// An existing file of that name is kept as it is, with a warning in the log.
    async fn save_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle>;

    /// As [`save_metadata_lines`](Self::save_metadata_lines), of a file that must not exist yet: where one does, it fails
    /// with [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists). A storage that cannot tell does as that does.
    async fn save_new_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        self.save_metadata_lines(name, lines).await
    }

    /// The handles of all metadata files, in order; none when nothing has been saved yet.
    async fn list_metadata_files(&self) -> Result<Vec<FileHandle>>;

    /// Moves the metadata file `metadata/X` to `metadata_backup/X`.
    async fn backup_metadata_file(&self, file: &FileHandle) -> Result<()>;

    /// The handles `metadata_backup/X` of what was moved there, in order; `None` where that cannot be told.
    async fn list_backed_up_metadata_files(&self) -> Result<Option<Vec<FileHandle>>> {
        Ok(None)
    }

    /// Why metadata files cannot be moved, where that is known without trying.
    fn can_move_metadata(&self) -> Result<()> {
        Ok(())
    }

    /// Opens a group of files under `name` and a random suffix of four hex digits, so that two backups of the
    /// same thing stay apart.
    async fn create_backup_with_random_suffix(&self, name: &str) -> Result<BackupHandle> {
        let name: ShellSafeName = format!("{name}.{:04x}", rand::random::<u16>()).parse()?;
        self.create_backup(&name).await
    }

    /// Writes a metadata file of one line.
    async fn save_metadata_line(&self, name: &ShellSafeName, line: &TextLine) -> Result<FileHandle> {
        self.save_metadata_lines(name, std::slice::from_ref(line)).await
    }
}
