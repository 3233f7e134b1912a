//! Hand-made records: enough of the chain's data for a backup to read what it needs.

use sealift_aptos::chain::{
    AggregateSignature, BlockInfo, EpochState, ExecutionStatus, HashValue, Hasher, LedgerInfo,
    LedgerInfoWithSignatures, Outcome, TransactionInfo, Validator, ValidatorVerifier, state_key_hash,
};

/// The version that ends `epoch`.
pub(crate) fn version_at_end_of(epoch: u64) -> u64 {
    epoch * 100
}

pub(crate) fn ledger_info(epoch: u64) -> LedgerInfoWithSignatures {
    let validator = Validator { address: [4; 32], public_key: vec![5; 48], voting_power: 6 };
    let commit_info = BlockInfo {
        epoch,
        round: 2,
        id: HashValue::new([1; 32]),
        executed_state_id: HashValue::new([epoch as u8; 32]),
        version: version_at_end_of(epoch),
        timestamp_usecs: 4,
        next_epoch_state: Some(EpochState {
            epoch: epoch + 1,
            verifier: ValidatorVerifier { validators: vec![validator] },
        }),
    };
    LedgerInfoWithSignatures::V0 {
        ledger_info: LedgerInfo { commit_info, consensus_data_hash: HashValue::new([3; 32]) },
        signatures: AggregateSignature { validator_bitmask: vec![0x80], signature: Some(vec![7; 96]) },
    }
}

pub(crate) fn ledger_info_record(epoch: u64) -> Vec<u8> {
    bcs::to_bytes(&ledger_info(epoch)).unwrap()
}

/// A ledger info like the last of `epoch`, but in its midst.
pub(crate) fn ledger_info_that_ends_nothing(epoch: u64) -> Vec<u8> {
    let LedgerInfoWithSignatures::V0 { mut ledger_info, signatures } = ledger_info(epoch);
    ledger_info.commit_info.next_epoch_state = None;
    bcs::to_bytes(&LedgerInfoWithSignatures::V0 { ledger_info, signatures }).unwrap()
}

fn info(transaction: &[u8], root: Option<HashValue>) -> TransactionInfo {
    TransactionInfo::V0 {
        outcome: Outcome {
            gas_used: 1,
            status: ExecutionStatus::Success,
            transaction_hash: Hasher::new("Transaction").update(transaction).finish(),
            event_root_hash: HashValue::ZERO,
            state_change_hash: HashValue::ZERO,
            state_checkpoint_hash: root,
        },
        auxiliary_info_hash: None,
    }
}

/// The root of every state here.
pub(crate) const ROOT: HashValue = HashValue::new([0xee; 32]);

/// The proof of the root, leading to the ledger info of `epoch`.
pub(crate) fn root_proof(epoch: u64, root: Option<HashValue>) -> Vec<u8> {
    let siblings: Vec<HashValue> = vec![HashValue::new([8; 32])];
    bcs::to_bytes(&(siblings, info(&[], root), ledger_info(epoch))).unwrap()
}

/// State checkpoints in the form that nodes serve now (V1) and in the one before (V0).
pub(crate) fn transaction_record(version: u64, auxiliary_info: &[u8]) -> Vec<u8> {
    let transaction = [&[3][..], &[version as u8; 32]].concat();
    let (no_events, empty_write_set) = ([0], [0, 0]);
    let info = bcs::to_bytes(&info(&transaction, None)).unwrap();
    [&transaction[..], auxiliary_info, &info, &no_events, &empty_write_set].concat()
}

pub(crate) fn range_proof(first: u64, last: u64) -> Vec<u8> {
    format!("transactions {first} to {last}").into_bytes()
}

pub(crate) fn state_proof(last_key: &HashValue) -> Vec<u8> {
    format!("state up to {last_key}").into_bytes()
}

/// State items in order, of sizes that differ.
pub(crate) fn state(count: usize) -> Vec<Vec<u8>> {
    let item = |index: usize| {
        let key = format!("key {index}").into_bytes();
        [&[2, key.len() as u8][..], &key, &vec![index as u8; 10 + index % 7]].concat()
    };
    let mut items: Vec<Vec<u8>> = (0..count).map(item).collect();
    items.sort_by_key(|item| state_key_hash(item).unwrap());
    items
}

pub(crate) fn framed(record: &[u8]) -> Vec<u8> {
    [&(record.len() as u32).to_be_bytes()[..], record].concat()
}

pub(crate) fn all_framed<'a>(records: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    records.into_iter().flat_map(|record| framed(record)).collect()
}

/// The records in chunks by the rule, as an independent reading of it: first index, last index, bytes.
pub(crate) fn chunked(records: &[Vec<u8>], max: usize) -> Vec<(usize, usize, Vec<u8>)> {
    let mut chunks: Vec<(usize, usize, Vec<u8>)> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        match chunks.last_mut() {
            Some((_, last, bytes)) if bytes.len() + 4 + record.len() <= max => {
                *last = index;
                bytes.extend(framed(record));
            }
            _ => chunks.push((index, index, framed(record))),
        }
    }
    chunks
}
