//! How lines leave an archive: a line goes by its file, so the lines that stay of that file are written anew before.

use crate::compact::names;
use crate::known::{Extent, Kind, Known};
use crate::metadata::Metadata;
use sealift::{Error, ErrorKind, FileHandle, Result};
use std::collections::BTreeSet;

/// A file with lines that stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// The names it may have: the first that no other content has.
    pub(super) names: Vec<FileHandle>,
    pub(super) lines: Vec<Metadata>,
}

impl NewFile {
    /// What it is called, unless that name is taken.
    pub fn file(&self) -> &FileHandle {
        &self.names[0]
    }

    /// How many lines it has.
    pub fn lines(&self) -> usize {
        self.lines.len()
    }
}

/// The files to write, and then to move away, so that no line of these snapshots' manifests is left and all others are.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when a file has such a line beside one that belongs to no backup.
pub(super) fn leave(known: &Known, gone: &BTreeSet<FileHandle>) -> Result<(Vec<NewFile>, Vec<FileHandle>)> {
    let goes =
        |line: &Metadata| matches!(line, Metadata::StateSnapshotBackup { manifest, .. } if gone.contains(manifest));
    let (moved, stays): (Vec<_>, Vec<_>) = known.files().iter().partition(|(_, lines)| lines.iter().any(goes));
    let standing: Vec<&Metadata> = stays.iter().flat_map(|(_, lines)| *lines).collect();
    let mut homeless: Vec<&Metadata> = Vec::new();
    for (file, lines) in &moved {
        for line in lines.iter().filter(|line| !goes(line)) {
            if Extent::of(line).is_none() {
                let reason = "it has a line of a snapshot that is to go, and one of no backup: no tool writes that";
                return Err(Error::new(ErrorKind::Corrupt, "prune", file.to_string(), reason));
            }
            if !standing.contains(&line) && !homeless.contains(&line) {
                homeless.push(line);
            }
        }
    }
    let mut write = Vec::new();
    for kind in [Kind::Epochs, Kind::Versions, Kind::State] {
        let of_kind = homeless.iter().filter(|line| Extent::of(line).is_some_and(|extent| extent.kind() == kind));
        let mut lines: Vec<Metadata> = of_kind.map(|line| (*line).clone()).collect();
        lines.sort_by_key(|line| (Extent::of(line), line.manifest().cloned()));
        if !lines.is_empty() {
            write.push(NewFile { names: names(&lines)?, lines });
        }
    }
    Ok((write, moved.into_iter().map(|(file, _)| file.clone()).collect()))
}
