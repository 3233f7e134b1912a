//! Which pieces are due.

use super::depth::Depth;
use super::piece::Piece;
use super::plan::{Earlier, LeftOut};
use super::record::{Record, Recorded};
use std::time::Duration;

/// Which pieces are verified now. By default all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// Only those that were not verified for so long, as they are now.
    pub unverified_for: Option<Duration>,
    /// No more than this, those first that were never verified, then those that were verified longest ago. At least one.
    pub limit: Option<Limit>,
}

/// How much is verified in one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many stored bytes.
    Bytes(u64),
    /// So many of 100 of the stored bytes.
    Percent(f64),
}

impl Limit {
    fn bytes(self, all: u64) -> u64 {
        match self {
            Limit::Bytes(bytes) => bytes,
            Limit::Percent(percent) => (all as f64 * percent / 100.0).ceil() as u64,
        }
    }
}

/// The pieces, divided.
pub(super) struct Chosen {
    pub(super) now: Vec<Piece>,
    pub(super) earlier: Vec<Earlier>,
    pub(super) left_out: LeftOut,
}

impl Choice {
    /// Divides `pieces` by what is recorded of them, at the time `now`, in seconds since 1970. `enough` says whether a line
    /// of the record was made under conditions that hold today.
    pub(super) fn divide(
        &self,
        pieces: Vec<Piece>,
        depth: Depth,
        record: &Record,
        enough: &dyn Fn(&Recorded) -> bool,
        now: u64,
    ) -> Chosen {
        let all: u64 = pieces.iter().map(Piece::bytes).sum();
        let mut dated: Vec<_> = pieces
            .into_iter()
            .map(|piece| {
                let recorded = record.of(&piece, depth, enough).cloned();
                (piece, recorded)
            })
            .collect();
        // Stable: those that were never verified stay in the order of the data.
        dated.sort_by_key(|(_, recorded)| recorded.as_ref().map(|recorded| recorded.at));
        let fresh = |recorded: &Recorded| {
            self.unverified_for.is_some_and(|time| now.saturating_sub(recorded.at) < time.as_secs())
        };
        let mut room = self.limit.map(|limit| limit.bytes(all));
        let mut chosen = Chosen { now: Vec::new(), earlier: Vec::new(), left_out: LeftOut::default() };
        for (piece, recorded) in dated {
            match recorded {
                Some(recorded) if fresh(&recorded) => chosen.earlier.push(Earlier::of(&piece, recorded)),
                recorded => match room.map(|room| room.checked_sub(piece.bytes())) {
                    Some(None) if !chosen.now.is_empty() => {
                        // What is behind it would be older than what was taken.
                        room = Some(0);
                        chosen.left_out.add(&piece, recorded.as_ref());
                        chosen.earlier.extend(recorded.map(|recorded| Earlier::of(&piece, recorded)));
                    }
                    rest => {
                        room = rest.map(Option::unwrap_or_default);
                        chosen.now.push(piece);
                    }
                },
            }
        }
        chosen
    }
}
