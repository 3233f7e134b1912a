//! Compaction: many metadata files of few lines become few of many, by the rules of aptos-core
//! (`storage/backup/backup-cli/src/backup_maintenance.rs` and what it calls), so that both tools can work on one archive.
//!
//! Whoever reads an archive reads every metadata file, and drops lines that it has read before. So a compaction first
//! writes files with the lines of many (`runs`), then a file of timestamps that says since when each other file is not
//! needed (`stamps`), and a run that is late enough moves those to `metadata_backup/`. At any moment in between the archive
//! reads the same. `plan` decides all of it from values; `Compaction` reads, and `carry_out` does it.
//!
//! What is never moved: a file with a line that no kept file was read back with, an empty file (a slow tool may still be
//! writing it), and `identity.meta`: the original moves that too, and then the next tool draws another identity.

mod carry_out;
mod exact;
mod names;
mod plan;
mod runs;
mod stamps;
#[cfg(test)]
mod tests;

use crate::known::{Known, read_lines_with};
use crate::metadata::Metadata;
pub(crate) use carry_out::save;
pub use carry_out::{Ended, Step};
pub(crate) use exact::exact_lines;
use futures::{StreamExt, TryStreamExt, stream};
pub(crate) use names::names;
use plan::Aside;
pub use plan::{Compacted, Kept, Plan, Why};
pub use runs::Factors;
use sealift::{BackupStorage, ErrorKind, FileHandle, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How an archive's metadata is compacted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// How many lines of each kind are put into one file.
    pub factors: Factors,
    /// How long a file stays that is not needed any more, counted from the first run that sees it: so long others may be
    /// about to read it. In whole seconds.
    pub remove_after: Duration,
    /// How many files are read, written or moved at a time.
    pub at_once: NonZeroUsize,
}

impl Settings {
    /// A day, and sixteen at a time.
    pub fn new(factors: Factors) -> Self {
        let at_once = NonZeroUsize::MIN.saturating_add(15);
        Settings { factors, remove_after: Duration::from_secs(86_400), at_once }
    }
}

/// A compaction that is planned, and of which nothing is done.
#[derive(Debug)]
pub struct Compaction<'a> {
    storage: &'a dyn BackupStorage,
    settings: Settings,
    known: Known,
    plan: Plan,
}

impl<'a> Compaction<'a> {
    /// Reads all metadata files of an archive, and decides what is to be written, stamped and moved.
    ///
    /// # Errors
    /// The storage's; [`ErrorKind::InvalidConfig`] when it cannot move metadata files; [`ErrorKind::Corrupt`] when a file
    /// holds something that is not understood to its last field, which a compacted file would not have, or when epoch
    /// endings or transactions that are to be in one file leave a gap or overlap.
    ///
    /// # Cancel safety
    /// It only reads: dropped, it leaves nothing.
    pub async fn prepare(storage: &'a dyn BackupStorage, settings: Settings) -> Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Compaction::prepare_at(since.as_secs(), storage, settings).await
    }

    /// The same at a time, in seconds since 1970.
    async fn prepare_at(now: u64, storage: &'a dyn BackupStorage, settings: Settings) -> Result<Self> {
        storage.can_move_metadata()?;
        let known = Known::read_with(storage, settings.at_once, exact_lines).await?;
        let runs = runs::cut(&known, &settings.factors)?;
        let names = runs.iter().flat_map(|run| run.names.iter().cloned()).chain(known.files().keys().cloned());
        let aside = read_aside(storage, names.collect(), settings.at_once).await?;
        let plan = Plan::of(&known, runs, &aside, now, settings.remove_after.as_secs())?;
        Ok(Compaction { storage, settings, known, plan })
    }

    /// What is to be done.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether the archive has no metadata file at all.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// What lies in `metadata_backup/` under the name of one of `files`, by that one; nothing where the storage cannot tell.
async fn read_aside(
    storage: &dyn BackupStorage,
    files: BTreeSet<FileHandle>,
    at_once: NonZeroUsize,
) -> Result<BTreeMap<FileHandle, Aside>> {
    let listed = storage.list_backed_up_metadata_files().await?.unwrap_or_default();
    let here = listed.into_iter().filter_map(|aside| {
        let name = aside.as_ref().strip_prefix("metadata_backup/")?;
        let file: FileHandle = format!("metadata/{name}").parse().ok()?;
        files.contains(&file).then_some((file, aside))
    });
    let read = stream::iter(here.collect::<Vec<_>>()).map(async |(file, aside)| {
        match read_lines_with(storage, &aside, exact_lines).await {
            Ok(lines) => Ok((file, Aside::Lines(lines))),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok((file, Aside::NotUnderstood)),
            Err(error) => Err(error),
        }
    });
    read.buffer_unordered(at_once.get()).try_collect().await
}

/// A line as one value that can be compared with others: the text that a file has for it.
fn text_of(line: &Metadata) -> Result<String> {
    Ok(line.to_line()?.as_ref().to_owned())
}
