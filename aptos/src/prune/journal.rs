//! Notes of what is about to go: each is a file of its own, written before the first line leaves and removed after the last
//! file has. So whoever comes after a kill knows what is left, and never has to guess by names.

use super::FOLDER;
use sealift::verify::{Folder, Identity};
use sealift::{Archive, Error, ErrorKind, IfExists, Key, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A group of files that nothing names any more, or is about to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Leaving {
    /// The form of this note.
    format: u32,
    /// The group.
    pub group: String,
    /// Its manifest.
    pub manifest: String,
    /// When its line was to go, in seconds since 1970.
    pub at: u64,
    /// Its files, as they were then.
    pub files: BTreeMap<String, Identity>,
}

impl Leaving {
    const FORMAT: u32 = 1;

    /// Of a manifest's group, of all that is `listed` in it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the manifest is in no folder of its own.
    pub(super) fn of(manifest: &str, at: u64, listed: &BTreeMap<String, Identity>) -> Result<Self> {
        let group = match manifest.split_once('/') {
            Some((group, name)) if !name.contains('/') && !is_of_archive(group) => group.to_owned(),
            _ => {
                let reason = "it is in no folder of its own, so what belongs to it is not known";
                return Err(Error::new(ErrorKind::Corrupt, "prune", manifest.to_owned(), reason));
            }
        };
        let folder = format!("{group}/");
        let of_group = listed.range(folder.clone()..).take_while(|(name, _)| name.starts_with(&folder));
        let files = of_group.map(|(name, identity)| (name.clone(), identity.clone())).collect();
        Ok(Leaving { format: Leaving::FORMAT, group, manifest: manifest.to_owned(), at, files })
    }

    /// How many bytes its files have.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|identity| identity.size).sum()
    }

    fn file(&self) -> String {
        format!("{}.json", self.group)
    }

    /// Writes it; one that is there of the same group is replaced, since it was of an earlier time.
    pub(super) async fn write(&self, archive: &Archive) -> Result<()> {
        folder(archive).write_json(&self.file(), self, IfExists::Replace).await
    }

    /// Removes the note: its files are gone, or something names them again.
    pub(super) async fn forget(&self, archive: &Archive) -> Result<()> {
        archive.bucket().remove(&key_in(archive, &format!("{FOLDER}/{}", self.file()))?).await
    }
}

/// All notes there are.
///
/// # Errors
/// The storage's; [`ErrorKind::Corrupt`] when one is not understood: a newer version may have written it.
pub(super) async fn read(archive: &Archive) -> Result<Vec<Leaving>> {
    let folder = folder(archive);
    let mut leaving = Vec::new();
    for name in folder.list().await?.iter().filter(|name| name.ends_with(".json")) {
        let note: Leaving = match folder.read_json(name).await {
            // Another run has ended meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            read => read?,
        };
        // What is removed by it lies in its folder, whoever wrote it.
        let below = format!("{}/", note.group);
        let fits = note.format == Leaving::FORMAT
            && note.file() == *name
            && !is_of_archive(&note.group)
            && note.manifest.starts_with(&below)
            && note.files.keys().all(|file| file.starts_with(&below));
        if !fits {
            let reason = "it is no note of this version";
            return Err(Error::new(ErrorKind::Corrupt, "read", format!("{}/{name}", folder.url()), reason)
                .with_hint("a newer version may have written it; nothing was removed"));
        }
        leaving.push(note);
    }
    Ok(leaving)
}

/// The groups that there are notes of.
pub(crate) async fn noted_groups(archive: &Archive) -> Result<BTreeSet<String>> {
    Ok(read(archive).await?.into_iter().map(|leaving| leaving.group).collect())
}

/// The key of a file of the archive.
pub(super) fn key_in(archive: &Archive, file: &str) -> Result<Key> {
    match archive.prefix() {
        "" => Key::existing(file),
        prefix => Key::existing(&format!("{prefix}/{file}")),
    }
}

fn folder(archive: &Archive) -> Folder {
    Folder::new(archive.bucket().clone(), archive.prefix()).below(FOLDER)
}

/// The folders that are of the archive itself.
fn is_of_archive(group: &str) -> bool {
    matches!(group, "" | "metadata" | "metadata_backup" | FOLDER | sealift::verify::FOLDER)
}
