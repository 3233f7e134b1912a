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
}

impl SyntheticState {
    /// A state of `items` items with values of `value_bytes` bytes each. The keys are hashed and sorted here: about 10
    /// seconds and 160 MB for ten million, on one core and optimised.
    pub fn new(items: u32, value_bytes: usize) -> Self {
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
        SyntheticState { order: items.into_iter().map(|(_, item)| item).collect(), value_bytes }
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

    fn record(&self, index: usize) -> Bytes {
        let item = self.order[index];
        // Half of a value repeats and half does not, so that it compresses about as real ones do.
        let mut value = vec![0x5a; self.value_bytes];
        let mut number = u64::from(item) + 1;
        for byte in value.iter_mut().step_by(2) {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            *byte = number as u8;
        }
        [key(item), bcs(&(0u8, value))].concat().into()
    }
}

/// A table's item.
fn key(item: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(42);
    key.push(1);
    key.extend([7; 32]);
    key.push(8);
    key.extend(u64::from(item).to_le_bytes());
    key
}
