//! A generated chain verifies through the code that archives are verified with, and changes to it are found.
#![allow(clippy::unwrap_used)]

use sealift_aptos::chain::{
    HashValue, LedgerInfoWithSignatures, RecordFormat, StateLeaf, StateTree, TransactionRecord, state_key_hash,
};
use sealift_node::{Chain, Recipe, SyntheticState};

fn chain() -> Chain {
    Chain::generate(&Recipe::default())
}

fn ending_versions(chain: &Chain) -> Vec<u64> {
    (0..chain.epoch()).map(|epoch| chain.epoch_ending(epoch).unwrap().version()).collect()
}

/// The hashes of the infos of all transactions in a range, each checked against its record.
fn leaves(chain: &Chain, first: u64, last: u64) -> Vec<HashValue> {
    let leaf = |version| {
        let record = TransactionRecord::parse(chain.format(), chain.transaction(version).unwrap()).unwrap();
        record.verify().unwrap();
        record.info.hash().unwrap()
    };
    (first..=last).map(leaf).collect()
}

#[test]
fn each_epoch_is_signed_by_the_validators_that_the_one_before_names() {
    let chain = chain();
    assert_eq!((chain.epoch(), chain.last_version()), (6, 63));
    for epoch in 1..chain.epoch() {
        let before = chain.epoch_ending(epoch - 1).unwrap().next_epoch_state().unwrap();
        let ended = chain.epoch_ending(epoch).unwrap();
        ended.verify(before).unwrap();
        assert_eq!((ended.epoch(), ended.version()), (epoch, epoch * 12));
        let of_another_epoch = chain.epoch_ending(epoch).unwrap().next_epoch_state().unwrap();
        assert!(ended.verify(of_another_epoch).is_err());
        let LedgerInfoWithSignatures::V0 { mut ledger_info, signatures } = ended.clone();
        ledger_info.commit_info.timestamp_usecs += 1;
        assert!(LedgerInfoWithSignatures::V0 { ledger_info, signatures }.verify(before).is_err());
        assert_eq!(LedgerInfoWithSignatures::decode(&bcs::to_bytes(ended).unwrap()).as_ref(), Ok(ended));
    }
}

#[test]
fn every_range_of_transactions_reaches_a_signed_root() {
    for format in [RecordFormat::V0, RecordFormat::V1] {
        let chain = Chain::generate(&Recipe { format, ..Recipe::default() });
        for (first, last) in [(0, 0), (0, 63), (1, 12), (5, 5), (7, 31), (12, 13), (61, 63), (63, 63)] {
            let (proof, signed) = chain.transaction_range_proof(first, last).unwrap();
            // Nobody signs genesis.
            if let Some(before) = signed.epoch().checked_sub(1).and_then(|epoch| chain.epoch_ending(epoch)) {
                signed.verify(before.next_epoch_state().unwrap()).unwrap();
            }
            let root = signed.ledger_info().commit_info.executed_state_id;
            let leaves = leaves(&chain, first, last);
            assert_eq!(RecordFormat::of(chain.transaction(last).unwrap()), Ok(format));
            proof.verify(root, first, &leaves).unwrap();
            assert!(proof.verify(root, first + 1, &leaves).is_err());
            assert!(proof.verify(root, first, &[&leaves[1..], &leaves[..1]].concat()).is_err() || first == last);
            assert!(signed.version() >= last);
        }
    }
}

#[test]
fn the_open_epoch_is_signed_too() {
    let chain = chain();
    let (_, signed) = chain.transaction_range_proof(61, 63).unwrap();
    signed.verify(chain.epoch_ending(5).unwrap().next_epoch_state().unwrap()).unwrap();
    assert_eq!((signed.epoch(), signed.next_epoch_state()), (6, None));
}

