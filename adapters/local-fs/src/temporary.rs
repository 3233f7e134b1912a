//! The temporary file of one object: made, written, committed to its place or removed. All of it blocks.

use crate::folders::{self, ATTEMPTS, Durable};
use crate::paths::{Root, temporary_id};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use sealift::{Checksum, ChecksumAlgorithm, Error, ErrorKind, IfExists, Key, Result, Token};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// A temporary file, locked for as long as this lives, and removed with it unless it was committed.
#[derive(Debug)]
pub(crate) struct Temporary {
    root: Arc<Root>,
    key: Key,
    path: PathBuf,
    id: String,
    file: File,
    written: Checksum,
    next_part: u32,
    place: Place,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Temporary,
    Committed,
}

impl Temporary {
    /// Makes and locks a temporary file for `key`.
    pub(crate) fn create(root: &Arc<Root>, key: &Key) -> Result<Self> {
        let failed = |error| root.failed("make a temporary file for", key, error);
        let mut last = io::Error::from(io::ErrorKind::WouldBlock);
        for attempt in 0..ATTEMPTS {
            folders::before_attempt(attempt);
            let id = temporary_id(key, &Token::random());
            let path = root.temporary_folder().join(&id);
            match create_locked(&path) {
                Ok(file) => {
                    return Ok(Temporary {
                        root: Arc::clone(root),
                        key: key.clone(),
                        path,
                        id,
                        file,
                        written: Checksum::empty(ChecksumAlgorithm::Crc64Nvme),
                        next_part: 1,
                        place: Place::Temporary,
                    });
                }
                // The folder went with another writer's last file, or a sweep held the new file for a moment.
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::WouldBlock) => {
                    last = error
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(last))
    }

    /// Its name below the folder of temporary files.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Begins part `number`, which must be the next.
    pub(crate) fn begin_part(&mut self, number: u32) -> Result<()> {
        if number != self.next_part {
            let reason = format!("part {number} came where part {} was to come", self.next_part);
            return Err(Error::new(ErrorKind::InvalidConfig, "write", self.location(), reason));
        }
        self.next_part += 1;
        Ok(())
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| self.root.failed("write", &self.key, error))?;
        self.written = self.written.then(Checksum::of(ChecksumAlgorithm::Crc64Nvme, bytes));
        Ok(())
    }

    /// Makes the file durable and puts it in its place, in one step that everybody sees whole. Returns its metadata.
    /// When `given_up` is set by then, it is not put there.
    pub(crate) fn commit(
        mut self,
        whole: Checksum,
        if_exists: IfExists,
        given_up: &AtomicBool,
    ) -> Result<fs::Metadata> {
        if whole != self.written {
            let reason = format!("{whole} was to be written, and {} was", self.written);
            return Err(Error::new(ErrorKind::Corrupt, "verify", self.location(), reason));
        }
        let target = self.root.path_of("commit", &self.key)?;
        self.put_in_place(&target, if_exists, given_up).map_err(|error| {
            if let Some(folder) = target.parent() {
                // It may have been made for this file alone.
                folders::remove_empty(folder, self.root.path());
            }
            self.root.failed("commit", &self.key, error)
        })
    }

    fn put_in_place(&mut self, target: &Path, if_exists: IfExists, given_up: &AtomicBool) -> io::Result<fs::Metadata> {
        let folder = target.parent().unwrap_or(self.root.path());
        // To the nanosecond, so that no two commits have the same tag.
        self.file.set_modified(SystemTime::now())?;
        self.file.sync_all()?;
        let metadata = self.file.metadata()?;
        let mut moved = Ok(());
        for attempt in 0..ATTEMPTS {
            folders::before_attempt(attempt);
            folders::create(folder, Durable::Yes)?;
            if given_up.load(Ordering::SeqCst) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "it was given up"));
            }
            moved = move_file(&self.path, target, if_exists);
            match &moved {
                // The folder went with the last object that was removed from it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                _ => break,
            }
        }
        moved?;
        self.place = Place::Committed;
        folders::sync_up_to(folder, self.root.path())?;
        Ok(metadata)
    }

    fn location(&self) -> String {
        self.root.location(self.key.as_ref())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.place == Place::Temporary
            && let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!("left behind: {}: {error}; `sealift sweep` removes it", self.path.display());
        }
        remove_empty_folders(&self.root, &self.path);
    }
}

/// Removes the folder of temporary files if this was the last.
pub(crate) fn remove_empty_folders(root: &Root, temporary: &Path) {
    if let Some(folder) = temporary.parent() {
        folders::remove_empty(folder, root.path());
    }
}

fn create_locked(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        folders::create(folder, Durable::No)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        // A file system without locks: a sweep there sees no file alive, and goes by its age alone.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    // A sweep may have removed it between the two steps.
    match fs::metadata(path)?.ino() == file.metadata()?.ino() {
        true => Ok(file),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

fn move_file(from: &Path, to: &Path, if_exists: IfExists) -> io::Result<()> {
    match if_exists {
        IfExists::Replace => fs::rename(from, to),
        IfExists::Fail => match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // A file system that cannot: a second name, which fails too if it is taken, and then only that one.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                fs::hard_link(from, to)?;
                fs::remove_file(from)
            }
            moved => Ok(moved?),
        },
    }
}
