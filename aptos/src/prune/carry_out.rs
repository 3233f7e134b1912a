//! Doing what is planned. A stop between any two steps leaves an archive in which all that is named is there.

use super::journal::{self, Leaving, key_in};
use super::lines::NewFile;
use super::prepare::seconds_now;
use super::{Pruning, Superfluous};
use crate::compact::{exact_lines, save};
use crate::known::{Known, read_lines_with};
use crate::metadata::Metadata;
use futures::TryStreamExt;
use sealift::verify::Identity;
use sealift::{BackupStorage, Error, ErrorKind, FileHandle, Removal, Result, TextLine};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::pin::pin;
use std::time::UNIX_EPOCH;

/// How much later than its note a file may be of, in seconds: clocks differ.
const CLOCKS_DIFFER: u64 = 300;

/// A step that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// It was noted that this group is to go.
    Noted(String),
    /// This file was written, with lines that stay, and read back.
    Written(FileHandle),
    /// This file was moved to `metadata_backup/`.
    Moved(FileHandle),
    /// This file, of so many bytes, was removed.
    Removed(String, u64),
    /// All of this group is gone.
    Gone(String),
    /// This group stays: something names it again, or somebody writes into it.
    Stays(String),
}

impl Pruning<'_> {
    /// Does what is planned. `tell` hears of each step, and says whether to go on.
    ///
    /// # Errors
    /// The storage's, with the steps before it done, and nothing else removed after it; [`ErrorKind::AlreadyExists`] when
    /// something else is in `metadata_backup/` under a name that is to go there. The same again goes on.
    ///
    /// # Cancel safety
    /// Dropped, it leaves what was done, which is no loss at any step. Preparing and carrying out again goes on.
    pub async fn carry_out(self, mut tell: impl FnMut(Step) -> ControlFlow<()> + Send) -> Result<ControlFlow<()>> {
        self.check_aside().await?;
        for Superfluous { leaving, .. } in &self.plan.superfluous {
            leaving.write(self.archive).await?;
            if tell(Step::Noted(leaving.group.clone())).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for file in &self.plan.write {
            let written = self.write(file).await?;
            if tell(Step::Written(written)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for file in &self.plan.moves {
            if self.move_away(file).await? && tell(Step::Moved(file.clone())).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.remove_due(&mut tell).await
    }

    /// Whether each file that is to be moved has room in `metadata_backup/`.
    async fn check_aside(&self) -> Result<()> {
        let aside = self.archive.list_backed_up_metadata_files().await?.unwrap_or_default();
        for file in &self.plan.moves {
            let there: FileHandle = crate::known::name_aside(file).parse()?;
            if aside.contains(&there)
                && read_lines_with(self.archive, &there, exact_lines).await.ok().as_ref()
                    != self.known.files().get(file)
            {
                let reason = format!("{file} is to be moved there, and it holds something else, which would be lost");
                return Err(Error::new(ErrorKind::AlreadyExists, "move to", there.to_string(), reason)
                    .with_hint("move it to another name; nothing was removed"));
            }
        }
        Ok(())
    }

    async fn write(&self, file: &NewFile) -> Result<FileHandle> {
        let text: Vec<TextLine> = file.lines.iter().map(Metadata::to_line).collect::<Result<_>>()?;
        for name in &file.names {
            if let Some(written) = save(self.archive, name, &text, &file.lines).await? {
                return Ok(written);
            }
        }
        let reason = "files with other lines have all names that it could have";
        Err(Error::new(ErrorKind::AlreadyExists, "write", file.file().to_string(), reason)
            .with_hint("another tool may be at work: run the same again"))
    }

    /// Moves a metadata file, if it is there and still has what was read. Tells whether it has moved it.
    async fn move_away(&self, file: &FileHandle) -> Result<bool> {
        let now = match read_lines_with(self.archive, file, exact_lines).await {
            // Another run has moved it, or a compaction.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            read => read?,
        };
        if self.known.files().get(file) != Some(&now) {
            let reason = "it has other lines by now";
            return Err(Error::new(ErrorKind::Changed, "move away", file.to_string(), reason)
                .with_hint("another tool is at work: run the same again"));
        }
        match self.archive.backup_metadata_file(file).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the files of all groups that nothing names, and whose time of grace is over.
    async fn remove_due(&self, tell: &mut (impl FnMut(Step) -> ControlFlow<()> + Send)) -> Result<ControlFlow<()>> {
        for leaving in journal::read(self.archive).await? {
            let named = self.named().await?;
            if named.contains(&leaving.group) {
                // The note is of a line that did not go, or that is there again.
                leaving.forget(self.archive).await?;
                if tell(Step::Stays(leaving.group)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                continue;
            }
            if leaving.at.saturating_add(self.settings.grace.as_secs()) > seconds_now() {
                continue;
            }
            let step = match self.remove_group(&leaving, tell).await? {
                ControlFlow::Continue(true) => Step::Gone(leaving.group),
                ControlFlow::Continue(false) => Step::Stays(leaving.group),
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
            };
            if tell(step).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The groups that some line names, read anew: another may have made one known meanwhile.
    async fn named(&self) -> Result<BTreeSet<String>> {
        let known = Known::read_with(self.archive, self.settings.at_once, exact_lines).await?;
        let manifests = known.files().values().flatten().filter_map(Metadata::manifest);
        Ok(manifests.map(|manifest| manifest.as_ref().split('/').next().unwrap_or_default().to_owned()).collect())
    }

    /// Removes a group's files as they were noted, the manifest first, and then the note. Tells whether that is all of it.
    async fn remove_group(
        &self,
        leaving: &Leaving,
        tell: &mut (impl FnMut(Step) -> ControlFlow<()> + Send),
    ) -> Result<ControlFlow<(), bool>> {
        let there = self.group(leaving).await?;
        let newer = |(identity, at): &(Identity, Option<u64>), noted: Option<&Identity>| {
            noted != Some(identity) && at.is_none_or(|at| at + CLOCKS_DIFFER > leaving.at)
        };
        if there.iter().any(|(name, found)| newer(found, leaving.files.get(name))) {
            return Ok(ControlFlow::Continue(false));
        }
        let manifest = there.get_key_value(&leaving.manifest).map(|(name, _)| name);
        let others = there.keys().filter(|name| **name != leaving.manifest);
        for name in manifest.into_iter().chain(others) {
            let Some(noted) = leaving.files.get(name) else { return Ok(ControlFlow::Continue(false)) };
            let key = key_in(self.archive, name)?;
            let info = match self.archive.bucket().stat(&key).await {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                look => look?,
            };
            if Identity::from(&info) != *noted {
                return Ok(ControlFlow::Continue(false));
            }
            if self.archive.bucket().remove_only(&key, &info).await? == Removal::Another {
                return Ok(ControlFlow::Continue(false));
            }
            if tell(Step::Removed(name.clone(), info.size)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        leaving.forget(self.archive).await?;
        Ok(ControlFlow::Continue(true))
    }

    /// What there is of a group now, and since when.
    async fn group(&self, leaving: &Leaving) -> Result<BTreeMap<String, (Identity, Option<u64>)>> {
        let folder = key_in(self.archive, &format!("{}/", leaving.group))?;
        let cut = folder.as_ref().len() - leaving.group.len() - 1;
        let mut objects = pin!(self.archive.bucket().list(folder.as_ref()));
        let mut there = BTreeMap::new();
        while let Some(info) = objects.try_next().await? {
            let at = info.modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(|at| at.as_secs());
            there.insert(info.key[cut..].to_owned(), (Identity::from(&info), at));
        }
        Ok(there)
    }
}
