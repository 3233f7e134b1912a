//! Proofs: every sibling, what is proven, and what it is proven by.

use super::draft::{Draft, Sort, group};
use super::endings::flip_hash;
use super::kind::{CHAIN, Kind};
use rand::RngExt;
use sealift_aptos::chain::{
    HashValue, LedgerInfoWithSignatures, SparseMerkleRangeProof, TransactionAccumulatorRangeProof, TransactionInfo,
    TransactionInfoWithProof,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) type RangeProof = (TransactionAccumulatorRangeProof, LedgerInfoWithSignatures);
pub(crate) type RootProof = (TransactionInfoWithProof, LedgerInfoWithSignatures);

/// A file's content.
pub(crate) trait Proof: Serialize + DeserializeOwned + PartialEq + Clone {
    fn is_in(name: &str) -> bool;
}

impl Proof for RangeProof {
    fn is_in(name: &str) -> bool {
        name.starts_with("transaction_")
    }
}

impl Proof for RootProof {
    fn is_in(name: &str) -> bool {
        name.ends_with("/state.proof")
    }
}

impl Proof for SparseMerkleRangeProof {
    fn is_in(name: &str) -> bool {
        name.starts_with("state_epoch_") && !RootProof::is_in(name)
    }
}

pub(crate) fn names<P: Proof>(draft: &Draft<'_>) -> Vec<String> {
    draft.files(Sort::Proof).into_iter().filter(|name| P::is_in(name)).collect()
}

pub(crate) fn read<P: Proof>(draft: &Draft<'_>, name: &str) -> P {
    bcs::from_bytes(&draft.content(name)).expect("a proof")
}

