//! The chain's data, as a node serves it: what can be decoded is encoded as it was, and proofs and signatures are
//! verified or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_aptos::chain::{
    Genesis, LedgerInfoWithSignatures, RecordFormat, SparseMerkleRangeProof, StateLeaf, StateTree,
    TransactionAccumulatorRangeProof, TransactionInfoWithProof, TransactionRecord, state_key_length, write_ops,
};

fuzz_target!(|record: &[u8]| {
    transaction(record);
    ledger_info(record);
    state(record);
    proofs(record);
    genesis(record);
});

fn transaction(record: &[u8]) {
    for format in [RecordFormat::V0, RecordFormat::V1] {
        let Ok(parsed) = TransactionRecord::parse(format, record) else { continue };
        assert_eq!(parsed.to_bytes().expect("it was decoded"), record);
        let _ = parsed.verify();
        let _ = write_ops(parsed.write_set);
    }
    if let Ok(format) = RecordFormat::of(record) {
        assert!(TransactionRecord::parse(format, record).is_ok(), "{format:?}");
    }
}

fn ledger_info(record: &[u8]) {
    let Ok(decoded) = LedgerInfoWithSignatures::decode(record) else { return };
    assert_eq!(bcs::to_bytes(&decoded).expect("it was decoded"), record);
    let waypoint = decoded.waypoint().expect("it was decoded");
    assert_eq!(waypoint.to_string().parse(), Ok(waypoint));
    if let Some(validators) = decoded.next_epoch_state() {
        let _ = decoded.verify(validators);
    }
}

fn state(record: &[u8]) {
    let length = state_key_length(record);
    assert_eq!(length.is_ok(), StateLeaf::of(record).is_ok(), "a key, and no leaf");
    assert!(
        length.is_ok_and(|length| length <= record.len()) || StateLeaf::of(record).is_err(),
        "a key beyond its record"
    );
    let _ = write_ops(record);
}

fn proofs(record: &[u8]) {
    if let Ok((proof, info)) = bcs::from_bytes::<(TransactionAccumulatorRangeProof, LedgerInfoWithSignatures)>(record) {
        let root = info.ledger_info().commit_info.executed_state_id;
        for count in [1, 2, 3] {
            let _ = proof.verify(root, info.version(), &vec![root; count]);
        }
    }
    if let Ok((proof, info)) = bcs::from_bytes::<(TransactionInfoWithProof, LedgerInfoWithSignatures)>(record) {
        let _ = proof.verify(info.ledger_info(), info.version());
    }
    if let Ok(proof) = bcs::from_bytes::<SparseMerkleRangeProof>(record) {
        let mut tree = StateTree::default();
        let _ = tree.verify(&proof, tree.root());
        // A raw key of no bytes.
        if let Ok(leaf) = StateLeaf::of(&[2, 0]) {
            tree.push(leaf).expect("the first");
            let _ = tree.verify(&proof, tree.root());
        }
    }
}

fn genesis(transaction: &[u8]) {
    let Ok(genesis) = Genesis::of(transaction) else { return };
    for format in [RecordFormat::V0, RecordFormat::V1] {
        let record = genesis.record(format).expect("it was worked out");
        let parsed = TransactionRecord::parse(format, &record).expect("a record");
        parsed.verify().expect("its own hashes");
    }
}
