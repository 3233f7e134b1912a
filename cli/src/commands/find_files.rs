//! Which files `put` of a folder or of a list stores, and what each is called.

use crate::failure::{Cause, Failure};
use futures::stream::{self, Stream, StreamExt};
use sealift::Error;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Read, stdin};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use tokio::sync::mpsc;
use walkdir::WalkDir;

/// How many paths are found ahead.
const FOUND: usize = 1024;

/// Where files come from.
#[derive(Debug, Clone)]
pub(super) enum Files {
    /// All below this folder.
    Folder(PathBuf),
    /// Those that this file lists; `-` is standard input.
    List(PathBuf, Separator),
}

impl Files {
    /// Refuses what is no folder, and a list that is not there, before anything is asked of a service. It blocks, shortly.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let (option, path) = match self {
            Files::Folder(folder) => ("--folder", folder),
            Files::List(list, _) if list == Path::new("-") => return Ok(()),
            Files::List(list, Separator::Line) => ("--files-from", list),
            Files::List(list, Separator::Zero) => ("--files-from0", list),
        };
        let wrong =
            |why: String| Err(Failure::usage(format!("{option} {}: {why}; nothing was stored", path.display())));
        match (self, std::fs::metadata(path)) {
            (Files::Folder(_), Ok(found)) if !found.is_dir() => wrong(
                "it is no folder: say the folder that it is in, or store it by itself (put NAME < FILE)".to_owned(),
            ),
            (Files::List(..), Ok(found)) if found.is_dir() => {
                wrong("it is a folder: --folder stores all of one".to_owned())
            }
            (_, Err(error)) => wrong(format!("{error}: check the path")),
            (_, Ok(_)) => Ok(()),
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Files::Folder(folder) => write!(f, "store the files of {}", folder.display()),
            Files::List(list, _) => write!(f, "store the files that {} lists", list.display()),
        }
    }
}

/// What is between two paths of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Line,
    Zero,
}

/// A file to store.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Its name below the command's NAME.
    pub(super) name: String,
}

type Sources = Box<dyn Iterator<Item = Result<Source, Failure>>>;

