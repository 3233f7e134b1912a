//! What of an archive a restore to one version needs, and nothing else: all epoch endings up to the end of the last transactions
//! that are read, the newest snapshot of that version or before, the transactions from it on. The lines of all transactions before have to be there too, or those who restore
//! refuse; what they name need not.

use crate::known::{Break, Known, Snapshot};
use crate::manifest::{EpochEndingBackup, Manifest, StateSnapshotBackup, TransactionBackup};
use crate::metadata::Metadata;
use crate::whole::read_whole;
use futures::{StreamExt, TryStreamExt, stream};
use sealift::{BackupStorage, Error, ErrorKind, FileHandle, Result, ShellSafeName, TextLine};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

/// What a restore to one version needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subset {
    /// The version.
    pub version: u64,
    /// The snapshot that it is restored from.
    pub snapshot: Snapshot,
    /// The lines that have to be known, in the order in which they are written: each kind in a file of its own, of this name.
    pub lines: Vec<(ShellSafeName, Vec<Metadata>)>,
    /// The lines whose backups are read.
    pub read: Vec<Metadata>,
}

impl Known {
    /// What a restore to `version` needs.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the archive cannot be restored to it, with the reason.
    pub fn subset(&self, version: u64) -> Result<Subset> {
        let refused = |reason: String| {
            Error::new(ErrorKind::Corrupt, "choose what is restored to", format!("version {version}"), reason)
                .with_hint("`sealift ls --aptos` shows what a restore reaches, and what is missing for more")
        };
        let catalogue = self.catalogue();
        match catalogue.unsaid_target() {
            None => return Err(refused("no transactions are backed up".to_owned())),
            Some(last) if last < version => {
                return Err(refused(format!("transactions are backed up to version {last} only")));
            }
            Some(_) => {}
        }
        let broken = |what: &str, found: &Break| {
            let expected = found.expected.map_or("nothing".to_owned(), |expected| expected.to_string());
            refused(format!(
                "{what} do not follow one another: {} ({}) come where {expected} should",
                found.found, found.manifest
            ))
        };
        let Some(snapshot) = catalogue.select_snapshot(version) else {
            return Err(refused("there is no state snapshot of it or before".to_owned()));
        };
        let all = catalogue.select_transactions(0, version).map_err(|found| broken("transactions", &found))?;
        let endings = catalogue.select_epoch_endings(version).map_err(|found| broken("epoch endings", &found))?;
        let (Some(first_ending), Some(last_ending)) = (endings.first().copied(), endings.last().copied()) else {
            return Err(refused("no epoch endings are backed up".to_owned()));
        };
        if last_ending.last_epoch < snapshot.epoch {
            return Err(refused(format!(
                "epoch endings are backed up to epoch {}, and the state snapshot ends epoch {}: nobody could tell who has \
                 signed it",
                last_ending.last_epoch, snapshot.epoch
            )));
        }
        let (Some(first), Some(last)) = (all.first(), all.last()) else {
            return Err(refused("no transactions are backed up from version 0 on".to_owned()));
        };
        if last.last_version < version {
            return Err(refused(format!("transactions follow one another to version {} only", last.last_version)));
        }
        // The last transactions may go on after the version, into later epochs. Whoever verifies all that is there has to know
        // who signs in those, where that is known.
        let endings = catalogue.select_epoch_endings(last.last_version).unwrap_or(endings);
        let last_ending = endings.last().copied().unwrap_or(last_ending);
        // The names that compaction gives such files: others know them.
        let names = [
            format!("epoch_ending_compacted_{}-{}.meta", first_ending.first_epoch, last_ending.last_epoch),
            format!("transaction_compacted_{}-{}.meta", first.first_version, last.last_version),
            format!("state_snapshot_ver_{}.meta", snapshot.version),
        ];
        let ending_lines: Vec<Metadata> = endings.iter().map(|backup| Metadata::from(*backup)).collect();
        let snapshot_line = Metadata::from(snapshot);
        let needed = all.iter().filter(|backup| backup.last_version >= snapshot.version);
        let mut read = ending_lines.clone();
        read.extend(needed.map(|backup| Metadata::from(*backup)));
        read.push(snapshot_line.clone());
        let lines = [ending_lines, all.iter().map(|backup| Metadata::from(*backup)).collect(), vec![snapshot_line]];
        let named = names.into_iter().zip(lines).map(|(name, lines)| Ok((name.parse()?, lines)));
        Ok(Subset { version, snapshot: snapshot.clone(), lines: named.collect::<Result<_>>()?, read })
    }

