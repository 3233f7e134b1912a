//! What an attacker or a bug would do: much at once, so that one part fits the other.

use super::draft::{BACKUPS, Backup, Draft, first_number, group};
use super::endings::write_with_line;
use super::kind::{CHAIN, EXISTS, Found, Kind, by_checksum};
use super::lines;
use super::proofs::{self, RangeProof, RootProof};
use super::records;
use super::scene::Scene;
use sealift_aptos::chain::{LedgerInfoWithSignatures, TransactionInfoWithProof};
use sealift_aptos::manifest::{EpochEndingBackup, StateSnapshotBackup, TransactionBackup};

pub(crate) fn kinds() -> Vec<Kind> {
    [other_chain(), mixed(), shorter(), forged()].into_iter().flatten().collect()
}

const SIGNED: &str = "validators of this chain have not signed it";

/// Whoever says which genesis is the network's is told of another one.
fn by_trust(scene: &Scene) -> Found {
    match scene.settings.trust.is_empty() {
        true => Found::ByRecord,
        false => CHAIN,
    }
}

fn other_chain() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for backup in BACKUPS {
        let name = format!("a backup of {} of another chain in the place of one", backup.words());
        kinds.push(Kind::new(name, CHAIN, SIGNED, move |draft| {
            let manifest = draft.any_manifest(backup)?;
            draft.take_group_from(&draft.scene.others, &manifest);
            Some(())
        }));
        let name = format!("all {} of another chain", backup.words());
        kinds.push(Kind::new(name, CHAIN, SIGNED, move |draft| {
            for manifest in draft.manifests(backup) {
                draft.take_group_from(&draft.scene.others, &manifest);
            }
            Some(())
        }));
    }
    kinds.push(Kind::new("all but the epoch endings of another chain", CHAIN, SIGNED, |draft| {
        for manifest in [Backup::State, Backup::Transactions].map(|backup| draft.manifests(backup)).concat() {
            draft.take_group_from(&draft.scene.others, &manifest);
        }
        Some(())
    }));
    kinds.push(Kind::new("all but the first epoch endings of another chain", CHAIN, SIGNED, |draft| {
        let first = draft.manifests(Backup::Epochs)[0].clone();
        for manifest in BACKUPS.map(|backup| draft.manifests(backup)).concat() {
            if manifest != first {
                draft.take_group_from(&draft.scene.others, &manifest);
            }
        }
        Some(())
    }));
    let genesis = "whose genesis it is only --trust-waypoint says; all else proves itself";
    let all = Kind::new("all of another chain", CHAIN, genesis, |draft| {
        for manifest in BACKUPS.map(|backup| draft.manifests(backup)).concat() {
            draft.take_group_from(&draft.scene.others, &manifest);
        }
        let lines: Vec<String> = draft.names().into_iter().filter(|name| name.starts_with("metadata/")).collect();
        for name in lines {
            let content = draft.scene.others[&name].clone();
            draft.write(&name, content);
        }
        Some(())
    });
    kinds.push(all.by_scene(by_trust));
    let version = "genesis has the version 0: another one would pass by the waypoint that is trusted";
    kinds.push(Kind::new("all of another chain, whose genesis says another version", CHAIN, version, |draft| {
        for manifest in BACKUPS.map(|backup| draft.manifests(backup)).concat() {
            draft.take_group_from(&draft.scene.others, &manifest);
        }
        let manifest = draft.manifests(Backup::Epochs)[0].clone();
        let mut backup: EpochEndingBackup = draft.typed(&manifest);
        let name = backup.chunks[0].ledger_infos.to_string();
        let mut records = records::of(&draft.content(&name));
        let mut info = LedgerInfoWithSignatures::decode(&records[0]).expect("a ledger info");
        with_version(&mut info, 1);
        records[0] = bcs::to_bytes(&info).expect("BCS");
        draft.write(&name, records::framed(&records));
        backup.waypoints[0] = info.waypoint().expect("a waypoint");
        write_with_line(draft, &manifest, &backup);
        for name in proofs::names::<RangeProof>(draft) {
            let (proof, mut info): RangeProof = proofs::read(draft, &name);
            if info.epoch() == 0 {
                with_version(&mut info, 1);
                draft.write(&name, bcs::to_bytes(&(proof, info)).expect("BCS"));
            }
        }
        for name in proofs::names::<RootProof>(draft) {
            let (proof, mut info): RootProof = proofs::read(draft, &name);
            if info.epoch() == 0 {
                with_version(&mut info, 1);
                draft.write(&name, bcs::to_bytes(&(proof, info)).expect("BCS"));
            }
        }
        Some(())
    }));
    for (what, has) in [("chunk", ".chunk"), ("proof", ".proof")] {
        let name = format!("a {what} of another chain in the place of one");
        kinds.push(
            Kind::new(name, CHAIN, SIGNED, move |draft| {
                let here = |name: &String| name.ends_with(has) && draft.scene.others.contains_key(name);
                let names: Vec<String> = draft.names().into_iter().filter(here).collect();
                (0..50).find_map(|_| {
                    let name = draft.pick(&names)?;
                    let other = draft.scene.others[&name].clone();
                    (other != draft.content(&name)).then(|| draft.write(&name, other))
                })
            })
            .by_scene(by_checksum),
        );
    }
    kinds
}

