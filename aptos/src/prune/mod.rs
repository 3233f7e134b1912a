//! Which state snapshots of an archive no version within a recovery window needs, and their removal.
//!
//! A restore to a version takes the newest snapshot up to it, all transactions from there on, and all epoch endings; and it
//! demands lines of transactions from 0 on without a gap (`known::selection`). So the snapshots before the one that the
//! oldest wanted version is restored from can go, with their lines. Epoch endings and transactions stay: their lines have to,
//! and who verifies an archive reads what lines name.
//!
//! `window` decides, from values. What is removed goes in this order, so that at every moment all that is named is there:
//! a note of what is about to go (`journal`); files with the lines that stay of files that have others; the files with the
//! lines that go, moved to `metadata_backup/`; and, once the grace time is over and still nothing names them, the data, its
//! manifest first. The next run goes on where one has ended, by the notes.

mod carry_out;
mod journal;
mod lines;
mod prepare;
#[cfg(test)]
mod tests;
mod window;

use crate::known::{Known, Snapshot};
pub use carry_out::Step;
pub use journal::Leaving;
pub(crate) use journal::noted_groups;
pub use lines::NewFile;
use sealift::prune::{Counting, FOLDER};
use sealift::{Archive, FileHandle};
use std::num::NonZeroUsize;
use std::time::Duration;
pub use window::{Need, Window};

/// What is to stay, and how the rest goes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// From where on every version stays restorable.
    pub window: Window,
    /// How long files stay once nothing names them: who has read the metadata before may be reading them.
    pub grace: Duration,
    /// Whether the snapshot that makes others superfluous, and all that a restore from it needs, has to be verified.
    pub counting: Counting,
    /// How many files are read at a time.
    pub at_once: NonZeroUsize,
}

impl Settings {
    /// A day of grace, verified backups only, sixteen files at a time.
    pub fn new(window: Window) -> Self {
        let at_once = NonZeroUsize::MIN.saturating_add(15);
        Settings { window, grace: Duration::from_secs(86_400), counting: Counting::Verified, at_once }
    }
}

/// A removal that is planned, and of which nothing is done.
#[derive(Debug)]
pub struct Pruning<'a> {
    archive: &'a Archive,
    settings: Settings,
    known: Known,
    plan: Plan,
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The newest version that a restore reaches.
    pub reached: u64,
    /// The oldest version that is wanted; none where the archive does not go back so far.
    pub start: Option<u64>,
    /// The snapshot that it is restored from; none where there is none that counts.
    pub base: Option<Snapshot>,
    /// What is kept, and what its versions need.
    pub kept: Vec<Need>,
    /// What goes.
    pub superfluous: Vec<Superfluous>,
    /// Files with the lines that stay, of those that are moved.
    pub write: Vec<NewFile>,
    /// Files with lines that go.
    pub moves: Vec<FileHandle>,
    /// What nothing names any more, of earlier runs, and when its files may be removed.
    pub leaving: Vec<Leaving>,
}

/// A snapshot that goes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Superfluous {
    /// Which.
    pub snapshot: Snapshot,
    /// What is stored of it.
    pub files: usize,
    /// How much that is, in bytes.
    pub bytes: u64,
    /// The note of it.
    leaving: Leaving,
}

impl Pruning<'_> {
    /// What is to be done.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}