#[test]
fn every_beginning_of_every_state_is_proven() {
    let chain = chain();
    for (epoch, version) in ending_versions(&chain).into_iter().enumerate() {
        let (info, signed) = chain.state_root_proof(version).unwrap();
        assert_eq!(signed.epoch(), epoch as u64);
        info.verify(signed.ledger_info(), version).unwrap();
        assert!(info.verify(signed.ledger_info(), version + 1).is_err());
        let root = info.info.outcome().state_checkpoint_hash.unwrap();
        let mut tree = StateTree::default();
        for record in chain.state_records(version, 0).unwrap() {
            tree.push(StateLeaf::of(&record).unwrap()).unwrap();
            let proof = chain.state_range_proof(version, state_key_hash(&record).unwrap()).unwrap();
            tree.verify(&proof, root).unwrap();
        }
        assert_eq!(tree.root(), root);
        assert_eq!(chain.state_item_count(version), Some(tree.count()));
        assert_eq!(chain.state_records(version, 90).unwrap().count() as u64, tree.count() - 90);
    }
}

#[test]
fn a_changed_byte_of_a_transaction_is_found() {
    let chain = chain();
    for version in [0, 1, 2, 4, 12] {
        let record = chain.transaction(version).unwrap();
        let parsed = TransactionRecord::parse(chain.format(), record).unwrap();
        let step = record.len().div_ceil(400);
        for index in (0..record.len()).step_by(step) {
            let mut changed = record.to_vec();
            changed[index] ^= 1;
            let unnoticed = TransactionRecord::parse(chain.format(), &changed)
                .is_ok_and(|changed| changed.verify().is_ok() && changed.info.hash() == parsed.info.hash());
            assert!(!unnoticed, "version {version}, byte {index}");
        }
    }
}

#[test]
fn states_differ_and_grow() {
    let chain = chain();
    let versions = ending_versions(&chain);
    let count = |version: &u64| chain.state_item_count(*version).unwrap();
    assert!(count(versions.last().unwrap()) > count(&versions[0]));
    assert_eq!(count(&versions[0]), 101);
    assert_eq!(chain.state_item_count(13), None);
}

#[test]
fn a_changed_item_is_found() {
    let chain = chain();
    let version = chain.epoch_ending(3).unwrap().version();
    let records: Vec<_> = chain.state_records(version, 0).unwrap().collect();
    let last = state_key_hash(&records[60]).unwrap();
    let (proof, root) = (chain.state_range_proof(version, last).unwrap(), chain.state_root_proof(version).unwrap());
    let root = root.0.info.outcome().state_checkpoint_hash.unwrap();
    for changed in [0, 17, 60] {
        let mut tree = StateTree::default();
        for (index, record) in records[..=60].iter().enumerate() {
            let mut record = record.to_vec();
            if index == changed {
                *record.last_mut().unwrap() ^= 1;
            }
            tree.push(StateLeaf::of(&record).unwrap()).unwrap();
        }
        assert!(tree.verify(&proof, root).is_err(), "{changed}");
    }
}

#[test]
fn a_longer_chain_begins_with_the_shorter_one() {
    let (short, long) = (chain(), Chain::generate(&Recipe { epochs: 8, ..Recipe::default() }));
    for epoch in 0..short.epoch() {
        assert_eq!(short.epoch_ending(epoch), long.epoch_ending(epoch));
    }
    assert!((0..=60).all(|version| short.transaction(version) == long.transaction(version)));
    let other = Chain::generate(&Recipe { seed: 2, ..Recipe::default() });
    assert_ne!(short.epoch_ending(0), other.epoch_ending(0));
}

#[test]
fn a_synthetic_state_is_in_order_and_can_be_read_from_anywhere() {
    let chain = chain().with_synthetic_state(SyntheticState::new(20_000, 40));
    let version = chain.epoch_ending(5).unwrap().version();
    assert_eq!(chain.state_item_count(version), Some(20_000));
    let records: Vec<_> = chain.state_records(version, 0).unwrap().collect();
    let keys: Vec<_> = records.iter().map(|record| state_key_hash(record).unwrap()).collect();
    assert!(keys.is_sorted() && keys.len() == 20_000);
    // Key, variant, length and value.
    assert!(records.iter().all(|record| record.len() == 42 + 1 + 1 + 40 && record[42..44] == [0, 40]));
    assert_eq!(chain.state_records(version, 19_990).unwrap().collect::<Vec<_>>(), records[19_990..]);
    assert_eq!(chain.state_item_count(chain.epoch_ending(4).unwrap().version()).unwrap() / 100, 1);
}