/// Finds the files, on a thread of its own that ends when nobody listens. If it fails, that is the last item: a list that
/// merely stops is not taken for whole. A list is read to its end first, so that one in which two paths have one name
/// stores nothing.
pub(super) fn find(files: Files) -> impl Stream<Item = Result<Source, Failure>> {
    let (found, sources) = mpsc::channel(FOUND);
    let finding = tokio::task::spawn_blocking(move || {
        let sources: Sources = match files {
            Files::Folder(folder) => Box::new(walk(folder)),
            Files::List(list, separator) => match listed(&list, separator) {
                Ok(sources) => Box::new(sources.into_iter()),
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
            Err(error) => return Some(Err(not_walked(error))),
        };
        let kind = entry.file_type();
        if kind.is_dir() {
            return None;
        }
        let path = entry.into_path();
        if !kind.is_file() {
            return Some(Err(no_file(&path)));
        }
        let below = path.strip_prefix(&folder).unwrap_or(&path).to_owned();
        Some(name_of(&below).map(|name| Source { path, name }))
    })
}

/// The error says its cause in its own text, and is said once.
fn not_walked(error: walkdir::Error) -> Failure {
    let path = error.path().map(|path| path.display().to_string());
    match (path, error.io_error()) {
        (Some(path), Some(cause)) => other(anyhow::anyhow!("read {path}: {cause}")),
        _ => other(anyhow::anyhow!("{error}")),
    }
}

/// What is stored under a name is what can be read to an end.
pub(super) fn no_file(path: &Path) -> Failure {
    other(anyhow::anyhow!("{}: it is no file (a folder, a socket, a pipe, a device)", path.display()))
}

fn listed(list: &Path, separator: Separator) -> Result<Vec<Result<Source, Failure>>, Failure> {
    let input: Box<dyn Read> = match list == Path::new("-") {
        true => Box::new(stdin().lock()),
        false => match std::fs::File::open(list) {
            Ok(file) => Box::new(file),
            Err(error) => return Err(unread(list, error)),
        },
    };
    sources(BufReader::new(input), separator).map_err(|error| match error {
        Unlisted::Io(error) => unread(list, error),
        Unlisted::SameName(failure) => failure,
    })
}

fn unread(list: &Path, error: std::io::Error) -> Failure {
    Error::io("read the list", list.display().to_string(), error).into()
}

/// Why a list cannot be used.
enum Unlisted {
    Io(std::io::Error),
    SameName(Failure),
}

/// The files that a list names, each path once.
fn sources(list: impl BufRead, separator: Separator) -> Result<Vec<Result<Source, Failure>>, Unlisted> {
    let mut sources = Vec::new();
    let mut names: HashMap<String, PathBuf> = HashMap::new();
    for path in paths(list, separator) {
        let path = path.map_err(Unlisted::Io)?;
        let name = match name_of(&path) {
            Ok(name) => name,
            Err(failure) => {
                sources.push(Err(failure));
                continue;
            }
        };
        match names.entry(name) {
            Entry::Vacant(vacant) => {
                sources.push(Ok(Source { path: path.clone(), name: vacant.key().clone() }));
                vacant.insert(path);
            }
            Entry::Occupied(known) if *known.get() == path => {}
            Entry::Occupied(known) => {
                let (first, second) = (known.get().display(), path.display());
                let name = known.key();
                return Err(Unlisted::SameName(Failure::usage(format!(
                    "{first} and {second} would both be stored as {name}, and one would be lost: list them in two \
                     commands, with a NAME each"
                ))));
            }
        }
    }
    Ok(sources)
}

fn paths(list: impl BufRead, separator: Separator) -> impl Iterator<Item = std::io::Result<PathBuf>> {
    let end = match separator {
        Separator::Line => b'\n',
        Separator::Zero => 0,
    };
    let pieces = list.split(end).enumerate().map(move |(number, piece)| {
        let mut piece = piece?;
        if separator == Separator::Line {
            // As Windows' editors write lists.
            if piece.last() == Some(&b'\r') {
                piece.pop();
            }
            if number == 0 && piece.starts_with("\u{feff}".as_bytes()) {
                piece.drain(..'\u{feff}'.len_utf8());
            }
        }
        Ok(piece)
    });
    let pieces = pieces.filter(|piece: &std::io::Result<Vec<u8>>| !piece.as_ref().is_ok_and(Vec::is_empty));
    pieces.map(|piece| piece.map(|piece| PathBuf::from(OsString::from_vec(piece))))
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
    match parts.as_slice() {
        [] => Err(refused("it is a folder; --folder stores all of one")),
        parts => Ok(parts.join("/")),
    }
}

fn other(error: anyhow::Error) -> Failure {
    Failure::new(Cause::Other(error))
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

    fn read(list: &[u8], separator: Separator) -> Result<Vec<String>, String> {
        match sources(list, separator) {
            Ok(sources) => {
                Ok(sources.into_iter().map(|source| source.map_or_else(|e| e.to_string(), |s| s.name)).collect())
            }
            Err(Unlisted::SameName(failure)) => Err(failure.to_string()),
            Err(Unlisted::Io(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn lists_are_read_as_editors_and_find_write_them() {
        for (list, separator, expected) in [
            (&b"a\nb/c\n\nd"[..], Separator::Line, &["a", "b/c", "d"][..]),
            (b"\xef\xbb\xbfa\r\nb\r\n", Separator::Line, &["a", "b"]),
            (b"a\n\xef\xbb\xbfb\n", Separator::Line, &["a", "\u{feff}b"]),
            (b"a\nb\0c d\0\0e\r\0", Separator::Zero, &["a\nb", "c d", "e\r"]),
            (b"a\na\n", Separator::Line, &["a"]),
            (b"", Separator::Line, &[]),
        ] {
            assert_eq!(read(list, separator).expect("a list"), expected, "{list:?}");
        }
        let odd = read(b"good\nb\xffd\n", Separator::Line).expect("a list");
        assert!(odd[0] == "good" && odd[1].contains("not UTF-8"), "{odd:?}");
    }

    #[test]
    fn two_paths_with_one_name_are_refused_before_anything_is_stored() {
        for list in ["a/x\n/a/x\n", "a/x\n./a//x\n"] {
            let said = read(list.as_bytes(), Separator::Line).expect_err(list);
            assert!(said.contains("a/x and ") && said.contains("would both be stored as a/x"), "{said}");
        }
    }
}
