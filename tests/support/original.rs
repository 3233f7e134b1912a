//! What other tools take of an archive, by their rules and not by Sealift's code.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Files of an archive by their handles, and their text.
pub type Files = BTreeMap<String, String>;

/// The lines that make backups known: each kind's fields in their declared order, and the manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// First and last epoch, first and last version, manifest.
    pub epoch_endings: BTreeSet<(u64, u64, u64, u64, String)>,
    /// Epoch, version, manifest.
    pub snapshots: BTreeSet<(u64, u64, String)>,
    /// First and last version, manifest.
    pub transactions: BTreeSet<(u64, u64, String)>,
}

/// Reads the metadata files. Panics where the original fails.
pub fn lines(files: &Files) -> Lines {
    let mut lines = Lines::default();
    for (name, text) in files.iter().filter(|(name, _)| name.starts_with("metadata/")) {
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {line:?}: {error}"));
            let (kind, fields) = value.as_object().and_then(|line| line.iter().next()).expect("one kind");
            let number = |field: &str| fields[field].as_u64().unwrap_or_else(|| panic!("{name}: {field} in {line}"));
            let manifest = || fields["manifest"].as_str().expect("a manifest").to_owned();
            match kind.as_str() {
                "EpochEndingBackup" => {
                    _ = lines.epoch_endings.insert((
                        number("first_epoch"),
                        number("last_epoch"),
                        number("first_version"),
                        number("last_version"),
                        manifest(),
                    ))
                }
                "StateSnapshotBackup" => _ = lines.snapshots.insert((number("epoch"), number("version"), manifest())),
                "TransactionBackup" => {
                    _ = lines.transactions.insert((number("first_version"), number("last_version"), manifest()));
                }
                "Identity" | "CompactionTimestamps" => {}
                unknown => panic!("{name}: {unknown}"),
            }
        }
    }
    lines
}

/// Restores to a version, as `restore bootstrap-db --target-version` does, and tells the version of the snapshot that it takes.
pub fn restore(files: &Files, target: u64) -> Result<u64, String> {
    let lines = lines(files);
    let snapshot = lines.snapshots.iter().rev().find(|(_, version, _)| *version <= target);
    let (_, version, state) = snapshot.ok_or("no snapshot")?;
    let mut next = 0;
    for (first, last, manifest) in lines.transactions.iter().take_while(|(first, ..)| *first <= target) {
        if *first != next {
            return Err(format!("transactions of {manifest} begin with {first}, not {next}"));
        }
        next = last + 1;
        if last >= version {
            read(files, manifest)?;
        }
    }
    if next <= target {
        return Err(format!("transactions end before {next}"));
    }
    let mut next = 0;
    for (first, last, _, _, manifest) in lines.epoch_endings.iter().take_while(|(_, _, first, ..)| *first <= target) {
        if *first != next {
            return Err(format!("epoch endings of {manifest}"));
        }
        next = last + 1;
        read(files, manifest)?;
    }
    read(files, state)?;
    Ok(*version)
}

/// Everything that is named has to be there.
pub fn all_that_is_named_is_there(files: &Files) -> Result<(), String> {
    let lines = lines(files);
    let endings = lines.epoch_endings.iter().map(|line| &line.4);
    let snapshots = lines.snapshots.iter().map(|line| &line.2);
    let transactions = lines.transactions.iter().map(|line| &line.2);
    endings.chain(snapshots).chain(transactions).try_for_each(|manifest| read(files, manifest))
}

/// Reads a manifest and all that it names.
pub fn read(files: &Files, manifest: &str) -> Result<(), String> {
    let text = files.get(manifest).ok_or(format!("{manifest} is not there"))?;
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut named = Vec::new();
    handles(&value, &mut named);
    match named.iter().find(|name| !files.contains_key(*name)) {
        Some(missing) => Err(format!("{missing} is not there, which {manifest} names")),
        None => Ok(()),
    }
}

fn handles(value: &Value, named: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains('/') => named.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| handles(value, named)),
        Value::Object(fields) => fields.values().for_each(|value| handles(value, named)),
        _ => {}
    }
}
