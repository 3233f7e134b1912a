//! Throw-away places on this machine: a folder that goes with all that is in it, however the command ends. One that a killed
//! process leaves says by its name whose it is, and by a lock whether it is alive, so that `sweep` can remove it.

use crate::failure::Failure;
use crate::interrupt::{Interrupt, Leaves, Watch};
use bytesize::ByteSize;
use rustix::fs::statvfs;
use sealift::LeftBehind;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How the name of such a folder begins: `sweep` knows it by this (adapters/local-fs).
const NAME: &str = ".sealift-drill-";
/// Nobody else reads what was backed up.
const PRIVATE: u32 = 0o700;

/// A throw-away folder. While it lives, a second signal names it. Dropping it removes it too, but says nothing of a failure.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    /// A sweep sees by its lock that it is alive.
    _alive: File,
    _watch: Watch,
}

impl Scratch {
    /// A new folder below `into`. It blocks, shortly.
    pub(crate) fn make(into: &Path, interrupt: &Interrupt) -> Result<Self, Failure> {
        let failed = |error| Failure::from_io(error, &format!("make a folder in {}", into.display()));
        let begin = || -> io::Result<((TempDir, File), Leaves)> {
            let mut named = tempfile::Builder::new();
            let folder = named.prefix(NAME).permissions(Permissions::from_mode(PRIVATE)).tempdir_in(into)?;
            let alive = File::open(folder.path())?;
            // Some file systems have no locks.
            let _ = alive.try_lock();
            let path = folder.path().to_owned();
            Ok(((folder, alive), Box::new(move || vec![left(&path).because("the command was ended at once")])))
        };
        let ((folder, alive), watch) = interrupt.watch_from(begin).map_err(failed)?;
        Ok(Scratch { folder, _alive: alive, _watch: watch })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes it, and says what became of `done` then: where it cannot be removed, it is left behind. It blocks.
    pub(crate) fn remove<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        let path = self.folder.path().to_owned();
        match self.folder.close() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let left = left(&path).because(error.to_string());
                let failure = done.err().unwrap_or_else(|| Failure::new(crate::failure::Cause::LeftBehind));
                Err(failure.with_left([left]))
            }
            // What a copy into it could not take back is gone with it.
            _ => done.map_err(|failure| failure.without_left_in(&path)),
        }
    }
}

fn left(path: &Path) -> LeftBehind {
    LeftBehind::file(path.display().to_string()).with_remedy("`rm -r` removes it")
}

/// Where throw-away places are to be: a folder that is there.
pub(crate) fn place(said: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let into = said.unwrap_or_else(std::env::temp_dir);
    match into.is_dir() {
        true => Ok(into),
        false => Err(Failure::usage(format!("--into {}: there is no such folder; create it first", into.display()))),
    }
}

/// Refuses where `into` has less room than what needs `needed` bytes at least. It blocks, shortly.
pub(crate) fn check_room(into: &Path, what: &str, needed: u64) -> Result<(), Failure> {
    let doing = || format!("look for room in {}", into.display());
    let found = statvfs(into).map_err(|error| Failure::from_io(error.into(), &doing()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    match needed <= free {
        true => Ok(()),
        false => Err(anyhow::anyhow!(
            "restore {what}: it takes {} at least, and {} has {} free; say another folder by --into",
            size(needed),
            into.display(),
            size(free)
        )
        .into()),
    }
}

fn size(bytes: u64) -> String {
    format!("{} ({bytes} bytes)", ByteSize::b(bytes).display().iec())
}
