//! The lines of an archive in runs, each of which is to be one file.

use super::names::names;
use crate::known::{EpochEndings, Kind, Known, Snapshot, Transactions};
use crate::metadata::Metadata;
use sealift::{Error, ErrorKind, FileHandle, Result};
use std::num::NonZeroUsize;

/// How many lines of each kind are put into one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factors {
    /// Of epoch endings.
    pub epoch_endings: NonZeroUsize,
    /// Of state snapshots.
    pub state_snapshots: NonZeroUsize,
    /// Of transactions.
    pub transactions: NonZeroUsize,
}

/// Lines that are to be one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// The names that it may have, the first of which is the usual one.
    pub(super) names: Vec<FileHandle>,
    pub(super) lines: Vec<Metadata>,
}

/// All lines that make backups known, each once: kind by kind, in order, from the beginning, so that a run which is full
/// is the same in every compaction.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when epoch endings or transactions of one run do not follow one another. Between two runs they
/// need not.
pub(super) fn cut(known: &Known, factors: &Factors) -> Result<Vec<Run>> {
    let catalogue = known.catalogue();
    let endings: Vec<Metadata> = catalogue.epoch_endings.into_iter().map(of_endings).collect();
    let transactions: Vec<Metadata> = catalogue.transactions.into_iter().map(of_transactions).collect();
    let snapshots: Vec<Metadata> = catalogue.snapshots.into_iter().map(of_snapshot).collect();
    let (mut runs, mut breaks) = (Vec::new(), Vec::new());
    for (kind, lines, factor) in [
        (Kind::Epochs, &endings, factors.epoch_endings),
        (Kind::Versions, &transactions, factors.transactions),
        (Kind::State, &snapshots, factors.state_snapshots),
    ] {
        for lines in lines.chunks(factor.get()) {
            if !lines.is_sorted_by(follows) {
                breaks.extend(known.breaks(kind, lines));
            }
            runs.push(Run { names: names(lines)?, lines: lines.to_vec() });
        }
    }
    match breaks.is_empty() {
        true => Ok(runs),
        false => Err(Error::new(ErrorKind::Corrupt, "compact", "metadata/", breaks.join("; "))
            .with_hint("nothing was written: what is in one file has to follow one another")),
    }
}

/// Whether `next` begins where `line` ends, if it has to.
fn follows(line: &Metadata, next: &Metadata) -> bool {
    let (last, first) = match (line, next) {
        (Metadata::EpochEndingBackup { last_epoch, .. }, Metadata::EpochEndingBackup { first_epoch, .. }) => {
            (last_epoch, first_epoch)
        }
        (Metadata::TransactionBackup { last_version, .. }, Metadata::TransactionBackup { first_version, .. }) => {
            (last_version, first_version)
        }
        _ => return true,
    };
    last.checked_add(1) == Some(*first)
}

fn of_endings(endings: EpochEndings) -> Metadata {
    let EpochEndings { first_epoch, last_epoch, first_version, last_version, manifest } = endings;
    Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, last_version, manifest }
}

fn of_transactions(transactions: Transactions) -> Metadata {
    let Transactions { first_version, last_version, manifest } = transactions;
    Metadata::TransactionBackup { first_version, last_version, manifest }
}

fn of_snapshot(snapshot: Snapshot) -> Metadata {
    let Snapshot { epoch, version, manifest } = snapshot;
    Metadata::StateSnapshotBackup { epoch, version, manifest }
}
