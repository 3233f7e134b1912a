//! Reading an archive, and planning: whatever cannot be read ends it, before anything is done.

use super::journal::{self, Leaving};
use super::{Need, Plan, Pruning, Settings, Superfluous, Window, lines};
use crate::compact::exact_lines;
use crate::known::{Catalogue, Known, Snapshot};
use crate::metadata::Metadata;
use crate::verify::piece;
use futures::TryStreamExt;
use sealift::prune::Counting;
use sealift::verify::{Depth, Files, Identity, Record};
use sealift::{Archive, Error, ErrorKind, FileHandle, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::{SystemTime, UNIX_EPOCH};

impl<'a> Pruning<'a> {
    /// Reads what an archive has, and decides what of it can go. `record` says what is verified.
    ///
    /// # Errors
    /// The storage's, of anything that is listed or read; [`ErrorKind::NotFound`] where there is no metadata;
    /// [`ErrorKind::Corrupt`] when something is not understood, when those who restore refuse the archive as it is, or when
    /// a manifest that is kept is not there.
    ///
    /// # Cancel safety
    /// It only reads: dropped, it leaves nothing.
    pub async fn prepare(archive: &'a Archive, record: &Record, settings: Settings) -> Result<Self> {
        let listed = Listed::of(archive).await?;
        let known = Known::read_with(archive, settings.at_once, exact_lines).await?;
        let leaving = journal::read(archive).await?;
        if known.is_empty() {
            return Err(Known::no_archive(archive.location()));
        }
        let catalogue = known.catalogue();
        let reached = reached(archive, &catalogue)?;
        let start = listed.start(&known, &catalogue, settings.window, reached);
        let base = match start {
            Some(start) => {
                Good { archive, record, listed: &listed, settings: &settings }.base(&known, &catalogue, start).await
            }
            None => None,
        };
        let gone = base.as_ref().map(|base| catalogue.superfluous_beside(base)).unwrap_or_default();
        let kept: Vec<Snapshot> = catalogue.snapshots.difference(&gone).cloned().collect();
        listed.has_all(&catalogue, &kept)?;
        let manifests: BTreeSet<FileHandle> = gone.iter().map(|snapshot| snapshot.manifest.clone()).collect();
        let (write, moves) = lines::leave(&known, &manifests)?;
        let at = seconds_now();
        let superfluous = gone.into_iter().map(|snapshot| {
            let leaving = Leaving::of(snapshot.manifest.as_ref(), at, &listed.files)?;
            Ok(Superfluous { files: leaving.files.len(), bytes: leaving.bytes(), snapshot, leaving })
        });
        let plan = Plan {
            reached,
            start,
            base,
            kept: catalogue.graph(&kept, reached),
            superfluous: superfluous.collect::<Result<_>>()?,
            write,
            moves,
            leaving,
        };
        check(archive, &catalogue, &plan)?;
        Ok(Pruning { archive, settings, known, plan })
    }
}

/// The newest version that a restore reaches. Of an archive that is refused somewhere nothing can be said to be superfluous.
fn reached(archive: &Archive, catalogue: &Catalogue) -> Result<u64> {
    let refused = |reason: &str| {
        Err(Error::new(ErrorKind::Corrupt, "prune", archive.location(), reason.to_owned())
            .with_hint("`sealift ls --aptos` tells what is missing or there twice; nothing was removed"))
    };
    match catalogue.restorable() {
        None => refused("nothing can be restored from it yet, so nothing of it is superfluous"),
        Some(_) if catalogue.newest_target() != catalogue.unsaid_target() => {
            refused("those who restore it refuse it: there is a gap or an overlap")
        }
        Some(restorable) => Ok(restorable.version),
    }
}

/// What is planned, held against the rules once more: every version that is wanted is restored from the same as before.
fn check(archive: &Archive, before: &Catalogue, plan: &Plan) -> Result<()> {
    let gone: BTreeSet<&Snapshot> = plan.superfluous.iter().map(|it| &it.snapshot).collect();
    let mut after = before.clone();
    after.snapshots.retain(|snapshot| !gone.contains(snapshot));
    let Some(start) = plan.start.filter(|_| !gone.is_empty()) else { return Ok(()) };
    let versions = before.snapshots.iter().map(|snapshot| snapshot.version).filter(|version| *version >= start);
    let same = |target| before.select_snapshot(target) == after.select_snapshot(target);
    match versions.chain([start, plan.reached]).all(same) && before.restorable() == after.restorable() {
        true => Ok(()),
        false => {
            let reason = "what is planned would change what a wanted version is restored from";
            Err(Error::new(ErrorKind::Corrupt, "prune", archive.location(), reason))
        }
    }
}

/// What is stored.
struct Listed {
    files: BTreeMap<String, Identity>,
    modified: BTreeMap<String, u64>,
}

impl Listed {
    async fn of(archive: &Archive) -> Result<Self> {
        let folder = match archive.prefix() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let mut listed = Listed { files: BTreeMap::new(), modified: BTreeMap::new() };
        let mut objects = pin!(archive.bucket().list(&folder));
        while let Some(info) = objects.try_next().await? {
            let Some(name) = info.key.strip_prefix(&folder) else { continue };
            if let Some(at) = info.modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
                listed.modified.insert(name.to_owned(), at.as_secs());
            }
            listed.files.insert(name.to_owned(), Identity::from(&info));
        }
        Ok(listed)
    }

    /// The oldest version that is wanted. For a time: that of the newest snapshot that was whole before it. What was committed
    /// later than that time is of a later version.
    fn start(&self, known: &Known, catalogue: &Catalogue, window: Window, reached: u64) -> Option<u64> {
        let seconds = match window {
            Window::Versions(versions) => return Some(reached.saturating_sub(versions)),
            Window::Seconds(seconds) => seconds,
        };
        let manifests = known.files().values().flatten().filter_map(Metadata::manifest);
        let newest = manifests.filter_map(|manifest| self.modified.get(manifest.as_ref())).max()?;
        let begin = newest.checked_sub(seconds)?;
        let before = catalogue
            .snapshots
            .iter()
            .filter(|snapshot| self.modified.get(snapshot.manifest.as_ref()).is_some_and(|at| *at <= begin));
        before.map(|snapshot| snapshot.version).filter(|version| *version <= reached).max()
    }

    /// Whether all manifests are there that are kept.
    fn has_all(&self, catalogue: &Catalogue, kept: &[Snapshot]) -> Result<()> {
        let snapshots = kept.iter().map(|snapshot| &snapshot.manifest);
        let transactions = catalogue.transactions.iter().map(|backup| &backup.manifest);
        let endings = catalogue.epoch_endings.iter().map(|backup| &backup.manifest);
        let mut kept = snapshots.chain(transactions).chain(endings);
        match kept.find(|manifest| !self.files.contains_key(manifest.as_ref())) {
            None => Ok(()),
            Some(missing) => {
                let reason = "a metadata line names it, and it is not there";
                Err(Error::new(ErrorKind::Corrupt, "find", missing.to_string(), reason)
                    .with_hint("nothing was removed: `sealift verify` tells what else is wrong"))
            }
        }
    }
}

