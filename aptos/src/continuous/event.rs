//! What happens in backups that go on by themselves, for whoever hears of it.

use crate::BackedUp;
use sealift::Error;
use std::time::Duration;

/// A kind of backup that goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The ledger infos that end epochs.
    EpochEndings,
    /// The state at the end of an epoch.
    StateSnapshots,
    /// Transactions, batch by batch.
    Transactions,
}

impl Kind {
    /// All of them, in the order in which they are due.
    pub const ALL: [Kind; 3] = [Kind::EpochEndings, Kind::StateSnapshots, Kind::Transactions];
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::EpochEndings => "epoch endings",
            Kind::StateSnapshots => "state snapshots",
            Kind::Transactions => "transactions",
        })
    }
}

/// What happens in backups that go on by themselves.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The node has said how far it is.
    Node {
        /// The epoch that is open.
        epoch: u64,
        /// The last version committed.
        committed_version: u64,
    },
    /// The archive has a kind up to there, whoever has made it: an epoch, or of transactions a version.
    Archive(Kind, Option<u64>),
    /// It is looked for what is due of a kind, and that is backed up.
    Began(Kind),
    /// A backup was made, in this time. Another may be due.
    Made(Kind, &'a BackedUp, Duration),
    /// Nothing is due of a kind before the node is further on, or an epoch's end has waited for its batch as long as it may.
    CaughtUp(Kind),
    /// A backup has failed, and is made again after a pause.
    Failed {
        /// Of which kind it was.
        kind: Kind,
        /// Why.
        error: &'a Error,
        /// How long the pause is.
        again_in: Duration,
    },
}