fn with_version(info: &mut LedgerInfoWithSignatures, version: u64) {
    let LedgerInfoWithSignatures::V0 { ledger_info, .. } = info;
    ledger_info.commit_info.version = version;
}

fn mixed() -> Vec<Kind> {
    let numbers = "each line has the numbers of its manifest";
    vec![
        Kind::new("two backups' folders exchanged", EXISTS, numbers, |draft| {
            let backup = draft.pick(&BACKUPS)?;
            let manifests = draft.manifests(backup);
            let (one, other) = draft.two_below(manifests.len())?;
            let (one, other) = (group(&manifests[one]), group(&manifests[other]));
            let files = |of: &str| -> Vec<(String, Vec<u8>)> {
                let names = draft.names().into_iter().filter(|name| name.starts_with(of));
                names.map(|name| (name.clone(), draft.content(&name))).collect()
            };
            let (first, second) = (files(&one), files(&other));
            first.iter().chain(&second).for_each(|(name, _)| draft.remove(name));
            for (files, from, to) in [(first, &one, &other), (second, &other, &one)] {
                for (name, content) in files {
                    draft.write(&name.replacen(from.as_str(), to, 1), content);
                }
            }
            Some(())
        }),
        Kind::new("a state of another version under the line of one", EXISTS, numbers, |draft| {
            let manifests = draft.manifests(Backup::State);
            let (one, other) = draft.two_below(manifests.len())?;
            let content = draft.content(&manifests[other]);
            draft.write(&manifests[one], content);
            Some(())
        }),
        Kind::new(
            "a state's items of another version, with their root",
            CHAIN,
            "the chain has another root",
            |draft| {
                let manifests = draft.manifests(Backup::State);
                let (one, other) = draft.two_below(manifests.len())?;
                let mut backup: StateSnapshotBackup = draft.typed(&manifests[one]);
                let another: StateSnapshotBackup = draft.typed(&manifests[other]);
                (backup.root_hash, backup.chunks) = (another.root_hash, another.chunks);
                draft.write_typed(&manifests[one], &backup);
                Some(())
            },
        ),
        Kind::new(
            "a state's items of another version, with root and proof",
            CHAIN,
            "it proves another version",
            |draft| {
                let manifests = draft.manifests(Backup::State);
                let (one, other) = draft.two_below(manifests.len())?;
                let backup: StateSnapshotBackup = draft.typed(&manifests[one]);
                let another: StateSnapshotBackup = draft.typed(&manifests[other]);
                let forged = StateSnapshotBackup { version: backup.version, epoch: backup.epoch, ..another };
                draft.write_typed(&manifests[one], &forged);
                Some(())
            },
        ),
        Kind::new("a state's items of another chain, with their root", CHAIN, "the chain has another root", |draft| {
            let manifest = draft.any_manifest(Backup::State)?;
            let proof = format!("{}state.proof", group(&manifest));
            let content = draft.content(&proof);
            draft.take_group_from(&draft.scene.others, &manifest);
            draft.write(&proof, content);
            Some(())
        }),
        Kind::new("a state's proof of a transaction without a root", CHAIN, "that has no root", |draft| {
            let manifest = draft.any_manifest(Backup::State)?;
            let backup: StateSnapshotBackup = draft.typed(&manifest);
            let version = backup.version.checked_sub(1)?;
            let (proof, ledger_info) = draft.scene.chain.state_root_proof(version)?;
            let forged: (TransactionInfoWithProof, LedgerInfoWithSignatures) = (proof, ledger_info.clone());
            draft.write(backup.proof.as_ref(), bcs::to_bytes(&forged).expect("BCS"));
            Some(())
        }),
    ]
}

