//! What a reader may hold of the memory budget, and how it shares that out between requests and blocks.

use crate::budget::{BLOCK, Budget, Held, READER_SEAT, Spare};
use crate::codec::head::MAX_STORED;
use crate::error::Result;

/// How many bytes a request asks for at least: enough to make its delay small against its transfer, and two of them
/// and a block fit into the smallest seat. A block lies in no more than two.
const SMALLEST_RANGE: u64 = 3 << 19;
const LARGEST_RANGE: u64 = 8 << 20;
/// Ranges are a multiple of this, so that the budget's units do not add up to more than is held.
const GRAIN: u64 = 64 << 10;
/// How many requests are under way or waiting for the reader, once ranges are larger than the smallest.
const AHEAD: u64 = 8;
/// The most a reader takes: the largest ranges, and blocks for many cores.
const MOST: u64 = AHEAD * LARGEST_RANGE + (16 << 20);
/// In what steps more than the seat is taken.
const STEP: u64 = 4 << 20;
/// An object up to this size is read with the seat alone.
pub(super) const SMALL: u64 = 256 << 10;

const _: () = assert!(2 * SMALLEST_RANGE + BLOCK as u64 <= READER_SEAT && MAX_STORED as u64 <= SMALLEST_RANGE);

/// A reader's memory, given back when dropped.
#[derive(Debug)]
pub(super) struct Places {
    #[expect(dead_code, reason = "places are held, not used")]
    held: (Seat, Vec<Spare>),
    pub(super) shares: Shares,
}

#[derive(Debug)]
#[expect(dead_code, reason = "places are held, not used")]
enum Seat {
    Own(Held),
    Spare(Spare),
}

/// How the memory is used. Everything together is at most what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shares {
    /// How many bytes a request asks for.
    pub(super) range: u64,
    /// How many ranges may exist at a time: asked for, waiting, or not decompressed yet.
    pub(super) ranges: usize,
    /// How many blocks of plain data may exist at a time.
    pub(super) blocks: usize,
}

/// Whether what is stored will be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    AsItIs,
    /// On this many threads.
    Decompressed(usize),
}

impl Places {
    /// A seat, waited for, and as much more as is free and of use. Cancel-safe.
    pub(super) async fn take(budget: &Budget, size: u64, way: Use) -> Result<Self> {
        let wanted = wanted(size, way);
        let mut taken = READER_SEAT.min(wanted);
        let (seat, mut more) = (seat(budget, taken, size).await?, Vec::new());
        while size > SMALL && taken < wanted {
            let step = STEP.min(wanted - taken);
            let Some(spare) = budget.try_spare(step) else { break };
            more.push(spare);
            taken += step;
        }
        Ok(Places { held: (seat, more), shares: Shares::of(taken, size, way) })
    }
}

/// The place of a reader that holds `taken`. For a short object one of the writers' does as well: it is given back soon.
async fn seat(budget: &Budget, taken: u64, size: u64) -> Result<Seat> {
    if let Some(seat) = budget.try_reader_seat(taken) {
        return Ok(Seat::Own(seat));
    }
    match budget.try_spare(taken).filter(|_| size <= SMALL) {
        Some(spare) => Ok(Seat::Spare(spare)),
        None => budget.reader_seat(taken).await.map(Seat::Own),
    }
}

/// The most that a reader of `size` stored bytes can use.
fn wanted(size: u64, way: Use) -> u64 {
    let blocks = match way {
        Use::AsItIs => 0,
        Use::Decompressed(_) if size <= SMALL => 1,
        Use::Decompressed(threads) => threads as u64 + 2,
    };
    (size + blocks * BLOCK as u64).min(MOST)
}

impl Shares {
    fn of(held: u64, size: u64, way: Use) -> Self {
        let blocks = match way {
            Use::AsItIs => 0,
            // A quarter of the memory, one for each thread, one that is read, and one that waits to be.
            Use::Decompressed(threads) => (held / 4 / BLOCK as u64).clamp(1, threads as u64 + 2),
        };
        let for_ranges = held - blocks * BLOCK as u64;
        let range = for_ranges / AHEAD / GRAIN * GRAIN;
        let range = range.clamp(SMALLEST_RANGE, LARGEST_RANGE).min(size.max(1));
        let ranges = if for_ranges >= size { size.div_ceil(range) } else { for_ranges / range };
        Shares { range, ranges: ranges as usize, blocks: blocks as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_is_used_is_no_more_than_what_is_held_and_enough_to_go_on() {
        for way in [Use::AsItIs, Use::Decompressed(1), Use::Decompressed(2), Use::Decompressed(64)] {
            for size in [0, 1, SMALL, MIB, 3 * MIB / 2, 3 * MIB / 2 + 1, 3 * MIB, 5 * MIB, 1 << 40] {
                let (wanted, seat) = (wanted(size, way), READER_SEAT.min(wanted(size, way)));
                for held in (seat..=wanted.max(seat)).step_by(MIB as usize / 4) {
                    let shares = Shares::of(held, size, way);
                    let ranges = (shares.ranges as u64 * shares.range).min(size);
                    let used = ranges + shares.blocks as u64 * BLOCK as u64;
                    assert!(used <= held, "{shares:?} of {held} for {size} {way:?}");
                    let all = shares.ranges as u64 * shares.range >= size;
                    assert!(all || shares.ranges >= 2, "{shares:?} of {held} for {size} {way:?}");
                    assert!(all || shares.range >= SMALLEST_RANGE);
                    assert_eq!(shares.blocks == 0, way == Use::AsItIs);
                }
            }
        }
    }

    #[test]
    fn more_memory_means_larger_ranges_and_more_blocks() {
        let shares = |held| Shares::of(held, 1 << 40, Use::Decompressed(8));
        assert_eq!(shares(4 * MIB), Shares { range: 3 * MIB / 2, ranges: 2, blocks: 1 });
        assert_eq!(shares(28 * MIB), Shares { range: 21 * MIB / 8, ranges: 8, blocks: 7 });
        assert_eq!(shares(MOST), Shares { range: 8 * MIB, ranges: 8, blocks: 10 });
    }
}