pub(crate) fn change<P: Proof>(
    draft: &mut Draft<'_>,
    change: impl Fn(&mut Draft<'_>, &mut P) -> Option<()>,
) -> Option<()> {
    let names = names::<P>(draft);
    (0..50).find_map(|_| {
        let name = draft.pick(&names)?;
        let before: P = read(draft, &name);
        let mut proof = before.clone();
        change(draft, &mut proof)?;
        (proof != before).then(|| draft.write(&name, bcs::to_bytes(&proof).expect("BCS")))
    })
}

type Siblings = Vec<HashValue>;
type Change = fn(&mut Draft<'_>, &mut Siblings) -> Option<()>;

const CHANGES: [(&str, Change); 7] = [
    ("a bit flipped", |draft, siblings| {
        let at = draft.below(siblings.len())?;
        flip_hash(draft, &mut siblings[at])
    }),
    ("one zeroed", |draft, siblings| {
        let at = draft.below(siblings.len())?;
        siblings[at] = HashValue::ZERO;
        Some(())
    }),
    ("one left out", |draft, siblings| {
        let at = draft.below(siblings.len())?;
        siblings.remove(at);
        Some(())
    }),
    ("one twice", |draft, siblings| {
        let at = draft.below(siblings.len())?;
        siblings.insert(at, siblings[at]);
        Some(())
    }),
    ("two swapped", |draft, siblings| {
        let (one, other) = draft.two_below(siblings.len())?;
        siblings.swap(one, other);
        Some(())
    }),
    ("one more", |draft, siblings| {
        let at = draft.random.random_range(0..=siblings.len());
        let more = draft.pick(&[
            HashValue::ZERO,
            sealift_aptos::chain::Accumulator::PLACEHOLDER,
            sealift_aptos::chain::StateTree::PLACEHOLDER,
        ])?;
        siblings.insert(at, more);
        Some(())
    }),
    ("more than any tree has levels", |_, siblings| {
        siblings.resize(300, HashValue::ZERO);
        Some(())
    }),
];

pub(crate) fn kinds() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = CHANGES.into_iter().flat_map(siblings).collect();
    kinds.extend(infos());
    kinds.extend(exchanged::<RangeProof>("transactions' proof"));
    kinds.extend(exchanged::<RootProof>("proof of a state's root"));
    kinds
}

fn siblings((what, change_one): (&'static str, Change)) -> [Kind; 4] {
    let why = "only these siblings lead to the root";
    [
        Kind::new(format!("transactions' proof, siblings on the left: {what}"), CHAIN, why, move |draft| {
            change::<RangeProof>(draft, |draft, (proof, _)| change_one(draft, &mut proof.left_siblings))
        }),
        Kind::new(format!("transactions' proof, siblings on the right: {what}"), CHAIN, why, move |draft| {
            change::<RangeProof>(draft, |draft, (proof, _)| change_one(draft, &mut proof.right_siblings))
        }),
        Kind::new(format!("state chunk's proof, siblings: {what}"), CHAIN, why, move |draft| {
            change::<SparseMerkleRangeProof>(draft, |draft, proof| change_one(draft, &mut proof.right_siblings))
        }),
        Kind::new(format!("proof of a state's root, siblings: {what}"), CHAIN, why, move |draft| {
            change::<RootProof>(draft, |draft, (info, _)| change_one(draft, &mut info.proof.siblings))
        }),
    ]
}

fn infos() -> Vec<Kind> {
    type Change = fn(&mut Draft<'_>, &mut TransactionInfo) -> Option<()>;
    fn outcome(info: &mut TransactionInfo) -> &mut sealift_aptos::chain::Outcome {
        match info {
            TransactionInfo::V0 { outcome, .. } | TransactionInfo::V1 { outcome, .. } => outcome,
        }
    }
    let changes: [(&str, Change); 7] = [
        ("another root", |draft, info| flip_hash(draft, outcome(info).state_checkpoint_hash.as_mut()?)),
        ("no root", |_, info| outcome(info).state_checkpoint_hash.take().map(drop)),
        ("another transaction", |draft, info| flip_hash(draft, &mut outcome(info).transaction_hash)),
        ("other events", |draft, info| flip_hash(draft, &mut outcome(info).event_root_hash)),
        ("other changes", |draft, info| flip_hash(draft, &mut outcome(info).state_change_hash)),
        ("other gas", |draft, info| {
            outcome(info).gas_used = draft.random.random();
            Some(())
        }),
        ("another status", |_, info| {
            outcome(info).status = sealift_aptos::chain::ExecutionStatus::OutOfGas;
            Some(())
        }),
    ];
    let why = "the hash of the info is a leaf of the ledger";
    let of = |(what, change_one): (&str, Change)| {
        Kind::new(format!("info in the proof of a state's root: {what}"), CHAIN, why, move |draft| {
            change::<RootProof>(draft, |draft, (info, _)| change_one(draft, &mut info.info))
        })
    };
    changes.into_iter().map(of).collect()
}

/// Parts of two proofs exchanged.
fn exchanged<P: Proof + Halves + 'static>(what: &str) -> Vec<Kind> {
    let why = "a proof leads to the ledger of its own ledger info";
    let ledger_info = Kind::new(format!("{what}: the ledger info of another"), CHAIN, why, |draft| {
        change::<P>(draft, |draft, proof| {
            let others = names::<P>(draft);
            let other = draft.pick(&others)?;
            proof.take_ledger_info(read::<P>(draft, &other));
            Some(())
        })
    });
    let in_group = Kind::new(format!("{what}: that of the backup before"), CHAIN, why, |draft| {
        let all = names::<P>(draft);
        (0..50).find_map(|_| {
            let (one, other) = draft.two_below(all.len())?;
            let is_another =
                group(&all[one]) != group(&all[other]) && draft.content(&all[one]) != draft.content(&all[other]);
            let content = draft.content(&all[other]);
            is_another.then(|| draft.write(&all[one], content))
        })
    });
    vec![ledger_info, in_group]
}

trait Halves {
    fn take_ledger_info(&mut self, other: Self);
}

impl<T> Halves for (T, LedgerInfoWithSignatures) {
    fn take_ledger_info(&mut self, other: Self) {
        self.1 = other.1;
    }
}
