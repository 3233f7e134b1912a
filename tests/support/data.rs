//! Data for tests: endless, repeatable, half of it compressible.

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
pub use sha2::Digest;
use std::fmt::Write;

/// The hash that tests compare streams with.
pub type Hasher = sha2::Sha256;

/// The hash in hexadecimal.
pub fn hex(hasher: Hasher) -> String {
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// So many bytes that cannot be compressed, the same every time.
pub fn noise(len: usize) -> Bytes {
    let mut data = vec![0; len];
    SmallRng::seed_from_u64(len as u64).fill(data.as_mut_slice());
    data.into()
}

const BLOCK: usize = 1 << 20;
/// How far apart the stamps are that make every block another.
const STAMP_EVERY: usize = 512;

/// An endless stream of bytes: 4 KiB of words, 4 KiB of noise, and so on; no two blocks of it are the same.
#[derive(Debug)]
pub struct Pattern {
    block: Vec<u8>,
    number: u64,
    used: usize,
}

impl Pattern {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        let mut random = seed.wrapping_mul(2).wrapping_add(1);
        let mut block = Vec::with_capacity(BLOCK);
        while block.len() < BLOCK {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match block.len() / 4096 % 2 {
                0 => block
                    .extend_from_slice([b"backup, ", b"version ", b"chunk of", b" epoch 1"][(random >> 62) as usize]),
                _ => block.extend_from_slice(&(random ^ (random >> 33)).to_le_bytes()),
            }
        }
        Pattern { block, number: seed, used: BLOCK }
    }

    /// `len` bytes of the pattern of this seed.
    pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
        let mut data = vec![0; len];
        Pattern::new(seed).fill(&mut data);
        data
    }

    /// The next bytes.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.used == BLOCK {
                self.number = self.number.wrapping_add(1);
                for stamp in self.block.chunks_mut(STAMP_EVERY) {
                    stamp[..8].copy_from_slice(&self.number.to_le_bytes());
                }
                self.used = 0;
            }
            let count = (buffer.len() - filled).min(BLOCK - self.used);
            buffer[filled..filled + count].copy_from_slice(&self.block[self.used..self.used + count]);
            (filled, self.used) = (filled + count, self.used + count);
        }
    }
}
