//! Verification of what is stored, from storage alone: is it there, is it what was written, does it prove itself.
//!
//! The way of the work, downward:
//! - `plan`: everything there is to verify, cut into [`Piece`]s that are verified by themselves; `record` says which of them
//!   were verified before, and `choice` which are due;
//! - `worker`: one shard of a plan, many pieces at a time, by a [`Check`] for what is in them (`object` is the one for plain
//!   objects; archives of Aptos have one of their own);
//! - `merge`: the reports of all shards become one [`Verdict`]. It proves that every piece was verified once, and that what
//!   one piece rests on ([`Facts`]) another has proven.
//!
//! A single process does the same three steps, so it says the same, byte for byte, as any number of shards.

mod choice;
mod depth;
mod files;
mod finding;
mod folder;
mod merge;
mod object;
mod piece;
mod plan;
mod record;
mod shard;
#[cfg(test)]
mod tests;
mod worker;

pub use choice::{Choice, Limit};
pub use depth::Depth;
pub use files::{Files, How, Identity, OpenFile};
pub use finding::{Class, Finding};
pub use folder::Folder;
pub use merge::{Oldest, Verdict, merge};
pub use object::{Objects, check_files, gone, pieces_of_objects};
pub use piece::{Check, Facts, Outcome, Piece, PlannedFile, VerifiedFile};
pub use plan::{Earlier, LeftOut, Plan, Survey};
pub use record::{Record, Recorded};
pub use shard::Shard;
pub use worker::{Event, Report, Work};

use std::time::{SystemTime, UNIX_EPOCH};

/// What everything of verification's own is below, in the storage that is verified: the record, plans, reports.
pub const FOLDER: &str = "sealift-verify";

/// Seconds since 1970.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
