//! What other tools read of an archive, by their rules and not by Sealift's code: every file of metadata/ is read, every
//! line has to be metadata, lines of one kind are in order and each once.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The lines that make backups known: each kind's fields in their declared order, and the manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    epoch_endings: BTreeSet<(u64, u64, u64, u64, String)>,
    snapshots: BTreeSet<(u64, u64, String)>,
    transactions: BTreeSet<(u64, u64, String)>,
}

/// Reads the files of an archive. Panics where the original fails.
pub(crate) fn read(files: &BTreeMap<String, String>) -> Read {
    let mut read = Read::default();
    for (name, text) in files.iter().filter(|(name, _)| name.starts_with("metadata/")) {
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {line:?}: {error}"));
            let (kind, fields) = value.as_object().and_then(|line| line.iter().next()).expect("one kind");
            let number = |field: &str| fields[field].as_u64().unwrap_or_else(|| panic!("{name}: {field} in {line}"));
            let manifest = || fields["manifest"].as_str().expect("a manifest").to_owned();
            match kind.as_str() {
                "EpochEndingBackup" => {
                    _ = read.epoch_endings.insert((
                        number("first_epoch"),
                        number("last_epoch"),
                        number("first_version"),
                        number("last_version"),
                        manifest(),
                    ))
                }
                "StateSnapshotBackup" => _ = read.snapshots.insert((number("epoch"), number("version"), manifest())),
                "TransactionBackup" => {
                    _ = read.transactions.insert((number("first_version"), number("last_version"), manifest()));
                }
                "Identity" | "CompactionTimestamps" => {}
                unknown => panic!("{name}: {unknown}"),
            }
        }
    }
    read.check();
    read
}

impl Read {
    /// What a restore demands: from 0 on, without gap or overlap.
    fn check(&self) {
        let mut next = 0;
        for (first, last, manifest) in &self.transactions {
            assert_eq!(*first, next, "transactions of {manifest}");
            next = last + 1;
        }
        let mut next = 0;
        for (first, last, _, _, manifest) in &self.epoch_endings {
            assert_eq!(*first, next, "epoch endings of {manifest}");
            next = last + 1;
        }
    }
}
