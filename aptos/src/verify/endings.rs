//! The endings of epochs, read from the archive one by one: who may sign in the next epoch.

use super::manifests;
use super::settings::EndingsLine;
use crate::chain::{LedgerInfoWithSignatures, Waypoint};
use crate::manifest::EpochEndingBackup;
use crate::records::{MAX_RECORD, Splitter};
use bytes::Bytes;
use sealift::verify::{Files, Finding};
use sealift::{Error, FileHandle};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncBufReadExt;

/// The ending of an epoch, as one of the archive's manifests has it.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) ledger_info: LedgerInfoWithSignatures,
    pub(super) waypoint: Waypoint,
}

/// How many endings are kept: a ledger info of a hundred validators has 15 kB, and those that are asked for are near to each
/// other.
const KEPT: usize = 64;

/// Finds endings by their epoch.
#[derive(Debug)]
pub(super) struct Endings {
    lines: Vec<EndingsLine>,
    kept: Mutex<VecDeque<(u64, Arc<Ending>)>>,
}

/// That `epoch` ended with `waypoint`: what a piece needs, and the piece of that epoch proves.
pub(super) fn fact(epoch: u64, waypoint: Waypoint) -> String {
    format!("epoch {epoch} ended with {waypoint}")
}

impl Endings {
    pub(super) fn new(lines: Vec<EndingsLine>) -> Self {
        Endings { lines, kept: Mutex::default() }
    }

    /// The ending of `epoch`; `None` when no line has it. Whoever asks holds no open file: this opens some.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) async fn of(&self, files: &Files, epoch: u64) -> Result<Option<Arc<Ending>>, Finding> {
        if let Some(kept) = self.kept(epoch) {
            return Ok(Some(kept));
        }
        let Some(line) = self.lines.iter().find(|line| (line.first..=line.last).contains(&epoch)) else {
            return Ok(None);
        };
        let ending = Arc::new(read(files, &line.manifest, epoch).await?);
        self.keep(epoch, Arc::clone(&ending));
        Ok(Some(ending))
    }

    /// Keeps one that was read anyway.
    pub(super) fn keep(&self, epoch: u64, ending: Arc<Ending>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((epoch, ending));
    }

    fn kept(&self, epoch: u64) -> Option<Arc<Ending>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(of, _)| *of == epoch).map(|(_, ending)| Arc::clone(ending))
    }
}

async fn read(files: &Files, manifest: &str, epoch: u64) -> Result<Ending, Finding> {
    let (backup, _) = manifests::read::<EpochEndingBackup>(files, manifest).await?;
    let chunk = backup.chunks.iter().find(|chunk| (chunk.first_epoch..=chunk.last_epoch).contains(&epoch));
    let promised = epoch.checked_sub(backup.first_epoch).and_then(|at| backup.waypoints.get(usize::try_from(at).ok()?));
    let (Some(chunk), Some(promised)) = (chunk, promised) else {
        return Err(Finding::wrong(manifest, "line-manifest", format!("it does not have epoch {epoch}")));
    };
    let wrong = |rule, reason: String| Finding::wrong(chunk.ledger_infos.as_ref(), rule, reason);
    let record = nth(files, &chunk.ledger_infos, epoch - chunk.first_epoch)
        .await
        .map_err(|error| Finding::of_error(chunk.ledger_infos.as_ref(), &error))?
        .ok_or_else(|| wrong("count", format!("it ends before epoch {epoch}")))?;
    let of_chain = |error| super::of_chain(chunk.ledger_infos.as_ref(), &error);
    let ledger_info = LedgerInfoWithSignatures::decode(&record).map_err(of_chain)?;
    let waypoint = ledger_info.waypoint().map_err(of_chain)?;
    match waypoint == *promised && ledger_info.epoch() == epoch {
        true => Ok(Ending { ledger_info, waypoint }),
        false => {
            let found = format!("the ending of epoch {epoch} is {waypoint}, of epoch {}", ledger_info.epoch());
            Err(wrong("waypoint", found).expecting(promised))
        }
    }
}

/// The record `number` of a file, counted from 0.
async fn nth(files: &Files, file: &FileHandle, number: u64) -> Result<Option<Bytes>, Error> {
    let name = file.as_ref();
    let mut open = files.open(name).await?;
    let (mut splitter, mut before) = (Splitter::new(MAX_RECORD), 0);
    loop {
        let data = open.fill_buf().await.map_err(|error| crate::whole::read_error(file, error))?;
        let data = Bytes::copy_from_slice(data);
        if data.is_empty() {
            return Ok(None);
        }
        open.consume(data.len());
        let runs = splitter.push(data).map_err(|record| too_long(name, record.length))?;
        for run in runs {
            if number < before + run.count() {
                let record = run.records().nth((number - before) as usize);
                return Ok(record.map(Bytes::copy_from_slice));
            }
            before += run.count();
        }
    }
}

/// A record is longer than any of the chain's.
pub(super) fn too_long(name: &str, length: usize) -> Error {
    let reason = format!("a record of {length} bytes: its length is damaged");
    Error::new(sealift::ErrorKind::Corrupt, "read", name.to_owned(), reason)
}
