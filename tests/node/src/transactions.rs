//! What a generated chain's transactions hold: the kinds that nodes serve most, in BCS, written out as tuples.

use crate::random::Random;
use sealift_aptos::chain::{HashValue, Validator};
use serde::Serialize;

pub(crate) fn bcs<T: Serialize>(value: &T) -> Vec<u8> {
    bcs::to_bytes(value).expect("it can be encoded")
}

/// The state key of a resource or of a table's item, alternately.
pub(crate) fn item_key(random: &Random, index: u64) -> Vec<u8> {
    match index % 2 {
        0 => {
            // A path to a resource: its variant, and its type.
            let path = (1u8, address(1), "coin", format!("Store{index}"), 0u8);
            bcs(&(0u8, random.bytes("account", index), bcs(&path)))
        }
        _ => bcs(&(1u8, random.bytes("table", index % 16), bcs(&index))),
    }
}

/// Changes of the state: the write op's bytes behind each key.
pub(crate) fn write_set(ops: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    // Maps in BCS are in the order of their keys.
    let mut ops = ops.to_vec();
    ops.sort();
    let count = bcs(&vec![0u8; ops.len()]);
    let count = &count[..count.len() - ops.len()];
    let ops: Vec<_> = ops.into_iter().flat_map(|(key, op)| [key, op]).collect();
    [&[0], count, &ops.concat()].concat()
}

/// The write op that creates a value without metadata.
pub(crate) fn creation(value: Vec<u8>) -> Vec<u8> {
    bcs(&(0u8, value))
}

/// The write op that changes a value, with what its owner paid for it.
pub(crate) fn modification(value: Vec<u8>, deposit: u64) -> Vec<u8> {
    bcs(&(4u8, value, (0u8, deposit, 0u64)))
}

/// The resource that names the validators.
pub(crate) fn validator_set(validators: &[Validator]) -> (Vec<u8>, Vec<u8>) {
    let path = (1u8, address(1), "stake", "ValidatorSet", 0u8);
    let info = |(index, validator): (usize, &Validator)| {
        let config = (validator.public_key.clone(), Vec::<u8>::new(), Vec::<u8>::new(), index as u64);
        (validator.address, validator.voting_power, config)
    };
    let active: Vec<_> = validators.iter().enumerate().map(info).collect();
    let set = (0u8, active, 0u8, 0u8, 0u128, 0u128);
    (bcs(&(0u8, address(1), bcs(&path))), creation(bcs(&set)))
}

/// An event of the newer kind.
pub(crate) fn event(data: &[u8]) -> Vec<u8> {
    let type_tag = (7u8, address(1), "coin", "Moved", 0u8);
    bcs(&(1u8, type_tag, data))
}

/// An event of the older kind.
pub(crate) fn old_event(account: [u8; 32], sequence_number: u64) -> Vec<u8> {
    bcs(&(0u8, 0u64, account, sequence_number, 2u8, sequence_number.to_le_bytes().to_vec()))
}

pub(crate) fn genesis(write_set: &[u8], events: &[Vec<u8>]) -> Vec<u8> {
    let count = u8::try_from(events.len()).expect("few events");
    [&[1, 0], write_set, &[count], &events.concat()].concat()
}

pub(crate) fn block_metadata(id: HashValue, epoch: u64, round: u64, proposer: [u8; 32], timestamp: u64) -> Vec<u8> {
    bcs(&(2u8, id, epoch, round, proposer, vec![0xe0u8], vec![1u32], timestamp))
}

pub(crate) fn block_epilogue(id: HashValue) -> Vec<u8> {
    bcs(&(6u8, 0u8, id, (0u8, false, false, 12u64, 345u64)))
}

pub(crate) fn address(last: u8) -> [u8; 32] {
    let mut address = [0; 32];
    address[31] = last;
    address
}
