//! Files of backups that nothing leads to: of backups that were interrupted and never made known, or replaced. Only names of
//! the archive format's three kinds are looked at, and only in an archive that is understood to its last line and manifest.

use crate::compact::exact_lines;
use crate::known::Known;
use crate::metadata::Metadata;
use crate::prune::noted_groups;
use crate::verify::piece;
use futures::{StreamExt, TryStreamExt, stream};
use sealift::verify::{Files, Identity};
use sealift::{Archive, Error, ErrorKind, Key, Removal, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::{Duration, SystemTime};

/// A file that nothing leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Orphan {
    /// Its group.
    pub group: String,
    /// Its name in the archive.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// How long nothing has been written into its group.
    pub idle: Duration,
    identity: Identity,
    group_is: Group,
}

/// Whether a line leads to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Known,
    Unknown,
}

/// A file of the archive as it is listed.
struct Stored {
    identity: Identity,
    modified: Option<SystemTime>,
}

impl Orphan {
    /// Those in groups into which nothing was written for `older_than`: a backup that is being made is known by nothing.
    ///
    /// # Errors
    /// The storage's; [`ErrorKind::Corrupt`] when a line or a manifest is not understood, or not there, since nobody knows then
    /// what it leads to; [`ErrorKind::NotFound`] where there is no metadata at all.
    ///
    /// # Cancel safety
    /// It only reads: dropped, it leaves nothing.
    pub async fn find(archive: &Archive, older_than: Duration, at_once: NonZeroUsize) -> Result<Vec<Orphan>> {
        // First the files, then what names them: a backup that becomes known in between has no orphans.
        let stored = stored(archive).await?;
        let named = Named::read(archive, &stored, at_once).await?;
        let noted = noted_groups(archive).await?;
        let now = SystemTime::now();
        let mut groups: BTreeMap<&str, Vec<(&String, &Stored)>> = BTreeMap::new();
        for (file, found) in &stored {
            let Some((group, _)) = file.split_once('/').filter(|(group, _)| is_ours(group)) else { continue };
            groups.entry(group).or_default().push((file, found));
        }
        let mut orphans = Vec::new();
        for (group, files) in groups.into_iter().filter(|(group, _)| !noted.contains(*group)) {
            // Where the service does not say when, nothing is known to be old.
            let idle = files
                .iter()
                .map(|(_, found)| found.modified.and_then(|at| now.duration_since(at).ok()).unwrap_or_default());
            let idle = idle.min().unwrap_or_default();
            if idle < older_than {
                continue;
            }
            let unnamed = files.into_iter().filter(|(file, _)| !named.files.contains(*file));
            orphans.extend(unnamed.map(|(file, found)| Orphan {
                group: group.to_owned(),
                file: file.clone(),
                bytes: found.identity.size,
                idle,
                identity: found.identity.clone(),
                group_is: if named.groups.contains(group) { Group::Known } else { Group::Unknown },
            }));
        }
        Ok(orphans)
    }

    /// Those of `orphans` that are of a group which still no line leads to, or of one that a line led to before: another may
    /// have made a backup known meanwhile.
    ///
    /// # Errors
    /// The storage's; [`ErrorKind::Corrupt`] when a line is not understood.
    ///
    /// # Cancel safety
    /// It only reads: dropped, it leaves nothing.
    pub async fn still(archive: &Archive, orphans: Vec<Orphan>, at_once: NonZeroUsize) -> Result<Vec<Orphan>> {
        let groups = groups_of(&Known::read_with(archive, at_once, exact_lines).await?);
        let still = |orphan: &Orphan| orphan.group_is == Group::Known || !groups.contains(&orphan.group);
        Ok(orphans.into_iter().filter(still).collect())
    }

    /// Removes it, unless it has changed or is gone. Tells whether it has.
    ///
    /// # Errors
    /// The storage's.
    ///
    /// # Cancel safety
    /// Dropped, it may or may not have been removed.
    pub async fn remove(&self, archive: &Archive) -> Result<bool> {
        let key = match archive.prefix() {
            "" => Key::existing(&self.file)?,
            prefix => Key::existing(&format!("{prefix}/{}", self.file))?,
        };
        let info = match archive.bucket().stat(&key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            look => look?,
        };
        match Identity::from(&info) == self.identity {
            true => Ok(archive.bucket().remove_only(&key, &info).await? == Removal::Gone),
            false => Ok(false),
        }
    }
}

