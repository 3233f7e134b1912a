//! Making, syncing and removing folders, beside others who do the same at the same time. All of it blocks.

use crate::disk::{Disk, sync_folder};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often a step is tried again when another writer made or removed a folder in between.
pub(crate) const ATTEMPTS: usize = 100;

/// Whether new folders must outlast a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    Yes,
    No,
}

/// Called before the first step of each attempt, never between two steps: two that undo each other's steps in turn would
/// do so for ever if neither paused.
pub(crate) fn before_attempt(attempt: usize) {
    if attempt > 2 {
        std::thread::sleep(Duration::from_micros(10 * attempt as u64));
    }
}

/// Makes the folder and its parents where they are missing.
pub(crate) fn create(folder: &Path, durable: Durable) -> io::Result<()> {
    let mut result = Ok(());
    for attempt in 0..ATTEMPTS {
        result = fs::create_dir(folder);
        match &result {
            Ok(()) => {
                return match (durable, folder.parent()) {
                    (Durable::Yes, Some(parent)) => sync_folder(parent),
                    _ => Ok(()),
                };
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::metadata(folder) {
                Ok(found) if found.is_dir() => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
                // Removed by another writer since, or a symbolic link that leads nowhere.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => match folder.parent() {
                Some(parent) => {
                    before_attempt(attempt);
                    create(parent, durable)?;
                }
                None => break,
            },
            Err(_) => break,
        }
    }
    match result {
        // A symbolic link that leads nowhere; "already exists" is what is said of objects.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(io::ErrorKind::NotADirectory.into()),
        other => other,
    }
}

/// Syncs the folder and its parents up to `top`, each of which another writer may have made and not synced yet.
pub(crate) fn sync_up_to(disk: &dyn Disk, folder: &Path, top: &Path) -> io::Result<()> {
    for folder in folder.ancestors() {
        disk.sync_folder(folder)?;
        if folder == top {
            break;
        }
    }
    Ok(())
}

/// Removes the folder and its parents below `top` as far as they are empty, and returns the first that remains.
/// `top` itself always does.
pub(crate) fn remove_empty<'a>(folder: &'a Path, top: &Path) -> &'a Path {
    let mut folder = folder;
    while folder != top {
        let Some(parent) = folder.parent() else { break };
        match fs::remove_dir(folder) {
            Ok(()) => folder = parent,
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder = parent,
            Err(_) => break,
        }
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_parents_go_and_others_stay() {
        let top = tempfile::tempdir().expect("a folder");
        let top = top.path();
        create(&top.join("a/b/c"), Durable::Yes).expect("made");
        fs::write(top.join("a/file"), "x").expect("written");
        assert_eq!(remove_empty(&top.join("a/b/c"), top), top.join("a"));
        assert!(top.join("a").is_dir() && !top.join("a/b").exists());
        fs::remove_file(top.join("a/file")).expect("removed");
        assert_eq!(remove_empty(&top.join("a"), top), top);
        assert!(top.is_dir(), "the top itself stays");
    }

    #[test]
    fn a_file_in_the_way_is_said_to_be_one() {
        let top = tempfile::tempdir().expect("a folder");
        fs::write(top.path().join("file"), "x").expect("written");
        for below in ["file", "file/a", "file/a/b"] {
            let error = create(&top.path().join(below), Durable::No).expect_err("a file is in the way");
            assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{below}");
        }
    }

    /// Two who store and delete under the same name, as fast as they can.
    #[test]
    fn folders_are_made_while_another_removes_them() {
        let top = tempfile::tempdir().expect("a folder");
        let top = top.path();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = create(&top.join("a/b/c"), Durable::No);
                    remove_empty(&top.join("a/b/c"), top);
                }
            });
            let make_and_remove = |_| {
                create(&top.join("a/b/c"), Durable::No)?;
                remove_empty(&top.join("a/b/c"), top);
                Ok(())
            };
            let made: io::Result<Vec<()>> = (0..2_000).map(make_and_remove).collect();
            // Before anything can fail here, since the other thread is waited for.
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            made.expect("made in the end");
        });
    }
}
