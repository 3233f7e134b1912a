//! What an archive is known to hold: all its metadata lines, and what those who restore it demand of them. `read` gets
//! them, `lines` compares those of one kind, `selection` has the rules by which others take them, and `coverage` what
//! they are good for.

mod coverage;
mod extent;
mod lines;
mod read;
mod selection;

use crate::metadata::Metadata;
pub use coverage::{Coverage, Covered, Obstacle, Restorable};
pub use extent::Extent;
pub(crate) use extent::Kind;
use lines::Lines;
pub(crate) use lines::{Line, Place, command_away, missing_in, name_aside};
pub(crate) use read::{read_lines, read_lines_with};
use sealift::{Error, ErrorKind, FileHandle};
pub(crate) use selection::Break;
pub use selection::Snapshot;
pub(crate) use selection::{Catalogue, EpochEndings, Transactions};
use std::collections::BTreeMap;

/// What an archive is known to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What each metadata file has.
    pub(crate) files: BTreeMap<FileHandle, Vec<Metadata>>,
}

/// What is known after a version.
#[derive(Debug)]
pub(crate) struct After {
    /// How far there is no gap after it.
    pub(crate) following: Option<u64>,
    /// Where the next line begins that there is after a gap.
    pub(crate) next: Option<u64>,
    /// The gaps before, in words.
    pub(crate) gaps_before: Vec<String>,
}

impl Known {
    /// What an archive has whose metadata files hold these lines.
    pub(crate) fn of(files: BTreeMap<FileHandle, Vec<Metadata>>) -> Self {
        Known { files }
    }

    /// What each metadata file has.
    pub(crate) fn files(&self) -> &BTreeMap<FileHandle, Vec<Metadata>> {
        &self.files
    }

    /// Whether there is no metadata file at all: no archive, or one that nothing was backed up into yet.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The error of there being no archive at `location`, for those who need one: a wrong prefix is not an archive of nothing.
    pub fn no_archive(location: impl Into<String>) -> Error {
        let reason = "there is no file in its metadata/, without which nothing is known of any backup";
        Error::new(ErrorKind::NotFound, "find an archive at", location, reason)
            .with_hint("check the prefix; an archive is what holds metadata/")
    }

    /// The last epoch whose ending there is.
    pub fn last_epoch(&self) -> Option<u64> {
        self.lines(Kind::Epochs).last()
    }

    /// The last epoch whose end state there is.
    pub fn last_snapshot_epoch(&self) -> Option<u64> {
        self.lines(Kind::State).last()
    }

    /// The last version of which there is a transaction.
    pub fn last_version(&self) -> Option<u64> {
        self.lines(Kind::Versions).last()
    }

    /// The last epoch whose ending there is, and the version that ends it.
    pub(crate) fn last_epoch_ending(&self) -> Option<(u64, u64)> {
        let endings = self.files.values().flatten().filter_map(|line| match *line {
            Metadata::EpochEndingBackup { last_epoch, last_version, .. } => Some((last_epoch, last_version)),
            _ => None,
        });
        endings.max()
    }

    /// The last epoch up to which no ending is missing after `last`, and the version that ends it.
    pub(crate) fn epoch_endings_following(&self, last: Option<(u64, u64)>) -> Option<(u64, u64)> {
        let end = self.lines(Kind::Epochs).last_following(last.map(|(epoch, _)| epoch))?;
        let endings = self.files.values().flatten().filter_map(|line| match *line {
            Metadata::EpochEndingBackup { last_epoch, last_version, .. } => Some((last_epoch, last_version)),
            _ => None,
        });
        endings.filter(|&(epoch, _)| epoch == end).max().max(last)
    }

    /// How the transactions that are known stand to the version `last`.
    pub(crate) fn versions_after(&self, last: Option<u64>) -> After {
        let lines = self.lines(Kind::Versions);
        let following = lines.last_following(last);
        let mut gaps = lines.gaps();
        gaps.retain(|&(_, gap_last)| Some(gap_last) <= following);
        After { following, next: lines.first_after(following), gaps_before: lines.told(gaps) }
    }

    /// The last version before the first that is missing.
    pub(crate) fn last_version_without_gap(&self) -> Option<u64> {
        self.lines(Kind::Versions).last_without_gap()
    }

    /// What is missing before the last, in words, and how to add it. Backups go on after the last all the same.
    pub fn gaps(&self) -> Vec<String> {
        let of = |kind| {
            let lines = self.lines(kind);
            lines.told(lines.gaps())
        };
        [of(Kind::Epochs), of(Kind::Versions)].concat()
    }

    /// What is known twice, in words, which line is to be moved away, and how. Those who restore an archive demand that
    /// its transactions and epoch endings follow one another from 0 on, and refuse all of it otherwise.
    pub fn overlaps(&self) -> Vec<String> {
        [Kind::Epochs, Kind::Versions, Kind::State].map(|kind| self.lines(kind).overlaps()).concat()
    }

    /// What is missing between the first and the last of `lines`, which are of this kind, and what they have twice: in
    /// words, as [`gaps`](Self::gaps) and [`overlaps`](Self::overlaps) tell it.
    pub(crate) fn breaks(&self, kind: Kind, lines: &[Metadata]) -> Vec<String> {
        self.lines_that(kind, |line| lines.contains(line)).breaks()
    }

