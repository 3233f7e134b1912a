//! `get` of many objects into a folder: as many at a time as memory allows, each to a file that appears when it is verified.

use super::failures::{AfterFailure, Failures, NotDone};
use super::get::{Needed, Of, Restored, Which, off_the_runtime, restore};
use super::put_files::OPEN;
use super::stoppable;
use crate::args::{Get, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report::{self, Fetched};
use crate::storages::Opened;
use futures::StreamExt;
use sealift::{Error, ErrorKind, Key, ObjectInfo};
use std::cell::RefCell;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};
use std::pin::pin;
use std::time::Instant;

pub(super) async fn run(mut args: Get, interrupt: &Interrupt) -> Result<(), Failure> {
    let started = Instant::now();
    let folder = args.folder.take().unwrap_or_default();
    let root = off_the_runtime(move || Root::of(folder)).await??;
    let opened = stoppable(interrupt, Opened::below(&args.storage, args.name.as_deref().unwrap_or_default())).await?;
    stoppable(interrupt, opened.check_folder()).await?;
    let fetched = RefCell::new(Fetched::default());
    let done = fetch_all(&args, &opened, &root, &fetched, interrupt).await;
    let fetched = fetched.into_inner();
    done.map_err(|failure| failure.and(Aftermath::FilesWritten(fetched.files)))?;
    let (below, folder) = (opened.location_within(), root.named.display().to_string());
    match args.storage.summary() {
        Summary::Json => report::line(report::fetched_json(&below, &folder, &fetched, started.elapsed())),
        Summary::Text => report::line(report::fetched(&below, &folder, &fetched, started.elapsed())),
        Summary::None => {}
    }
    Ok(())
}

/// Reads everything there is. An object that cannot be read is told and left out, and is the failure in the end.
async fn fetch_all(
    args: &Get,
    opened: &Opened,
    root: &Root,
    fetched: &RefCell<Fetched>,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let after_failure = if args.fail_fast { AfterFailure::End } else { AfterFailure::GoOn };
    let objects = opened.bucket.list(&opened.within());
    let results = objects
        .map(|info| async move { fetch(args, opened, root, info?, fetched, interrupt).await })
        .buffer_unordered(OPEN);
    let (mut results, mut failed) = (pin!(results), Failures::new(NotDone::ObjectNotRead, after_failure));
    let mut any = false;
    while let Some(result) = stoppable(interrupt, async { Ok(results.next().await) }).await? {
        any = true;
        match result {
            Ok(()) => failed.done(),
            // Each of those under way says so.
            Err(failure) if interrupt.received().is_some() => return Err(failure),
            Err(failure) => match failed.add(failure) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(()) => break,
            },
        }
    }
    match any {
        true => failed.end(),
        false => {
            let reason = "there is no object of this name, or below it";
            let error = Error::new(ErrorKind::NotFound, "read", opened.location_within(), reason);
            Err(error.with_hint("`sealift ls` shows what there is").into())
        }
    }
}

/// Reads one object to its file, and counts it when the file is there.
async fn fetch(
    args: &Get,
    opened: &Opened,
    root: &Root,
    info: ObjectInfo,
    fetched: &RefCell<Fetched>,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let refused =
        |why: &str| Error::new(ErrorKind::InvalidName, "read", format!("{}/{}", opened.bucket.url(), info.key), why);
    // What consoles make so that a folder is seen.
    if info.size == 0 && info.key.ends_with('/') {
        return Ok(());
    }
    let name = below(&opened.within(), &info.key);
    let Some(relative) = path_of(name) else {
        let why = "its name is no path below the folder: it was not written";
        return Err(refused(why).with_hint("`sealift get NAME -o FILE` writes it to a file that you name").into());
    };
    let (owned, relative) = (root.clone(), relative.to_owned());
    let place = off_the_runtime(move || owned.place(&relative)).await??;
    if args.skip_existing && place.is_there {
        fetched.borrow_mut().skipped += 1;
        return Ok(());
    }
    let key = Key::existing(&info.key)?;
    let needed = if args.require_checksum { Needed::Checksum } else { Needed::AsIs };
    let of = Of { bucket: &opened.bucket, key: &key, which: Which::Listed(&info), needed };
    let Restored { info, bytes, verified } = restore(of, Some(&place.path), interrupt).await?;
    let mut fetched = fetched.borrow_mut();
    fetched.files += 1;
    fetched.bytes_stored += info.size;
    fetched.bytes_out += bytes;
    fetched.without_checksum += u64::from(!verified.by_checksum());
    Ok(())
}

