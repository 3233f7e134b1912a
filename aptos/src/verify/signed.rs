//! Whether a ledger info is one that the chain has agreed on.

use super::endings::{Endings, fact};
use super::records::Pool;
use super::settings::{EpochEndings, Lagging, Settings};
use super::trust::{Granted, Trust};
use crate::chain::{EpochState, HashValue, LedgerInfoWithSignatures, Waypoint};
use crate::verify::of_chain;
use sealift::verify::{Facts, Files, Finding, Outcome};
use std::sync::Arc;

/// Tells whether ledger infos are those of the chain.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) trust: Trust,
    pub(super) endings: Endings,
    epoch_endings: EpochEndings,
    lagging: Lagging,
}

impl Signed {
    pub(super) fn new(settings: &Settings) -> Self {
        Signed {
            trust: Trust::new(&settings.trust),
            endings: Endings::new(settings.endings.clone()),
            epoch_endings: settings.epoch_endings,
            lagging: settings.lagging,
        }
    }

    /// Whether `ledger_info`, which is in `file`, is one of the chain: by a waypoint that is trusted, or by the validators of
    /// its epoch, whom the ending of the epoch before names.
    pub(super) async fn check(
        self: &Arc<Self>,
        pool: &Pool,
        files: &Files,
        file: &str,
        ledger_info: &LedgerInfoWithSignatures,
    ) -> Outcome {
        if self.epoch_endings == EpochEndings::Skipped {
            return Outcome { facts: trusting(Granted::Signatures), ..Outcome::default() };
        }
        match self.by_waypoint(file, ledger_info) {
            ByWaypoint::Wrong(finding) => return Outcome::of(*finding),
            ByWaypoint::Right(outcome) => return outcome,
            ByWaypoint::Unknown => {}
        }
        let Some(before) = ledger_info.epoch().checked_sub(1) else {
            return self.genesis(files, file, ledger_info).await;
        };
        match self.endings.of(files, before).await {
            Err(finding) => Outcome::of(finding),
            Ok(None) => self.lags(file, before),
            Ok(Some(ending)) if ending.ledger_info.next_epoch_state().is_none() => {
                Outcome::of(Finding::wrong(file, "epoch-end", format!("epoch {before} has no end")))
            }
            Ok(Some(ending)) => {
                let needed = fact(before, ending.waypoint);
                let (signed, file, ledger_info) = (Arc::clone(self), file.to_owned(), ledger_info.clone());
                let check = move || {
                    let validators = ending.ledger_info.next_epoch_state();
                    validators.map(|validators| signed.by_validators(&file, &ledger_info, validators))
                };
                let mut outcome = pool.run(check).await.unwrap_or_default();
                outcome.facts.needs.insert(needed);
                outcome
            }
        }
    }

    /// Whether it is what a trusted waypoint says.
    pub(super) fn by_waypoint(&self, file: &str, ledger_info: &LedgerInfoWithSignatures) -> ByWaypoint {
        let Some(trusted) = self.trust.at(ledger_info.version()) else { return ByWaypoint::Unknown };
        match ledger_info.waypoint() {
            Err(error) => ByWaypoint::Wrong(Box::new(of_chain(file, &error))),
            Ok(waypoint) if waypoint == trusted => {
                let mut outcome = match ledger_info.epoch() {
                    0 => genesis_form(file, ledger_info),
                    _ => Outcome::default(),
                };
                outcome.facts.add(trusting(Granted::Waypoint(trusted)));
                outcome.facts.proves.insert(met(trusted));
                ByWaypoint::Right(outcome)
            }
            Ok(waypoint) => {
                let found = format!("its ledger info of version {} is {waypoint}", waypoint.version);
                ByWaypoint::Wrong(Box::new(Finding::wrong(file, "trusted-waypoint", found).expecting(trusted)))
            }
        }
    }

    /// Whether enough of the validators signed.
    pub(super) fn by_validators(
        &self,
        file: &str,
        ledger_info: &LedgerInfoWithSignatures,
        validators: &EpochState,
    ) -> Outcome {
        let Err(error) = ledger_info.verify(validators) else { return Outcome::default() };
        match self.trust.from(ledger_info.version()) {
            Some(trusted) => {
                let notes = vec![format!(
                    "{file}: the ledger info of version {} is not signed by its validators ({error}), and lies before a waypoint \
                     that is trusted",
                    ledger_info.version()
                )];
                let mut facts = trusting(Granted::Before(trusted));
                // One that the archive does not lead to says nothing of it.
                facts.needs.insert(met(trusted));
                Outcome { notes, facts, ..Outcome::default() }
            }
            None => {
                let finding = of_chain(file, &error);
                Outcome::of(Finding { rule: "signature".into(), ..finding })
            }
        }
    }

    /// Nobody signs genesis: it has to be the archive's own.
    async fn genesis(&self, files: &Files, file: &str, ledger_info: &LedgerInfoWithSignatures) -> Outcome {
        let mut outcome = genesis_form(file, ledger_info);
        match (self.endings.of(files, 0).await, ledger_info.waypoint()) {
            (Err(finding), _) => outcome.findings.push(finding),
            (_, Err(error)) => outcome.findings.push(of_chain(file, &error)),
            (Ok(None), Ok(_)) => outcome.add(self.lags(file, 0)),
            (Ok(Some(ending)), Ok(waypoint)) if ending.waypoint == waypoint => {
                outcome.facts.needs.insert(fact(0, waypoint));
            }
            (Ok(Some(ending)), Ok(waypoint)) => {
                let found = format!("it rests on the genesis {waypoint}");
                outcome.findings.push(Finding::wrong(file, "genesis", found).expecting(ending.waypoint));
            }
        }
        outcome
    }

    /// That the ending of `epoch` is not in the archive.
    pub(super) fn lags(&self, file: &str, epoch: u64) -> Outcome {
        let found = format!(
            "who may sign it is not known: the archive does not have the ending of epoch {epoch}; `backup epoch-ending` adds it"
        );
        match self.lagging {
            Lagging::Wrong => Outcome::of(Finding::wrong(file, "endings-lag", found)),
            Lagging::Allowed => {
                let notes = vec![format!("{file}: {found}")];
                Outcome { notes, facts: trusting(Granted::Ending(epoch)), ..Outcome::default() }
            }
        }
    }
}

/// What a trusted waypoint says of a ledger info.
pub(super) enum ByWaypoint {
    /// There is none of its version.
    Unknown,
    Right(Outcome),
    Wrong(Box<Finding>),
}

/// That the archive leads to a trusted waypoint.
fn met(trusted: Waypoint) -> String {
    format!("the archive has the waypoint {trusted}, which is trusted")
}

pub(super) fn trusting(granted: Granted) -> Facts {
    Facts { trusts: [granted.to_string()].into(), ..Facts::default() }
}

/// Whether the parts of a genesis ledger info that no waypoint covers are what they always are. The version is one of them: a
/// waypoint that is trusted is found by it, and with another version it would be passed over.
pub(super) fn genesis_form(file: &str, ledger_info: &LedgerInfoWithSignatures) -> Outcome {
    let (info, signatures) = (ledger_info.ledger_info(), ledger_info.signatures());
    let plain = info.commit_info.version == 0
        && info.commit_info.round == 0
        && info.commit_info.id == HashValue::ZERO
        && info.consensus_data_hash == HashValue::ZERO
        && signatures.signature.is_none()
        && signatures.validator_bitmask.is_empty();
    match plain {
        true => Outcome::default(),
        false => Outcome::of(Finding::wrong(file, "genesis", "its ledger info has what a genesis never has")),
    }
}
