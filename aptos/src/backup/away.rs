//! Lines that a new backup takes the place of are moved to `metadata_backup/`, once its own line is saved.

use super::{Backups, Replace, invalid};
use crate::known::{command_away, name_aside};
use crate::whole::read_small;
use sealift::{BackupStorage, Error, ErrorKind, FileHandle, Result};

/// Metadata files that are still to be moved away. Dropped before they are, it says so.
pub(super) struct Away {
    files: Vec<FileHandle>,
    /// What makes the new backup known.
    line: String,
}

impl Backups {
    /// Refuses to replace lines where that is known not to be possible.
    pub(super) fn may_replace(&self) -> Result<()> {
        match (self.options.replace, &self.beside) {
            (Replace::Nothing, _) => Ok(()),
            (Replace::Known, Some(_)) => self.storage.can_move_metadata(),
            (Replace::Known, None) => {
                let reason = "what is to be replaced is not known without a look at the archive";
                Err(invalid("the replacing of lines", reason, "let the archive be read, or replace nothing"))
            }
        }
    }

    /// Refuses to move `files` away over others.
    pub(super) async fn free_to_move(&self, files: &[FileHandle]) -> Result<()> {
        for file in files {
            let aside: FileHandle = name_aside(file).parse()?;
            if self.differ(file, &aside).await? {
                let reason = format!("another file is there, which {file} would take the place of");
                let hint = format!("give it another name (`sealift mv {aside} {aside}.1`), and run the same again");
                return Err(
                    Error::new(ErrorKind::AlreadyExists, "move a line to", aside.to_string(), reason).with_hint(hint)
                );
            }
        }
        Ok(())
    }

    /// Whether `aside` is there and holds something else. A move that was stopped can leave the same in both.
    async fn differ(&self, file: &FileHandle, aside: &FileHandle) -> Result<bool> {
        let storage = self.storage.as_ref();
        match read_small(storage, aside).await {
            Ok(content) => Ok(content != read_small(storage, file).await?),
            // Of commands it is only known that they failed.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Service) => Ok(false),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
            Err(error) => Err(error),
        }
    }
}

impl Away {
    /// `files` are to be moved away once `line` is saved.
    pub(super) fn new(files: Vec<FileHandle>, line: String) -> Self {
        Away { files, line }
    }

    /// None of them is to be moved: there is no line in their place.
    pub(super) fn stay(mut self) {
        self.files.clear();
    }

    /// Moves them all, one that cannot be moved no less than the others, and returns those that were.
    pub(super) async fn move_all(mut self, storage: &dyn BackupStorage) -> Result<Vec<FileHandle>> {
        let (mut moved, mut failed) = (Vec::new(), None);
        for file in self.files.clone() {
            match storage.backup_metadata_file(&file).await {
                Ok(()) => tracing::info!("moved {file} to metadata_backup/"),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    tracing::info!("{file} is not there any more: {error}");
                }
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            }
            self.files.retain(|left| *left != file);
            moved.push(file);
        }
        match failed {
            None => Ok(moved),
            Some(error) => {
                let error = error.within("move away what is replaced", names(&self.files)).with_hint(self.helps());
                self.files.clear();
                Err(error)
            }
        }
    }

    fn helps(&self) -> String {
        let commands: Vec<_> = self.files.iter().map(|file| format!("`{}`", command_away(file))).collect();
        format!(
            "{} is beside what it replaces, and with an overlap nothing can be restored: run the same again, or {}",
            self.line,
            commands.join(" and ")
        )
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if !self.files.is_empty() {
            let (files, helps) = (names(&self.files), self.helps());
            tracing::warn!("stopped before {files} were moved away. If it was saved, {helps}");
        }
    }
}

fn names(files: &[FileHandle]) -> String {
    let names: Vec<_> = files.iter().map(FileHandle::as_ref).collect();
    names.join(" and ")
}