/// What `key` is called below `within`. An object of just this name is called by the last part of it.
fn below<'k>(within: &str, key: &'k str) -> &'k str {
    let within = within.trim_end_matches('/');
    match key.strip_prefix(within) {
        _ if within.is_empty() => key,
        Some("") => key.rsplit('/').next().unwrap_or(key),
        Some(rest) => rest.strip_prefix('/').unwrap_or(rest),
        None => key,
    }
}

/// A name as a path that stays below where it begins, and that no other name has: not of an absolute one, nor of one with an
/// empty part, `.` or `..`.
fn path_of(name: &str) -> Option<&Path> {
    let path = Path::new(name);
    let parts: Vec<_> = path.components().collect();
    let is_plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    (is_plain && !name.contains('\0') && !parts.is_empty() && name.split('/').count() == parts.len()).then_some(path)
}

/// The folder that is written to.
#[derive(Debug, Clone)]
struct Root {
    /// As it was said.
    named: PathBuf,
    /// Without links: what is in it begins so.
    real: PathBuf,
}

/// Where an object is written.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    is_there: bool,
}

impl Root {
    /// The folder, which is made, and may be written: that is known before anything is asked of a service.
    fn of(named: PathBuf) -> Result<Root, Failure> {
        let failed = |error: io::Error| Failure::from_io(error, &format!("write to {}", named.display()));
        if fs::metadata(&named).is_ok_and(|found| !found.is_dir()) {
            return Err(Failure::usage(format!(
                "--folder {}: it is no folder; say one that is, or a new one",
                named.display()
            )));
        }
        fs::create_dir_all(&named).map_err(failed)?;
        rustix::fs::access(&named, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
            .map_err(|error| failed(error.into()))?;
        let real = named.canonicalize().map_err(failed)?;
        Ok(Root { named, real })
    }

    /// Where in it the file of this path is, with the folders before it. Links that lead out of it are not followed.
    fn place(&self, relative: &Path) -> Result<Place, Failure> {
        let path = self.real.join(relative);
        let failed = |error: io::Error| Failure::from_io(error, &format!("write {}", path.display()));
        let leaves = || {
            let why = anyhow::anyhow!(
                "write {}: a link leads from there out of the folder; remove the link, or read into another folder",
                path.display()
            );
            Err(Failure::from(why))
        };
        let folder = path.parent().unwrap_or(&self.real);
        // Of the folders that are there already the last tells where those are that are made.
        let there = folder.ancestors().find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(&self.real);
        if !there.canonicalize().map_err(failed)?.starts_with(&self.real) {
            return leaves();
        }
        fs::create_dir_all(folder).map_err(failed)?;
        match path.symlink_metadata() {
            Ok(found) if found.is_symlink() => leaves(),
            Ok(found) if !found.is_file() => Err(anyhow::anyhow!(
                "write {}: something else than a file is there; move it away, or read into another folder",
                path.display()
            )
            .into()),
            Ok(_) => Ok(Place { path, is_there: true }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place { path, is_there: false }),
            Err(error) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_stay_below_are_paths() {
        for name in ["a", "a/b", "..a/b..", "a b/\u{fc}"] {
            assert_eq!(path_of(name), Some(Path::new(name)));
        }
        for name in ["", "/", "/a", "../a", "a/../b", "a/..", "./a", "a/./b", "a//b", "a/", "a\0b"] {
            assert_eq!(path_of(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_are_below_what_was_asked_for() {
        for (within, key, name) in
            [("", "a/b", "a/b"), ("a", "a/b", "b"), ("a/", "a/b/c", "b/c"), ("x/a", "x/a", "a"), ("a", "a//b", "/b")]
        {
            assert_eq!(below(within, key), name);
        }
    }
}
