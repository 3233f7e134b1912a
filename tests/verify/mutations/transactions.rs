//! The parts of a transaction's record.

use super::draft::{Backup, Draft};
use super::kind::{CHAIN, Found, Kind};
use super::records;
use rand::RngExt;
use sealift_aptos::chain::{Hasher, Outcome, RecordFormat, TransactionInfo, TransactionRecord, event_root};
use sealift_aptos::manifest::{TransactionBackup, TransactionFormat};

/// A record's parts, each by itself.
struct Parts {
    transaction: Vec<u8>,
    auxiliary: Option<Vec<u8>>,
    info: TransactionInfo,
    events: Vec<Vec<u8>>,
    write_set: Vec<u8>,
}

impl Parts {
    fn of(format: RecordFormat, record: &[u8]) -> Self {
        let record = TransactionRecord::parse(format, record).expect("a record");
        Parts {
            transaction: record.transaction.to_vec(),
            auxiliary: record.auxiliary_info.map(<[u8]>::to_vec),
            info: record.info.clone(),
            events: record.events.iter().map(|event| event.to_vec()).collect(),
            write_set: record.write_set.to_vec(),
        }
    }

    fn record(&self) -> Vec<u8> {
        let record = TransactionRecord {
            transaction: &self.transaction,
            auxiliary_info: self.auxiliary.as_deref(),
            info: self.info.clone(),
            events: self.events.iter().map(Vec::as_slice).collect(),
            write_set: &self.write_set,
        };
        record.to_bytes().expect("it can be encoded")
    }

    fn outcome(&mut self) -> &mut Outcome {
        match &mut self.info {
            TransactionInfo::V0 { outcome, .. } | TransactionInfo::V1 { outcome, .. } => outcome,
        }
    }
}

pub(crate) fn kinds() -> Vec<Kind> {
    [flips(), parts(), rehashed(), formats()].into_iter().flatten().collect()
}

