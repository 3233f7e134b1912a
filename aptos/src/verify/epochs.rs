//! Epoch endings: each is the one that the manifest promises, and signed by the validators that the one before names.

use super::endings::{Ending, fact};
use super::manifests;
use super::records::{Fold, Pool, fold};
use super::signed::{ByWaypoint, Signed, genesis_form, trusting};
use super::trust::Granted;
use crate::chain::{ChainError, LedgerInfoWithSignatures, Waypoint};
use crate::manifest::{EpochEndingBackup, EpochEndingChunk};
use sealift::verify::{Files, Finding, Outcome};
use std::sync::Arc;

/// Verifies a backup of epoch endings.
pub(super) async fn check(signed: &Arc<Signed>, pool: &Pool, files: &Files, manifest: &str) -> Outcome {
    let (backup, verified) = match manifests::read::<EpochEndingBackup>(files, manifest).await {
        Ok(read) => read,
        Err(finding) => return Outcome::of(finding),
    };
    let mut outcome = Outcome::default();
    outcome.files.insert(manifest.to_owned(), verified);
    let mut before = match backup.first_epoch.checked_sub(1) {
        None => Before::Genesis,
        Some(epoch) => match signed.endings.of(files, epoch).await {
            Ok(Some(ending)) => {
                outcome.facts.needs.insert(fact(epoch, ending.waypoint));
                Before::Ending(ending)
            }
            Ok(None) => Before::Missing,
            Err(finding) => {
                outcome.findings.push(finding);
                Before::Unreadable
            }
        },
    };
    for chunk in &backup.chunks {
        let (of_chunk, last) = check_chunk(signed, pool, files, &backup, chunk, before).await;
        outcome.add(of_chunk);
        before = last;
    }
    outcome
}

/// The ending before the next one.
#[derive(Debug, Clone)]
enum Before {
    /// There is none: the next is genesis.
    Genesis,
    Ending(Arc<Ending>),
    /// The archive does not have it.
    Missing,
    /// It cannot be read, which is told already.
    Unreadable,
}

async fn check_chunk(
    signed: &Arc<Signed>,
    pool: &Pool,
    files: &Files,
    backup: &EpochEndingBackup,
    chunk: &EpochEndingChunk,
    before: Before,
) -> (Outcome, Before) {
    let name = chunk.ledger_infos.to_string();
    let at = |epoch: u64| usize::try_from(epoch - backup.first_epoch).unwrap_or(usize::MAX);
    let waypoints = backup.waypoints.get(at(chunk.first_epoch)..=at(chunk.last_epoch)).unwrap_or_default().to_vec();
    let start = Chain {
        signed: Arc::clone(signed),
        file: name.clone(),
        first: chunk.first_epoch,
        waypoints,
        before,
        outcome: Outcome::default(),
        count: 0,
    };
    let folded = fold(pool, files, &name, (), start).await;
    let Chain { mut outcome, before, .. } = folded.state;
    outcome.findings.extend(folded.findings);
    let wanted = chunk.last_epoch - chunk.first_epoch + 1;
    if outcome.findings.is_empty() && folded.count != wanted {
        let found = format!("it has {} ledger infos", folded.count);
        outcome.findings.push(Finding::wrong(&name, "count", found).expecting(wanted));
    }
    outcome.files.extend(folded.verified.map(|verified| (name, verified)));
    // What comes after a chunk that is damaged stands on nothing.
    let before = if folded.count == wanted { before } else { Before::Unreadable };
    (outcome, before)
}

/// Endings as they follow one another.
struct Chain {
    signed: Arc<Signed>,
    file: String,
    first: u64,
    /// What the manifest promises of the chunk's epochs.
    waypoints: Vec<Waypoint>,
    before: Before,
    outcome: Outcome,
    count: u64,
}

impl Fold for Chain {
    type Prepared = (LedgerInfoWithSignatures, Waypoint);
    type How = ();

    fn prepare(record: &[u8], (): &()) -> Result<Self::Prepared, ChainError> {
        let ledger_info = LedgerInfoWithSignatures::decode(record)?;
        let waypoint = ledger_info.waypoint()?;
        Ok((ledger_info, waypoint))
    }

    fn take(
        &mut self,
        (ledger_info, waypoint): Self::Prepared,
        _wrong: &mut dyn FnMut(ChainError),
    ) -> Result<(), ChainError> {
        // There may be more records than there are numbers for.
        let (number, epoch) = (self.count, self.first.saturating_add(self.count));
        self.count += 1;
        let mut of_record = self.ending(epoch, &ledger_info, waypoint);
        for finding in &mut of_record.findings {
            finding.record = Some(number);
        }
        if of_record.findings.is_empty() {
            of_record.facts.proves.insert(fact(epoch, waypoint));
        }
        self.outcome.add(of_record);
        let ending = Arc::new(Ending { ledger_info, waypoint });
        self.signed.endings.keep(epoch, Arc::clone(&ending));
        self.before = Before::Ending(ending);
        Ok(())
    }
}

impl Chain {
    fn ending(&self, epoch: u64, ledger_info: &LedgerInfoWithSignatures, waypoint: Waypoint) -> Outcome {
        let wrong = |rule, found: String| Outcome::of(Finding::wrong(&self.file, rule, found));
        if ledger_info.epoch() != epoch {
            return wrong("order", format!("a ledger info of epoch {} where {epoch} was due", ledger_info.epoch()));
        }
        match ledger_info.next_epoch_state() {
            Some(next) if Some(next.epoch) == epoch.checked_add(1) => {}
            Some(next) => return wrong("epoch-end", format!("epoch {epoch} is followed by epoch {}", next.epoch)),
            None => return wrong("epoch-end", format!("the ledger info of epoch {epoch} does not end it")),
        }
        let promised = usize::try_from(self.count - 1).ok().and_then(|at| self.waypoints.get(at));
        if promised != Some(&waypoint) {
            let promised = promised.map_or("no such epoch".to_owned(), Waypoint::to_string);
            let found = format!("the ending of epoch {epoch} is {waypoint}");
            return Outcome::of(Finding::wrong(&self.file, "waypoint", found).expecting(promised));
        }
        match self.signed.by_waypoint(&self.file, ledger_info) {
            ByWaypoint::Wrong(finding) => Outcome::of(*finding),
            ByWaypoint::Right(outcome) => outcome,
            ByWaypoint::Unknown => self.by_the_one_before(epoch, ledger_info, waypoint),
        }
    }

    fn by_the_one_before(&self, epoch: u64, ledger_info: &LedgerInfoWithSignatures, waypoint: Waypoint) -> Outcome {
        match &self.before {
            Before::Genesis => {
                let mut outcome = genesis_form(&self.file, ledger_info);
                outcome.facts.add(trusting(Granted::Genesis(waypoint)));
                outcome
            }
            Before::Ending(ending) => match ending.ledger_info.next_epoch_state() {
                Some(validators) => self.signed.by_validators(&self.file, ledger_info, validators),
                None => Outcome::default(),
            },
            Before::Missing => self.signed.lags(&self.file, epoch.saturating_sub(1)),
            Before::Unreadable => Outcome::of(Finding::wrong(
                &self.file,
                "signature",
                format!("who may sign epoch {epoch} is not known: the ending before it is damaged"),
            )),
        }
    }
}
