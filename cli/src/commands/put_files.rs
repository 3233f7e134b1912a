//! `put` of a folder or a list: many files, as many at a time as memory allows. Each is sealed by itself.

use super::failed_files::{AfterFailure, FailedFiles};
use super::put::{given_up, pour};
use super::{changing, if_exists, stoppable};
use crate::args::{Put, Summary};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report;
use crate::storages::Opened;
use crate::tally::Tally;
use futures::stream::{self, Stream, StreamExt};
use sealift::{Error, ErrorKind, IfExists, Key};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Component, Path, PathBuf};
use std::pin::pin;
use std::time::Instant;
use tokio::fs::File;
use tokio::sync::mpsc;
use walkdir::WalkDir;

/// How many files are open at a time. The memory budget lets as many of them go on as it has room for: by default so many
/// of 1 MiB, and more would only wait.
const OPEN: usize = 48;
/// How many paths are found ahead.
const FOUND: usize = 1024;

/// Where files come from.
pub(super) enum Files {
    /// All below this folder.
    Folder(PathBuf),
    /// Those that this file lists, one path a line; `-` is standard input.
    List(PathBuf),
}

/// A file to store.
struct Source {
    path: PathBuf,
    /// Its name below the command's NAME.
    name: String,
}

pub(super) async fn run(args: Put, files: Files, interrupt: &Interrupt) -> Result<(), Failure> {
    let name = args.name.as_deref().unwrap_or_default();
    let opened = stoppable(interrupt, Opened::below(&args.storage, name)).await?;
    let started = Instant::now();
    let stored = RefCell::new(Tally::default());
    let work = stoppable(interrupt, store_all(&opened, files, Manner::of(&args), &stored));
    let done = changing(interrupt, &opened.bucket, work, |_| None).await;
    let stored = stored.into_inner();
    report::left_beside(&stored.left_behind);
    done.map_err(|failure| failure.and(Aftermath::FilesStored(stored.files)))?;
    let below = format!("{}/{}", opened.bucket.url(), opened.key_prefix());
    match args.storage.summary() {
        Summary::Json => report::line(report::stored_json(&below, &stored, started.elapsed())),
        Summary::Text => report::line(report::stored(&below, &stored, started.elapsed())),
        Summary::None => {}
    }
    Ok(())
}

/// How files are stored, and what is done about those that are not.
#[derive(Debug, Clone, Copy)]
struct Manner {
    if_exists: IfExists,
    existing: Existing,
    after_failure: AfterFailure,
}

/// What is done about a file whose object is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    /// As `--if-absent` says.
    AsWritten,
    /// It is left out (`--skip-existing`).
    Skipped,
}

impl Manner {
    fn of(args: &Put) -> Self {
        Manner {
            if_exists: if_exists(&args.write),
            existing: if args.skip_existing { Existing::Skipped } else { Existing::AsWritten },
            after_failure: if args.fail_fast { AfterFailure::End } else { AfterFailure::GoOn },
        }
    }
}

/// Stores everything there is. A file that cannot be stored is told and left out, and is the failure in the end.
async fn store_all(opened: &Opened, files: Files, manner: Manner, stored: &RefCell<Tally>) -> Result<(), Failure> {
    let results = find(files)
        .map(|source| async move {
            let Source { path, name } = source?;
            store(opened, &path, &name, manner, stored).await
        })
        .buffer_unordered(OPEN);
    let (mut results, mut failed) = (pin!(results), FailedFiles::new(manner.after_failure));
    while let Some(result) = results.next().await {
        let go_on = match result {
            Ok(()) => failed.stored(),
            Err(failure) => failed.add(failure),
        };
        if go_on.is_break() {
            break;
        }
    }
    failed.end()
}

/// Stores one file, and counts it in the moment in which it is sealed, so that none is missed when this is dropped.
async fn store(
    opened: &Opened,
    path: &Path,
    name: &str,
    manner: Manner,
    stored: &RefCell<Tally>,
) -> Result<(), Failure> {
    let key = opened.key_below(name)?;
    if manner.existing == Existing::Skipped && exists(opened, &key).await? {
        stored.borrow_mut().skipped += 1;
        return Ok(());
    }
    let unreadable = |error: std::io::Error| other(anyhow::Error::new(error).context(path.display().to_string()));
    let file = File::open(path).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let mut sink = opened.bucket.create_sized(&key, manner.if_exists, length)?;
    if let Err(failure) = pour(file.into_std().await, &mut sink).await {
        return Err(given_up(sink, failure).await.while_doing(format!("store {}", path.display())));
    }
    let sealed = sink.seal().await?;
    stored.borrow_mut().add(sealed);
    Ok(())
}

