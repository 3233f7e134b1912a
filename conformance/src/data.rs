//! Data that compresses and data that does not: pieces of two buffers, made once.

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use std::sync::OnceLock;

/// As much as a test may ask for at once, and enough more to begin elsewhere for each seed.
const POOL: usize = LONGEST + (4 << 20);
pub(crate) const LONGEST: usize = 20 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Compresses to less than a tenth.
    Text,
    /// Does not compress.
    Noise,
}

/// `len` bytes; other ones for another seed.
pub(crate) fn data(kind: Kind, len: usize, seed: usize) -> &'static [u8] {
    static POOLS: [OnceLock<Vec<u8>>; 2] = [const { OnceLock::new() }; 2];
    assert!(len <= LONGEST, "the buffers hold no {len} bytes");
    let start = seed.wrapping_mul(12_345_701) % (POOL - LONGEST);
    &POOLS[kind as usize].get_or_init(|| pool(kind))[start..start + len]
}

pub(crate) fn noise(len: usize) -> &'static [u8] {
    data(Kind::Noise, len, len)
}

pub(crate) fn text(len: usize) -> &'static [u8] {
    data(Kind::Text, len, len)
}

fn pool(kind: Kind) -> Vec<u8> {
    let mut random = SmallRng::seed_from_u64(1);
    match kind {
        Kind::Noise => {
            let mut pool = vec![0; POOL];
            random.fill(pool.as_mut_slice());
            pool
        }
        Kind::Text => {
            let words = ["the same words ", "in another ", "order, ", "again and again"];
            let mut pool = Vec::with_capacity(POOL + 16 * 64);
            while pool.len() < POOL {
                let mut choices: u64 = random.random();
                for _ in 0..32 {
                    pool.extend_from_slice(words[(choices & 3) as usize].as_bytes());
                    choices >>= 2;
                }
            }
            pool
        }
    }
}

/// Panics with the first difference; contents are too long to be shown.
pub(crate) fn assert_same(found: &[u8], expected: &[u8], what: impl std::fmt::Display) {
    if found != expected {
        let at = found.iter().zip(expected).position(|(a, b)| a != b);
        panic!("{what}: {} bytes instead of {}, first different at {at:?}", found.len(), expected.len());
    }
}
