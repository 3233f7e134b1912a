//! Listing files as objects, in the byte order of their keys. All of it blocks.

use crate::failure::is_absent;
use crate::paths::{Root, TEMPORARY_FOLDER, is_drill, is_unfinished_read};
use crate::read::info;
use sealift::{Page, Result};
use std::fs;
use std::io;
use std::path::Path;

/// The most objects in a page.
const PAGE: usize = 1000;

/// The files whose key begins with `prefix` and comes after `after`, a page of them.
pub(crate) fn list(root: &Root, prefix: &str, after: Option<&str>) -> Result<Page> {
    let mut walk = Walk { prefix, after: after.unwrap_or_default(), page: Page::default() };
    match walk.folder(root.path(), "") {
        Ok(()) => Ok(walk.page),
        Err(error) => Err(crate::failure::failed("list", root.location(prefix), error)),
    }
}

struct Walk<'a> {
    prefix: &'a str,
    after: &'a str,
    page: Page,
}

impl Walk<'_> {
    /// Adds what is below the folder at `path`, whose keys begin with `base`.
    fn folder(&mut self, path: &Path, base: &str) -> io::Result<()> {
        for name in self.names(path, base)? {
            if self.page.next.is_some() {
                return Ok(());
            }
            match name.strip_suffix('/') {
                Some(folder) => self.folder(&path.join(folder), &format!("{base}{name}"))?,
                None => self.file(&path.join(&name), format!("{base}{name}"))?,
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, key: String) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                if self.page.objects.len() == PAGE {
                    self.page.next = self.page.objects.last().map(|object| object.key.clone());
                } else {
                    self.page.objects.push(info(key, &metadata));
                }
                Ok(())
            }
            // A symbolic link to a folder or to nothing, a socket; or removed since.
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The names in a folder that may lead to keys wanted, folders with a slash at the end, in the order of their keys.
    fn names(&self, path: &Path, base: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(mut name) = entry.file_name().into_string() else {
                tracing::warn!("not listed, since its name is not UTF-8: {}", entry.path().display());
                continue;
            };
            if base.is_empty() && name == TEMPORARY_FOLDER || is_unfinished_read(&name) {
                continue;
            }
            let is_folder = entry.file_type()?.is_dir();
            if is_folder && is_drill(&name) {
                continue;
            }
            if is_folder {
                name.push('/');
            }
            let key = format!("{base}{name}");
            let wanted = match is_folder {
                true => {
                    (key.starts_with(self.prefix) || self.prefix.starts_with(&key))
                        && (key.as_str() > self.after || self.after.starts_with(&key))
                }
                false => key.starts_with(self.prefix) && key.as_str() > self.after,
            };
            if wanted {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}
