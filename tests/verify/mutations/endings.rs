//! Ledger infos: every field of one, and its signatures, in each file that has some.

use super::draft::{Backup, Draft};
use super::kind::{CHAIN, Kind};
use super::lines::change_all;
use super::proofs::{RangeProof, RootProof};
use super::records;
use rand::RngExt;
use sealift_aptos::chain::{
    AggregateSignature, EpochState, HashValue, LedgerInfo, LedgerInfoWithSignatures, Validator, Waypoint,
};
use sealift_aptos::manifest::EpochEndingBackup;

type Change = fn(&mut Draft<'_>, &mut LedgerInfo, &mut AggregateSignature) -> Option<()>;

fn flip_bits(draft: &mut Draft<'_>, bytes: &mut [u8]) -> Option<()> {
    let at = draft.below(bytes.len())?;
    bytes[at] ^= 1 << draft.random.random_range(0..8);
    Some(())
}

pub(crate) fn flip_hash(draft: &mut Draft<'_>, hash: &mut HashValue) -> Option<()> {
    let mut bytes = *hash.as_bytes();
    flip_bits(draft, &mut bytes)?;
    *hash = HashValue::new(bytes);
    Some(())
}

fn next(info: &mut LedgerInfo) -> Option<&mut EpochState> {
    info.commit_info.next_epoch_state.as_mut()
}

fn validator<'v>(draft: &mut Draft<'_>, info: &'v mut LedgerInfo) -> Option<&'v mut Validator> {
    let validators = &mut next(info)?.verifier.validators;
    let at = draft.below(validators.len())?;
    Some(&mut validators[at])
}

const FIELDS: [(&str, Change); 16] = [
    ("another epoch", |draft, info, _| {
        info.commit_info.epoch = super::lines::other_number(draft, info.commit_info.epoch);
        Some(())
    }),
    ("another round", |draft, info, _| {
        info.commit_info.round = super::lines::other_number(draft, info.commit_info.round);
        Some(())
    }),
    ("another block", |draft, info, _| flip_hash(draft, &mut info.commit_info.id)),
    ("another ledger", |draft, info, _| flip_hash(draft, &mut info.commit_info.executed_state_id)),
    ("another version", |draft, info, _| {
        info.commit_info.version = super::lines::other_number(draft, info.commit_info.version);
        Some(())
    }),
    ("another time", |draft, info, _| {
        info.commit_info.timestamp_usecs = super::lines::other_number(draft, info.commit_info.timestamp_usecs);
        Some(())
    }),
    ("what only consensus needs", |draft, info, _| flip_hash(draft, &mut info.consensus_data_hash)),
    ("no validators", |_, info, _| info.commit_info.next_epoch_state.take().map(drop)),
    ("validators of another epoch", |draft, info, _| {
        let next = next(info)?;
        next.epoch = super::lines::other_number(draft, next.epoch);
        Some(())
    }),
    ("a bit of a validator's key", |draft, info, _| {
        let validator = validator(draft, info)?;
        flip_bits(draft, &mut validator.public_key)
    }),
    ("a validator's power", |draft, info, _| {
        let validator = validator(draft, info)?;
        validator.voting_power = super::lines::other_number(draft, validator.voting_power);
        Some(())
    }),
    ("a validator's address", |draft, info, _| {
        let validator = validator(draft, info)?;
        flip_bits(draft, &mut validator.address)
    }),
    ("a validator left out", |draft, info, _| {
        let validators = &mut next(info)?.verifier.validators;
        let at = draft.below(validators.len())?;
        validators.remove(at);
        Some(())
    }),
    ("a validator twice", |draft, info, _| {
        let validators = &mut next(info)?.verifier.validators;
        let at = draft.below(validators.len())?;
        validators.push(validators[at].clone());
        Some(())
    }),
    ("two validators swapped", |draft, info, _| {
        let validators = &mut next(info)?.verifier.validators;
        let (one, other) = draft.two_below(validators.len())?;
        validators.swap(one, other);
        Some(())
    }),
    ("all validators left out", |_, info, _| {
        next(info)?.verifier.validators.clear();
        Some(())
    }),
];

const SIGNATURES: [(&str, Change); 13] = [
    ("a bit of its signature", |draft, _, signed| flip_bits(draft, signed.signature.as_mut()?)),
    ("no signature", |_, _, signed| signed.signature.take().map(drop)),
    ("a signature where there was none", |_, _, signed| {
        signed.signature.is_none().then(|| signed.signature = Some(vec![0; 96]))
    }),
    ("a signature cut off", |_, _, signed| signed.signature.as_mut()?.pop().map(drop)),
    ("a signature that is the point at infinity", |_, _, signed| {
        let signature = signed.signature.as_mut()?;
        signature.fill(0);
        signature[0] = 0xc0;
        Some(())
    }),
    ("the signature of another epoch", |draft, info, signed| {
        let others: Vec<u64> =
            (1..draft.scene.chain.epoch()).filter(|epoch| *epoch != info.commit_info.epoch).collect();
        let epoch = draft.pick(&others)?;
        signed.signature.as_mut()?.clone_from(draft.scene.chain.epoch_ending(epoch)?.signatures().signature.as_ref()?);
        Some(())
    }),
    ("a bit of who signed", |draft, _, signed| flip_bits(draft, &mut signed.validator_bitmask)),
    ("all have signed", |_, _, signed| signed.validator_bitmask.first_mut().map(|byte| *byte = 0xf0)),
    ("nobody has signed", |_, _, signed| {
        let mask = &mut signed.validator_bitmask;
        (!mask.is_empty()).then(|| mask.fill(0))
    }),
    ("room for more who signed", |_, _, signed| {
        signed.validator_bitmask.push(0);
        Some(())
    }),
    ("signed by too few", |draft, info, signed| {
        let epoch = Some(info.commit_info.epoch).filter(|epoch| *epoch > 0)?;
        let count = draft.random.random_range(1..3);
        *signed = draft.scene.recipe.signed_by(info.clone(), epoch, count).signatures().clone();
        Some(())
    }),
    ("signed by the validators of another epoch", |draft, info, signed| {
        let epoch = Some(info.commit_info.epoch).filter(|epoch| *epoch > 0)?;
        *signed = draft.scene.recipe.signed_by(info.clone(), epoch + 1, 4).signatures().clone();
        Some(())
    }),
    ("another ledger, signed by too few", |draft, info, signed| {
        let epoch = Some(info.commit_info.epoch).filter(|epoch| *epoch > 0)?;
        flip_hash(draft, &mut info.commit_info.executed_state_id)?;
        *signed = draft.scene.recipe.signed_by(info.clone(), epoch, 2).signatures().clone();
        Some(())
    }),
];

pub(crate) fn kinds() -> Vec<Kind> {
    let changes: Vec<(&str, Change)> = FIELDS.into_iter().chain(SIGNATURES).collect();
    let of_change = |(what, change): (&'static str, Change)| {
        let signed = "the validators of its epoch have signed all of it; of genesis the form is known";
        let waypoint = "its waypoint is in the manifest, and validators have signed the rest";
        [
            Kind::new(format!("epoch ending: {what}"), CHAIN, waypoint, move |draft| {
                ending(draft, change, Fit::Nothing)
            }),
            Kind::new(format!("epoch ending: {what}, and the waypoint fits"), CHAIN, signed, move |draft| {
                ending(draft, change, Fit::Waypoint)
            }),
            Kind::new(format!("ledger info of a transactions' proof: {what}"), CHAIN, signed, move |draft| {
                super::proofs::change::<RangeProof>(draft, |draft, (_, info)| changed(draft, info, change))
            }),
            Kind::new(format!("ledger info of a state's proof: {what}"), CHAIN, signed, move |draft| {
                super::proofs::change::<RootProof>(draft, |draft, (_, info)| changed(draft, info, change))
            }),
        ]
    };
    let mut kinds: Vec<Kind> = changes.into_iter().flat_map(of_change).collect();
    let of_open = "ledger info of a transactions' proof: validators where there were none";
    kinds.push(Kind::new(of_open, CHAIN, "the validators of its epoch have signed all of it", |draft| {
        super::proofs::change::<RangeProof>(draft, |draft, (_, info)| {
            let LedgerInfoWithSignatures::V0 { ledger_info, .. } = info;
            let other = draft.scene.chain.epoch_ending(1)?.next_epoch_state()?.clone();
            let next = &mut ledger_info.commit_info.next_epoch_state;
            next.is_none().then(|| *next = Some(other))
        })
    }));
    kinds
}

fn changed(draft: &mut Draft<'_>, info: &mut LedgerInfoWithSignatures, change: Change) -> Option<()> {
    let LedgerInfoWithSignatures::V0 { ledger_info, signatures } = info;
    change(draft, ledger_info, signatures)
}

/// What is made to fit an ending that was changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Nothing,
    Waypoint,
}

