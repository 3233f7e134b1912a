//! Manifests and lines that were changed together, so that neither contradicts the other.

use super::draft::{Backup, Draft};
use super::kind::{CHAIN, EXISTS, Found, Kind};
use super::lines::change_all;
use rand::RngExt;
use sealift_aptos::manifest::{EpochEndingBackup, StateSnapshotBackup, TransactionBackup};
use serde_json::json;

pub(crate) fn kinds() -> Vec<Kind> {
    [left_out(), moved(), extreme()].into_iter().flatten().collect()
}

const ROOT: &str = "all items together are not the root";
const GAP: &str = "restoring needs all from 0 on without a gap";

fn transactions(draft: &mut Draft<'_>, manifest: &str, backup: &TransactionBackup) {
    draft.write_typed(manifest, backup);
    let (first, last) = (backup.first_version, backup.last_version);
    change_all(draft, manifest, &|line| {
        line["first_version"] = first.into();
        line["last_version"] = last.into();
    });
}

fn endings(draft: &mut Draft<'_>, manifest: &str, backup: &EpochEndingBackup) {
    draft.write_typed(manifest, backup);
    let (first, last) = (backup.first_epoch, backup.last_epoch);
    let version = |waypoint: Option<&sealift_aptos::chain::Waypoint>| waypoint.map_or(0, |waypoint| waypoint.version);
    let (first_version, last_version) = (version(backup.waypoints.first()), version(backup.waypoints.last()));
    change_all(draft, manifest, &|line| {
        line["first_epoch"] = first.into();
        line["last_epoch"] = last.into();
        line["first_version"] = first_version.into();
        line["last_version"] = last_version.into();
    });
}

/// Numbers the chunks of a state anew.
fn count_anew(backup: &mut StateSnapshotBackup) {
    let mut next = 0;
    for chunk in &mut backup.chunks {
        let count = chunk.last_idx - chunk.first_idx;
        (chunk.first_idx, chunk.last_idx) = (next, next + count);
        next += count + 1;
    }
}

fn left_out() -> Vec<Kind> {
    let of_state = |what: &str, choose: fn(&mut Draft<'_>, usize) -> Option<usize>| {
        Kind::new(format!("state: {what} left out, all else fits"), CHAIN, ROOT, move |draft| {
            let manifest = draft.any_manifest(Backup::State)?;
            let mut backup: StateSnapshotBackup = draft.typed(&manifest);
            let at = choose(draft, backup.chunks.len())?;
            backup.chunks.remove(at);
            count_anew(&mut backup);
            (!backup.chunks.is_empty()).then(|| draft.write_typed(&manifest, &backup))
        })
    };
    vec![
        of_state("the last chunk", |_, count| count.checked_sub(1)),
        of_state("the first chunk", |_, count| (count > 1).then_some(0)),
        of_state("any chunk", |draft, count| draft.below(count)),
        Kind::new("transactions: the last chunk of an earlier backup left out, with its line", EXISTS, GAP, |draft| {
            let earlier = super::objects::all_but_last(draft, Backup::Transactions);
            let manifest = draft.pick(&earlier)?;
            without_last_chunk(draft, &manifest)
        }),
        Kind::new(
            "transactions: the last chunk of the last backup left out, with its line",
            Found::ByRecord,
            "an archive that ends earlier is one too; a note names the files that nothing leads to",
            |draft| {
                let manifest = draft.manifests(Backup::Transactions).pop()?;
                without_last_chunk(draft, &manifest)
            },
        ),
        Kind::new("transactions: the first chunk left out, with its line", EXISTS, GAP, |draft| {
            let manifest = draft.any_manifest(Backup::Transactions)?;
            let mut backup: TransactionBackup = draft.typed(&manifest);
            backup.chunks.remove(0);
            backup.first_version = backup.chunks.first()?.first_version;
            transactions(draft, &manifest, &backup);
            Some(())
        }),
        Kind::new(
            "epoch endings: the last chunk left out, with its line",
            CHAIN,
            "a gap, or later signatures need its validators",
            |draft| {
                let manifest = draft.any_manifest(Backup::Epochs)?;
                let mut backup: EpochEndingBackup = draft.typed(&manifest);
                backup.chunks.pop();
                backup.last_epoch = backup.chunks.last()?.last_epoch;
                backup.waypoints.truncate((backup.last_epoch - backup.first_epoch + 1) as usize);
                endings(draft, &manifest, &backup);
                Some(())
            },
        ),
    ]
}

pub(crate) fn without_last_chunk(draft: &mut Draft<'_>, manifest: &str) -> Option<()> {
    let mut backup: TransactionBackup = draft.typed(manifest);
    backup.chunks.pop();
    backup.last_version = backup.chunks.last()?.last_version;
    transactions(draft, manifest, &backup);
    Some(())
}

