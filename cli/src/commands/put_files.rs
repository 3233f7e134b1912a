//! `put` of a folder or a list: many files, as many at a time as memory allows. Each is sealed by itself.

use super::put::pour;
use super::{if_exists, stoppable, writing};
use crate::args::{Put, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::report;
use crate::target::Target;
use futures::stream::{self, Stream, StreamExt};
use sealift::{Error, ErrorKind, IfExists, Sealed};
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

/// What was stored.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) files: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_stored: u64,
    pub(crate) seconds: f64,
}

/// A file to store.
struct Source {
    path: PathBuf,
    /// Its name below the command's NAME.
    name: String,
}

pub(super) async fn run(args: Put, files: Files, interrupt: &Interrupt) -> Result<(), Failure> {
    let name = args.name.as_deref().unwrap_or_default();
    let target = stoppable(interrupt, Target::open_prefix(&args.storage, name)).await?;
    let started = Instant::now();
    let mut stored = Stored::default();
    let work = async {
        let all = store_all(&target, files, if_exists(&args.write), &mut stored);
        tokio::select! {
            biased;
            done = all => done,
            signal = interrupt.requested() => {
                Err(Failure::Interrupted(signal, format!("stopped by {signal}")))
            }
        }
    };
    let done = writing(interrupt, &target.bucket, work).await;
    stored.seconds = started.elapsed().as_secs_f64();
    match done {
        Ok(()) => {
            let below = format!("{}/{}", target.bucket.url(), target.key_prefix());
            match args.storage.summary() {
                Summary::Json => report::line(report::stored_json(&below, &stored)),
                Summary::Text => report::line(report::stored(&below, &stored)),
                Summary::None => {}
            }
            Ok(())
        }
        Err(failure) => Err(failure.after(format!("{} files were stored before", stored.files))),
    }
}

/// Stores everything there is. What cannot be read is told and left out, and is the failure in the end; a storage that
/// refuses one file is not asked to take the next.
async fn store_all(target: &Target, files: Files, mode: IfExists, stored: &mut Stored) -> Result<(), Failure> {
    let results = find(files)
        .map(|source| async move {
            let Source { path, name } = source?;
            store(target, &path, &name, mode).await
        })
        .buffer_unordered(OPEN);
    let mut results = pin!(results);
    let mut failed = Vec::new();
    while let Some(result) = results.next().await {
        match result {
            Ok(sealed) => {
                stored.files += 1;
                stored.bytes_in += sealed.bytes_in;
                stored.bytes_stored += sealed.bytes_stored;
            }
            Err(failure) if is_of_the_file(&failure) => {
                report::note(format!("sealift: not stored: {failure}"));
                failed.push(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    let count = failed.len();
    match failed.into_iter().next() {
        None => Ok(()),
        Some(only) if count == 1 => Err(only),
        Some(first) => Err(first.after(format!("{count} files could not be read; the first"))),
    }
}

/// Whether a failure says nothing of the storage and of other files.
fn is_of_the_file(failure: &Failure) -> bool {
    match failure {
        Failure::After(_, failure) => is_of_the_file(failure),
        Failure::Storage(error) => {
            matches!(error.kind(), ErrorKind::Changed | ErrorKind::InvalidName | ErrorKind::TooLarge)
        }
        Failure::Other(_) => true,
        _ => false,
    }
}

async fn store(target: &Target, path: &Path, name: &str, mode: IfExists) -> Result<Sealed, Failure> {
    let key = target.key_below(name)?;
    let unreadable =
        |error: std::io::Error| Failure::Other(anyhow::Error::new(error).context(path.display().to_string()));
    let file = File::open(path).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let mut sink = target.bucket.create_sized(&key, mode, length)?;
    let poured = pour(file.into_std().await, &mut sink).await;
    poured.map_err(|failure| failure.after(format!("store {}", path.display())))?;
    Ok(sink.seal().await?)
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
    let ended = async { finding.await.err().map(|error| Err(Failure::Other(anyhow::Error::new(error)))) };
    sources.chain(stream::once(ended).filter_map(std::future::ready))
}

/// Links are followed, so that what a folder shows is what is stored.
fn walk(folder: PathBuf) -> impl Iterator<Item = Result<Source, Failure>> {
    let entries = WalkDir::new(&folder).follow_links(true).sort_by_file_name().into_iter();
    entries.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(Failure::Other(anyhow::Error::new(error)))),
        };
        let kind = entry.file_type();
        if kind.is_dir() {
            return None;
        }
        let path = entry.into_path();
        if !kind.is_file() {
            let error = anyhow::anyhow!("{}: it is no file (a socket, a pipe, a device)", path.display());
            return Some(Err(Failure::Other(error)));
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
            Err(error) => return Err(Failure::Storage(Error::io(reading, list.display().to_string(), error))),
        },
    };
    let lines = input.lines().filter(|line| !line.as_ref().is_ok_and(String::is_empty));
    Ok(lines.map(move |line| {
        let line = line.map_err(|error| Failure::Other(anyhow::Error::new(error).context(reading.clone())))?;
        let path = PathBuf::from(line);
        name_of(&path).map(|name| Source { path, name })
    }))
}

/// The name for a file at `path`: its parts with `/` between, as they are listed.
fn name_of(path: &Path) -> Result<String, Failure> {
    let refused = |why: &str| Failure::Other(anyhow::anyhow!("{}: {why}", path.display()));
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
