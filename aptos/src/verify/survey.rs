//! What there is to verify of an archive: its lines, the manifests they name, and the files those name.

use super::lines::{self, LinesRead};
use super::settings::{EndingsLine, EpochEndings, Settings};
use super::{kind, manifests};
use crate::manifest::{EpochEndingBackup, StateSnapshotBackup, TransactionBackup};
use crate::metadata::Metadata;
use futures::{StreamExt, stream};
use sealift::Result;
use sealift::verify::{Files, Finding, Identity, Piece, PlannedFile, Survey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What there is to verify of an archive.
#[derive(Debug)]
#[non_exhaustive]
pub struct Surveyed {
    /// The pieces, and what is wrong with the whole.
    pub survey: Survey,
    /// The settings, completed by where each epoch's ending is.
    pub settings: Settings,
    /// What the storage lists; `None` where it cannot.
    pub listed: Option<Arc<BTreeMap<String, Identity>>>,
}

/// Looks at an archive's metadata and manifests, `at_once` files at a time. What is wrong with any of them is in the survey,
/// and ends nothing.
///
/// # Errors
/// The storage's, where nothing can be listed.
///
/// # Cancel safety
/// It only reads: dropped, it leaves nothing.
pub async fn survey(files: &Files, settings: Settings, at_once: usize) -> Result<Surveyed> {
    let listed = files.list().await?.map(Arc::new);
    let mut lines = lines::read(files, at_once).await?;
    let metadata_files = lines.files.len() as u64;
    let all: BTreeSet<String> = manifests_of(&lines).map(|manifest| manifest.1).collect();
    lines.files.values_mut().for_each(|lines| lines.retain(|line| is_wanted(line, &settings)));
    let known = lines.known();
    let mut survey = Survey { pieces: Vec::new(), findings: lines.findings.clone(), notes: lines.notes.clone() };
    // Both are of the archive, and no file is to blame.
    let of_archive =
        |rule, told: Vec<String>| told.into_iter().map(move |told| Finding::wrong("metadata/", rule, told));
    survey.findings.extend(of_archive("gap", known.gaps()));
    survey.findings.extend(of_archive("overlap", known.overlaps()));
    survey.notes.extend(known.snapshot_ahead());
    if all.is_empty() {
        let found = match metadata_files {
            0 => "there are no metadata files: nothing is known to be backed up here",
            _ => "no metadata file has a line of a backup: nothing is known to be backed up here",
        };
        survey.findings.push(Finding::wrong("metadata/", "no-metadata", found));
    }

    let chosen = choose(&lines, &settings);
    let mut read: Vec<_> = stream::iter(chosen.into_iter().enumerate())
        .map(async |(at, line)| (at, piece(files, &line, listed.as_deref()).await))
        .buffer_unordered(at_once.max(1))
        .collect()
        .await;
    read.sort_by_key(|(at, _)| *at);
    for (_, (piece, findings)) in read {
        survey.pieces.extend(piece);
        survey.findings.extend(findings);
    }
    survey.notes.extend(unnamed(listed.as_deref(), &survey.pieces, &all));
    let endings = endings(&lines);
    Ok(Surveyed { survey, settings: Settings { endings, ..settings }, listed })
}

/// Whether a line is within what is asked for.
fn is_wanted(line: &Metadata, settings: &Settings) -> bool {
    match *line {
        Metadata::TransactionBackup { first_version, .. } => first_version <= settings.end_version,
        _ => true,
    }
}

/// The lines that make backups known, in the order of their data, each manifest once.
fn choose(lines: &LinesRead, settings: &Settings) -> Vec<Metadata> {
    let mut chosen: Vec<(u8, (u64, u64), Metadata)> = Vec::new();
    let mut seen = BTreeSet::new();
    for line in lines.files.values().flatten() {
        let place = match *line {
            Metadata::EpochEndingBackup { first_epoch, last_epoch, .. }
                if settings.epoch_endings == EpochEndings::Verified =>
            {
                (0, (first_epoch, last_epoch))
            }
            Metadata::StateSnapshotBackup { epoch, version, .. } => (1, (version, epoch)),
            Metadata::TransactionBackup { first_version, last_version, .. }
                if last_version >= settings.start_version =>
            {
                (2, (first_version, last_version))
            }
            _ => continue,
        };
        if seen.insert((place, line.manifest().cloned())) {
            chosen.push((place.0, place.1, line.clone()));
        }
    }
    chosen.sort_by(|one, other| (one.0, one.1, one.2.manifest()).cmp(&(other.0, other.1, other.2.manifest())));
    if let Some(before) = settings.state_snapshot_before_version {
        let newest = chosen.iter().rposition(|(kind, (version, _), _)| *kind == 1 && *version <= before);
        let mut at = 0;
        chosen.retain(|(kind, ..)| {
            at += 1;
            *kind != 1 || Some(at - 1) == newest
        });
    }
    chosen.into_iter().map(|(_, _, line)| line).collect()
}

/// The piece that a line's manifest is, if it can be read, and what is wrong.
pub(crate) async fn piece(
    files: &Files,
    line: &Metadata,
    listed: Option<&BTreeMap<String, Identity>>,
) -> (Option<Piece>, Vec<Finding>) {
    let Some(manifest) = line.manifest().map(ToString::to_string) else { return (None, Vec::new()) };
    let read = match line {
        Metadata::EpochEndingBackup { .. } => epoch_endings(files, &manifest, line).await,
        Metadata::StateSnapshotBackup { .. } => state(files, &manifest, line).await,
        _ => transactions(files, &manifest, line).await,
    };
    let (kind, names, wrong) = match read {
        Ok(read) => read,
        Err(finding) => return (None, vec![finding]),
    };
    let mut seen = BTreeSet::new();
    let names = std::iter::once(manifest.clone()).chain(names);
    let files = names.filter(|name| seen.insert(name.clone())).map(|name| {
        let identity = listed.and_then(|listed| listed.get(&name)).cloned();
        PlannedFile { name, identity }
    });
    (Some(Piece { name: manifest, kind: kind.into(), files: files.collect() }), wrong)
}

type Named = (&'static str, Vec<String>, Vec<Finding>);

async fn epoch_endings(files: &Files, manifest: &str, line: &Metadata) -> Result<Named, Finding> {
    let (backup, _) = manifests::read::<EpochEndingBackup>(files, manifest).await?;
    let Metadata::EpochEndingBackup { first_epoch, last_epoch, first_version, last_version, .. } = *line else {
        return Ok((kind::EPOCHS, Vec::new(), Vec::new()));
    };
    let versions = |waypoint: Option<&crate::chain::Waypoint>| waypoint.map_or(0, |waypoint| waypoint.version);
    let said = (first_epoch, last_epoch, first_version, last_version);
    let has =
        (backup.first_epoch, backup.last_epoch, versions(backup.waypoints.first()), versions(backup.waypoints.last()));
    let names = backup.chunks.iter().map(|chunk| chunk.ledger_infos.to_string()).collect();
    Ok((kind::EPOCHS, names, unlike(manifest, said, has)))
}

async fn state(files: &Files, manifest: &str, line: &Metadata) -> Result<Named, Finding> {
    let (backup, _) = manifests::read::<StateSnapshotBackup>(files, manifest).await?;
    let Metadata::StateSnapshotBackup { epoch, version, .. } = *line else {
        return Ok((kind::STATE, Vec::new(), Vec::new()));
    };
    let chunks = backup.chunks.iter().flat_map(|chunk| [chunk.blobs.to_string(), chunk.proof.to_string()]);
    let names = chunks.chain([backup.proof.to_string()]).collect();
    Ok((kind::STATE, names, unlike(manifest, (epoch, version), (backup.epoch, backup.version))))
}

async fn transactions(files: &Files, manifest: &str, line: &Metadata) -> Result<Named, Finding> {
    let (backup, _) = manifests::read::<TransactionBackup>(files, manifest).await?;
    let Metadata::TransactionBackup { first_version, last_version, .. } = *line else {
        return Ok((kind::TRANSACTIONS, Vec::new(), Vec::new()));
    };
    let chunks = backup.chunks.iter().flat_map(|chunk| [chunk.transactions.to_string(), chunk.proof.to_string()]);
    let has = (backup.first_version, backup.last_version);
    Ok((kind::TRANSACTIONS, chunks.collect(), unlike(manifest, (first_version, last_version), has)))
}

/// That a manifest is of something else than its line says.
fn unlike<T: PartialEq + std::fmt::Debug>(manifest: &str, said: T, has: T) -> Vec<Finding> {
    match said == has {
        true => Vec::new(),
        false => {
            let found = format!("it is of {has:?}, and its metadata line says otherwise");
            vec![Finding::wrong(manifest, "line-manifest", found).expecting(format!("{said:?}"))]
        }
    }
}

fn manifests_of(lines: &LinesRead) -> impl Iterator<Item = (&Metadata, String)> {
    lines.files.values().flatten().filter_map(|line| Some((line, line.manifest()?.to_string())))
}

/// Where each epoch's ending is.
fn endings(lines: &LinesRead) -> Vec<EndingsLine> {
    let endings = manifests_of(lines).filter_map(|(line, manifest)| match *line {
        Metadata::EpochEndingBackup { first_epoch: first, last_epoch: last, .. } => {
            Some(EndingsLine { first, last, manifest })
        }
        _ => None,
    });
    endings.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What is stored and no line leads to: backups that were interrupted, or replaced.
fn unnamed(
    listed: Option<&BTreeMap<String, Identity>>,
    pieces: &[Piece],
    manifests: &BTreeSet<String>,
) -> Option<String> {
    let folder = |name: &str| name.split_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let named: BTreeSet<&str> = pieces.iter().flat_map(|piece| &piece.files).map(|file| file.name.as_str()).collect();
    // What manifests name that are not verified this time, or cannot be read, is not known, and not forgotten.
    let unread = manifests.iter().filter(|manifest| !named.contains(manifest.as_str()));
    let groups: BTreeSet<String> = unread.map(|manifest| folder(manifest)).collect();
    let of_archive = |name: &str| name.starts_with("metadata/") || name.starts_with("metadata_backup/");
    let unnamed: Vec<(&String, &Identity)> = listed?
        .iter()
        .filter(|(name, _)| !named.contains(name.as_str()) && !of_archive(name) && !groups.contains(&folder(name)))
        .collect();
    let (first, _) = unnamed.first()?;
    let bytes: u64 = unnamed.iter().map(|(_, identity)| identity.size).sum();
    let count = unnamed.len();
    Some(format!(
        "{count} files of {bytes} bytes are in no backup that is known, and were not looked at; the first: {first}"
    ))
}
