//! What those who restore or verify an archive take of it, and what they refuse it for: the rules of aptos-core
//! (`storage/backup/backup-cli/src/metadata/view.rs` and `coordinators/restore.rs`), so that both tools say the same of an
//! archive. Nothing here reads anything.

use super::Known;
use super::extent::Extent;
use crate::metadata::Metadata;
use sealift::FileHandle;
use std::collections::BTreeSet;

/// A backup of epoch endings. All ends are included; the order is that of the fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EpochEndings {
    pub(crate) first_epoch: u64,
    pub(crate) last_epoch: u64,
    /// The version that ends the first epoch.
    pub(crate) first_version: u64,
    /// The version that ends the last epoch.
    pub(crate) last_version: u64,
    pub(crate) manifest: FileHandle,
}

/// A backup of the state at the end of an epoch. The order is that of the fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Snapshot {
    /// The epoch.
    pub epoch: u64,
    /// The version that ends it.
    pub version: u64,
    /// The manifest.
    pub manifest: FileHandle,
}

/// A backup of transactions. All ends are included; the order is that of the fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Transactions {
    pub(crate) first_version: u64,
    pub(crate) last_version: u64,
    pub(crate) manifest: FileHandle,
}

/// Every backup that an archive makes known, in order. A line that stands in several files is one backup; two manifests of
/// one range are two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Catalogue {
    pub(crate) epoch_endings: BTreeSet<EpochEndings>,
    pub(crate) snapshots: BTreeSet<Snapshot>,
    pub(crate) transactions: BTreeSet<Transactions>,
}

/// A backup that does not begin where the one before it ends: there is a gap, or an overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Break {
    /// Where it should begin; none after the largest number there is.
    pub(crate) expected: Option<u64>,
    pub(crate) found: Extent,
    pub(crate) manifest: FileHandle,
}

/// Backups that have to follow one another.
trait Follows {
    fn extent(&self) -> Extent;
    /// Those who look for a version go no further than the first backup that begins after it.
    fn first_version(&self) -> u64;
    fn manifest(&self) -> &FileHandle;
}

impl Catalogue {
    /// Of metadata lines in any order.
    pub(crate) fn of<'a>(lines: impl Iterator<Item = &'a Metadata>) -> Self {
        let mut catalogue = Catalogue::default();
        for line in lines.cloned() {
            match line {
                Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, last_version, manifest } => {
                    let endings = EpochEndings { first_epoch, last_epoch, first_version, last_version, manifest };
                    catalogue.epoch_endings.insert(endings);
                }
                Metadata::StateSnapshotBackup { epoch, version, manifest } => {
                    catalogue.snapshots.insert(Snapshot { epoch, version, manifest });
                }
                Metadata::TransactionBackup { first_version, last_version, manifest } => {
                    catalogue.transactions.insert(Transactions { first_version, last_version, manifest });
                }
                Metadata::Identity { .. } | Metadata::CompactionTimestamps { .. } => {}
            }
        }
        catalogue
    }

    /// The transaction backups that hold a version from `start` to `target`. All from version 0 to `target` have to
    /// follow one another, also those before `start`.
    pub(crate) fn select_transactions(&self, start: u64, target: u64) -> Result<Vec<&Transactions>, Break> {
        let mut selected = walk(&self.transactions, target).whole()?;
        selected.retain(|backup| backup.last_version >= start);
        Ok(selected)
    }

    /// The backups of the epoch endings up to the version `target`, which have to follow one another from epoch 0.
    pub(crate) fn select_epoch_endings(&self, target: u64) -> Result<Vec<&EpochEndings>, Break> {
        walk(&self.epoch_endings, target).whole()
    }

    /// The newest snapshot at the version `target` or before. Of two of one version it is the one whose manifest comes
    /// last.
    pub(crate) fn select_snapshot(&self, target: u64) -> Option<&Snapshot> {
        self.snapshots.iter().rev().find(|snapshot| snapshot.version <= target)
    }

    /// The version that those who restore aim at when they are told none: where the last transaction backup ends.
    pub(crate) fn unsaid_target(&self) -> Option<u64> {
        self.transactions.last().map(|backup| backup.last_version)
    }

    /// The newest version for which neither transactions nor epoch endings are refused, if there is one.
    pub(crate) fn newest_target(&self) -> Option<u64> {
        let transactions = walk(&self.transactions, u64::MAX);
        let target = transactions.not_refused_to(transactions.selected.last()?.last_version)?;
        walk(&self.epoch_endings, target).not_refused_to(target)
    }
}

