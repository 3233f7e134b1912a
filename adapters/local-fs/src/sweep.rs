//! Temporary files that crashes left: of objects, in their folder, and of files that `sealift get -o` wrote, anywhere. All
//! of it blocks.

use crate::failure::{failed, is_absent};
use crate::paths::{Root, TEMPORARY_FOLDER, is_unfinished_read, key_of_temporary};
use crate::temporary::remove_empty_folders;
use sealift::{Error, ErrorKind, Key, Leftover, Leftovers, Origin, Result, Unread};
use std::fs::{self, DirEntry, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The temporary files whose key begins with `prefix`. One that is being written is not idle at all.
pub(crate) fn leftovers(root: &Root, prefix: &str) -> Result<Leftovers> {
    let mut search = Search { root, prefix, leftovers: Leftovers::default() };
    search.objects(&root.temporary_folder(), "");
    search.reads(root.path(), "");
    Ok(search.leftovers)
}

struct Search<'a> {
    root: &'a Root,
    prefix: &'a str,
    leftovers: Leftovers,
}

impl Search<'_> {
    /// What `get -o` left, in any folder that may be looked into.
    fn reads(&mut self, folder: &Path, base: &str) {
        for (entry, name) in self.entries(folder, base) {
            let path = format!("{base}{name}");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && path != TEMPORARY_FOLDER => self.reads(&entry.path(), &format!("{path}/")),
                Ok(kind) if kind.is_file() && is_unfinished_read(&name) && path.starts_with(self.prefix) => {
                    self.add(&entry.path(), path.clone(), path);
                }
                Ok(_) => {}
                Err(error) => self.unread(path, error),
            }
        }
    }

    /// What objects left that were not committed.
    fn objects(&mut self, folder: &Path, base: &str) {
        for (entry, name) in self.entries(folder, base) {
            let id = format!("{base}{name}");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.objects(&entry.path(), &format!("{id}/")),
                Ok(_) => {
                    if let Some(key) = key_of_temporary(&id).filter(|key| key.as_ref().starts_with(self.prefix)) {
                        self.add(&entry.path(), key.to_string(), id);
                    }
                }
                Err(error) => self.unread(id, error),
            }
        }
    }

    /// What is in a folder; nothing where it cannot be looked into, which is kept.
    fn entries(&mut self, folder: &Path, base: &str) -> Vec<(DirEntry, String)> {
        match entries(folder) {
            Ok(entries) => entries,
            // Such as lost+found: another's, in which nothing of ours was written.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !base.is_empty() => {
                tracing::warn!("not swept, since it may not be looked into: {}", folder.display());
                Vec::new()
            }
            Err(error) => {
                self.unread(base.trim_end_matches('/').to_owned(), error);
                Vec::new()
            }
        }
    }

    fn unread(&mut self, key: String, error: io::Error) {
        let error = failed("look for temporary files in", self.root.location(&key), error);
        self.leftovers.unread.push(Unread { key, error });
    }

    fn add(&mut self, path: &Path, key: String, id: String) {
        match leftover(path, key.clone(), id) {
            Ok(leftover) => self.leftovers.found.extend(leftover),
            Err(error) => self.unread(key, error),
        }
    }
}

/// What is in a folder, as far as its names are UTF-8, as all of ours are; nothing where there is no folder.
fn entries(folder: &Path) -> io::Result<Vec<(DirEntry, String)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let named = entries.filter_map(|entry| match entry {
        Ok(entry) => entry.file_name().into_string().ok().map(|name| Ok((entry, name))),
        Err(error) => Some(Err(error)),
    });
    named.collect()
}

/// The temporary file that this is; `None` if it is none of Sealift's.
fn path_of(root: &Root, leftover: &Leftover) -> Option<PathBuf> {
    let is_below = || leftover.id.parse::<Key>().is_ok();
    match key_of_temporary(&leftover.id) {
        Some(_) => Some(root.temporary_folder().join(&leftover.id)),
        None if leftover.id.rsplit('/').next().is_some_and(is_unfinished_read) && is_below() => {
            Some(root.path().join(&leftover.id))
        }
        None => None,
    }
}

fn leftover(path: &Path, key: String, id: String) -> io::Result<Option<Leftover>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    let idle = match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Duration::ZERO,
        _ => SystemTime::now().duration_since(metadata.modified()?).unwrap_or_default(),
    };
    Ok(Some(Leftover { key, id, idle, bytes: metadata.len(), origin: Origin::Sealift }))
}

/// Removes a temporary file that nobody is writing.
pub(crate) fn remove(root: &Root, leftover: &Leftover) -> Result<()> {
    let location = root.location(&leftover.key);
    let Some(path) = path_of(root, leftover) else {
        let reason = format!("{:?} is no temporary file of Sealift's", leftover.id);
        return Err(Error::new(ErrorKind::InvalidName, "remove the temporary file of", location, reason));
    };
    let failed = |error| failed("remove the temporary file of", location.clone(), error);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        let reason = "it is being written: it is alive";
        return Err(Error::new(ErrorKind::Changed, "remove the temporary file of", location, reason));
    }
    fs::remove_file(&path).map_err(failed)?;
    // Other folders are not ours.
    if path.starts_with(root.temporary_folder()) {
        remove_empty_folders(root, &path);
    }
    Ok(())
}
