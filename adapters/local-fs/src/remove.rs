//! Removing and moving files, and the folders that become empty. All of it blocks.

use crate::failure::is_absent;
use crate::folders::{self, ATTEMPTS, Durable};
use crate::paths::Root;
use crate::read::etag;
use sealift::{Error, ErrorKind, Key, LeftBehind, ObjectInfo, Removal, Result};
use std::fs;
use std::io;
use std::path::Path;

/// Removes the file under `key`, if there is one; with `only`, if it is that one. Another writer may put a file there
/// between the look and the removal, since a file system has no step that does both.
pub(crate) fn remove(root: &Root, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
    let failed = |error| root.failed("remove", key, error);
    let path = root.path_of("remove", key)?;
    if let Some(only) = only {
        match fs::metadata(&path) {
            Ok(now) if now.is_file() && only.etag.as_deref() != Some(&etag(&now)) => return Ok(Removal::Another),
            Ok(_) => {}
            Err(error) if is_absent(&error) => return Ok(Removal::Gone),
            Err(error) => return Err(failed(error)),
        }
    }
    match fs::remove_file(&path) {
        Ok(()) => tidy(root, &path).map_err(|error| {
            let reason = format!("it is gone, and that is not known to outlast a crash of the machine: {error}");
            Error::new(ErrorKind::Io, "remove", root.location(key.as_ref()), reason).with_source(error)
        })?,
        Err(error) if is_absent(&error) => {}
        // What lies there is a folder: no object.
        Err(_) if path.is_dir() => {}
        Err(error) => return Err(failed(error)),
    }
    Ok(Removal::Gone)
}

/// Moves a file; one that is at `to` is replaced.
pub(crate) fn rename(root: &Root, from: &Key, to: &Key) -> Result<()> {
    let (source, target) = (root.path_of("move", from)?, root.path_of("move", to)?);
    let failed = |error| root.failed("move", from, error);
    match fs::metadata(&source) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(root.not_found("move", from)),
        Err(error) if is_absent(&error) => return Err(root.not_found("move", from)),
        Err(error) => return Err(failed(error)),
    }
    move_to(root, &source, &target).map_err(failed)?;
    make_durable(root, &source, &target).map_err(|error| {
        let why = format!("it was moved there, and that is not known to outlast a crash of the machine: {error}");
        failed(error).with_left_behind([LeftBehind::object(root.location(to.as_ref())).because(why)])
    })
}

fn move_to(root: &Root, source: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(root.path());
    let mut moved = Ok(());
    for attempt in 0..ATTEMPTS {
        folders::before_attempt(attempt);
        folders::create(folder, Durable::Yes)?;
        moved = fs::rename(source, target);
        match &moved {
            // The target's folder was removed in between, since it was empty.
            Err(error) if error.kind() == io::ErrorKind::NotFound && source.exists() => {}
            _ => break,
        }
    }
    moved
}

fn make_durable(root: &Root, source: &Path, target: &Path) -> io::Result<()> {
    folders::sync_up_to(root.disk(), target.parent().unwrap_or(root.path()), root.top_of(target))?;
    tidy(root, source)
}

/// After a file has left `path`: removes the folders that are empty now, and makes it durable.
fn tidy(root: &Root, path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(root.path());
    root.disk().sync_folder(folders::remove_empty(folder, root.top_of(path)))
}
