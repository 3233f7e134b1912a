//! Doing what is planned, in the order in which a stop between any two steps loses nothing: the compacted files, each read
//! back; the timestamps; and only then the moves.
//!
//! There is no lock, and other compactions may be at work, with other factors. What each of them keeps is in no
//! timestamps that were there before it. So a move is safe as long as the files are there that this one keeps, and nobody
//! has written timestamps since it looked, by which a third one could move those. Both are looked at again and again
//! while files are moved; where they do not hold, the rest is left to the next run.

use super::plan::{Compacted, Covered, Timestamps, file_of};
use super::{Compaction, exact_lines, stamps};
use crate::known::read_lines_with;
use crate::metadata::Metadata;
use futures::future::join_all;
use sealift::{BackupStorage, Error, ErrorKind, FileHandle, Result, ShellSafeName, TextLine};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::Instant;

/// How long what others do is not looked at while files are moved. Less where files are moved sooner than that.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How often another time is taken for the timestamps, where others write some in the same second.
const TIMES: u64 = 20;

/// What a timestamps file's handle begins with.
const TIMESTAMPS: &str = "metadata/compaction_timestamps_";

/// A step that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// This compacted file was written, or another compaction has written the same, and it was read back.
    Written(FileHandle),
    /// This timestamps file was written.
    Stamped(FileHandle),
    /// This file was moved to `metadata_backup/`.
    Moved(FileHandle),
    /// This file was to be moved, and somebody else has moved it.
    Gone(FileHandle),
    /// This file was to be moved, and has a line by now that no compacted file has.
    Changed(FileHandle),
}

/// How a compaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// All of the plan was done.
    Whole,
    /// It was told to stop.
    Stopped,
    /// Another compaction has changed the archive meanwhile, so that the next run has to move what is left.
    BesideAnother,
}

/// What came of a file that was to be moved.
enum Fate {
    Moved,
    Changed,
    Failed(Error),
}

/// What was to be done before each move.
enum Look {
    AsBefore(BTreeSet<FileHandle>),
    Another,
}

