//! Temporary files that crashes left: of objects, in their folder, and of files that `sealift get -o` wrote, anywhere; and
//! folders into which `sealift drill` restored. All of it blocks.

use crate::failure::{failed, is_absent};
use crate::paths::{Root, TEMPORARY_FOLDER, is_drill, is_unfinished_read, key_of_temporary};
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
    /// What `get -o` and `drill` left, in any folder that may be looked into.
    fn reads(&mut self, folder: &Path, base: &str) {
        for (entry, name) in self.entries(folder, base) {
            let path = format!("{base}{name}");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && is_drill(&name) => {
                    if path.starts_with(self.prefix) {
                        self.add_drill(&entry.path(), path);
                    }
                }
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
        self.leftovers.unread.push(Unread::new(key, error));
    }

    /// A folder with all that is in it.
    fn add_drill(&mut self, folder: &Path, key: String) {
        match drill(folder, &key) {
            Ok(leftover) => self.leftovers.found.extend(leftover),
            Err(error) => self.unread(key, error),
        }
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
    let is_ours = |name: &str| is_unfinished_read(name) || is_drill(name);
    match key_of_temporary(&leftover.id) {
        Some(_) => Some(root.temporary_folder().join(&leftover.id)),
        None if leftover.id.rsplit('/').next().is_some_and(is_ours) && is_below() => {
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
    Ok(Some(described(key, id, idle, metadata.len())))
}

/// What a drill left: as idle as what was written to last. While its drill lives, the folder is locked.
fn drill(folder: &Path, key: &str) -> io::Result<Option<Leftover>> {
    let file = match File::open(folder) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut bytes, mut last) = (0, file.metadata()?.modified()?);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for (entry, _) in entries(&folder)? {
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(error),
            };
            last = last.max(metadata.modified()?);
            match metadata.is_dir() {
                true => folders.push(entry.path()),
                false => bytes += metadata.len(),
            }
        }
    }
    let idle = match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Duration::ZERO,
        _ => SystemTime::now().duration_since(last).unwrap_or_default(),
    };
    Ok(Some(described(key.to_owned(), key.to_owned(), idle, bytes)))
}

fn described(key: String, id: String, idle: Duration, bytes: u64) -> Leftover {
    let mut leftover = Leftover::new(key, id, Origin::Sealift);
    (leftover.idle, leftover.bytes) = (idle, bytes);
    leftover
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
    let is_drills = path.file_name().and_then(|name| name.to_str()).is_some_and(is_drill);
    let is_folder = fs::symlink_metadata(&path).map_err(failed)?.is_dir();
    let removed = if is_drills && is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    removed.map_err(failed)?;
    // Other folders are not ours.
    if path.starts_with(root.temporary_folder()) {
        remove_empty_folders(root, &path);
    }
    Ok(())
}
