//! Compaction over values and over a storage in memory.

mod meetings;
mod memory;
mod names;
mod plans;

use super::plan::{Aside, Plan};
use super::runs::{self, Factors};
use crate::known::Known;
use crate::metadata::Metadata;
use sealift::{FileHandle, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

/// An archive's metadata files and their text.
type Texts = BTreeMap<String, String>;

/// A time that is long after what tests call times.
const NOW: u64 = 1_000_000;

fn factors(epoch_endings: usize, state_snapshots: usize, transactions: usize) -> Factors {
    let factor = |number| NonZeroUsize::new(number).expect("not zero");
    Factors {
        epoch_endings: factor(epoch_endings),
        state_snapshots: factor(state_snapshots),
        transactions: factor(transactions),
    }
}

/// The same for each kind.
fn all(factor: usize) -> Factors {
    factors(factor, factor, factor)
}

fn epochs(first: u64, last: u64, manifest: &str) -> String {
    let (from, to) = (first * 10, last * 10);
    format!(
        r#"{{"EpochEndingBackup":{{"first_epoch":{first},"last_epoch":{last},"first_version":{from},"last_version":{to},"manifest":"{manifest}"}}}}"#
    )
}

fn versions(first: u64, last: u64, manifest: &str) -> String {
    format!(r#"{{"TransactionBackup":{{"first_version":{first},"last_version":{last},"manifest":"{manifest}"}}}}"#)
}

fn state(epoch: u64, version: u64, manifest: &str) -> String {
    format!(r#"{{"StateSnapshotBackup":{{"epoch":{epoch},"version":{version},"manifest":"{manifest}"}}}}"#)
}

fn timestamps(at: u64, times: &[(&str, &str)]) -> String {
    let times: Vec<_> = times.iter().map(|(name, time)| format!(r#""metadata/{name}":{time}"#)).collect();
    format!(
        r#"{{"CompactionTimestamps":{{"file_compacted_at":{at},"compaction_timestamps":{{{}}}}}}}"#,
        times.join(",")
    )
}

/// Files of these names and lines.
fn texts(files: &[(&str, &[String])]) -> Texts {
    let text = |lines: &[String]| lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    files.iter().map(|(name, lines)| (format!("metadata/{name}"), text(lines))).collect()
}

/// Transactions of ten versions each, each in a file of its own.
fn loose(lines: std::ops::Range<u64>) -> Texts {
    let each = lines.map(|at| {
        let (first, last) = (at * 10, at * 10 + 9);
        let line = versions(first, last, &format!("t{at}/m"));
        (format!("metadata/transaction_{first}-{last}.meta"), format!("{line}\n"))
    });
    each.collect()
}

fn known(files: &Texts) -> Known {
    let files = files.iter().map(|(name, text)| {
        let file: FileHandle = name.parse().expect("a handle");
        (file.clone(), super::exact_lines(text, &file).expect("metadata"))
    });
    Known::of(files.collect())
}

/// The plan for an archive of these files, with nothing in metadata_backup/.
fn planned(files: &Texts, factors: Factors, now: u64, after: u64) -> Result<Plan> {
    planned_beside(files, &Texts::new(), factors, now, after)
}

fn planned_beside(files: &Texts, aside: &Texts, factors: Factors, now: u64, after: u64) -> Result<Plan> {
    let known = known(files);
    let aside =
        self::known(aside).files().iter().map(|(file, lines)| (file.clone(), Aside::Lines(lines.clone()))).collect();
    Plan::of(&known, runs::cut(&known, &factors)?, &aside, now, after)
}

/// What the archive is once all of the plan is done.
fn done(mut files: Texts, plan: &Plan) -> Texts {
    let text = |lines: &[Metadata]| lines.iter().map(|line| super::text_of(line).expect("text") + "\n").collect();
    for written in &plan.write {
        let before = files.insert(written.file().to_string(), text(&written.lines));
        assert_eq!(before, None, "{} is written over", written.file());
    }
    if let Some(timestamps) = &plan.timestamps {
        let line = super::stamps::line(timestamps.at, &timestamps.times);
        let before = files.insert(format!("metadata/{}", line.file_name().expect("a name")), text(&[line]));
        assert_eq!(before, None);
    }
    for moved in &plan.moves {
        assert!(files.remove(moved.as_ref()).is_some(), "{moved} is not there");
    }
    files
}

fn names<'a>(files: impl IntoIterator<Item = &'a FileHandle>) -> Vec<&'a str> {
    files.into_iter().map(|file| file.as_ref().trim_start_matches("metadata/")).collect()
}

fn written(plan: &Plan) -> Vec<&str> {
    names(plan.write.iter().map(|file| file.file()))
}

/// What others read: the lines that make backups known, each once, by rules of its own. An empty line, and one that is no
/// metadata, ends them.
fn read(files: &Texts) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (name, text) in files.iter().filter(|(name, _)| name.starts_with("metadata/")) {
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}"));
            let kind = value.as_object().and_then(|object| object.keys().next()).expect("a kind").clone();
            match kind.as_str() {
                "EpochEndingBackup" | "StateSnapshotBackup" | "TransactionBackup" => {
                    _ = lines.insert(value.to_string())
                }
                "Identity" | "CompactionTimestamps" => {}
                unknown => panic!("{name}: {unknown}"),
            }
        }
    }
    lines
}
