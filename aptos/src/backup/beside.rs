//! A backup beside what the archive has already. Those who restore an archive demand that its epoch endings and its
//! transactions follow one another without an overlap, so what would bring one about is refused: before any work, and once
//! more before it is made known, since others may have worked on the archive meanwhile.

use super::{Backups, Replace};
use crate::known::{Extent, Known, Line, Place, missing_in};
use crate::metadata::Metadata;
use sealift::{Error, ErrorKind, FileHandle, Result};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// How many metadata files are read at a time that have come since the first look.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// How old the last look may be when an epoch's ending or a state is made known. There are many and small ones at the
/// beginning, and whoever works on an archive continuously makes the same.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What the archive is known to hold, and when it was looked at.
#[derive(Debug)]
pub(super) struct Beside {
    known: Known,
    looked: Instant,
}

impl Backups {
    /// The same backups, held against what the archive is `known` to hold: what would make it impossible to restore is
    /// refused. Without this the archive is not looked at.
    pub fn beside(self, known: Known) -> Backups {
        let beside = Beside { known, looked: Instant::now() };
        Backups { beside: Some(Arc::new(Mutex::new(beside))), ..self }
    }

    /// What `of` says of what the archive has by now; nothing where that is not looked at.
    pub(crate) async fn of_known_by_now<T>(&self, of: impl FnOnce(&Known) -> Option<T>) -> Result<Option<T>> {
        Ok(self.known_by_now(Duration::ZERO).await?.and_then(|beside| of(&beside.known)))
    }

    /// Refuses a backup of `extent` that the archive could not take. `manifest` is the one that it will have, where that
    /// is told before.
    pub(super) async fn admit(&self, extent: Extent, manifest: Option<&FileHandle>) -> Result<()> {
        self.may_replace()?;
        let Some(beside) = &self.beside else { return Ok(()) };
        let replaced = self.replaced(&beside.lock().await.known, extent, manifest)?;
        self.free_to_move(&replaced).await?;
        let known = &beside.lock().await.known;
        for gap in known.gaps_with(extent) {
            tracing::warn!("besides {extent}, {gap}");
        }
        Ok(())
    }

    /// The same of a backup that is whole, with the archive as it is by now. Returns the metadata files that are to be
    /// moved away before.
    pub(super) async fn admit_by_now(&self, extent: Extent, manifest: &FileHandle) -> Result<Vec<FileHandle>> {
        let age = match extent {
            Extent::Versions { .. } => Duration::ZERO,
            Extent::Epochs { .. } | Extent::State { .. } => LOOK_AGAIN_AFTER,
        };
        match self.known_by_now(age).await? {
            Some(beside) => self.replaced(&beside.known, extent, Some(manifest)),
            None => Ok(Vec::new()),
        }
    }

    /// Where a line stands that is known by now. What is found is looked at once more: it may have been moved away.
    pub(super) async fn place_by_now(&self, line: &Metadata) -> Result<Option<FileHandle>> {
        let place = |beside: &Beside| beside.known.place_of(line).cloned();
        match &self.beside {
            Some(beside) if place(&*beside.lock().await).is_some() => {
                Ok(self.known_by_now(Duration::ZERO).await?.and_then(|beside| place(&beside)))
            }
            _ => Ok(None),
        }
    }

    /// Whether a metadata file of this name was there when it was last looked.
    pub(super) async fn is_listed(&self, file: &FileHandle) -> bool {
        match &self.beside {
            Some(beside) => beside.lock().await.known.has_file(file),
            None => false,
        }
    }

    /// Forgets what was moved away.
    pub(super) async fn forget(&self, files: &[FileHandle]) {
        let Some(beside) = &self.beside else { return };
        let known = &mut beside.lock().await.known;
        files.iter().for_each(|file| known.forget(file));
    }

