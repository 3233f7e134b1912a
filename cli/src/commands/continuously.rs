//! What `backup continuously` says of itself in the log: what it begins with, that it has caught up, and how far it is, each
//! minute while it is behind and each hour after.

use crate::args::Continuously;
use sealift_aptos::{Headway, Known};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

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

/// Says how far it is, until it is dropped.
pub(super) async fn goes_on(mut headway: watch::Receiver<Headway>) -> Infallible {
    let begun = Instant::now();
    let (mut told, mut told_at, mut behind_since) = (Told::Behind, begun, Some(begun));
    loop {
        let (at, now) = (*headway.borrow_and_update(), Instant::now());
        behind_since = if at.has_caught_up() { None } else { behind_since.or(Some(now)) };
        // What is due now and then, and is made at once, is not being behind.
        let due = match behind_since {
            Some(since) => since.max(told_at) + BEHIND,
            None => told_at + CAUGHT_UP,
        };
        let stands = if behind_since.is_some() { Told::Behind } else { Told::CaughtUp };
        if now >= due || (told, stands) == (Told::Behind, Told::CaughtUp) {
            match stands {
                Told::Behind => tracing::info!("behind: {}", stand(&at)),
                Told::CaughtUp => tracing::info!("caught up: {}", stand(&at)),
            }
            (told, told_at) = (stands, now);
            continue;
        }
        tokio::select! {
            // The sender lives as long as the backups.
            _ = headway.changed() => {}
            () = sleep_until(due) => {}
        }
    }
}

/// What was said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Behind,
    CaughtUp,
}

fn stand(headway: &Headway) -> String {
    let archive = archive(headway.epoch_ending, headway.state_snapshot, headway.version);
    match headway.node {
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
