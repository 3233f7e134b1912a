//! What stays restorable, and what that needs. Pure: nothing here reads anything.

use crate::known::{Catalogue, Snapshot};
use sealift::FileHandle;
use std::collections::BTreeSet;

/// From where on every version stays restorable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// So many versions before the newest that is.
    Versions(u64),
    /// What was made known within so many seconds before the newest backup.
    Seconds(u64),
}

/// A snapshot, and what the versions need that are restored from it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The versions that are restored from it, both ends included; none where transactions do not reach it yet, or another
    /// snapshot of the same version is taken.
    pub versions: Option<(u64, u64)>,
    /// The manifests of epoch endings.
    pub epoch_endings: Vec<FileHandle>,
    /// The manifests of transactions.
    pub transactions: Vec<FileHandle>,
}

impl Catalogue {
    /// The snapshots that a restore to `start` could begin from, the newest first.
    pub(crate) fn bases(&self, start: u64) -> impl Iterator<Item = &Snapshot> {
        self.snapshots.iter().rev().filter(move |snapshot| snapshot.version <= start)
    }

    /// What a restore to `target` from `snapshot` needs; none where those who restore refuse it, or the endings of epochs do
    /// not reach it, so that nobody can check who has signed it.
    pub(crate) fn needs(&self, snapshot: &Snapshot, target: u64) -> Option<Need> {
        let endings = self.select_epoch_endings(target).ok()?;
        if endings.last().map(|backup| backup.last_epoch) < Some(snapshot.epoch) {
            return None;
        }
        let transactions = self.select_transactions(snapshot.version, target).ok()?;
        if transactions.last().is_none_or(|backup| backup.last_version < target) {
            return None;
        }
        Some(Need {
            snapshot: snapshot.clone(),
            versions: Some((snapshot.version, target)),
            epoch_endings: endings.into_iter().map(|backup| backup.manifest.clone()).collect(),
            transactions: transactions.into_iter().map(|backup| backup.manifest.clone()).collect(),
        })
    }

    /// The snapshots that no restore takes to the version of `base` or a later one: those before it in the order in which
    /// snapshots are taken, at an earlier version.
    pub(crate) fn superfluous_beside(&self, base: &Snapshot) -> BTreeSet<Snapshot> {
        let before = self.snapshots.range(..base.clone());
        before.filter(|snapshot| snapshot.version < base.version).cloned().collect()
    }

    /// Each of `kept` with what the versions need that are restored from it, up to the version `reached`.
    pub(crate) fn graph(&self, kept: &[Snapshot], reached: u64) -> Vec<Need> {
        let need = |snapshot: &Snapshot| {
            let none = Need {
                snapshot: snapshot.clone(),
                versions: None,
                epoch_endings: Vec::new(),
                transactions: Vec::new(),
            };
            let next = kept.iter().filter(|other| *other > snapshot && other.version >= snapshot.version);
            let last = match next.map(|other| other.version).min() {
                Some(next) if next <= reached => next.checked_sub(1),
                _ => Some(reached),
            };
            let target = last.filter(|last| *last >= snapshot.version);
            target.and_then(|target| self.needs(snapshot, target)).unwrap_or(none)
        };
        kept.iter().map(need).collect()
    }
}
