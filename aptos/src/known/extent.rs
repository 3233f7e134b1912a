//! What a backup is of, in numbers that can be compared.

use crate::metadata::Metadata;
use std::fmt;

/// What a backup is of. All ends are included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// The endings of these epochs.
    Epochs {
        /// The first epoch.
        first: u64,
        /// The last epoch.
        last: u64,
    },
    /// The transactions of these versions.
    Versions {
        /// The first version.
        first: u64,
        /// The last version.
        last: u64,
    },
    /// The state at a version, which ends an epoch.
    State {
        /// The epoch.
        epoch: u64,
        /// The version.
        version: u64,
    },
}

/// The kinds of backup, each of which has lines of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Epochs,
    Versions,
    State,
}

impl Extent {
    /// The command and the options with which `sealift` backs it up.
    pub fn command(self) -> String {
        let (first, last) = self.range();
        self.kind().command(first, last)
    }

    /// What the backup that a metadata line makes known is of, if it makes one known.
    pub(crate) fn of(line: &Metadata) -> Option<Extent> {
        match *line {
            Metadata::EpochEndingBackup { first_epoch: first, last_epoch: last, .. } => {
                Some(Extent::Epochs { first, last })
            }
            Metadata::TransactionBackup { first_version: first, last_version: last, .. } => {
                Some(Extent::Versions { first, last })
            }
            Metadata::StateSnapshotBackup { epoch, version, .. } => Some(Extent::State { epoch, version }),
            Metadata::Identity { .. } | Metadata::CompactionTimestamps { .. } => None,
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Extent::Epochs { .. } => Kind::Epochs,
            Extent::Versions { .. } => Kind::Versions,
            Extent::State { .. } => Kind::State,
        }
    }

    /// The numbers that no other backup of the kind should have: epochs, versions, the epoch of a state.
    pub(crate) fn range(self) -> (u64, u64) {
        match self {
            Extent::Epochs { first, last } | Extent::Versions { first, last } => (first, last),
            Extent::State { epoch, .. } => (epoch, epoch),
        }
    }

    /// Whether both are of the same kind and have something in common.
    pub(crate) fn meets(self, other: Extent) -> bool {
        let ((first, last), (other_first, other_last)) = (self.range(), other.range());
        self.kind() == other.kind() && first <= other_last && other_first <= last
    }

    /// Whether all of `other` is in it.
    pub(crate) fn covers(self, other: Extent) -> bool {
        let ((first, last), (other_first, other_last)) = (self.range(), other.range());
        self.kind() == other.kind() && first <= other_first && other_last <= last
    }
}

impl Kind {
    /// The numbers `first..=last` in words, and the options of the command that backs them up.
    pub(crate) fn command(self, first: u64, last: u64) -> String {
        match self {
            Kind::Epochs => {
                let end = last.saturating_add(1);
                format!("backup epoch-ending --start-epoch {first} --end-epoch {end}")
            }
            Kind::Versions => {
                let count = (last - first).saturating_add(1);
                format!("backup transaction --start-version {first} --num_transactions {count}")
            }
            Kind::State => format!("backup state-snapshot --state-snapshot-epoch {first}"),
        }
    }

    /// The numbers `first..=last` in words.
    pub(crate) fn subject(self, first: u64, last: u64) -> String {
        match self {
            Kind::Epochs => format!("epoch endings {first} to {last}"),
            Kind::Versions => format!("transactions {first} to {last}"),
            Kind::State => format!("the state at the end of epoch {first}"),
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::State { epoch, version } => write!(f, "the state at version {version}, the end of epoch {epoch}"),
            Extent::Epochs { first, last } | Extent::Versions { first, last } => {
                f.write_str(&self.kind().subject(*first, *last))
            }
        }
    }
}
