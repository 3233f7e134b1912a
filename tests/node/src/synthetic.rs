//! A large state for benchmarks: items are made as they are sent, and only their order is kept.

use crate::transactions::bcs;
use bytes::Bytes;
use sealift_aptos::chain::state_key_hash;
use std::sync::Arc;

/// A state of any size in the right order, at 4 bytes an item.
#[derive(Debug, Clone)]
pub struct SyntheticState {
    /// The items' numbers in the order of the hashes of their keys.
    order: Arc<[u32]>,
    value_bytes: usize,
    /// That number in ULEB128.
    value_length: Vec<u8>,
}

impl SyntheticState {
    /// A state of `items` items with values of `value_bytes` bytes each. The keys are hashed and sorted here: for ten
    /// million, about 10 seconds on one core and 200 MB at most, optimised.
    pub fn new(items: u32, value_bytes: usize) -> Self {
        let mut value_length = bcs(&vec![0u8; value_bytes]);
        value_length.truncate(value_length.len() - value_bytes);
        // The front of the hash is enough to sort by, unless two are equal: then the whole decides.
        let front = |item: u32| {
            let hash = state_key_hash(&key(item)).expect("a state key");
            (u64::from_be_bytes(*hash.as_bytes().first_chunk().expect("32 bytes")), item)
        };
        let mut items: Vec<_> = (0..items).map(front).collect();
        items.sort_unstable();
        for equal in items.chunk_by_mut(|(left, _), (right, _)| left == right).filter(|equal| equal.len() > 1) {
            equal.sort_by_key(|(_, item)| state_key_hash(&key(*item)).expect("a state key"));
        }
        SyntheticState { order: items.into_iter().map(|(_, item)| item).collect(), value_bytes, value_length }
    }

    /// How many items it has.
    pub fn count(&self) -> u64 {
        self.order.len() as u64
    }

    /// The records from the index `first` on.
    pub fn records(&self, first: u64) -> impl Iterator<Item = Bytes> + Send + use<> {
        let state = self.clone();
        (usize::try_from(first).unwrap_or(usize::MAX)..state.order.len()).map(move |index| state.record(index))
    }

    /// Written in one go, since a benchmark should wait for the backup and not for this.
    fn record(&self, index: usize) -> Bytes {
        let item = self.order[index];
        let mut record = Vec::with_capacity(64 + self.value_bytes);
        put_key(&mut record, item);
        // The variant without metadata, and the length of the value.
        record.push(0);
        record.extend_from_slice(&self.value_length);
        let end = record.len() + self.value_bytes;
        // Half of a value repeats and half does not, so that it compresses about as real ones do.
        let mut number = u64::from(item) + 1;
        while record.len() < end {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            record.extend_from_slice(&(number & 0xffff_ffff).to_le_bytes());
        }
        record.truncate(end);
        record.into()
    }
}

/// A table's item.
fn put_key(record: &mut Vec<u8>, item: u32) {
    record.push(1);
    record.extend_from_slice(&[7; 32]);
    record.push(8);
    record.extend_from_slice(&u64::from(item).to_le_bytes());
}

fn key(item: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(42);
    put_key(&mut key, item);
    key
}
