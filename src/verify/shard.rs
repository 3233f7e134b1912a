//! Shards: which pieces of a plan one of many machines verifies.

use super::piece::Piece;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

/// One of so many parts of a plan, written `K/N`, from `1/N` to `N/N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    number: NonZeroU32,
    of: NonZeroU32,
}

/// What a piece costs besides its bytes: requests.
const PIECE: u64 = 64 << 10;

impl Shard {
    /// All of a plan.
    pub const WHOLE: Shard = Shard { number: NonZeroU32::MIN, of: NonZeroU32::MIN };

    /// The part `number`, from 1 on, of `of`. `None` when there is no such part.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        let (number, of) = (NonZeroU32::new(number)?, NonZeroU32::new(of)?);
        (number <= of).then_some(Shard { number, of })
    }

    /// Its number, from 1 on.
    pub fn number(self) -> u32 {
        self.number.get()
    }

    /// How many there are.
    pub fn of(self) -> u32 {
        self.of.get()
    }

    /// The indexes of its pieces, in the order of `pieces`. All shards together have each piece once, and as many bytes each
    /// as can be. A pure function of the plan, so that nobody has to tell the shards.
    pub fn share(self, pieces: &[Piece]) -> Vec<usize> {
        let mut largest_first: Vec<usize> = (0..pieces.len()).collect();
        largest_first.sort_by_key(|&at| Reverse(pieces[at].bytes()));
        let mut loads: BinaryHeap<_> = (1..=self.of()).map(|number| Reverse((0u64, number))).collect();
        let mut share = Vec::new();
        for at in largest_first {
            let Some(Reverse((load, number))) = loads.pop() else { break };
            loads.push(Reverse((load.saturating_add(pieces[at].bytes()).saturating_add(PIECE), number)));
            if number == self.number() {
                share.push(at);
            }
        }
        share.sort_unstable();
        share
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('/').and_then(|(number, of)| Shard::new(number.parse().ok()?, of.parse().ok()?));
        parsed.ok_or("a shard is K/N, from 1/N to N/N")
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Identity;
    use super::super::piece::PlannedFile;
    use super::*;

    fn pieces(sizes: &[u64]) -> Vec<Piece> {
        let piece = |(at, size): (usize, &u64)| {
            let identity = Some(Identity { size: *size, etag: None });
            let files = vec![PlannedFile { name: at.to_string(), identity }];
            Piece { name: at.to_string(), kind: "object".into(), files }
        };
        sizes.iter().enumerate().map(piece).collect()
    }

    #[test]
    fn every_piece_is_in_one_shard() {
        let pieces = pieces(&[5 << 30, 1, 7 << 20, 7 << 20, 0, 9 << 20, 3, 1 << 30]);
        for of in [1, 2, 3, 7, 8, 64] {
            let mut all: Vec<usize> = (1..=of).flat_map(|k| Shard::new(k, of).expect("one").share(&pieces)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..pieces.len()).collect::<Vec<_>>(), "{of}");
        }
    }

    #[test]
    fn shards_are_alike_in_bytes() {
        let pieces = pieces(&[10 << 20; 100]);
        for k in 1..=4 {
            assert_eq!(Shard::new(k, 4).expect("one").share(&pieces).len(), 25);
        }
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!("2/7".parse::<Shard>().map(|shard| (shard.number(), shard.of())), Ok((2, 7)));
        for wrong in ["", "1", "0/3", "4/3", "1/0", "-1/2", "a/b", "1/2/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