fn ending(draft: &mut Draft<'_>, change: Change, fit: Fit) -> Option<()> {
    (0..50).find_map(|_| {
        let manifest = draft.any_manifest(Backup::Epochs)?;
        let mut backup: EpochEndingBackup = draft.typed(&manifest);
        let chunk = draft.pick(&backup.chunks)?;
        let name = chunk.ledger_infos.to_string();
        let mut records = records::of(&draft.content(&name));
        let at = draft.below(records.len())?;
        let mut info = LedgerInfoWithSignatures::decode(&records[at]).expect("a ledger info");
        let before = info.clone();
        changed(draft, &mut info, change)?;
        if info == before {
            return None;
        }
        records[at] = bcs::to_bytes(&info).expect("BCS");
        draft.write(&name, records::framed(&records));
        if fit == Fit::Waypoint {
            let place = (chunk.first_epoch - backup.first_epoch) as usize + at;
            backup.waypoints[place] = info.waypoint().expect("a waypoint");
            write_with_line(draft, &manifest, &backup);
        }
        Some(())
    })
}

/// Writes a manifest of endings, and its line so that it fits.
pub(crate) fn write_with_line(draft: &mut Draft<'_>, manifest: &str, backup: &EpochEndingBackup) {
    draft.write_typed(manifest, backup);
    let version = |waypoint: Option<&Waypoint>| waypoint.map_or(0, |waypoint| waypoint.version);
    let (first, last) = (version(backup.waypoints.first()), version(backup.waypoints.last()));
    let (first_epoch, last_epoch) = (backup.first_epoch, backup.last_epoch);
    change_all(draft, manifest, &|line| {
        line["first_epoch"] = first_epoch.into();
        line["last_epoch"] = last_epoch.into();
        line["first_version"] = first.into();
        line["last_version"] = last.into();
    });
}
