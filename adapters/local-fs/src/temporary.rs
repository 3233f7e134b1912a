//! The temporary file of one object: made, written, committed to its place or removed. All of it blocks.

use crate::disk::Disk;
use crate::folders::{self, ATTEMPTS, Durable};
use crate::paths::{Root, temporary_id};
use crate::recent::Recent;
use rustix::io::Errno;
use sealift::{
    Checksum, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, IfExists, Key, LeftBehind, Result, Token,
};
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

/// Where its content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Under the temporary name.
    Temporary,
    /// Under its key, where everybody sees it.
    Final,
    Removed,
}

/// How it is to be committed.
pub(crate) struct Commit<'a> {
    pub(crate) whole: Checksum,
    pub(crate) options: &'a CommitOptions,
    /// Where the token goes.
    pub(crate) recent: &'a Recent,
    /// When this is set by then, it is not put in its place.
    pub(crate) given_up: &'a AtomicBool,
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

    /// Makes the file durable and puts it in its place, in one step that everybody sees whole, and makes that durable.
    /// [`place`](Self::place) tells where it is after an error, which names it where it is visible.
    pub(crate) fn commit(&mut self, commit: &Commit<'_>) -> Result<Committed> {
        if commit.whole != self.written {
            let reason = format!("{} was to be written, and {} was", commit.whole, self.written);
            return Err(Error::new(ErrorKind::Corrupt, "verify", self.location(), reason));
        }
        let target = self.root.path_of("commit", &self.key)?;
        let root = Arc::clone(&self.root);
        let folder = target.parent().unwrap_or(root.path());
        let committed = self.put_in_place(&target, folder, commit).map_err(|error| {
            // It may have been made for this file alone.
            folders::remove_empty(folder, root.path());
            root.failed("commit", &self.key, error)
        })?;
        match folders::sync_up_to(root.disk(), folder, root.path()) {
            Ok(()) => Ok(committed),
            Err(error) => {
                let why = format!("it is whole, and not known to outlast a crash of the machine: {error}");
                let visible = LeftBehind::object(self.location()).because(why);
                let failed = root.failed("make durable", &self.key, error);
                Err(failed.with_left_behind([visible]).with_left_behind(committed.left_behind))
            }
        }
    }

    fn put_in_place(&mut self, target: &Path, folder: &Path, commit: &Commit<'_>) -> io::Result<Committed> {
        // To the nanosecond, so that no two commits have the same tag.
        self.file.set_modified(SystemTime::now())?;
        self.file.sync_all()?;
        let metadata = self.file.metadata()?;
        // Before it can be seen, so that whoever sees it knows whose it is.
        let etag = commit.recent.remember(&metadata, commit.options.token.clone());
        let mut moved = Err(io::ErrorKind::NotFound.into());
        for attempt in 0..ATTEMPTS {
            folders::before_attempt(attempt);
            folders::create(folder, Durable::Yes)?;
            if commit.given_up.load(Ordering::SeqCst) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "it was given up"));
            }
            moved = move_file(self.root.disk(), &self.path, target, commit.options.if_exists);
            match &moved {
                // The folder went with the last object that was removed from it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                _ => break,
            }
        }
        let moved = moved?;
        self.place = Place::Final;
        let mut committed = Committed::new(Some(etag));
        committed.checksum = Some(commit.whole.to_be_bytes());
        committed.at = metadata.modified().ok();
        if let Moved::NameLeft(error) = moved {
            committed.left_behind.push(self.left(&error));
        }
        Ok(committed)
    }

    /// Where its content is.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Removes it, unless it is in its place. The error names it.
    pub(crate) fn remove(&mut self) -> Result<()> {
        if self.place != Place::Temporary {
            return Ok(());
        }
        match self.root.disk().remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let left = self.left(&error);
                Err(self.root.failed("remove the temporary file of", &self.key, error).with_left_behind([left]))
            }
            _ => {
                self.place = Place::Removed;
                Ok(())
            }
        }
    }

    fn left(&self, error: &io::Error) -> LeftBehind {
        LeftBehind::file(self.path.display().to_string()).because(format!("it could not be removed: {error}"))
    }

    fn location(&self) -> String {
        self.root.location(self.key.as_ref())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::error!("{error}");
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
    match lock(&file, path) {
        Ok(()) => Ok(file),
        Err(error) => {
            // A sweep may have been quicker.
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

fn lock(file: &File, path: &Path) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        // A file system without locks: a sweep there sees no file alive, and goes by its age alone.
        Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    // A sweep may have removed it between the two steps.
    match fs::metadata(path)?.ino() == file.metadata()?.ino() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// How a file came to its place.
enum Moved {
    Whole,
    /// It has its name, and still the temporary one too.
    NameLeft(io::Error),
}

fn move_file(disk: &dyn Disk, from: &Path, to: &Path, if_exists: IfExists) -> io::Result<Moved> {
    match if_exists {
        IfExists::Replace => fs::rename(from, to).map(|()| Moved::Whole),
        IfExists::Fail => match disk.rename_new(from, to) {
            // A file system that cannot: a second name, which fails too if it is taken, and then only that one.
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)) => {
                fs::hard_link(from, to)?;
                Ok(disk.remove_file(from).map_or_else(Moved::NameLeft, |()| Moved::Whole))
            }
            moved => moved.map(|()| Moved::Whole),
        },
    }
}
