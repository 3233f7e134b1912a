//! Bytes that look random and are the same for the same seed, on every machine and in every version.

use sealift_aptos::chain::{HashValue, Hasher};

/// A source of bytes: a hash over the seed, and over what they are for.
#[derive(Debug, Clone)]
pub(crate) struct Random(Hasher);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(Hasher::new("SealiftTestNode").update(seed.to_le_bytes()))
    }

    /// 32 bytes for `purpose` and `index`.
    pub(crate) fn bytes(&self, purpose: &str, index: u64) -> [u8; 32] {
        *self.0.clone().update(purpose).update(index.to_le_bytes()).finish().as_bytes()
    }

    pub(crate) fn hash(&self, purpose: &str, index: u64) -> HashValue {
        HashValue::new(self.bytes(purpose, index))
    }

    /// A number for `purpose` and `index`, below `limit`.
    pub(crate) fn below(&self, purpose: &str, index: u64, limit: u64) -> u64 {
        let bytes = self.bytes(purpose, index);
        u64::from_le_bytes(*bytes.first_chunk().expect("32 bytes")) % limit.max(1)
    }

    /// `length` bytes for `purpose` and `index`.
    pub(crate) fn long(&self, purpose: &str, index: u64, length: usize) -> Vec<u8> {
        let mut bytes = self.bytes(purpose, index).repeat(length.div_ceil(32));
        bytes.truncate(length);
        bytes
    }
}