/// Whether an object is there, as far as these credentials may know.
async fn exists(opened: &Opened, key: &Key) -> Result<bool, Failure> {
    match opened.bucket.check_writable(key, IfExists::Fail).await {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn other(error: anyhow::Error) -> Failure {
    Failure::new(Cause::Other(error))
}

/// Finds the files, on a thread of its own that ends when nobody listens. If it fails, that is the last item: a list that
/// merely stops is not taken for whole.
fn find(files: Files) -> impl Stream<Item = Result<Source, Failure>> {
    let (found, sources) = mpsc::channel(FOUND);
    let finding = tokio::task::spawn_blocking(move || {
        let sources: Box<dyn Iterator<Item = Result<Source, Failure>>> = match files {
            Files::Folder(folder) => Box::new(walk(folder)),
            Files::List(list) => match lines(&list) {
                Ok(lines) => Box::new(lines),
                Err(failure) => Box::new(std::iter::once(Err(failure))),
            },
        };
        for source in sources {
            if found.blocking_send(source).is_err() {
                return;
            }
        }
    });
    let sources = stream::unfold(sources, |mut sources| async { sources.recv().await.map(|source| (source, sources)) });
    let ended = async { finding.await.err().map(|error| Err(other(anyhow::Error::new(error)))) };
    sources.chain(stream::once(ended).filter_map(std::future::ready))
}

/// Links are followed, so that what a folder shows is what is stored.
fn walk(folder: PathBuf) -> impl Iterator<Item = Result<Source, Failure>> {
    let entries = WalkDir::new(&folder).follow_links(true).sort_by_file_name().into_iter();
    entries.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(other(anyhow::Error::new(error)))),
        };
        let kind = entry.file_type();
        if kind.is_dir() {
            return None;
        }
        let path = entry.into_path();
        if !kind.is_file() {
            let error = anyhow::anyhow!("{}: it is no file (a socket, a pipe, a device)", path.display());
            return Some(Err(other(error)));
        }
        let below = path.strip_prefix(&folder).unwrap_or(&path).to_owned();
        Some(name_of(&below).map(|name| Source { path, name }))
    })
}

fn lines(list: &Path) -> Result<impl Iterator<Item = Result<Source, Failure>> + use<>, Failure> {
    let reading = format!("read the list {}", list.display());
    let input: Box<dyn BufRead> = match list == Path::new("-") {
        true => Box::new(stdin().lock()),
        false => match std::fs::File::open(list) {
            Ok(file) => Box::new(BufReader::new(file)),
            Err(error) => return Err(Error::io(reading, list.display().to_string(), error).into()),
        },
    };
    let lines = input.lines().filter(|line| !line.as_ref().is_ok_and(String::is_empty));
    Ok(lines.map(move |line| {
        let line = line.map_err(|error| other(anyhow::Error::new(error).context(reading.clone())))?;
        let path = PathBuf::from(line);
        name_of(&path).map(|name| Source { path, name })
    }))
}

/// The name for a file at `path`: its parts with `/` between, as they are listed.
fn name_of(path: &Path) -> Result<String, Failure> {
    let refused = |why: &str| other(anyhow::anyhow!("{}: {why}", path.display()));
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => {
                parts.push(part.to_str().ok_or_else(|| refused("its name is not UTF-8, which keys are"))?);
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::ParentDir => return Err(refused("a path with `..` has no name below NAME")),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_paths_without_their_front() {
        for (path, name) in [("a/b.c", "a/b.c"), ("./a//b", "a/b"), ("/var/log/x", "var/log/x")] {
            assert_eq!(name_of(Path::new(path)).expect("a name"), name);
        }
        let error = name_of(Path::new("a/../b")).expect_err("no name").to_string();
        assert!(error.contains("a/../b") && error.contains(".."), "{error}");
    }
}
