//! What of an archive is verified, and what is taken for granted.

use crate::chain::Waypoint;
use serde::{Deserialize, Serialize};

/// What of an archive is verified, and what is taken for granted. A plan holds it, so that all its shards do the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Waypoints that are known from elsewhere: a network's genesis, a node that is trusted.
    pub trust: Vec<Waypoint>,
    /// Transactions before this version are left out, backup by backup.
    pub start_version: u64,
    /// Transactions after this version are left out, backup by backup.
    pub end_version: u64,
    /// Only one state snapshot: the newest of this version or before. All of them, if nothing is said.
    pub state_snapshot_before_version: Option<u64>,
    /// Whether epoch endings are verified, and with them all signatures.
    pub epoch_endings: EpochEndings,
    /// What it means that an epoch's validators are not in the archive.
    pub lagging: Lagging,
    /// Where each epoch's ending is, by the archive's metadata lines.
    pub endings: Vec<EndingsLine>,
}

/// A metadata line of epoch endings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndingsLine {
    /// The first epoch.
    pub first: u64,
    /// The last epoch.
    pub last: u64,
    /// The manifest.
    pub manifest: String,
}

/// Whether epoch endings are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EpochEndings {
    /// They are, and signatures by them.
    #[default]
    Verified,
    /// They are not looked at, and no signature is checked.
    Skipped,
}

/// What it means that an epoch's validators are not in the archive, so that nobody can tell who should have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lagging {
    /// It is a finding.
    #[default]
    Wrong,
    /// It is a note.
    Allowed,
}

impl Default for Settings {
    /// All of the archive, by nothing but itself.
    fn default() -> Self {
        Settings {
            trust: Vec::new(),
            start_version: 0,
            end_version: u64::MAX,
            state_snapshot_before_version: None,
            epoch_endings: EpochEndings::default(),
            lagging: Lagging::default(),
            endings: Vec::new(),
        }
    }
}
