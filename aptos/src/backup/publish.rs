//! The end of a backup: its manifest, and the line that makes it known.

use super::away::Away;
use super::group::{AsGood, Group, checksum};
use super::{Backups, Replace};
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

/// How many names a line is offered for, where files with other content have them.
const NAMES: u32 = 5;

/// What a metadata file holds once a line was to be saved in it.
enum Standing {
    Ours,
    /// Nothing that makes any of the same known.
    Unrelated,
    /// Another line of the same.
    Another,
    /// It cannot be read.
    Unseen(Error),
}

/// Whether the storage says that a file was there before.
#[derive(Clone, Copy)]
enum Before {
    NotTold,
    There,
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
        let metadata = self.make_known(&line, &manifest, &file).await.map_err(|error| {
            error.within(format!("write the metadata line of {content}"), format!("metadata/{file}"))
        })?;
        tracing::info!("backed up {content}: {manifest}");
        self.remember(metadata.clone(), line).await;
        Ok(Published { manifest, metadata })
    }

    /// The new line is saved before the old ones are moved away: stopped in between, all is there.
    async fn make_known(&self, line: &Metadata, manifest: &FileHandle, file: &ShellSafeName) -> Result<FileHandle> {
        let replaced = match Extent::of(line) {
            Some(extent) => self.admit_by_now(extent, manifest).await?,
            None => Vec::new(),
        };
        self.free_to_move(&replaced).await?;
        let away = Away::new(replaced, format!("the line of {manifest}"));
        let saved = match self.place_by_now(line).await {
            Ok(Some(place)) => Ok(place),
            Ok(None) => self.save(line, manifest, file).await,
            Err(error) => Err(error),
        };
        match saved {
            Ok(saved) => {
                let moved = away.move_all(self.storage.as_ref()).await?;
                self.forget(&moved).await;
                Ok(saved)
            }
            Err(error) => {
                away.stay();
                Err(error)
            }
        }
    }

    /// Saves a line under a name that no file with other content has: what a handle names never changes, since other
    /// tools do not read it twice.
    async fn save(&self, line: &Metadata, manifest: &FileHandle, file: &ShellSafeName) -> Result<FileHandle> {
        // A name that was moved away before may be remembered by those tools, so who replaces takes another.
        let plain = match self.options.replace {
            Replace::Nothing => Some(Ok(file.clone())),
            Replace::Known => None,
        };
        for name in plain.into_iter().chain((0..NAMES).map(|number| another_name(file, manifest, number))) {
            let name = name?;
            if !self.is_listed(&format!("metadata/{name}").parse()?).await
                && let Some(saved) = self.save_as(line, &name).await?
            {
                return Ok(saved);
            }
            tracing::warn!(
                "metadata/{name} does not make this backup known and is left as it is: another name is taken"
            );
        }
        Err(Error::new(
            ErrorKind::AlreadyExists,
            "save",
            format!("metadata/{file}"),
            "files of all its names are there",
        )
        .with_hint("look what they hold: this backup is not known"))
    }

    /// Saves a line, and looks whether it is what stands there then; nothing where something else does.
    async fn save_as(&self, line: &Metadata, name: &ShellSafeName) -> Result<Option<FileHandle>> {
        let text = line.to_line()?;
        let (saved, before) = match self.storage.save_new_metadata_lines(name, std::slice::from_ref(&text)).await {
            Ok(saved) => (saved, Before::NotTold),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                (format!("metadata/{name}").parse()?, Before::There)
            }
            Err(error) => return Err(error),
        };
        let not_known = |reason: String| Error::new(ErrorKind::AlreadyExists, "save", saved.to_string(), reason);
        match (self.standing(line, &saved).await, before) {
            (Standing::Ours, _) => Ok(Some(saved)),
            (Standing::Unrelated, _) => Ok(None),
            (Standing::Another, _) => {
                Err(not_known("another line stands there, and this backup is not known".to_owned())
                    .with_hint("look whether it is of the same; moved to metadata_backup/, it is not in the way"))
            }
            (Standing::Unseen(error), _) if error.kind() == ErrorKind::Corrupt => Err(error),
            (Standing::Unseen(error), Before::There) => {
                let reason = format!(
                    "it was there before, and cannot be read to see whether it makes this backup known: {error}"
                );
                Err(not_known(reason).with_hint("run the same with credentials that may read").with_source(error))
            }
            (Standing::Unseen(error), Before::NotTold) => {
                tracing::warn!("{saved} was saved, and cannot be read to see that nothing else stood there: {error}");
                Ok(Some(saved))
            }
        }
    }

    async fn standing(&self, line: &Metadata, file: &FileHandle) -> Standing {
        let extent = Extent::of(line);
        let meets = |other: &Metadata| extent.zip(Extent::of(other)).is_some_and(|(one, other)| one.meets(other));
        match read_lines(self.storage.as_ref(), file).await {
            Ok(lines) if lines.contains(line) => Standing::Ours,
            Ok(lines) if lines.iter().any(meets) => Standing::Another,
            Ok(_) => Standing::Unrelated,
            Err(error) => Standing::Unseen(error),
        }
    }
}

/// A name for a line whose own is taken; the first is told by its manifest alone.
fn another_name(file: &ShellSafeName, manifest: &FileHandle, number: u32) -> Result<ShellSafeName> {
    let name = file.as_ref();
    let sum = match number {
        0 => checksum(manifest.as_ref()),
        number => checksum(&format!("{manifest} {number}")),
    };
    format!("{}.{sum:04x}.meta", name.strip_suffix(".meta").unwrap_or(name)).parse()
}
