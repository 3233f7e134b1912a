//! What `backup continuously` says of itself in the log: what it begins with, that it has caught up, and how far it is, each
//! minute while it is behind and each hour after.

use crate::args::Continuously;
use crate::service::Now;
use sealift_aptos::Known;
use std::time::{Duration, Instant};

/// How often it is said how far it is, while it is behind.
const BEHIND: Duration = Duration::from_secs(60);
/// The same once it has caught up.
const CAUGHT_UP: Duration = Duration::from_secs(60 * 60);

/// Says what it begins with.
pub(super) fn begins(args: &Continuously, location: &str, known: &Known) {
    let Continuously { state_snapshot_interval_epochs, transaction_batch_size, transaction_max_age, node, .. } = args;
    tracing::info!(
        "backing up {} into {location}: each epoch ending, a state snapshot each {state_snapshot_interval_epochs} epochs, \
         transactions in batches of {transaction_batch_size} that wait for at most {transaction_max_age:#}",
        node.backup_service_address,
    );
    tracing::info!(
        "the archive has {}",
        archive(known.last_epoch(), known.last_snapshot_epoch(), known.last_version())
    );
}

/// Says how far it is, when that is due.
#[derive(Debug)]
pub(super) struct Says {
    told: Told,
    told_at: Instant,
    behind_since: Option<Instant>,
    stands_still: bool,
}

impl Says {
    pub(super) fn new() -> Self {
        let begun = Instant::now();
        Says { told: Told::Behind, told_at: begun, behind_since: Some(begun), stands_still: false }
    }

    /// Takes in where they stand.
    pub(super) fn look(&mut self, at: &Now) {
        self.look_whether_it_moves(at);
        let now = Instant::now();
        self.behind_since = if at.has_caught_up() { None } else { self.behind_since.or(Some(now)) };
        // What is due now and then, and is made at once, is not being behind.
        let (stands, due) = match self.behind_since {
            Some(since) => (Told::Behind, since.max(self.told_at) + BEHIND),
            None => (Told::CaughtUp, self.told_at + CAUGHT_UP),
        };
        if now >= due || (self.told, stands) == (Told::Behind, Told::CaughtUp) {
            match stands {
                Told::Behind => tracing::info!("behind: {}", stand(at)),
                Told::CaughtUp => tracing::info!("caught up: {}", stand(at)),
            }
            (self.told, self.told_at) = (stands, now);
        }
    }

    /// The log is where it is looked for why a watchdog has ended it.
    fn look_whether_it_moves(&mut self, at: &Now) {
        match at.stalled {
            Some(still) if !self.stands_still => tracing::warn!(
                "stands still: nothing has moved for {} s, as long as --stalled-after allows: a watchdog ends it, and /healthz \
                 says so; look whether the node and the storage answer ({})",
                still.as_secs(),
                stand(at)
            ),
            None if self.stands_still => tracing::info!("moves again: {}", stand(at)),
            Some(_) | None => {}
        }
        self.stands_still = at.stalled.is_some();
    }
}

/// What was said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Behind,
    CaughtUp,
}

fn stand(at: &Now) -> String {
    let archive = archive(at.epoch_ending, at.snapshot_epoch, at.version);
    match at.node {
        Some((epoch, version)) => {
            format!("the node is in epoch {epoch} at version {version}, the archive has {archive}")
        }
        None => format!("the node has not answered, the archive has {archive}"),
    }
}

fn archive(epoch_ending: Option<u64>, snapshot: Option<u64>, version: Option<u64>) -> String {
    let part = |what: &str, last: Option<u64>| match last {
        Some(last) => format!("{what} {last}"),
        None => format!("no {what}"),
    };
    let parts = [part("epoch ending", epoch_ending), part("state snapshot", snapshot), part("transaction", version)];
    parts.join(", ")
}