    /// That the newest state snapshot cannot be restored yet, in words: transactions are not backed up so far.
    pub fn snapshot_ahead(&self) -> Option<String> {
        let version = self.files.values().flatten().filter_map(|line| match *line {
            Metadata::StateSnapshotBackup { version, .. } => Some(version),
            _ => None,
        });
        let (version, last) = (version.max()?, self.last_version_without_gap());
        if last >= Some(version) {
            return None;
        }
        let so_far = last.map_or("none are".to_owned(), |last| format!("they are up to {last}"));
        let command = Kind::Versions.command(last.map_or(0, |last| last + 1), version);
        Some(format!(
            "the state at version {version} cannot be restored before all transactions up to it are backed up, and \
             {so_far}: `backup continuously` adds them with its next batch, or after --transaction-max-age; \
             `{command}` adds them now"
        ))
    }

    /// The lines that have something in common with `extent`.
    pub(crate) fn meeting(&self, extent: Extent) -> Vec<Line> {
        self.lines(extent.kind()).meeting(extent).cloned().collect()
    }

    /// The gaps, in words, that a backup of `extent` would leave.
    pub(crate) fn gaps_with(&self, extent: Extent) -> Vec<String> {
        let lines = self.lines(extent.kind());
        match extent {
            Extent::State { .. } => Vec::new(),
            Extent::Epochs { .. } | Extent::Versions { .. } => lines.told(lines.gaps_with(extent.range())),
        }
    }

    /// Adds what was just saved.
    pub(crate) fn add(&mut self, file: FileHandle, line: Metadata) {
        self.files.insert(file, vec![line]);
    }

    /// Forgets what was just moved away.
    pub(crate) fn forget(&mut self, file: &FileHandle) {
        self.files.remove(file);
    }

    /// Whether there is a metadata file of this name, whatever it holds.
    pub(crate) fn has_file(&self, file: &FileHandle) -> bool {
        self.files.contains_key(file)
    }

    /// The first metadata file that has this line.
    pub(crate) fn place_of(&self, line: &Metadata) -> Option<&FileHandle> {
        self.files.iter().find(|(_, lines)| lines.contains(line)).map(|(file, _)| file)
    }

    fn lines(&self, kind: Kind) -> Lines {
        self.lines_that(kind, |_| true)
    }

    fn lines_that(&self, kind: Kind, wanted: impl Fn(&Metadata) -> bool) -> Lines {
        let lines = self.files.iter().flat_map(|(file, lines)| {
            lines.iter().filter(|line| wanted(line)).filter_map(|line| {
                let manifest = line.manifest()?.clone();
                let place = Place { file: file.clone(), others: lines.len() - 1 };
                Some(Line { extent: Extent::of(line)?, manifest, places: vec![place] })
            })
        });
        Lines::new(kind, lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(lines: &[&str]) -> Known {
        let files = lines.iter().enumerate().map(|(at, line)| {
            let file: FileHandle = format!("metadata/{at}.meta").parse().expect("a handle");
            (file.clone(), Metadata::parse_lines(line, &file).expect("metadata"))
        });
        Known { files: files.collect() }
    }

    fn versions(first: u64, last: u64) -> String {
        format!(r#"{{"TransactionBackup":{{"first_version":{first},"last_version":{last},"manifest":"b/m"}}}}"#)
    }

    #[test]
    fn gaps_are_told_with_what_closes_them() {
        let epochs = r#"{"EpochEndingBackup":{"first_epoch":2,"last_epoch":3,"first_version":3,"last_version":4,"manifest":"b/m"}}"#;
        let told = known(&[epochs, &versions(10, 19)]).gaps().join("\n");
        assert!(told.contains("--start-epoch 0 --end-epoch 2`"), "{told}");
        assert!(told.contains("--start-version 0 --num_transactions 10`"), "{told}");
    }

    #[test]
    fn a_snapshot_waits_for_its_transactions() {
        let snapshot = r#"{"StateSnapshotBackup":{"epoch":2,"version":15,"manifest":"s/m"}}"#;
        let ahead = |lines: &[&str]| known(lines).snapshot_ahead();
        assert_eq!(ahead(&[]), None);
        assert_eq!(ahead(&[&versions(0, 15), snapshot]), None);
        let told = ahead(&[snapshot]).expect("told");
        assert!(told.contains("none are") && told.contains("--start-version 0 --num_transactions 16`"), "{told}");
        // What comes after a gap does not help.
        let told = ahead(&[&versions(0, 9), &versions(12, 20), snapshot]).expect("told");
        assert!(told.contains("up to 9") && told.contains("--start-version 10 --num_transactions 6`"), "{told}");
    }

    #[test]
    fn two_snapshots_of_an_epoch_are_told() {
        let of = |manifest| format!(r#"{{"StateSnapshotBackup":{{"epoch":2,"version":15,"manifest":"{manifest}"}}}}"#);
        assert_eq!(known(&[&of("b/m"), &of("b/m")]).overlaps(), Vec::<String>::new());
        let told = known(&[&of("b/m"), &of("c/m")]).overlaps().join("\n");
        assert!(told.contains("only the one of c/m is restored") && told.contains("metadata/0.meta"), "{told}");
    }
}
