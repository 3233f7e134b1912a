//! How far continuous backups are, for whoever tells it.

use super::Position;
use tokio::sync::watch;

/// Where the node and the archive stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Headway {
    /// The epoch that is open at the node, and its last version; none before it has answered.
    pub node: Option<(u64, u64)>,
    /// The last epoch whose ending is in the archive.
    pub epoch_ending: Option<u64>,
    /// The epoch of the newest state snapshot in the archive.
    pub state_snapshot: Option<u64>,
    /// The last version whose transaction is in the archive.
    pub version: Option<u64>,
    /// Which kinds have nothing to do before the node is further on.
    idle: [bool; 3],
}

impl Headway {
    /// Whether all that is due is backed up.
    pub fn has_caught_up(&self) -> bool {
        self.node.is_some() && self.idle == [true; 3]
    }
}

/// The kinds, as they wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    EpochEndings,
    StateSnapshots,
    Transactions,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::EpochEndings => "epoch endings",
            Kind::StateSnapshots => "state snapshots",
            Kind::Transactions => "transactions",
        }
    }
}

/// Who keeps it.
#[derive(Debug, Clone)]
pub(super) struct Kept(watch::Sender<Headway>);

impl Kept {
    pub(super) fn new() -> Self {
        Kept(watch::Sender::new(Headway::default()))
    }

    pub(super) fn heard(&self) -> watch::Receiver<Headway> {
        self.0.subscribe()
    }

    pub(super) fn node_is_at(&self, position: Position) {
        self.change(|headway| headway.node = Some((position.epoch, position.committed_version)));
    }

    /// This kind is in the archive up to there: an epoch, or a version.
    pub(super) fn archive_is_at(&self, kind: Kind, last: Option<u64>) {
        self.change(|headway| match kind {
            Kind::EpochEndings => headway.epoch_ending = last,
            Kind::StateSnapshots => headway.state_snapshot = last,
            Kind::Transactions => headway.version = last,
        });
    }

    pub(super) fn has_nothing_to_do(&self, kind: Kind) {
        self.change(|headway| headway.idle[kind as usize] = headway.node.is_some());
    }

    pub(super) fn has_something_to_do(&self, kind: Kind) {
        self.change(|headway| headway.idle[kind as usize] = false);
    }

    fn change(&self, change: impl FnOnce(&mut Headway)) {
        self.0.send_if_modified(|headway| {
            let before = *headway;
            change(headway);
            before != *headway
        });
    }
}