    /// Remembers what was made known.
    pub(super) async fn remember(&self, file: FileHandle, line: Metadata) {
        if let Some(beside) = &self.beside {
            beside.lock().await.known.add(file, line);
        }
    }

    /// Says so when the newest state that was backed up cannot be restored yet, and returns whether it did.
    pub(crate) async fn tell_snapshot_ahead(&self) -> bool {
        let Some(beside) = &self.beside else { return false };
        match beside.lock().await.known.snapshot_ahead() {
            Some(ahead) => {
                tracing::warn!("{ahead}");
                true
            }
            None => false,
        }
    }

    /// What the archive is known to hold; looked at again, unless the last look is not older than `age`.
    async fn known_by_now(&self, age: Duration) -> Result<Option<MutexGuard<'_, Beside>>> {
        let Some(beside) = &self.beside else { return Ok(None) };
        let mut beside = beside.lock().await;
        if beside.looked.elapsed() >= age {
            beside.known.read_again(self.storage.as_ref(), AT_ONCE).await?;
            beside.looked = Instant::now();
        }
        Ok(Some(beside))
    }

    /// The metadata files that a backup of `extent` replaces.
    fn replaced(&self, known: &Known, extent: Extent, manifest: Option<&FileHandle>) -> Result<Vec<FileHandle>> {
        let is_the_same = |line: &Line| line.extent == extent && Some(&line.manifest) == manifest;
        let others: Vec<Line> = known.meeting(extent).into_iter().filter(|line| !is_the_same(line)).collect();
        let can_go = |line: &&Line| extent.covers(line.extent) && line.places.iter().all(|place| place.others == 0);
        let in_the_way = match self.options.replace {
            Replace::Nothing => others.first(),
            Replace::Known => others.iter().find(|line| !can_go(line)),
        };
        match in_the_way {
            Some(line) => Err(refused(extent, line, &others)),
            None => Ok(others.into_iter().flat_map(|line| line.places).map(|place| place.file).collect()),
        }
    }
}

/// Why a backup of `extent` is not made beside `line`, one of several that are in its way.
fn refused(extent: Extent, line: &Line, others: &[Line]) -> Error {
    let Line { extent: other, manifest, places } = line;
    let compacted = places.iter().find(|place| place.others > 0);
    let (reason, hint) = match compacted {
        _ if *other == extent => (
            format!("it is known already: {} names {manifest}", line.at()),
            format!(
                "there is nothing to be done, unless that one is of no use: --replace makes another, and moves its line \
                 to metadata_backup/{}",
                alone(compacted)
            ),
        ),
        compacted => (
            format!(
                "the archive has {other} ({}) already, and with an overlap nothing of it could be restored",
                line.at()
            ),
            match (extent.covers(*other), rest(extent, others)) {
                (true, Some(rest)) => {
                    format!("{rest}; --replace moves the lines of what is within it away{}", alone(compacted))
                }
                (true, None) => format!("--replace moves the lines of what is within it away{}", alone(compacted)),
                (false, Some(rest)) => rest,
                (false, None) => "all of it is there".to_owned(),
            },
        ),
    };
    Error::new(ErrorKind::AlreadyExists, "back up", extent.to_string(), reason).with_hint(hint)
}

/// What is not there of it, and how it is added.
fn rest(extent: Extent, others: &[Line]) -> Option<String> {
    let ranges: Vec<_> = others.iter().map(|line| line.extent.range()).collect();
    let missing = missing_in(extent.range(), &ranges).into_iter();
    let commands: Vec<_> = missing.map(|(first, last)| format!("`{}`", extent.kind().command(first, last))).collect();
    (!commands.is_empty()).then(|| format!("{} adds what is missing", commands.join(" and ")))
}

/// That a line cannot be moved away alone.
fn alone(compacted: Option<&Place>) -> String {
    compacted.map_or(String::new(), |Place { file, others }| {
        format!(", once {file} does not hold it any more, which has {others} other lines")
    })
}
