//! A model: random archives, windows and states of verification. Whatever is planned, every wanted version is restored from
//! the same snapshot as before, by rules that are written here once more.

use super::lines::leave;
use crate::known::{Known, Snapshot};
use crate::metadata::Metadata;
use sealift::FileHandle;
use std::collections::{BTreeMap, BTreeSet};

struct Random(rand::rngs::StdRng);

impl Random {
    fn of(seed: u64) -> Self {
        Random(rand::SeedableRng::seed_from_u64(seed))
    }

    fn below(&mut self, end: u64) -> u64 {
        rand::RngExt::random_range(&mut self.0, 0..end)
    }
}

fn handle(text: String) -> FileHandle {
    text.parse().expect("a handle")
}

/// Metadata files of a random archive: epochs of random lengths, transactions that follow one another, snapshots of some epochs,
/// of some two; each line in a file of its own, in a compacted one, or in both.
fn archive(random: &mut Random) -> BTreeMap<FileHandle, Vec<Metadata>> {
    let epochs = 2 + random.below(20);
    let mut ends = vec![0];
    for _ in 1..epochs {
        ends.push(ends[ends.len() - 1] + 1 + random.below(30));
    }
    let mut lines = Vec::new();
    let mut first = 0;
    while first < ends.len() {
        let last = (first + random.below(4) as usize).min(ends.len() - 1);
        lines.push(Metadata::EpochEndingBackup {
            first_epoch: first as u64,
            last_epoch: last as u64,
            first_version: ends[first],
            last_version: ends[last],
            manifest: handle(format!("e{first}/m")),
        });
        first = last + 1;
    }
    let end = ends[ends.len() - 1] + random.below(50);
    let mut version = 0;
    while version <= end {
        let last_version = version + random.below(40);
        let manifest = handle(format!("t{version}/m"));
        lines.push(Metadata::TransactionBackup { first_version: version, last_version, manifest });
        version = last_version + 1;
    }
    for (epoch, version) in ends.iter().enumerate() {
        for copy in 0..random.below(3) {
            let manifest = handle(format!("s{epoch}.{copy}/m"));
            lines.push(Metadata::StateSnapshotBackup { epoch: epoch as u64, version: *version, manifest });
        }
    }
    let mut files: BTreeMap<FileHandle, Vec<Metadata>> = BTreeMap::new();
    for (at, line) in lines.into_iter().enumerate() {
        let place = random.below(3);
        if place != 1 {
            files.insert(handle(format!("metadata/loose_{at}.meta")), vec![line.clone()]);
        }
        if place != 0 {
            // No tool puts two kinds into one file; whoever does is served all the same.
            let file = handle(format!("metadata/compacted_{}.meta", random.below(6)));
            files.entry(file).or_default().push(line);
        }
    }
    files
}

/// What those who restore take for a version: the snapshot, and the manifests that are read; or why they refuse.
fn restore(
    files: &BTreeMap<FileHandle, Vec<Metadata>>,
    target: u64,
) -> Result<(String, BTreeSet<String>), &'static str> {
    let (mut states, mut transactions, mut endings) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in files.values().flatten() {
        match line {
            Metadata::StateSnapshotBackup { epoch, version, manifest } => {
                _ = states.insert((*epoch, *version, manifest.to_string()));
            }
            Metadata::TransactionBackup { first_version, last_version, manifest } => {
                _ = transactions.insert((*first_version, *last_version, manifest.to_string()));
            }
            Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, manifest, .. } => {
                _ = endings.insert((*first_epoch, *last_epoch, *first_version, manifest.to_string()));
            }
            _ => {}
        }
    }
    let (_, from, state) = states.iter().rev().find(|state| state.1 <= target).ok_or("no snapshot")?;
    let mut read = BTreeSet::from([state.clone()]);
    let mut next = 0;
    for (first, last, manifest) in transactions.iter().filter(|it| it.0 <= target) {
        if *first != next {
            return Err("transactions");
        }
        next = last + 1;
        if last >= from {
            read.insert(manifest.clone());
        }
    }
    if next <= target {
        return Err("too few transactions");
    }
    let mut next = 0;
    for (first, last, _, manifest) in endings.iter().filter(|it| it.2 <= target) {
        if *first != next {
            return Err("epoch endings");
        }
        next = last + 1;
        read.insert(manifest.clone());
    }
    Ok((state.clone(), read))
}

