//! How a stream of unknown length is cut into parts: the limits of a service, and the size of each part.
//! Which service has which limits is told by its adapter.

const MIB: u64 = 1 << 20;
/// So many parts of the first size are to have room in memory.
const PARTS_IN_MEMORY: u64 = 24;

/// What a service takes, and how parts grow.
///
/// ```
/// use sealift::{Growth, PartPolicy};
///
/// const MIB: u64 = 1 << 20;
/// // Ten thousand parts, of which four may be sent at a time.
/// const POLICY: PartPolicy =
///     PartPolicy::new(Growth::Equal { size: 8 * MIB }).with_max_parts(10_000).with_max_in_flight(4);
///
/// assert_eq!(POLICY.longest_stream(), 80_000 * MIB);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartPolicy {
    /// The most parts of one object.
    pub max_parts: u32,
    /// The largest part, in bytes.
    pub max_part: u64,
    /// The largest object, in bytes.
    pub max_object: u64,
    /// How part sizes follow one another.
    pub growth: Growth,
    /// The most parts under way at once, of one object.
    pub max_in_flight: usize,
}

/// How part sizes follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// Parts begin small, so that memory and delay are small for ordinary streams, and grow with what is stored
    /// once a fifth of the parts is used, so that a long stream comes close to the service's limit.
    Growing {
        /// The size of the first parts, in bytes.
        first: u64,
        /// The size down to which they may be cut where memory is small, so that it holds more of them, in bytes.
        least: u64,
    },
    /// Every part but the last has the same size.
    Equal {
        /// That size, in bytes.
        size: u64,
    },
}

impl PartPolicy {
    /// Parts of these sizes, sent one after the other, as many as there may be, of an object of at most 2⁶³ - 1 bytes.
    /// Growing parts are of 5 GiB at most, until [`with_max_part`](Self::with_max_part) says otherwise.
    pub const fn new(growth: Growth) -> Self {
        let max_part = match growth {
            Growth::Equal { size } => size,
            Growth::Growing { .. } => 5 << 30,
        };
        PartPolicy { max_parts: u32::MAX, max_part, max_object: i64::MAX as u64, growth, max_in_flight: 1 }
    }

    /// With so many parts of one object at most.
    #[must_use]
    pub const fn with_max_parts(self, max_parts: u32) -> Self {
        PartPolicy { max_parts, ..self }
    }

    /// With no part larger than that, in bytes.
    #[must_use]
    pub const fn with_max_part(self, max_part: u64) -> Self {
        PartPolicy { max_part, ..self }
    }

    /// With no object larger than that, in bytes.
    #[must_use]
    pub const fn with_max_object(self, max_object: u64) -> Self {
        PartPolicy { max_object, ..self }
    }

    /// With parts of other sizes, and the same limits.
    #[must_use]
    pub const fn with_growth(self, growth: Growth) -> Self {
        PartPolicy { growth, ..self }
    }

    /// With so many parts of one object under way at a time.
    #[must_use]
    pub const fn with_max_in_flight(self, max_in_flight: usize) -> Self {
        PartPolicy { max_in_flight, ..self }
    }

    /// The size of the first part, in bytes. A stream that fits in it is stored in one request.
    pub fn first_part(&self) -> u64 {
        self.part_size(0)
    }

    /// This policy for a memory budget of `memory` bytes: with first parts so small that the budget holds 24 of them, if
    /// the service takes such. What a stream can send to a service far away is what it may have in flight.
    #[must_use]
    pub(crate) fn within(self, memory: u64) -> Self {
        match self.growth {
            Growth::Equal { .. } => self,
            Growth::Growing { first, least } => {
                let first = (memory / PARTS_IN_MEMORY / MIB * MIB).max(least).min(first);
                PartPolicy { growth: Growth::Growing { first, least }, ..self }
            }
        }
    }

    /// The size of the part that begins after `stored` bytes.
    ///
    /// Growing parts keep their first size for a fifth of [`max_parts`](Self::max_parts) and then add 50/`max_parts`
    /// of what comes: with S3's 10,000 parts of at most 5 GiB, the first 2,000 parts are of 8 MiB (16 GiB), 1 TiB
    /// is reached with parts of 5 GiB, and the last part ends beyond 32 TiB. Starting with larger parts reaches more,
    /// up to `max_parts` × `max_part`.
    pub fn part_size(&self, stored: u64) -> u64 {
        match self.growth {
            Growth::Equal { size } => size,
            Growth::Growing { first, .. } => {
                let parts = u64::from(self.max_parts.max(1));
                let beyond = stored.saturating_sub(first.saturating_mul(parts / 5));
                let grown = beyond.saturating_mul(50) / parts;
                grown.next_multiple_of(MIB).clamp(first, self.max_part)
            }
        }
    }

    /// The longest stream these parts can hold, in bytes.
    pub fn longest_stream(&self) -> u64 {
        let mut stored = 0u64;
        for _ in 0..self.max_parts {
            stored = stored.saturating_add(self.part_size(stored));
            if stored >= self.max_object {
                return self.max_object;
            }
        }
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const TIB: u64 = 1 << 40;

    fn growing(max_parts: u32, first: u64) -> PartPolicy {
        PartPolicy {
            max_parts,
            max_part: 5 * GIB,
            max_object: 10_000 * 5 * GIB,
            growth: Growth::Growing { first, least: 5 * MIB },
            max_in_flight: 8,
        }
    }

    #[test]
    fn ordinary_streams_keep_small_parts() {
        let policy = growing(10_000, 8 * MIB);
        assert_eq!(policy.first_part(), 8 * MIB);
        assert_eq!(policy.part_size(16 * GIB - 1), 8 * MIB);
        assert!(policy.part_size(100 * GIB) < 512 * MIB);
    }

    #[test]
    fn long_streams_reach_far_beyond_small_parts() {
        let policy = growing(10_000, 8 * MIB);
        assert!(policy.longest_stream() > 32 * TIB);
        assert!(growing(1_000, 8 * MIB).longest_stream() > 3 * TIB);
        assert_eq!(growing(10_000, 5 * GIB).longest_stream(), policy.max_object);
    }

    #[test]
    fn part_sizes_never_shrink_nor_pass_the_limit() {
        let policy = growing(10_000, 8 * MIB);
        let (mut stored, mut last) = (0, 0);
        for _ in 0..policy.max_parts {
            let size = policy.part_size(stored);
            assert!(size >= last && size <= policy.max_part);
            stored += size;
            last = size;
        }
    }

    #[test]
    fn small_memory_makes_small_parts() {
        let policy = growing(10_000, 8 * MIB);
        for (memory, first) in [(16, 5), (64, 5), (160, 6), (192, 8), (4096, 8)] {
            assert_eq!(policy.within(memory * MIB).first_part(), first * MIB, "{memory} MiB");
        }
        assert!(policy.within(64 * MIB).longest_stream() > 20 * TIB);
        let equal = PartPolicy { growth: Growth::Equal { size: 32 * MIB }, ..policy };
        assert_eq!(equal.within(64 * MIB), equal);
    }

    #[test]
    fn equal_parts_are_equal() {
        let policy = PartPolicy { growth: Growth::Equal { size: 32 * MIB }, ..growing(10_000, 0) };
        assert_eq!(policy.part_size(0), policy.part_size(TIB));
        assert_eq!(policy.longest_stream(), 10_000 * 32 * MIB);
    }
}