impl From<&EpochEndings> for Metadata {
    fn from(backup: &EpochEndings) -> Self {
        let EpochEndings { first_epoch, last_epoch, first_version, last_version, manifest } = backup.clone();
        Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, last_version, manifest }
    }
}

impl From<&Transactions> for Metadata {
    fn from(backup: &Transactions) -> Self {
        let Transactions { first_version, last_version, manifest } = backup.clone();
        Metadata::TransactionBackup { first_version, last_version, manifest }
    }
}

impl From<&Snapshot> for Metadata {
    fn from(snapshot: &Snapshot) -> Self {
        let Snapshot { epoch, version, manifest } = snapshot.clone();
        Metadata::StateSnapshotBackup { epoch, version, manifest }
    }
}

impl Known {
    /// Every backup that the archive makes known.
    pub(crate) fn catalogue(&self) -> Catalogue {
        Catalogue::of(self.files.values().flatten())
    }

    /// The newest state snapshot that there is, whether it can be restored or not.
    pub fn newest_snapshot(&self) -> Option<Snapshot> {
        self.catalogue().select_snapshot(u64::MAX).cloned()
    }
}

/// Backups in order, as far as each begins where the one before it ends.
struct Walk<'a, B> {
    selected: Vec<&'a B>,
    /// Where the one after them should begin; none after the largest number there is.
    expected: Option<u64>,
    /// The first that begins somewhere else.
    broken: Option<&'a B>,
}

/// Through the backups that begin at the version `target` or before.
fn walk<B: Follows>(backups: &BTreeSet<B>, target: u64) -> Walk<'_, B> {
    let mut walk = Walk { selected: Vec::new(), expected: Some(0), broken: None };
    for backup in backups.iter().take_while(|backup| backup.first_version() <= target) {
        let (first, last) = backup.extent().range();
        if walk.expected != Some(first) {
            walk.broken = Some(backup);
            break;
        }
        walk.selected.push(backup);
        walk.expected = last.checked_add(1);
    }
    walk
}

impl<'a, B: Follows> Walk<'a, B> {
    /// All of them, or why they are refused.
    fn whole(self) -> Result<Vec<&'a B>, Break> {
        match self.broken {
            None => Ok(self.selected),
            Some(found) => {
                Err(Break { expected: self.expected, found: found.extent(), manifest: found.manifest().clone() })
            }
        }
    }

    /// The newest version up to `target` for which none is refused: the walk ends before one that begins later.
    fn not_refused_to(&self, target: u64) -> Option<u64> {
        match self.broken {
            None => Some(target),
            Some(broken) => Some(target.min(broken.first_version().checked_sub(1)?)),
        }
    }
}

impl Follows for EpochEndings {
    fn extent(&self) -> Extent {
        Extent::Epochs { first: self.first_epoch, last: self.last_epoch }
    }

    fn first_version(&self) -> u64 {
        self.first_version
    }

    fn manifest(&self) -> &FileHandle {
        &self.manifest
    }
}

impl Follows for Transactions {
    fn extent(&self) -> Extent {
        Extent::Versions { first: self.first_version, last: self.last_version }
    }

    fn first_version(&self) -> u64 {
        self.first_version
    }