    /// The versions for which [`subset`](Self::subset) finds all that a restore needs, in order. As far as metadata tells:
    /// whether the files are there, and prove themselves, only reading them does.
    pub fn restorable_versions(&self) -> Vec<RangeInclusive<u64>> {
        let catalogue = self.catalogue();
        let Some(newest) = catalogue.newest_target() else { return Vec::new() };
        let Ok(endings) = catalogue.select_epoch_endings(newest) else { return Vec::new() };
        let last_epoch = endings.last().map(|backup| backup.last_epoch);
        let snapshots: Vec<&Snapshot> = catalogue.snapshots.iter().filter(|found| found.version <= newest).collect();
        let of_one = |(at, snapshot): (usize, &&Snapshot)| {
            // From the next one on, a restore begins with that.
            let last = match snapshots.get(at + 1) {
                Some(next) => next.version.checked_sub(1)?,
                None => newest,
            };
            let reached = Some(snapshot.epoch) <= last_epoch && snapshot.version <= last;
            reached.then_some(snapshot.version..=last)
        };
        snapshots.iter().enumerate().filter_map(of_one).collect()
    }

    /// Whether another archive already has what would not go together with `subset`: with these lines as well, another
    /// selection would be made.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] then.
    pub fn takes(&self, subset: &Subset) -> Result<()> {
        let mut with = self.clone();
        for (name, lines) in &subset.lines {
            with.files.insert(format!("copied/{name}").parse()?, lines.clone());
        }
        match with.subset(subset.version) {
            Ok(chosen) if chosen == *subset => Ok(()),
            _ => {
                let reason = "the archive that is there has other backups, and with both nobody could restore this";
                Err(Error::new(ErrorKind::AlreadyExists, "add to", "the archive", reason)
                    .with_hint("copy to another place"))
            }
        }
    }

    /// Whether all of these lines are known.
    pub fn has_lines(&self, lines: &[Metadata]) -> bool {
        lines.iter().all(|line| self.place_of(line).is_some())
    }
}

impl Subset {
    /// Every file that is read for it: of each backup its data, and then its manifest. `storage` is asked for the manifests.
    ///
    /// # Errors
    /// The storage's; [`ErrorKind::Corrupt`] of a manifest that is none, or of another range than its line says.
    ///
    /// # Cancel safety
    /// It only reads: dropped, it leaves nothing.
    pub async fn files(&self, storage: &dyn BackupStorage, at_once: NonZeroUsize) -> Result<Vec<FileHandle>> {
        let read: Vec<Metadata> = self.read.clone();
        let files = stream::iter(read).map(|line| async move { files_of(storage, &line).await });
        let files: Vec<Vec<FileHandle>> = files.buffered(at_once.get()).try_collect().await?;
        Ok(files.concat())
    }

    /// The text of a file of metadata lines.
    ///
    /// # Errors
    /// Never with lines that were read.
    pub fn text(lines: &[Metadata]) -> Result<Vec<TextLine>> {
        lines.iter().map(Metadata::to_line).collect()
    }
}

