//! `get` of many objects into a folder: as many at a time as memory allows, each to a file that appears when it is verified.

use super::failures::{AfterFailure, Failures, NotDone};
use super::get::{Needed, Of, Restored, Which, off_the_runtime, restore};
use super::stoppable;
use crate::args::{Get, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::machine::under_way_at_once;
use crate::outcome::Aftermath;
use crate::output::{Folders, Naming, Output};
use crate::report::{self, Fetched};
use crate::storages::Opened;
use futures::StreamExt;
use sealift::{Error, ErrorKind, Key, ObjectInfo};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::task::JoinSet;

/// The most objects that are read at a time, if they are so short that the memory budget has room for them: from a service
/// 100 ms away that is 5,000 a second.
const READ_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

pub(super) async fn run(mut args: Get, interrupt: &Interrupt) -> Result<(), Failure> {
    let started = Instant::now();
    let folder = args.folder.take().unwrap_or_default();
    let root = off_the_runtime(move || Root::of(folder)).await??;
    let opened = stoppable(interrupt, Opened::below(&args.storage, args.name.as_deref().unwrap_or_default())).await?;
    stoppable(interrupt, opened.check_folder()).await?;
    let folders = Folders::default();
    let naming = Naming::Together(folders.clone());
    let fetched = Mutex::default();
    let fetching = Arc::new(Fetching { args, opened, root, naming, fetched, interrupt: interrupt.clone() });
    let done = fetch_all(&fetching).await;
    let written = folders.settled().await;
    // Also of those that came before a failure: they are told as written.
    let durable = off_the_runtime(move || folders.make_durable()).await?;
    if let (Err(_), Err(also)) = (&done, &durable) {
        report::note(format_args!("sealift: {also}"));
    }
    done.and(durable).map_err(|failure| failure.and(Aftermath::FilesWritten(written)))?;
    let fetched = std::mem::take(&mut *fetching.fetched());
    let Fetching { args, opened, root, .. } = &*fetching;
    let (below, folder) = (opened.location_within(), root.named.display().to_string());
    match args.storage.summary() {
        Summary::Json => report::line(report::fetched_json(&below, &folder, &fetched, started.elapsed())),
        Summary::Text => report::line(report::fetched(&below, &folder, &fetched, started.elapsed())),
        Summary::None => {}
    }
    Ok(())
}

/// What all objects have in common.
struct Fetching {
    args: Get,
    opened: Opened,
    root: Root,
    naming: Naming,
    fetched: Mutex<Fetched>,
    interrupt: Interrupt,
}

/// Reads everything there is, on all threads of the runtime. An object that cannot be read is told and left out, and is the
/// failure in the end.
async fn fetch_all(fetching: &Arc<Fetching>) -> Result<(), Failure> {
    let Fetching { args, opened, interrupt, .. } = &**fetching;
    let after_failure = if args.fail_fast { AfterFailure::End } else { AfterFailure::GoOn };
    let mut failed = Failures::new(NotDone::ObjectNotRead, after_failure);
    let mut objects = pin!(opened.bucket.list(&opened.within()));
    let (mut listing, mut any, mut unfinished) = (true, false, None);
    let (mut under_way, at_once) = (JoinSet::new(), under_way_at_once(READ_AT_ONCE).get());
    loop {
        let ended = tokio::select! {
            biased;
            // Those under way see it, too.
            stop = interrupt.requested(), if listing => {
                listing = false;
                unfinished = Some(Failure::interrupted(stop));
                continue;
            }
            Some(ended) = under_way.join_next() => ended,
            info = objects.next(), if listing && under_way.len() < at_once => {
                match info {
                    Some(info) => {
                        any = true;
                        under_way.spawn(Arc::clone(fetching).fetch(info));
                    }
                    None => listing = false,
                }
                continue;
            }
            else => break,
        };
        let ended = ended.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        match (ended, interrupt.received()) {
            (Ok(()), _) => failed.done(),
            // That one of them was not written says nothing of the others; what it left does.
            (Err(failure), Some(stop)) => {
                let told = unfinished.unwrap_or_else(|| Failure::interrupted(stop));
                unfinished = Some(told.with_left(failure.left().to_vec()));
            }
            (Err(failure), None) => match failed.add(failure) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(()) => break,
            },
        }
    }
    under_way.shutdown().await;
    match (unfinished, any) {
        (Some(failure), _) => Err(failure),
        (None, true) => failed.end(),
        (None, false) => {
            let reason = "there is no object of this name, or below it";
            let error = Error::new(ErrorKind::NotFound, "read", opened.location_within(), reason);
            Err(error.with_hint("`sealift ls` shows what there is").into())
        }
    }
}

impl Fetching {
    fn fetched(&self) -> MutexGuard<'_, Fetched> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads one object to its file, and counts it when the file is there.
    async fn fetch(self: Arc<Self>, info: sealift::Result<ObjectInfo>) -> Result<(), Failure> {
        let Fetching { args, opened, root, naming, interrupt, .. } = &*self;
        let info = info?;
        let refused = |why: &str| {
            Error::new(ErrorKind::InvalidName, "read", format!("{}/{}", opened.bucket.url(), info.key), why)
        };
        // What consoles make so that a folder is seen.
        if info.size == 0 && info.key.ends_with('/') {
            return Ok(());
        }
        let name = below(&opened.within(), &info.key);
        let Some(relative) = path_of(name) else {
            let why = "its name is no path below the folder: it was not written";
            return Err(refused(why).with_hint("`sealift get NAME -o FILE` writes it to a file that you name").into());
        };
        let (root, relative, naming) = (root.clone(), relative.to_owned(), naming.clone());
        let wanted = if args.skip_existing { Wanted::New } else { Wanted::All };
        let Some(output) = off_the_runtime(move || root.output(&relative, naming, wanted)).await?? else {
            self.fetched().skipped += 1;
            return Ok(());
        };
        let key = Key::existing(&info.key)?;
        let needed = if args.require_checksum { Needed::Checksum } else { Needed::AsIs };
        let of = Of { bucket: &opened.bucket, key: &key, which: Which::Listed(&info), needed };
        let Restored { info, bytes, verified } = restore(of, output, interrupt).await?;
        let mut fetched = self.fetched();
        fetched.files += 1;
        fetched.bytes_stored += info.size;
        fetched.bytes_out += bytes;
        fetched.without_checksum += u64::from(!verified.by_checksum());
        Ok(())
    }
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
    /// Folders in it that are there, and are no way out.
    there: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// Which files are to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    /// Those that are not there yet.
    New,
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
        Ok(Root { named, real, there: Arc::default() })
    }

    fn there(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What writes the file of this path; `None` where it is not wanted.
    fn output(&self, relative: &Path, naming: Naming, wanted: Wanted) -> Result<Option<Output>, Failure> {
        let Place { path, is_there } = self.place(relative)?;
        match wanted {
            Wanted::New if is_there => Ok(None),
            Wanted::New | Wanted::All => Output::of(Some(&path), naming).map(Some),
        }
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
        if !self.there().contains(folder) {
            // Of the folders that are there already the last tells where those are that are made.
            let last = folder.ancestors().find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(&self.real);
            if !last.canonicalize().map_err(failed)?.starts_with(&self.real) {
                return leaves();
            }
            fs::create_dir_all(folder).map_err(failed)?;
            self.there().insert(folder.to_owned());
        }
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
