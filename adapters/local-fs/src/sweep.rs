//! Temporary files that crashes left. All of it blocks.

use crate::failure::{failed, is_absent};
use crate::paths::{Root, key_of_temporary};
use crate::temporary::remove_empty_folders;
use sealift::{Error, ErrorKind, Leftover, Origin, Result};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The temporary files whose key begins with `prefix`. One that is being written is not idle at all.
pub(crate) fn leftovers(root: &Root, prefix: &str) -> Result<Vec<Leftover>> {
    let mut leftovers = Vec::new();
    collect(&root.temporary_folder(), "", prefix, &mut leftovers)
        .map_err(|error| failed("look for temporary files in", root.url(), error))?;
    Ok(leftovers)
}

fn collect(folder: &Path, base: &str, prefix: &str, leftovers: &mut Vec<Leftover>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let id = format!("{base}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{id}/"), prefix, leftovers)?;
        } else if let Some(key) = key_of_temporary(&id)
            && key.as_ref().starts_with(prefix)
        {
            leftovers.extend(leftover(&entry.path(), key.to_string(), id)?);
        }
    }
    Ok(())
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
    if key_of_temporary(&leftover.id).is_none() {
        let reason = format!("{:?} is no temporary file of Sealift's", leftover.id);
        return Err(Error::new(ErrorKind::InvalidName, "remove the temporary file of", location, reason));
    }
    let path = root.temporary_folder().join(&leftover.id);
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
    remove_empty_folders(root, &path);
    Ok(())
}
