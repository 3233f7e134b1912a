//! The end of a backup: its manifest, and the line that makes it known.

use super::Backups;
use super::group::{AsGood, Group, checksum};
use crate::known::{Extent, read_lines};
use crate::manifest::Manifest;
use crate::metadata::Metadata;
use crate::seal::{Part, Subject};
use bytes::Bytes;
use sealift::{Error, ErrorKind, FileHandle, Result, ShellSafeName};

/// A metadata line but for its manifest.
pub(super) type Line = Box<dyn FnOnce(FileHandle) -> Metadata + Send>;

/// The two files that end a backup.
pub(super) struct Published {
    pub(super) manifest: FileHandle,
    pub(super) metadata: FileHandle,
}

/// What a metadata file holds after a line was saved in it. One that is there already is kept by storage.
enum Standing {
    Ours,
    Nothing,
    Another,
    /// It cannot be read.
    Unseen(Error),
}

impl Backups {
    /// Writes the manifest and then the line that makes the backup known.
    pub(super) async fn publish(
        &self,
        group: &Group,
        name: &str,
        manifest: &impl Manifest,
        line: Line,
    ) -> Result<Published> {
        let content = manifest.subject();
        let subject = Subject { part: Part::Manifest, content: content.clone() };
        let (name, json) = (name.parse()?, Bytes::from(manifest.to_json()?));
        let manifest = self.seal_small(group, &name, subject, AsGood::TheSame, json).await?;
        let line = line(manifest.clone());
        let file = line.file_name()?;
        let saved = self.make_known(&line, &manifest, file.clone()).await;
        let metadata = saved.map_err(|error| {
            error.within(format!("write the metadata line of {content}"), format!("metadata/{file}"))
        })?;
        tracing::info!("backed up {content}: {manifest}");
        self.remember(metadata.clone(), line).await;
        Ok(Published { manifest, metadata })
    }

    async fn make_known(&self, line: &Metadata, manifest: &FileHandle, file: ShellSafeName) -> Result<FileHandle> {
        let replaced = match Extent::of(line) {
            Some(extent) => self.admit_by_now(extent, manifest).await?,
            None => Vec::new(),
        };
        for other in &replaced {
            self.storage.backup_metadata_file(other).await?;
            tracing::info!("moved {other} to metadata_backup/");
        }
        // What a handle names never changes, since other tools do not read it twice.
        let file = match replaced.is_empty() {
            true => file,
            false => another_name(&file, manifest)?,
        };
        self.save(line, &file).await
    }

    /// Saves a line, and looks whether it is what stands there then.
    async fn save(&self, line: &Metadata, file: &ShellSafeName) -> Result<FileHandle> {
        let text = line.to_line()?;
        let mut saved = self.storage.save_metadata_line(file, &text).await?;
        let mut standing = self.standing(line, &saved).await;
        if let Standing::Nothing = standing {
            tracing::warn!("{saved} is empty, and moved to metadata_backup/: it was in the way of another");
            self.storage.backup_metadata_file(&saved).await?;
            saved = self.storage.save_metadata_line(file, &text).await?;
            standing = self.standing(line, &saved).await;
        }
        match standing {
            Standing::Ours => Ok(saved),
            Standing::Nothing | Standing::Another => {
                let reason = "another line stands there, and this backup is not known";
                Err(Error::new(ErrorKind::AlreadyExists, "save", saved.to_string(), reason)
                    .with_hint("look whether it is of the same; moved to metadata_backup/, it is not in the way"))
            }
            Standing::Unseen(error) if error.kind() == ErrorKind::Corrupt => Err(error),
            Standing::Unseen(error) => {
                tracing::warn!("{saved} was saved, and cannot be read to see that nothing else stood there: {error}");
                Ok(saved)
            }
        }
    }

    async fn standing(&self, line: &Metadata, file: &FileHandle) -> Standing {
        match read_lines(self.storage.as_ref(), file).await {
            Ok(lines) if lines.is_empty() => Standing::Nothing,
            Ok(lines) if lines.contains(line) => Standing::Ours,
            Ok(_) => Standing::Another,
            Err(error) => Standing::Unseen(error),
        }
    }
}

/// The name of a metadata file that takes the place of one that was moved away.
fn another_name(file: &ShellSafeName, manifest: &FileHandle) -> Result<ShellSafeName> {
    let name = file.as_ref();
    format!("{}.{:04x}.meta", name.strip_suffix(".meta").unwrap_or(name), checksum(manifest.as_ref())).parse()
}
