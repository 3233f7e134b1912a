//! What an archive covers, by its metadata lines alone: ranges, gaps, what it has twice, and what a restore can reach.

use super::Known;
use super::extent::Extent;
use super::lines::{gaps, missing_in};
use super::selection::{Catalogue, Snapshot};

/// What an archive covers. Only its metadata lines are read: whether the files that they name are there, and whole, is
/// another question.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// How many metadata files there are. Where there is none, there is no archive.
    pub metadata_files: usize,
    /// The epochs whose endings there are.
    pub epoch_endings: Covered,
    /// The versions of which there are transactions.
    pub transactions: Covered,
    /// The state snapshots, in the order of their epochs, versions and manifests.
    pub snapshots: Vec<Snapshot>,
    /// What a restore reaches with what there is, if it reaches anything.
    pub restorable: Option<Restorable>,
    /// What keeps a restore from the newest snapshot; where nothing can be restored, from the first. None where nothing
    /// does.
    pub obstacle: Option<Obstacle>,
}

/// The numbers, epochs or versions, that the backups of one kind have. All ranges include both ends, and are in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Covered {
    /// How many backups there are.
    pub backups: usize,
    /// What they have together.
    pub ranges: Vec<(u64, u64)>,
    /// What is missing from 0 to the last.
    pub missing: Vec<(u64, u64)>,
    /// What more than one of them has, for which those who restore refuse all of it.
    pub repeated: Vec<(u64, u64)>,
}

/// The newest version that a restore reaches, and what it takes for that.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restorable {
    /// The version.
    pub version: u64,
    /// The version that those who restore aim at when they are told none. Where it is another one, they have to be told.
    pub unsaid_target: u64,
    /// The snapshot, after which the transactions up to the version are replayed.
    pub snapshot: Snapshot,
    /// The last epoch whose ending is taken. All from 0 on are.
    pub last_epoch: u64,
    /// How many manifests of epoch endings are read.
    pub epoch_ending_manifests: usize,
    /// How many manifests of transactions are read: those from the snapshot's version on. The lines of all before have to
    /// be there all the same.
    pub transaction_manifests: usize,
}

/// What keeps a restore from a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Obstacle {
    /// The snapshot; none where there is no snapshot at all.
    pub snapshot: Option<Snapshot>,
    /// What is missing for it. Where there is no snapshot: one that could be taken, if the archive tells of any, and what
    /// is missing for that.
    pub missing: Vec<Extent>,
    /// What more than one backup has of what is needed for it.
    pub repeated: Vec<Extent>,
}

impl Known {
    /// What the archive covers, and what a restore can reach.
    pub fn coverage(&self) -> Coverage {
        let catalogue = self.catalogue();
        let epochs = catalogue.epoch_endings.iter().map(|backup| (backup.first_epoch, backup.last_epoch));
        let versions = catalogue.transactions.iter().map(|backup| (backup.first_version, backup.last_version));
        let (epoch_endings, transactions) = (Covered::by(epochs.collect()), Covered::by(versions.collect()));
        let restorable = catalogue.restorable();
        let obstacle = catalogue.obstacle(restorable.as_ref(), &epoch_endings, &transactions);
        let snapshots = catalogue.snapshots.into_iter().collect();
        let metadata_files = self.files.len();
        Coverage { metadata_files, epoch_endings, transactions, snapshots, restorable, obstacle }
    }
}

impl Restorable {
    /// How many transactions after the snapshot are replayed.
    pub fn transactions_after_snapshot(&self) -> u64 {
        self.version - self.snapshot.version
    }
}

impl Covered {
    /// By backups of these ranges, in order.
    fn by(backups: Vec<(u64, u64)>) -> Self {
        let repeated = backups.iter().scan(None, |before: &mut Option<u64>, &(first, last)| {
            // What one that begins earlier has too.
            let both = before.filter(|&before| before >= first).map(|before| (first, before.min(last)));
            *before = (*before).max(Some(last));
            Some(both)
        });
        Covered {
            ranges: joined(backups.iter().copied()),
            repeated: joined(repeated.flatten()),
            backups: backups.len(),
            missing: gaps(backups),
        }
    }
}