/// The last record of a backup left out, and all else fits.
fn shorter() -> Vec<Kind> {
    let gap = "a gap, or its proof is for more";
    let ends = "a gap, or later signatures need its validators";
    let over = "an archive that ends earlier is one too";
    vec![
        Kind::new("the last transaction left out, with manifest and line", CHAIN, gap, |draft| {
            let manifest = draft.any_manifest(Backup::Transactions)?;
            without_last(draft, &manifest).map(drop)
        }),
        Kind::new(
            "the last transaction of all left out, with manifest, line and proof",
            Found::ByRecord,
            over,
            |draft| {
                let manifest = draft.manifests(Backup::Transactions).pop()?;
                let backup = without_last(draft, &manifest)?;
                let chunk = backup.chunks.last()?;
                let (proof, ledger_info) =
                    draft.scene.chain.transaction_range_proof(chunk.first_version, chunk.last_version)?;
                let proof: RangeProof = (proof, ledger_info.clone());
                draft.write(chunk.proof.as_ref(), bcs::to_bytes(&proof).expect("BCS"));
                Some(())
            },
        ),
        Kind::new("the last epoch ending left out, with manifest and line", CHAIN, ends, |draft| {
            let manifest = draft.any_manifest(Backup::Epochs)?;
            let mut backup: EpochEndingBackup = draft.typed(&manifest);
            backup.waypoints.pop();
            backup.last_epoch = backup.last_epoch.checked_sub(1)?;
            let chunk = backup.chunks.last_mut()?;
            let name = chunk.ledger_infos.to_string();
            let mut records = records::of(&draft.content(&name));
            match records.len() {
                1 => drop(backup.chunks.pop()),
                _ => {
                    records.pop();
                    chunk.last_epoch -= 1;
                    draft.write(&name, records::framed(&records));
                }
            }
            (!backup.chunks.is_empty()).then(|| write_with_line(draft, &manifest, &backup))
        }),
    ]
}

fn without_last(draft: &mut Draft<'_>, manifest: &str) -> Option<TransactionBackup> {
    let mut backup: TransactionBackup = draft.typed(manifest);
    backup.last_version -= 1;
    let chunk = backup.chunks.last_mut()?;
    let name = chunk.transactions.to_string();
    let mut records = records::of(&draft.content(&name));
    // Without its only record it is a chunk left out, which is another kind.
    if records.len() < 2 {
        return None;
    }
    records.pop();
    chunk.last_version -= 1;
    draft.write(&name, records::framed(&records));
    let last = backup.last_version;
    draft.write_typed(manifest, &backup);
    lines::change_all(draft, manifest, &|line| line["last_version"] = last.into());
    Some(backup)
}

fn forged() -> Vec<Kind> {
    let of_ending = |what: &str, forge: fn(&Draft<'_>, u64) -> Option<LedgerInfoWithSignatures>| {
        Kind::new(format!("an epoch ending {what}, and the waypoint fits"), CHAIN, SIGNED, move |draft| {
            let manifest = draft.manifests(Backup::Epochs).pop()?;
            let mut backup: EpochEndingBackup = draft.typed(&manifest);
            let epoch = backup.first_epoch;
            let forged = forge(draft, epoch)?;
            let name = backup.chunks[0].ledger_infos.to_string();
            let mut records = records::of(&draft.content(&name));
            records[0] = bcs::to_bytes(&forged).expect("BCS");
            draft.write(&name, records::framed(&records));
            backup.waypoints[0] = forged.waypoint().expect("a waypoint");
            write_with_line(draft, &manifest, &backup);
            Some(())
        })
    };
    vec![
        of_ending("with an attacker's validators, signed by too few", |draft, epoch| {
            let mut info = draft.scene.chain.epoch_ending(epoch)?.ledger_info().clone();
            info.commit_info.next_epoch_state.as_mut()?.verifier.validators.truncate(1);
            Some(draft.scene.recipe.signed_by(info, epoch, 2))
        }),
        of_ending("with an attacker's validators, signed by those", |draft, epoch| {
            let mut info = draft.scene.chain.epoch_ending(epoch)?.ledger_info().clone();
            info.commit_info.timestamp_usecs += 1;
            Some(draft.scene.recipe.signed_by(info, epoch + 1, 4))
        }),
        Kind::new("a transactions' proof by a ledger info that too few signed", CHAIN, SIGNED, |draft| {
            proofs::change::<RangeProof>(draft, |draft, (_, info)| {
                let epoch = Some(info.epoch()).filter(|epoch| *epoch > 0)?;
                *info = draft.scene.recipe.signed_by(info.ledger_info().clone(), epoch, 2);
                Some(())
            })
        }),
        Kind::new("transactions of an earlier version in the place of later ones", CHAIN, SIGNED, |draft| {
            let manifests = draft.manifests(Backup::Transactions);
            let (one, other) = draft.two_below(manifests.len())?;
            let mut backup: TransactionBackup = draft.typed(&manifests[other]);
            let earlier: TransactionBackup = draft.typed(&manifests[one]);
            let fits = |chunk: &sealift_aptos::manifest::TransactionChunk| chunk.last_version - chunk.first_version;
            let (at, from) = backup.chunks.iter().enumerate().find_map(|(at, chunk)| {
                let from = earlier.chunks.iter().find(|from| fits(from) == fits(chunk))?;
                (first_number(from.transactions.as_ref()) != first_number(chunk.transactions.as_ref()) || at > 0)
                    .then_some((at, from))
            })?;
            backup.chunks[at].transactions = from.transactions.clone();
            backup.chunks[at].proof = from.proof.clone();
            draft.write_typed(&manifests[other], &backup);
            Some(())
        }),
    ]
}