async fn stored(archive: &Archive) -> Result<BTreeMap<String, Stored>> {
    let folder = match archive.prefix() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let mut objects = pin!(archive.bucket().list(&folder));
    let mut stored = BTreeMap::new();
    while let Some(info) = objects.try_next().await? {
        if let Some(name) = info.key.strip_prefix(&folder) {
            let found = Stored { identity: Identity::from(&info), modified: info.modified };
            stored.insert(name.to_owned(), found);
        }
    }
    Ok(stored)
}

/// What lines and manifests name.
struct Named {
    files: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl Named {
    async fn read(archive: &Archive, stored: &BTreeMap<String, Stored>, at_once: NonZeroUsize) -> Result<Self> {
        let known = Known::read_with(archive, at_once, exact_lines).await?;
        let corrupt = |file: &str, reason: String| {
            Error::new(ErrorKind::Corrupt, "sweep", file.to_owned(), reason)
                .with_hint("nothing of the archive was removed: nobody knows what it leads to")
        };
        if known.is_empty() {
            return Err(Known::no_archive(archive.location()));
        }
        if let Some((file, _)) = known.files().iter().find(|(_, lines)| lines.is_empty()) {
            return Err(corrupt(file.as_ref(), "it is empty: its line may still be on its way".to_owned()));
        }
        let lines: BTreeMap<&str, &Metadata> =
            known.files().values().flatten().filter_map(|line| Some((line.manifest()?.as_ref(), line))).collect();
        let identities = stored.iter().map(|(name, found)| (name.clone(), found.identity.clone())).collect();
        let (files, identities) = (Files::of_archive(archive.clone(), at_once.get()), &identities);
        let (files, corrupt) = (&files, &corrupt);
        let read = stream::iter(lines.into_values()).map(|line| async move {
            match piece(files, line, Some(identities)).await {
                (Some(piece), findings) if findings.is_empty() => Ok(piece),
                (_, findings) => {
                    let manifest = line.manifest().map(AsRef::as_ref).unwrap_or_default();
                    let told = findings.first().map_or("it cannot be read".to_owned(), ToString::to_string);
                    Err(corrupt(manifest, told))
                }
            }
        });
        let pieces: Vec<_> = read.buffer_unordered(at_once.get()).try_collect().await?;
        let files = pieces.into_iter().flat_map(|piece| piece.files).map(|file| file.name).collect();
        Ok(Named { files, groups: groups_of(&known) })
    }
}

/// The groups that lines lead to.
fn groups_of(known: &Known) -> BTreeSet<String> {
    let manifests = known.files().values().flatten().filter_map(Metadata::manifest);
    manifests.map(|manifest| manifest.as_ref().split('/').next().unwrap_or_default().to_owned()).collect()
}

/// Whether a folder is named as a backup's group is: `epoch_ending_N-.XXXX`, `state_epoch_N_ver_N.XXXX`,
/// `transaction_N-.XXXX`.
fn is_ours(group: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((name, suffix)) = group.rsplit_once('.') else { return false };
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let from = |start: &str| name.strip_prefix(start).and_then(|rest| rest.strip_suffix('-')).is_some_and(number);
    let state = name.strip_prefix("state_epoch_").and_then(|rest| rest.split_once("_ver_"));
    suffix.len() == 4
        && suffix.bytes().all(hex)
        && (from("epoch_ending_")
            || from("transaction_")
            || state.is_some_and(|(epoch, version)| number(epoch) && number(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_the_three_kinds_are_ours() {
        for ours in ["epoch_ending_0-.0a1f", "transaction_1000-.ffff", "state_epoch_3_ver_40.1234"] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "metadata",
            "metadata_backup",
            "sealift-verify",
            "epoch_ending_0-",
            "epoch_ending_-.0a1f",
            "transaction_1-.0A1F",
            "state_epoch_3_ver_.1234",
            "state_epoch_3.1234",
            "transaction_1-5.0a1f",
            "db",
            "transaction_1-.0a1ff",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