fn moved() -> Vec<Kind> {
    let border = "a chunk has as many records as it is to have";
    let one_version = "a state is proven for its version only";
    vec![
        Kind::new("transactions: the border of two chunks moved", CHAIN, border, |draft| {
            let manifest = draft.any_manifest(Backup::Transactions)?;
            let mut backup: TransactionBackup = draft.typed(&manifest);
            let at = draft.below(backup.chunks.len().checked_sub(1)?)?;
            match backup.chunks[at].first_version < backup.chunks[at].last_version {
                true => backup.chunks[at].last_version -= 1,
                false => backup.chunks[at].last_version += 1,
            }
            backup.chunks[at + 1].first_version = backup.chunks[at].last_version + 1;
            let holds = backup.chunks[at + 1].first_version <= backup.chunks[at + 1].last_version;
            holds.then(|| draft.write_typed(&manifest, &backup))
        }),
        Kind::new("state: the border of two chunks moved", CHAIN, border, |draft| {
            let manifest = draft.any_manifest(Backup::State)?;
            let mut backup: StateSnapshotBackup = draft.typed(&manifest);
            let at = draft.below(backup.chunks.len().checked_sub(1)?)?;
            backup.chunks[at].last_idx = backup.chunks[at].last_idx.checked_sub(1)?;
            backup.chunks[at + 1].first_idx -= 1;
            (backup.chunks[at].first_idx <= backup.chunks[at].last_idx).then(|| draft.write_typed(&manifest, &backup))
        }),
        Kind::new("transactions: all versions moved, with the line", EXISTS, GAP, |draft| {
            let manifest = draft.any_manifest(Backup::Transactions)?;
            let mut backup: TransactionBackup = draft.typed(&manifest);
            let by = draft.random.random_range(1..5);
            backup.first_version += by;
            backup.last_version += by;
            for chunk in &mut backup.chunks {
                (chunk.first_version, chunk.last_version) = (chunk.first_version + by, chunk.last_version + by);
            }
            transactions(draft, &manifest, &backup);
            Some(())
        }),
        Kind::new("epoch endings: all epochs moved, with the line", EXISTS, GAP, |draft| {
            let manifest = draft.any_manifest(Backup::Epochs)?;
            let mut backup: EpochEndingBackup = draft.typed(&manifest);
            backup.first_epoch += 1;
            backup.last_epoch += 1;
            for chunk in &mut backup.chunks {
                (chunk.first_epoch, chunk.last_epoch) = (chunk.first_epoch + 1, chunk.last_epoch + 1);
            }
            endings(draft, &manifest, &backup);
            Some(())
        }),
        Kind::new("state: another version, with the line", CHAIN, one_version, |draft| {
            let manifest = draft.any_manifest(Backup::State)?;
            let mut value = draft.json(&manifest);
            let version = super::lines::other_number(draft, value["version"].as_u64()?);
            value["version"] = version.into();
            draft.write_json(&manifest, &value);
            change_all(draft, &manifest, &|line| line["version"] = version.into());
            Some(())
        }),
        Kind::new("state: another epoch, with the line", CHAIN, one_version, |draft| {
            let manifest = draft.any_manifest(Backup::State)?;
            let mut value = draft.json(&manifest);
            let epoch = super::lines::other_number(draft, value["epoch"].as_u64()?);
            value["epoch"] = epoch.into();
            draft.write_json(&manifest, &value);
            change_all(draft, &manifest, &|line| line["epoch"] = epoch.into());
            Some(())
        }),
    ]
}

/// Numbers at the end of what a number can be.
fn extreme() -> Vec<Kind> {
    let why = "no chain has so many";
    vec![
        Kind::new("transactions 0 to the last number there is, with the line", EXISTS, why, |draft| {
            let manifest = draft.any_manifest(Backup::Transactions)?;
            let mut backup: TransactionBackup = draft.typed(&manifest);
            (backup.first_version, backup.last_version) = (0, u64::MAX);
            backup.chunks.truncate(1);
            (backup.chunks[0].first_version, backup.chunks[0].last_version) = (0, u64::MAX);
            transactions(draft, &manifest, &backup);
            Some(())
        }),
        Kind::new("epoch endings 0 to the last number there is, with the line", EXISTS, why, |draft| {
            let manifest = draft.any_manifest(Backup::Epochs)?;
            let mut backup: EpochEndingBackup = draft.typed(&manifest);
            (backup.first_epoch, backup.last_epoch) = (0, u64::MAX);
            backup.chunks.truncate(1);
            (backup.chunks[0].first_epoch, backup.chunks[0].last_epoch) = (0, u64::MAX);
            endings(draft, &manifest, &backup);
            Some(())
        }),
        Kind::new("the ending of the last epoch that a number can have, with the line", EXISTS, why, |draft| {
            let manifest = draft.any_manifest(Backup::Epochs)?;
            let mut backup: EpochEndingBackup = draft.typed(&manifest);
            (backup.first_epoch, backup.last_epoch) = (u64::MAX, u64::MAX);
            backup.chunks.truncate(1);
            backup.waypoints.truncate(1);
            (backup.chunks[0].first_epoch, backup.chunks[0].last_epoch) = (u64::MAX, u64::MAX);
            let name = backup.chunks[0].ledger_infos.to_string();
            let twice = draft.content(&name).repeat(2);
            draft.write(&name, twice);
            endings(draft, &manifest, &backup);
            Some(())
        }),
        Kind::new("a state of as many items as a number can count", EXISTS, why, |draft| {
            let manifest = draft.any_manifest(Backup::State)?;
            let mut value = draft.json(&manifest);
            let mut chunk = value["chunks"][0].take();
            chunk["last_idx"] = u64::MAX.into();
            value["chunks"] = json!([chunk]);
            draft.write_json(&manifest, &value);
            Some(())
        }),
    ]
}