/// Looks for a snapshot that is good enough to make others superfluous.
struct Good<'a> {
    archive: &'a Archive,
    record: &'a Record,
    listed: &'a Listed,
    settings: &'a Settings,
}

impl Good<'_> {
    /// The newest from which `start` is restored by what counts alone.
    async fn base(&self, known: &Known, catalogue: &Catalogue, start: u64) -> Option<Snapshot> {
        let files = Files::of_archive(self.archive.clone(), self.settings.at_once.get());
        let mut seen: BTreeMap<FileHandle, bool> = BTreeMap::new();
        for snapshot in catalogue.bases(start) {
            let Some(need) = catalogue.needs(snapshot, start) else { continue };
            let Need { epoch_endings, transactions, .. } = need;
            let mut counts = true;
            for manifest in [snapshot.manifest.clone()].into_iter().chain(epoch_endings).chain(transactions) {
                let good = match seen.get(&manifest) {
                    Some(good) => *good,
                    None => self.counts(known, &files, &manifest).await,
                };
                seen.insert(manifest, good);
                counts &= good;
                if !counts {
                    break;
                }
            }
            if counts {
                return Some(snapshot.clone());
            }
        }
        None
    }

    /// Whether a backup counts: all its files are there, and, unless told otherwise, verified as they are now.
    async fn counts(&self, known: &Known, files: &Files, manifest: &FileHandle) -> bool {
        let line = known.files().values().flatten().find(|line| line.manifest() == Some(manifest));
        let Some(line) = line else { return false };
        let (Some(piece), findings) = piece(files, line, Some(&self.listed.files)).await else { return false };
        let there = findings.is_empty() && piece.files.iter().all(|file| file.identity.is_some());
        match self.settings.counting {
            Counting::Sealed => there,
            Counting::Verified => there && self.record.of(&piece, Depth::Content, |_| true).is_some(),
        }
    }
}

pub(super) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