#[test]
fn every_wanted_version_is_restored_from_the_same() {
    let (mut gone_at_all, mut written) = (0, 0);
    for seed in 0..200 {
        let mut random = Random::of(seed);
        let before = archive(&mut random);
        let known = Known::of(before.clone());
        let catalogue = known.catalogue();
        let Some(restorable) = catalogue.restorable() else { continue };
        let start = restorable.version.saturating_sub(random.below(restorable.version + 20));
        // What is verified is anything.
        let good: BTreeSet<FileHandle> =
            before.values().flatten().filter_map(Metadata::manifest).filter(|_| random.below(8) > 0).cloned().collect();
        let is_good = |snapshot: &&Snapshot| {
            catalogue.needs(snapshot, start).is_some_and(|need| {
                let all = need.epoch_endings.iter().chain(&need.transactions).chain([&snapshot.manifest]);
                all.into_iter().all(|manifest| good.contains(manifest))
            })
        };
        let base = catalogue.bases(start).find(is_good).cloned();
        let gone = base.as_ref().map(|base| catalogue.superfluous_beside(base)).unwrap_or_default();
        let manifests: BTreeSet<FileHandle> = gone.iter().map(|snapshot| snapshot.manifest.clone()).collect();
        let (write, moves) = leave(&known, &manifests).expect("a plan");
        gone_at_all += gone.len();
        written += write.len();

        // In every order of steps that a stop may leave: nothing that is read is of what is gone, once no file names it.
        let mut after = before.clone();
        for file in &write {
            after.insert(file.file().clone(), file.lines.clone());
        }
        for file in &moves {
            let same =
                restore(&after, start).map(|(state, _)| state) == restore(&before, start).map(|(state, _)| state);
            assert!(same, "seed {seed}");
            after.remove(file);
        }
        for target in start..=restorable.version {
            let (was, is) = (restore(&before, target), restore(&after, target));
            assert_eq!(was, is, "seed {seed}: version {target} of {start}..={}", restorable.version);
            if let Ok((_, read)) = is {
                assert!(read.iter().all(|manifest| !manifests.contains(&handle(manifest.clone()))), "seed {seed}");
            }
        }
        // Exactly those lines are gone.
        let lines = |files: &BTreeMap<FileHandle, Vec<Metadata>>| -> BTreeSet<String> {
            files.values().flatten().filter_map(Metadata::manifest).map(ToString::to_string).collect()
        };
        let left: BTreeSet<String> = manifests.iter().map(ToString::to_string).chain(lines(&after)).collect();
        assert_eq!(
            (left, lines(&after).len() + manifests.len()),
            (lines(&before), lines(&before).len()),
            "seed {seed}"
        );
        // Never below the floor: what makes them superfluous is there, and good.
        if let Some(base) = base {
            assert!(lines(&after).contains(base.manifest.as_ref()) && good.contains(&base.manifest), "seed {seed}");
        } else {
            assert_eq!((moves.len(), after), (0, before.clone()), "seed {seed}");
        }
        // The graph needs nothing that is gone, and covers every wanted version.
        let kept: Vec<Snapshot> = catalogue.snapshots.difference(&gone).cloned().collect();
        let graph = catalogue.graph(&kept, restorable.version);
        for target in start..=restorable.version {
            let Ok((state, read)) = restore(&before, target) else { continue };
            let of = |need: &&super::Need| need.versions.is_some_and(|(first, last)| first <= target && target <= last);
            let need = graph.iter().find(of).unwrap_or_else(|| panic!("seed {seed}: version {target}"));
            assert_eq!(need.snapshot.manifest.as_ref(), state, "seed {seed}: version {target}");
            let needed: BTreeSet<&str> = need
                .epoch_endings
                .iter()
                .chain(&need.transactions)
                .map(AsRef::as_ref)
                .chain([state.as_str()])
                .collect();
            assert!(read.iter().all(|manifest| needed.contains(manifest.as_str())), "seed {seed}: version {target}");
        }
    }
    assert!(gone_at_all > 300 && written > 30, "{gone_at_all} snapshots, {written} files");
}