fn part(
    name: &str,
    why: &'static str,
    change: impl Fn(&mut Draft<'_>, &mut Parts, &mut Parts) -> Option<()> + Send + Sync + 'static,
) -> Kind {
    Kind::new(format!("transaction's {name}"), CHAIN, why, move |draft| {
        let format = draft.scene.chain.format();
        records::change(draft, Backup::Transactions, |draft, records, _| {
            let at = draft.below(records.len())?;
            let other = draft.below(records.len())?;
            let (mut one, mut another) = (Parts::of(format, &records[at]), Parts::of(format, &records[other]));
            change(draft, &mut one, &mut another)?;
            records[at] = one.record();
            Some(())
        })
    })
}

fn flip(draft: &mut Draft<'_>, bytes: &mut [u8]) -> Option<()> {
    let at = draft.below(bytes.len())?;
    bytes[at] ^= 1 << draft.random.random_range(0..8);
    Some(())
}

const HASHED: &str = "its info has the hash of each part";
const LEAF: &str = "the hash of its info is a leaf of the ledger";

fn flips() -> Vec<Kind> {
    vec![
        part("own bytes: a bit flipped", HASHED, |draft, one, _| flip(draft, &mut one.transaction)),
        part("auxiliary info: a bit flipped", HASHED, |draft, one, _| flip(draft, one.auxiliary.as_mut()?)),
        part("event: a bit flipped", HASHED, |draft, one, _| {
            let at = draft.below(one.events.len())?;
            flip(draft, &mut one.events[at])
        }),
        part("write set: a bit flipped", HASHED, |draft, one, _| flip(draft, &mut one.write_set)),
        part("info: another hash of it", HASHED, |draft, one, _| {
            let mut hash = *one.outcome().transaction_hash.as_bytes();
            flip(draft, &mut hash)?;
            one.outcome().transaction_hash = hash.into_hash();
            Some(())
        }),
        part("info: another root of events", HASHED, |draft, one, _| {
            let mut hash = *one.outcome().event_root_hash.as_bytes();
            flip(draft, &mut hash)?;
            one.outcome().event_root_hash = hash.into_hash();
            Some(())
        }),
        part("info: another hash of the write set", HASHED, |draft, one, _| {
            let mut hash = *one.outcome().state_change_hash.as_bytes();
            flip(draft, &mut hash)?;
            one.outcome().state_change_hash = hash.into_hash();
            Some(())
        }),
        part("info: another root of the state", LEAF, |draft, one, _| {
            let mut hash = *one.outcome().state_checkpoint_hash?.as_bytes();
            flip(draft, &mut hash)?;
            one.outcome().state_checkpoint_hash = Some(hash.into_hash());
            Some(())
        }),
        part("info: no root of the state", LEAF, |_, one, _| one.outcome().state_checkpoint_hash.take().map(drop)),
        part("info: other gas", LEAF, |draft, one, _| {
            one.outcome().gas_used = draft.random.random();
            Some(())
        }),
        part("info: another status", LEAF, |_, one, _| {
            one.outcome().status = sealift_aptos::chain::ExecutionStatus::OutOfGas;
            Some(())
        }),
        part("info: no hash of the auxiliary info", LEAF, |_, one, _| match &mut one.info {
            TransactionInfo::V0 { auxiliary_info_hash, .. } | TransactionInfo::V1 { auxiliary_info_hash, .. } => {
                auxiliary_info_hash.take().map(drop)
            }
        }),
    ]
}

trait IntoHash {
    fn into_hash(self) -> sealift_aptos::chain::HashValue;
}

impl IntoHash for [u8; 32] {
    fn into_hash(self) -> sealift_aptos::chain::HashValue {
        sealift_aptos::chain::HashValue::new(self)
    }
}

fn parts() -> Vec<Kind> {
    vec![
        part("own bytes: those of another", HASHED, |_, one, other| {
            one.transaction = std::mem::take(&mut other.transaction);
            Some(())
        }),
        part("auxiliary info: that of another", HASHED, |_, one, other| {
            one.auxiliary = Some(other.auxiliary.take()?);
            Some(())
        }),
        part("auxiliary info: none", HASHED, |_, one, _| {
            *one.auxiliary.as_mut()? = vec![0];
            Some(())
        }),
        part("info: that of another", HASHED, |_, one, other| {
            one.info = other.info.clone();
            Some(())
        }),
        part("events: those of another", HASHED, |_, one, other| {
            one.events = std::mem::take(&mut other.events);
            Some(())
        }),
        part("event: left out", HASHED, |draft, one, _| {
            let at = draft.below(one.events.len())?;
            one.events.remove(at);
            Some(())
        }),
        part("event: twice", HASHED, |draft, one, _| {
            let at = draft.below(one.events.len())?;
            one.events.insert(at, one.events[at].clone());
            Some(())
        }),
        part("events: two swapped", HASHED, |draft, one, _| {
            let (first, second) = draft.two_below(one.events.len())?;
            one.events.swap(first, second);
            Some(())
        }),
        part("write set: that of another", HASHED, |_, one, other| {
            one.write_set = std::mem::take(&mut other.write_set);
            Some(())
        }),
        part("write set: empty", HASHED, |_, one, _| {
            one.write_set = vec![0, 0];
            Some(())
        }),
    ]
}

/// As an attacker would: the info fits what was changed.
fn rehashed() -> Vec<Kind> {
    let hash = |name, bytes: &[u8]| Hasher::new(name).update(bytes).finish();
    vec![
        part("own bytes changed, and the info with them", LEAF, move |draft, one, _| {
            // The signature at the end: it stays a transaction.
            *one.transaction.last_mut()? ^= 1 << draft.random.random_range(0..8);
            one.outcome().transaction_hash = hash("Transaction", &one.transaction);
            Some(())
        }),
        part("write set changed, and the info with it", LEAF, move |_, one, other| {
            one.write_set = std::mem::take(&mut other.write_set);
            one.outcome().state_change_hash = hash("WriteSet", &one.write_set);
            Some(())
        }),
        part("event left out, and the info with it", LEAF, |draft, one, _| {
            let at = draft.below(one.events.len())?;
            one.events.remove(at);
            one.outcome().event_root_hash = event_root(&one.events);
            Some(())
        }),
    ]
}

fn formats() -> Vec<Kind> {
    let lost = "format V0 has no room for it; there are archives of releases in between that hold such records";
    vec![Kind::new(
        "transactions: auxiliary info left out of a chunk, which is said to be V0",
        Found::ByRecord,
        lost,
        |draft| {
            let format = draft.scene.chain.format();
            let manifest = draft.any_manifest(Backup::Transactions)?;
            let mut backup: TransactionBackup = draft.typed(&manifest);
            let at = draft.below(backup.chunks.len())?;
            let name = backup.chunks[at].transactions.to_string();
            let without = |record: &Vec<u8>| Some(Parts { auxiliary: None, ..Parts::of(format, record) }.record());
            let shorter: Option<Vec<Vec<u8>>> = match format {
                RecordFormat::V0 => None,
                RecordFormat::V1 => records::of(&draft.content(&name)).iter().map(without).collect(),
            };
            draft.write(&name, records::framed(&shorter?));
            backup.chunks[at].format = TransactionFormat::V0;
            draft.write_typed(&manifest, &backup);
            Some(())
        },
    )]
}