/// Ranges in the order of their beginnings, those as one that overlap or adjoin.
fn joined(ranges: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// What is in `ranges` of `0..=last`.
fn up_to(ranges: &[(u64, u64)], last: u64) -> impl Iterator<Item = (u64, u64)> {
    let begun = ranges.iter().filter(move |(first, _)| *first <= last);
    begun.map(move |&(first, range_last)| (first, range_last.min(last)))
}

impl Catalogue {
    /// What a restore reaches. Tools restore a snapshot also where epoch endings do not reach it, but cannot check who has
    /// signed it then, so it is not taken for restorable.
    pub(crate) fn restorable(&self) -> Option<Restorable> {
        let mut target = self.newest_target()?;
        loop {
            let snapshot = self.select_snapshot(target)?;
            let endings = self.select_epoch_endings(target).ok()?;
            let last_epoch = endings.last().map(|backup| backup.last_epoch);
            match last_epoch {
                Some(last_epoch) if last_epoch >= snapshot.epoch => {
                    let transactions = self.select_transactions(snapshot.version, target).ok()?;
                    return Some(Restorable {
                        version: target,
                        unsaid_target: self.unsaid_target()?,
                        snapshot: snapshot.clone(),
                        last_epoch,
                        epoch_ending_manifests: endings.len(),
                        transaction_manifests: transactions.len(),
                    });
                }
                // An earlier target has no more endings. What comes before all snapshots that they do not reach does.
                last_epoch => {
                    let beyond = self.snapshots.iter().filter(|snapshot| Some(snapshot.epoch) > last_epoch);
                    target = beyond.map(|snapshot| snapshot.version).min()?.checked_sub(1)?;
                }
            }
        }
    }

    /// What keeps a restore from the newest snapshot, or from the first where nothing is `restorable`.
    fn obstacle(
        &self,
        restorable: Option<&Restorable>,
        epoch_endings: &Covered,
        transactions: &Covered,
    ) -> Option<Obstacle> {
        let newest = self.select_snapshot(u64::MAX);
        let snapshot = match restorable {
            Some(restorable) if newest == Some(&restorable.snapshot) => return None,
            Some(_) => newest,
            None => self.snapshots.first(),
        };
        let mut obstacle = Obstacle { snapshot: snapshot.cloned(), missing: Vec::new(), repeated: Vec::new() };
        let possible = || self.snapshot_that_could_be(transactions);
        if let Some((epoch, version)) = snapshot.map(|snapshot| (snapshot.epoch, snapshot.version)).or_else(possible) {
            let epochs = |(first, last)| Extent::Epochs { first, last };
            let versions = |(first, last)| Extent::Versions { first, last };
            let missing_epochs = missing_in((0, epoch), &epoch_endings.ranges).into_iter().map(epochs);
            let missing_versions = missing_in((0, version), &transactions.ranges).into_iter().map(versions);
            let state = snapshot.is_none().then_some(Extent::State { epoch, version });
            obstacle.missing = missing_epochs.chain(missing_versions).chain(state).collect();
            let repeated_epochs = up_to(&epoch_endings.repeated, epoch).map(epochs);
            obstacle.repeated = repeated_epochs.chain(up_to(&transactions.repeated, version).map(versions)).collect();
        }
        Some(obstacle)
    }

    /// The epoch and the version of a state that could be backed up: the last end of an epoch that transactions reach, or
    /// else the first that is known.
    fn snapshot_that_could_be(&self, transactions: &Covered) -> Option<(u64, u64)> {
        let reached = transactions.ranges.first().filter(|(first, _)| *first == 0).map(|&(_, last)| last);
        let mut ends = self.epoch_endings.iter().map(|backup| (backup.last_epoch, backup.last_version));
        let first = ends.clone().next();
        ends.rfind(|&(_, version)| Some(version) <= reached).or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Metadata;
    use sealift::FileHandle;

    fn epochs(first_epoch: u64, last_epoch: u64) -> Metadata {
        // An epoch ends at each hundredth version.
        let (first_version, last_version) = (first_epoch * 100, last_epoch * 100);
        let manifest = format!("epoch_ending_{first_epoch}-{last_epoch}/m").parse().expect("a handle");
        Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, last_version, manifest }
    }

    fn state(epoch: u64) -> Metadata {
        let manifest = format!("state_{epoch}/m").parse().expect("a handle");
        Metadata::StateSnapshotBackup { epoch, version: epoch * 100, manifest }
    }

    fn versions(first_version: u64, last_version: u64, manifest: &str) -> Metadata {
        let manifest = manifest.parse().expect("a handle");
        Metadata::TransactionBackup { first_version, last_version, manifest }
    }

    fn covered(lines: &[Metadata]) -> Coverage {
        let file = |at: usize| -> FileHandle { format!("metadata/{at}.meta").parse().expect("a handle") };
        let files = lines.iter().enumerate().map(|(at, line)| (file(at), vec![line.clone()]));
        Known { files: files.collect() }.coverage()
    }

    /// The version that is reached, the epoch of the snapshot, the last epoch, and how many manifests are read.
    fn reached(coverage: &Coverage) -> Option<(u64, u64, u64, usize, usize)> {
        let Restorable { version, snapshot, last_epoch, epoch_ending_manifests, transaction_manifests, .. } =
            coverage.restorable.as_ref()?;
        Some((*version, snapshot.epoch, *last_epoch, *epoch_ending_manifests, *transaction_manifests))
    }

    /// Which snapshot cannot be restored, and why.
    fn obstacle(coverage: &Coverage) -> (Option<u64>, Vec<String>, Vec<String>) {
        let Obstacle { snapshot, missing, repeated } = coverage.obstacle.as_ref().expect("an obstacle");
        let texts = |extents: &[Extent]| extents.iter().map(Extent::to_string).collect();
        (snapshot.as_ref().map(|snapshot| snapshot.epoch), texts(missing), texts(repeated))
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_whole_archive_is_restored_from_its_newest_snapshot() {
        let lines = [
            epochs(0, 1),
            epochs(2, 3),
            versions(0, 0, "t0/m"),
            versions(1, 199, "t1/m"),
            versions(200, 350, "t2/m"),
            state(1),
            state(2),
        ];
        let coverage = covered(&lines);
        assert_eq!(reached(&coverage), Some((350, 2, 3, 2, 1)));
        assert_eq!(coverage.restorable.as_ref().map(Restorable::transactions_after_snapshot), Some(150));
        assert_eq!((coverage.obstacle, coverage.metadata_files, coverage.snapshots.len()), (None, 7, 2));
        let covered = |backups, last| Covered { backups, ranges: vec![(0, last)], missing: vec![], repeated: vec![] };
        assert_eq!((coverage.epoch_endings, coverage.transactions), (covered(2, 3), covered(3, 350)));
    }

    #[test]
    fn what_stands_in_its_own_file_and_in_a_compacted_one_is_one() {
        let lines = vec![epochs(0, 3), versions(0, 99, "a/m"), versions(100, 350, "b/m"), state(3)];
        let mut files = std::collections::BTreeMap::new();
        for (at, line) in lines.iter().enumerate() {
            files.insert(format!("metadata/{at}.meta").parse().expect("a handle"), vec![line.clone()]);
        }
        let loose = Known { files: files.clone() }.coverage();
        files.insert("metadata/compacted.meta".parse().expect("a handle"), lines);
        let both = Known { files }.coverage();
        assert_eq!(both.metadata_files, 5);
        assert_eq!(Coverage { metadata_files: 4, ..both }, loose);
        assert_eq!(reached(&loose), Some((350, 3, 3, 1, 1)));
    }

    #[test]
    fn nothing_is_restored_of_nothing() {
        let coverage = covered(&[]);
        assert_eq!((reached(&coverage), coverage.metadata_files), (None, 0));
        assert_eq!(obstacle(&coverage), (None, vec![], vec![]));
        // No end of an epoch is known.
        assert_eq!(obstacle(&covered(&[versions(0, 9, "a/m")])), (None, vec![], vec![]));
    }

    #[test]
    fn without_a_snapshot_one_is_proposed_that_transactions_reach() {
        let lines = [epochs(0, 0), epochs(1, 1), epochs(2, 2), versions(0, 150, "a/m")];
        let state_at = |epoch: u64| format!("the state at version {}, the end of epoch {epoch}", epoch * 100);
        assert_eq!(obstacle(&covered(&lines)), (None, vec![state_at(1)], vec![]));
        let missing = vec!["transactions 0 to 100".to_owned(), state_at(1)];
        assert_eq!(obstacle(&covered(&[epochs(0, 1)])), (None, missing, vec![]));
    }

    #[test]
    fn a_snapshot_waits_for_its_transactions() {
        let mut lines = vec![epochs(0, 3), versions(0, 250, "a/m"), state(1), state(2), state(3)];
        let coverage = covered(&lines);
        assert_eq!(reached(&coverage), Some((250, 2, 3, 1, 1)));
        assert_eq!(obstacle(&coverage), (Some(3), owned(&["transactions 251 to 300"]), vec![]));
        // Where nothing can be restored, the first snapshot is the nearest.
        lines[1] = versions(0, 50, "a/m");
        assert_eq!(obstacle(&covered(&lines)), (Some(1), owned(&["transactions 51 to 100"]), vec![]));
        lines.remove(1);
        assert_eq!(obstacle(&covered(&lines)), (Some(1), owned(&["transactions 0 to 100"]), vec![]));
        lines.remove(0);
        assert_eq!(
            obstacle(&covered(&lines)),
            (Some(1), owned(&["epoch endings 0 to 1", "transactions 0 to 100"]), vec![])
        );
    }

    #[test]
    fn a_gap_and_an_overlap_end_what_is_reached() {
        let gap =
            covered(&[epochs(0, 3), versions(0, 120, "a/m"), versions(150, 350, "b/m"), state(1), state(2), state(3)]);
        assert_eq!(reached(&gap), Some((120, 1, 3, 1, 1)));
        assert_eq!(gap.restorable.as_ref().map(|restorable| restorable.unsaid_target), Some(350));
        assert_eq!(gap.transactions.missing, [(121, 149)]);
        assert_eq!(obstacle(&gap), (Some(3), owned(&["transactions 121 to 149"]), vec![]));

        let overlap = covered(&[epochs(0, 3), versions(0, 220, "a/m"), versions(210, 350, "b/m"), state(2), state(3)]);
        assert_eq!(reached(&overlap), Some((209, 2, 3, 1, 1)));
        assert_eq!(
            (&overlap.transactions.ranges[..], &overlap.transactions.repeated[..]),
            (&[(0, 350)][..], &[(210, 220)][..])
        );
        assert_eq!(obstacle(&overlap), (Some(3), vec![], owned(&["transactions 210 to 220"])));

        let second = covered(&[epochs(0, 3), versions(0, 350, "a/m"), versions(0, 350, "b/m"), state(2)]);
        assert_eq!(reached(&second), None);
        assert_eq!(obstacle(&second), (Some(2), vec![], owned(&["transactions 0 to 200"])));
        // Of epoch endings it is the same.
        let second = covered(&[epochs(0, 1), epochs(1, 3), versions(0, 350, "a/m"), state(0), state(3)]);
        assert_eq!(reached(&second), Some((99, 0, 1, 1, 1)));
        assert_eq!(obstacle(&second), (Some(3), vec![], owned(&["epoch endings 1 to 1"])));
    }

    #[test]
    fn endings_that_lag_keep_from_the_snapshots_after_them() {
        let lines = [epochs(0, 1), versions(0, 500, "a/m"), state(1), state(2), state(4)];
        let coverage = covered(&lines);
        // Up to before the first snapshot that cannot be checked: a later target would take that.
        assert_eq!(reached(&coverage), Some((199, 1, 1, 1, 1)));
        assert_eq!(obstacle(&coverage), (Some(4), owned(&["epoch endings 2 to 4"]), vec![]));
        let coverage = covered(&lines[1..]);
        assert_eq!((reached(&coverage), obstacle(&coverage).0), (None, Some(1)));
        assert_eq!(reached(&covered(&[epochs(2, 3), versions(0, 500, "a/m"), state(3)])), None);
    }

    #[test]
    fn what_several_have_is_told_once() {
        let covered = |ranges: &[(u64, u64)]| Covered::by(ranges.to_vec());
        assert_eq!(covered(&[(0, 9), (10, 19), (12, 15), (18, 30), (40, 41)]).repeated, [(12, 15), (18, 19)]);
        assert_eq!(covered(&[(0, 9), (0, 9), (0, 9)]).repeated, [(0, 9)]);
        assert_eq!(covered(&[(0, u64::MAX), (5, 6), (7, 8)]).repeated, [(5, 8)]);
        assert_eq!(covered(&[(0, 9), (10, 19), (21, 30)]).ranges, [(0, 19), (21, 30)]);
        assert_eq!(covered(&[(0, u64::MAX), (3, u64::MAX)]).ranges, [(0, u64::MAX)]);
    }
}
