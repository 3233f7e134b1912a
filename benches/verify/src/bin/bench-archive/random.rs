//! Data that looks like the chain's, fast: numbers that look random, and bytes of which about half repeat.

/// A source of numbers (SplitMix64): the same for the same seed, purpose and index.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64, purpose: u64, index: u64) -> Self {
        let mut random = Random(seed ^ purpose.rotate_left(40) ^ index.wrapping_mul(0xd6e8_feb8_6659_fd93));
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number from `from` to `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    /// Adds `length` bytes: alternately a number, and a longer one of a few that come again and again. They compress to
    /// about half, as the chain's do.
    pub(crate) fn put(&mut self, bytes: &mut Vec<u8>, length: usize) {
        let end = bytes.len() + length;
        while bytes.len() < end {
            let number = self.next();
            bytes.extend_from_slice(&number.to_le_bytes());
            bytes.extend_from_slice(&u128::from(number % 61).to_be_bytes()[4..]);
        }
        bytes.truncate(end);
    }
}

/// Adds `number` in ULEB128.
pub(crate) fn put_uleb128(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