async fn files_of(storage: &dyn BackupStorage, line: &Metadata) -> Result<Vec<FileHandle>> {
    let Some(manifest) = line.manifest() else { return Ok(Vec::new()) };
    let json = read_whole(storage, manifest).await?;
    let (said, mut files) = match line {
        Metadata::EpochEndingBackup { first_epoch, last_epoch, .. } => {
            let of = EpochEndingBackup::parse(&json, manifest)?;
            let files = of.chunks.iter().map(|chunk| chunk.ledger_infos.clone()).collect::<Vec<_>>();
            ((of.first_epoch, of.last_epoch) == (*first_epoch, *last_epoch), files)
        }
        Metadata::TransactionBackup { first_version, last_version, .. } => {
            let of = TransactionBackup::parse(&json, manifest)?;
            let files = of.chunks.iter().flat_map(|chunk| [chunk.transactions.clone(), chunk.proof.clone()]).collect();
            ((of.first_version, of.last_version) == (*first_version, *last_version), files)
        }
        Metadata::StateSnapshotBackup { epoch, version, .. } => {
            let of = StateSnapshotBackup::parse(&json, manifest)?;
            let chunks = of.chunks.iter().flat_map(|chunk| [chunk.blobs.clone(), chunk.proof.clone()]);
            let files = chunks.chain([of.proof.clone()]).collect();
            ((of.epoch, of.version) == (*epoch, *version), files)
        }
        Metadata::Identity { .. } | Metadata::CompactionTimestamps { .. } => return Ok(Vec::new()),
    };
    if !said {
        let reason = "it is of another range than its metadata line says";
        return Err(Error::new(ErrorKind::Corrupt, "read the manifest", manifest.to_string(), reason));
    }
    files.push(manifest.clone());
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn endings(first_epoch: u64, last_epoch: u64) -> Metadata {
        let (first_version, last_version) = (first_epoch * 10, last_epoch * 10);
        let manifest = format!("e{first_epoch}/m").parse().expect("a handle");
        Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, last_version, manifest }
    }

    fn versions(first_version: u64, last_version: u64) -> Metadata {
        let manifest = format!("t{first_version}/m").parse().expect("a handle");
        Metadata::TransactionBackup { first_version, last_version, manifest }
    }

    fn state(epoch: u64) -> Metadata {
        let manifest = format!("s{epoch}/m").parse().expect("a handle");
        Metadata::StateSnapshotBackup { epoch, version: epoch * 10, manifest }
    }

    fn known(lines: &[Metadata]) -> Known {
        let file: FileHandle = "metadata/all.meta".parse().expect("a handle");
        Known::of(BTreeMap::from([(file, lines.to_vec())]))
    }

    fn refused(lines: &[Metadata], version: u64) -> String {
        let error = known(lines).subset(version).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        error.to_string()
    }

    #[test]
    fn what_is_needed_is_the_newest_snapshot_before_and_what_leads_on_from_it() {
        let lines = [
            endings(0, 1),
            endings(2, 3),
            endings(4, 5),
            state(1),
            state(3),
            state(5),
            versions(0, 9),
            versions(10, 29),
            versions(30, 44),
            versions(45, 60),
        ];
        let subset = known(&lines).subset(42).expect("restorable");
        assert_eq!((subset.version, subset.snapshot.version), (42, 30));
        let manifests: Vec<&str> = subset.read.iter().filter_map(|line| line.manifest()).map(AsRef::as_ref).collect();
        assert_eq!(manifests, ["e0/m", "e2/m", "e4/m", "t30/m", "s3/m"]);
        let named: Vec<(&str, usize)> = subset.lines.iter().map(|(name, lines)| (name.as_ref(), lines.len())).collect();
        assert_eq!(
            named,
            [
                ("epoch_ending_compacted_0-5.meta", 3),
                ("transaction_compacted_0-44.meta", 3),
                ("state_snapshot_ver_30.meta", 1)
            ]
        );
        // A copy of it has the same, and takes more of the same archive.
        let copied: Vec<Metadata> = subset.lines.iter().flat_map(|(_, lines)| lines.clone()).collect();
        let copy = known(&copied);
        assert_eq!(copy.subset(42).expect("restorable"), subset);
        copy.takes(&known(&lines).subset(60).expect("restorable")).expect("more of the same");
        assert!(copy.has_lines(&copied) && !copy.has_lines(&lines));
        let other = Metadata::TransactionBackup {
            first_version: 30,
            last_version: 44,
            manifest: "other/m".parse().expect("a handle"),
        };
        assert!(known(&[other]).takes(&subset).is_err());
    }

    #[test]
    fn who_signs_the_last_transactions_is_known_also_after_the_version() {
        let lines = [endings(0, 1), endings(2, 3), endings(4, 5), state(1), versions(0, 35), versions(36, 60)];
        let subset = known(&lines).subset(15).expect("restorable");
        let manifests: Vec<&str> = subset.read.iter().filter_map(|line| line.manifest()).map(AsRef::as_ref).collect();
        assert_eq!(manifests, ["e0/m", "e2/m", "t0/m", "s1/m"]);
        assert_eq!(subset.lines[0].0.as_ref(), "epoch_ending_compacted_0-3.meta");
        let copied: Vec<Metadata> = subset.lines.iter().flat_map(|(_, lines)| lines.clone()).collect();
        assert_eq!(known(&copied).subset(15).expect("restorable"), subset);
        // Where those do not follow, the version can be restored all the same.
        let gap = [endings(0, 1), endings(3, 3), state(1), versions(0, 35)];
        let subset = known(&gap).subset(15).expect("restorable");
        assert_eq!(subset.lines[0].1, [endings(0, 1)]);
    }

    #[test]
    fn the_versions_that_can_be_restored_are_those_for_which_all_is_found() {
        let second =
            Metadata::StateSnapshotBackup { epoch: 3, version: 30, manifest: "z3/m".parse().expect("a handle") };
        for lines in [
            vec![endings(0, 1), endings(2, 5), state(1), state(3), second, state(5), versions(0, 29), versions(30, 60)],
            vec![endings(0, 3), state(0), state(1), state(5), versions(0, 60)],
            vec![endings(0, 1), endings(3, 5), state(1), state(4), versions(0, 60)],
            vec![endings(0, 5), state(1), state(4), versions(0, 20), versions(25, 60)],
            vec![endings(0, 5), state(1), versions(0, 20), versions(15, 60)],
            vec![endings(0, 5), state(1), versions(5, 20)],
            vec![state(1), versions(0, 20)],
            vec![endings(0, 5), versions(0, 20)],
            Vec::new(),
        ] {
            let known = known(&lines);
            let said = known.restorable_versions();
            for version in 0..80 {
                let is_said = said.iter().any(|range| range.contains(&version));
                assert_eq!(is_said, known.subset(version).is_ok(), "{version}: {said:?} {lines:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_restored_is_refused_with_the_reason() {
        let whole = [endings(0, 1), state(1), versions(0, 19)];
        assert!(known(&whole).subset(19).is_ok());
        assert!(refused(&whole, 20).contains("to version 19 only"));
        assert!(refused(&whole, 9).contains("no state snapshot"));
        assert!(refused(&[endings(0, 1), state(1)], 10).contains("no transactions"));
        assert!(refused(&[state(1), versions(0, 19)], 15).contains("no epoch endings"));
        assert!(refused(&[endings(0, 1), state(1), state(2), versions(0, 29)], 25).contains("to epoch 1"));
        assert!(refused(&[endings(0, 1), state(1), versions(0, 9), versions(11, 30)], 20).contains("do not follow"));
        assert!(refused(&[endings(0, 1), state(1), versions(0, 15), versions(12, 30)], 20).contains("do not follow"));
        assert!(refused(&[endings(1, 1), state(1), versions(0, 30)], 20).contains("epoch endings do not follow"));
        assert!(
            refused(&[endings(0, 1), state(1), versions(0, 9), versions(15, 30)], 12).contains("to version 9 only")
        );
    }
}