    fn manifest(&self) -> &FileHandle {
        &self.manifest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transactions(ranges: &[(u64, u64, &str)]) -> Catalogue {
        let lines: Vec<Metadata> = ranges
            .iter()
            .map(|&(first_version, last_version, manifest)| Metadata::TransactionBackup {
                first_version,
                last_version,
                manifest: manifest.parse().expect("a handle"),
            })
            .collect();
        Catalogue::of(lines.iter())
    }

    fn snapshots(of: &[(u64, u64, &str)]) -> Catalogue {
        let snapshot = |&(epoch, version, manifest): &(u64, u64, &str)| Metadata::StateSnapshotBackup {
            epoch,
            version,
            manifest: manifest.parse().expect("a handle"),
        };
        Catalogue::of(of.iter().map(snapshot).collect::<Vec<_>>().iter())
    }

    fn selected(catalogue: &Catalogue, start: u64, target: u64) -> Result<Vec<u64>, (Option<u64>, Extent)> {
        let selected = catalogue.select_transactions(start, target);
        let firsts = selected.map(|selected| selected.iter().map(|backup| backup.first_version).collect());
        firsts.map_err(|found| (found.expected, found.found))
    }

    #[test]
    fn transactions_follow_one_another_from_zero_to_the_target() {
        let whole = transactions(&[(10, 19, "b/m"), (0, 9, "a/m"), (0, 9, "a/m"), (20, 29, "c/m")]);
        assert_eq!(selected(&whole, 0, u64::MAX), Ok(vec![0, 10, 20]));
        assert_eq!(selected(&whole, 0, 19), Ok(vec![0, 10]));
        assert_eq!(selected(&whole, 19, 20), Ok(vec![10, 20]));
        assert_eq!(selected(&whole, 30, 40), Ok(vec![]));
        assert_eq!((whole.newest_target(), whole.unsaid_target()), (Some(29), Some(29)));
    }

    #[test]
    fn a_gap_is_refused_also_before_the_start() {
        let gap = transactions(&[(0, 9, "a/m"), (20, 29, "c/m")]);
        let refused = Err((Some(10), Extent::Versions { first: 20, last: 29 }));
        assert_eq!(selected(&gap, 25, 29), refused);
        assert_eq!(selected(&gap, 0, 20), refused);
        // Whoever looks no further than to where the next begins does not see it.
        assert_eq!(selected(&gap, 0, 19), Ok(vec![0]));
        assert_eq!(gap.newest_target(), Some(9));
        assert_eq!(transactions(&[(1, 9, "a/m")]).newest_target(), None);
    }

    #[test]
    fn an_overlap_and_a_second_manifest_are_refused_from_where_they_begin() {
        let overlap = transactions(&[(0, 9, "a/m"), (10, 19, "b/m"), (15, 29, "c/m")]);
        assert_eq!(selected(&overlap, 0, 15), Err((Some(20), Extent::Versions { first: 15, last: 29 })));
        assert_eq!(selected(&overlap, 0, 14), Ok(vec![0, 10]));
        assert_eq!((overlap.newest_target(), overlap.unsaid_target()), (Some(14), Some(29)));
        let second = transactions(&[(0, 9, "a/m"), (10, 19, "b/m"), (10, 19, "c/m")]);
        assert_eq!(selected(&second, 0, 19), Err((Some(20), Extent::Versions { first: 10, last: 19 })));
        assert_eq!(second.newest_target(), Some(9));
        assert_eq!(transactions(&[(0, 9, "a/m"), (0, 9, "b/m")]).newest_target(), None);
        let end = transactions(&[(0, u64::MAX, "a/m"), (u64::MAX, u64::MAX, "b/m")]);
        assert_eq!(end.newest_target(), Some(u64::MAX - 1));
    }

    #[test]
    fn epoch_endings_bound_the_target_only_where_they_do_not_follow() {
        let endings = |first_epoch: u64, last_epoch: u64, first_version: u64, last_version: u64| EpochEndings {
            first_epoch,
            last_epoch,
            first_version,
            last_version,
            manifest: format!("e{first_epoch}/m").parse().expect("a handle"),
        };
        let mut catalogue = transactions(&[(0, 99, "a/m")]);
        assert_eq!(catalogue.newest_target(), Some(99));
        catalogue.epoch_endings.insert(endings(0, 1, 0, 10));
        assert_eq!(catalogue.newest_target(), Some(99));
        catalogue.epoch_endings.insert(endings(3, 3, 50, 50));
        assert_eq!(catalogue.newest_target(), Some(49));
        assert_eq!(catalogue.select_epoch_endings(49).map(|selected| selected.len()), Ok(1));
        let refused = catalogue.select_epoch_endings(50).expect_err("a gap");
        assert_eq!((refused.expected, refused.manifest.as_ref()), (Some(2), "e3/m"));
        // What begins after the transactions end is not looked at.
        catalogue.epoch_endings = [endings(0, 1, 0, 10), endings(3, 3, 100, 100)].into();
        assert_eq!(catalogue.newest_target(), Some(99));
    }

    #[test]
    fn a_snapshot_is_the_newest_up_to_the_target() {
        let of = snapshots(&[(1, 10, "a/m"), (2, 20, "c/m"), (2, 20, "b/m"), (2, 20, "b/m")]);
        assert_eq!(of.snapshots.len(), 3);
        let at = |target| of.select_snapshot(target).map(|snapshot| snapshot.manifest.as_ref());
        assert_eq!([at(9), at(10), at(19), at(u64::MAX)], [None, Some("a/m"), Some("a/m"), Some("c/m")]);
    }
}
