//! The steps of a file system that can fail, or take their time, when something can already be seen. Behind a trait, so that
//! tests can make them fail where no real disk would.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// A file system. All of it blocks.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Gives a file another name, unless that is taken.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
    }

    /// Takes a file's name away.
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Makes what happened in a folder outlast a crash of the machine.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        sync_folder(folder)
    }
}

/// The machine's.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {}

/// Makes what happened in the folder outlast a crash of the machine. A folder that is gone, that this user may not
/// read, or that lies on a file system which does not sync folders, has nothing to be made durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(()),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS | Errno::BADF) => Ok(()),
            _ => Err(error),
        },
        Ok(()) => Ok(()),
    }
}
