//! What transactions hold, in BCS: calls of functions between a block's first and last transaction, with events and
//! write sets of the sizes that the chain's have.

use crate::random::{Random, put_uleb128};

const TRANSACTION: u64 = 3;
const EVENTS: u64 = 4;
const WRITE_SET: u64 = 5;

/// Where in its block a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Within,
    Last,
}

/// The transaction, its events and its write set.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) transaction: Vec<u8>,
    pub(crate) events: Vec<Vec<u8>>,
    pub(crate) write_set: Vec<u8>,
}

impl Contents {
    pub(crate) fn of(seed: u64, version: u64, epoch: u64, place: Place) -> Self {
        let mut random = Random::new(seed, TRANSACTION, version);
        let transaction = match place {
            Place::First => block_metadata(&mut random, epoch, version),
            Place::Within => user(&mut random, version),
            Place::Last => block_epilogue(&mut random),
        };
        let mut random = Random::new(seed, EVENTS, version);
        let events = match place {
            Place::First => 1,
            Place::Within => random.between(1, 6),
            Place::Last => 0,
        };
        let events = (0..events).map(|_| event(&mut random)).collect();
        let mut random = Random::new(seed, WRITE_SET, version);
        let ops = match place {
            Place::First => 2,
            Place::Within => random.between(2, 9),
            Place::Last => 0,
        };
        let mut write_set = vec![0];
        put_uleb128(&mut write_set, ops as usize);
        (0..ops).for_each(|_| put_op(&mut random, &mut write_set));
        Contents { transaction, events, write_set }
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_uleb128(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn put_framework(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&[0; 31]);
    bytes.push(1);
}

fn put_number(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_sized(random: &mut Random, bytes: &mut Vec<u8>, from: u64, to: u64) {
    let length = random.between(from, to) as usize;
    put_uleb128(bytes, length);
    random.put(bytes, length);
}

fn put_type(bytes: &mut Vec<u8>, module: &str, name: &str) {
    bytes.push(7);
    put_framework(bytes);
    put_text(bytes, module);
    put_text(bytes, name);
    bytes.push(0);
}

fn block_metadata(random: &mut Random, epoch: u64, round: u64) -> Vec<u8> {
    let mut bytes = vec![2];
    random.put(&mut bytes, 32);
    put_number(&mut bytes, epoch);
    put_number(&mut bytes, round);
    random.put(&mut bytes, 32);
    // Who has voted, nobody who has not proposed, and the time.
    put_sized(random, &mut bytes, 19, 19);
    bytes.push(0);
    put_number(&mut bytes, round * 200_000);
    bytes
}

fn block_epilogue(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![6, 0];
    random.put(&mut bytes, 32);
    bytes.extend_from_slice(&[0, 0, 0]);
    put_number(&mut bytes, 1234);
    put_number(&mut bytes, 56_789);
    bytes
}

/// The call of a function; now and then one that publishes a module.
fn user(random: &mut Random, sequence_number: u64) -> Vec<u8> {
    let mut bytes = vec![0];
    random.put(&mut bytes, 32);
    put_number(&mut bytes, sequence_number);
    bytes.push(2);
    put_framework(&mut bytes);
    put_text(&mut bytes, "primary_fungible_store");
    put_text(&mut bytes, "transfer");
    bytes.push(1);
    put_type(&mut bytes, "fungible_asset", "Metadata");
    let arguments = random.between(1, 6);
    bytes.push(arguments as u8);
    let longest = if random.once_in(512) { 30_000 } else { 80 };
    (0..arguments).for_each(|_| put_sized(random, &mut bytes, 8, longest));
    for number in [2000, 100, u64::from(u32::MAX)] {
        put_number(&mut bytes, number);
    }
    bytes.extend_from_slice(&[1, 0]);
    put_sized(random, &mut bytes, 32, 32);
    put_sized(random, &mut bytes, 64, 64);
    bytes
}

fn event(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![1];
    put_type(&mut bytes, "fungible_asset", "Withdraw");
    put_sized(random, &mut bytes, 40, 250);
    bytes
}

/// A change of a table's item, with what its owner paid for it; one of three without.
fn put_op(random: &mut Random, bytes: &mut Vec<u8>) {
    bytes.push(1);
    random.put(bytes, 32);
    put_sized(random, bytes, 8, 40);
    let longest = if random.once_in(64) { 8_000 } else { 350 };
    if random.once_in(3) {
        bytes.push(1);
        put_sized(random, bytes, 40, longest);
    } else {
        bytes.push(4);
        put_sized(random, bytes, 40, longest);
        bytes.push(0);
        put_number(bytes, random.next());
        put_number(bytes, 0);
    }
}
