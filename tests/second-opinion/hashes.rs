//! Hashes and how they are written.

use aptos_sdk::crypto::{sha3_256, signing_message};
use sealift_aptos::chain::{HashValue, Hasher};

/// Every type that Sealift hashes.
const TYPES: [&str; 12] = [
    "ContractEvent",
    "EventAccumulator",
    "Ledger2WaypointConverter",
    "PersistedAuxiliaryInfo",
    "SparseMerkleInternal",
    "SparseMerkleLeafNode",
    "StateKey",
    "StateValue",
    "Transaction",
    "TransactionAccumulator",
    "TransactionInfo",
    "WriteSet",
];

#[test]
fn values_of_each_type_are_hashed_alike() {
    for name in TYPES {
        // Up to more than two of the blocks in which SHA3-256 takes its input.
        for length in 0..300 {
            let mut bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
            let other = HashValue::new(sha3_256(&signing_message(name, &bytes)));
            assert_eq!(Hasher::new(name).update(&bytes).finish(), other, "{length} bytes of {name}");
            if let Some(byte) = bytes.last_mut() {
                *byte ^= 1;
                assert_ne!(Hasher::new(name).update(&bytes).finish(), other, "{length} bytes of {name}");
            }
        }
        assert_ne!(Hasher::new(name).finish(), Hasher::new(&name[1..]).finish());
    }
}

#[test]
fn hashes_are_written_alike_but_for_their_prefix() {
    let other = aptos_sdk::HashValue::sha3_256(b"any");
    let hash = HashValue::new(other.to_bytes());
    assert_eq!(format!("0x{hash}"), other.to_hex());
    assert_eq!(aptos_sdk::HashValue::from_hex(hash.to_string()).expect("it is one"), other);
    assert_eq!(other.to_hex()[2..].parse(), Ok(hash));
    assert_eq!(aptos_bcs::to_bytes(&other).expect("it can be encoded"), hash.as_bytes());
}
