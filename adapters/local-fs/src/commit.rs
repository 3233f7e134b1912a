//! The way of a temporary file to its place: durable content, one step that makes it visible, a durable name.
//! All of it blocks.

use crate::folders::{self, ATTEMPTS, Durable};
use crate::read::etag_of;
use crate::store::Shared;
use crate::temporary::Temporary;
use sealift::{Checksum, CommitOptions, Committed, Error, ErrorKind, IfExists, Key, LeftBehind, Result};
use std::fs;
use std::io;
use std::path::Path;

const OPERATION: &str = "commit";

/// Makes the file visible under `key`. On an error it is not, and the file is removed, or the error names it.
pub(crate) fn commit(
    shared: &Shared,
    temporary: &Temporary,
    key: &Key,
    options: &CommitOptions,
    whole: Checksum,
) -> Result<Committed> {
    let result = sealed(shared, temporary, key, options, whole).map_err(|error| {
        if let Some(folder) = shared.root.path().join(key.as_ref()).parent() {
            folders::remove_empty(folder, shared.root.path());
        }
        match temporary.discard() {
            Ok(()) => error,
            Err(_) => error.with_left_behind([left_behind(temporary)]),
        }
    });
    temporary.close();
    result
}

/// What to say when the temporary file could not be removed.
pub(crate) fn left_behind(temporary: &Temporary) -> LeftBehind {
    LeftBehind(format!("the temporary file {}", temporary.path().display()))
}

/// The answer when the upload was aborted before.
pub(crate) fn aborted(shared: &Shared, operation: impl Into<std::borrow::Cow<'static, str>>, key: &Key) -> Error {
    Error::new(ErrorKind::Cancelled, operation, shared.root.location(key.as_ref()), "this upload was aborted")
}

fn sealed(
    shared: &Shared,
    temporary: &Temporary,
    key: &Key,
    options: &CommitOptions,
    whole: Checksum,
) -> Result<Committed> {
    let root = &shared.root;
    let failed = |error| root.failed(OPERATION, key, error);
    let target = root.path_of(OPERATION, key)?;
    let folder = target.parent().unwrap_or(root.path());
    if let Some(committed) = temporary.committed() {
        return Ok(committed);
    }
    let Some((written, metadata)) = temporary.seal().map_err(failed)? else {
        return Err(aborted(shared, OPERATION, key));
    };
    if written != whole || metadata.len() != whole.byte_count() {
        return Err(corrupt(shared, key, written, metadata.len(), whole));
    }
    let etag = etag_of(&metadata);
    let committed = Committed { etag: Some(etag.clone()), version: None, checksum: Some(written.to_be_bytes()) };
    let mut placed = Ok(Some(()));
    for _ in 0..ATTEMPTS {
        folders::create(folder, Durable::No).map_err(failed)?;
        placed = temporary.commit(committed.clone(), |from| {
            let step = || place(from, &target, options.if_exists);
            shared.recent.during(&etag, &options.token, step)
        });
        match &placed {
            // Either a delete removed the folder as an empty one just now: again; or somebody took the file away.
            Err(error) if error.kind() == io::ErrorKind::NotFound && temporary.path().exists() => {}
            _ => break,
        }
    }
    match placed {
        Ok(Some(())) => {}
        Ok(None) => return Err(aborted(shared, OPERATION, key)),
        Err(error) => return Err(not_placed(shared, temporary, key, &target, error)),
    }
    // Frees a descriptor for the folders, and tells a sweep that this is over.
    temporary.close();
    match folders::sync_up_to(folder, root.path()) {
        Ok(()) => Ok(committed),
        Err(error) => Err(retracted(shared, key, &target, &etag, failed(error))),
    }
}

/// Moves `from` to `to`. With [`IfExists::Fail`] it is decided in the same step that there is no `to`.
fn place(from: &Path, to: &Path, if_exists: IfExists) -> io::Result<()> {
    match if_exists {
        IfExists::Replace => fs::rename(from, to),
        IfExists::Fail => place_new(from, to),
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn place_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link_then_unlink(from, to),
        result => Ok(result?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn place_new(from: &Path, to: &Path) -> io::Result<()> {
    link_then_unlink(from, to)
}

/// The same where the file system cannot rename without replacing: a hard link never replaces.
fn link_then_unlink(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            let reason = format!("this file system can neither rename without replacing nor make hard links ({error})");
            return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
        }
        Err(error) => return Err(error),
    }
    if let Err(error) = fs::remove_file(from) {
        tracing::warn!(path = %from.display(), %error, "the second name of a committed file is left behind; `sealift sweep` removes it");
    }
    Ok(())
}

fn corrupt(shared: &Shared, key: &Key, written: Checksum, on_disk: u64, whole: Checksum) -> Error {
    let reason = format!(
        "the file holds {on_disk} bytes, of which {} were written here with checksum {written}, \
         but it should be {} bytes with checksum {whole}",
        written.byte_count(),
        whole.byte_count(),
    );
    Error::new(ErrorKind::Corrupt, OPERATION, shared.root.location(key.as_ref()), reason)
        .with_hint("nothing was stored; write it again, and check the memory and the disk if this comes back")
}

fn not_placed(shared: &Shared, temporary: &Temporary, key: &Key, target: &Path, error: io::Error) -> Error {
    let location = shared.root.location(key.as_ref());
    match error.kind() {
        io::ErrorKind::AlreadyExists if target.is_dir() => {
            shared.root.failed(OPERATION, key, io::ErrorKind::IsADirectory.into())
        }
        io::ErrorKind::AlreadyExists => {
            Error::new(ErrorKind::AlreadyExists, OPERATION, location, "the file exists and is not to be replaced")
                .with_hint("choose another name, or remove the file first")
        }
        io::ErrorKind::NotFound if !temporary.path().exists() => {
            Error::new(ErrorKind::Io, OPERATION, location, "its temporary file was removed by somebody else")
                .with_hint("leave the folder `.sealift-tmp` to `sealift sweep`, and write the file again")
        }
        _ => shared.root.failed(OPERATION, key, error),
    }
}

/// The name could not be made durable, so the commit has failed: takes the file away again.
fn retracted(shared: &Shared, key: &Key, target: &Path, etag: &str, error: Error) -> Error {
    let mut recent = shared.recent.lock();
    recent.forget(etag);
    let removed = match fs::metadata(target) {
        Ok(metadata) if etag_of(&metadata) == etag => fs::remove_file(target),
        _ => Ok(()),
    };
    match removed {
        Ok(()) => error,
        Err(_) => error.with_left_behind([LeftBehind(format!(
            "the file {} (key {key}), complete but perhaps not after a crash of the machine",
            target.display()
        ))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_place_a_new_file_never_replace() {
        for way in [place_new, link_then_unlink] {
            let folder = tempfile::tempdir().expect("a folder");
            let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
            fs::write(&from, "new").expect("written");
            way(&from, &to).expect("the place is free");
            assert!(!from.exists());
            assert_eq!(fs::read(&to).expect("read"), b"new");
            fs::write(&from, "newer").expect("written");
            let error = way(&from, &to).expect_err("the place is taken");
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&to).expect("read"), b"new");
            assert_eq!(fs::read(&from).expect("still there"), b"newer");
        }
    }
}