impl Compaction<'_> {
    /// Does what is planned. `tell` hears of each step, and says whether to go on: the steps under way are ended first.
    ///
    /// # Errors
    /// The storage's, with the steps before it done; [`ErrorKind::Corrupt`] when a file that was written reads otherwise,
    /// and then nothing is moved. The same again goes on.
    ///
    /// # Cancel safety
    /// Dropped, it leaves what was done, which is no loss at any step; a move under way may go on until the storage is
    /// closed. Preparing and carrying out again goes on.
    pub async fn carry_out(self, mut tell: impl FnMut(Step) -> ControlFlow<()> + Send) -> Result<Ended> {
        let mut kept: BTreeSet<FileHandle> = self.plan.standing.iter().cloned().collect();
        let mut covered = Covered::default();
        for line in self.plan.standing.iter().flat_map(|file| &self.known.files()[file]) {
            covered.add(line)?;
        }
        for batch in self.plan.write.chunks(self.settings.at_once.get()) {
            let written = join_all(batch.iter().map(|compacted| self.write(compacted))).await;
            let (mut failed, mut flow) = (None, ControlFlow::Continue(()));
            for (written, compacted) in written.into_iter().zip(batch) {
                match written {
                    Ok(file) => {
                        for line in &compacted.lines {
                            covered.add(line)?;
                        }
                        kept.insert(file.clone());
                        flow = tell(Step::Written(file));
                    }
                    Err(error) => _ = failed.get_or_insert(error),
                }
            }
            match (failed, flow) {
                (Some(error), _) => return Err(error),
                (None, ControlFlow::Break(())) => return Ok(Ended::Stopped),
                (None, ControlFlow::Continue(())) => {}
            }
        }
        let stamped = match &self.plan.timestamps {
            Some(timestamps) => Some(self.stamp(timestamps).await?),
            None => None,
        };
        if let Some(file) = &stamped
            && tell(Step::Stamped(file.clone())).is_break()
        {
            return Ok(Ended::Stopped);
        }
        self.move_away(&kept, &covered, stamped.as_ref(), tell).await
    }

    /// Writes a compacted file, and returns what it is called once it reads as it should.
    async fn write(&self, compacted: &Compacted) -> Result<FileHandle> {
        let lines: Vec<TextLine> = compacted.lines.iter().map(Metadata::to_line).collect::<Result<_>>()?;
        for file in &compacted.names {
            if let Some(file) = save(self.storage, file, &lines, &compacted.lines).await? {
                return Ok(file);
            }
            tracing::warn!("{file} has other lines by now, and is left as it is: another name is taken");
        }
        let reason = "files with other lines have all names that this one can have by now";
        Err(Error::new(ErrorKind::AlreadyExists, "write", compacted.file().to_string(), reason)
            .with_hint("another compaction may be at work: run the same again"))
    }

    /// Writes the timestamps, at a time that no others have.
    async fn stamp(&self, timestamps: &Timestamps) -> Result<FileHandle> {
        for later in 0..TIMES {
            let line = stamps::line(timestamps.at.saturating_add(later), &timestamps.times);
            let (file, text) = (file_of(&line)?, line.to_line()?);
            if let Some(file) = save(self.storage, &file, &[text], &[line]).await? {
                return Ok(file);
            }
        }
        let reason = "files of all names that it could have are there";
        Err(Error::new(ErrorKind::AlreadyExists, "write", "the compaction timestamps", reason)
            .with_hint("another compaction may be at work: run the same again"))
    }

    /// Moves what is to be moved, as long as what others do allows it.
    async fn move_away(
        &self,
        kept: &BTreeSet<FileHandle>,
        covered: &Covered,
        stamped: Option<&FileHandle>,
        mut tell: impl FnMut(Step) -> ControlFlow<()>,
    ) -> Result<Ended> {
        let patience = LOOK_AGAIN_AFTER.min(self.settings.remove_after);
        let mut looked: Option<Instant> = None;
        let mut listed = BTreeSet::new();
        for batch in self.plan.moves.chunks(self.settings.at_once.get()) {
            if looked.is_none_or(|looked| looked.elapsed() >= patience) {
                looked = Some(Instant::now());
                match self.look(kept, stamped).await? {
                    Look::AsBefore(files) => listed = files,
                    Look::Another => return Ok(Ended::BesideAnother),
                }
            }
            let (here, gone): (Vec<_>, Vec<_>) = batch.iter().partition(|file| listed.contains(*file));
            let mut flow = ControlFlow::Continue(());
            for file in gone {
                flow = tell(Step::Gone(file.clone()));
            }
            let mut failed = Vec::new();
            let moved = join_all(here.iter().map(|file| self.move_one(file, covered))).await;
            for (file, fate) in here.into_iter().zip(moved) {
                match fate {
                    Fate::Moved => flow = tell(Step::Moved(file.clone())),
                    Fate::Changed => flow = tell(Step::Changed(file.clone())),
                    Fate::Failed(error) => failed.push((file, error)),
                }
            }
            if let Some(error) = self.still_there(failed, &mut |file| flow = tell(Step::Gone(file))).await? {
                return Err(error);
            }
            if flow.is_break() {
                return Ok(Ended::Stopped);
            }
        }
        Ok(Ended::Whole)
    }

    /// Looks whether what is kept is there, and no timestamps of others that were not there before.
    async fn look(&self, kept: &BTreeSet<FileHandle>, stamped: Option<&FileHandle>) -> Result<Look> {
        let listed: BTreeSet<FileHandle> = self.storage.list_metadata_files().await?.into_iter().collect();
        if let Some(missing) = kept.iter().find(|file| !listed.contains(*file)) {
            tracing::warn!("{missing} is not there any more: another compaction is at work");
            return Ok(Look::Another);
        }
        let is_new = |file: &&FileHandle| {
            file.as_ref().starts_with(TIMESTAMPS) && !self.known.files().contains_key(*file) && stamped != Some(*file)
        };
        match listed.iter().find(is_new) {
            Some(new) => {
                tracing::warn!("{new} was written meanwhile: another compaction is at work");
                Ok(Look::Another)
            }
            None => Ok(Look::AsBefore(listed)),
        }
    }

    /// Moves a file, once more looked at: tools that replace files may have put another line there.
    async fn move_one(&self, file: &FileHandle, covered: &Covered) -> Fate {
        let looked = async {
            let lines = read_lines_with(self.storage, file, exact_lines).await?;
            Ok(!lines.is_empty() && covered.has_all(&lines)?)
        };
        match looked.await {
            Ok(true) => match self.storage.backup_metadata_file(file).await {
                Ok(()) => Fate::Moved,
                Err(error) => Fate::Failed(error),
            },
            Ok(false) => Fate::Changed,
            Err(error) => Fate::Failed(error),
        }
    }

    /// The error of the first of these that is still there. How a storage says that a file is gone is its own affair, so
    /// the list decides.
    async fn still_there(
        &self,
        failed: Vec<(&FileHandle, Error)>,
        gone: &mut impl FnMut(FileHandle),
    ) -> Result<Option<Error>> {
        if failed.is_empty() {
            return Ok(None);
        }
        let listed = self.storage.list_metadata_files().await?;
        let mut first = None;
        for (file, error) in failed {
            match listed.contains(file) {
                true => _ = first.get_or_insert(error.within("move away", file.to_string())),
                false => gone(file.clone()),
            }
        }
        Ok(first)
    }
}

/// Saves lines under a name that must not be taken, and reads them back. Nothing where others stand there.
pub(crate) async fn save(
    storage: &dyn BackupStorage,
    file: &FileHandle,
    text: &[TextLine],
    lines: &[Metadata],
) -> Result<Option<FileHandle>> {
    let name: ShellSafeName = file.as_ref().strip_prefix("metadata/").unwrap_or(file.as_ref()).parse()?;
    let saved = match storage.save_new_metadata_lines(&name, text).await {
        Ok(saved) => saved,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => file.clone(),
        Err(error) => return Err(error),
    };
    match read_lines_with(storage, &saved, exact_lines).await {
        Ok(there) if there == lines => Ok(Some(saved)),
        Ok(_) => Ok(None),
        Err(error) => Err(error.within("read back", saved.to_string())),
    }
}
