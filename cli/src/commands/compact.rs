//! `compact`: few metadata files of many.

use super::changing;
use super::covers::commands_of;
use super::reads_at_once;
use super::stoppable;
use crate::args::{Compact, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report::{self, Compacted, Place};
use crate::storages::Opened;
use sealift::{BackupStorage, Budget};
use sealift_aptos::Known;
use sealift_aptos::compact::{Compaction, Ended, Factors, Settings};
use sealift_command::CommandStorage;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long a step that is under way has to end once the command is to stop. Then it is given up.
const STEP_LIMIT: Duration = Duration::from_secs(5);

/// Of an archive in a bucket.
pub(super) async fn run(args: &Compact, interrupt: &Interrupt) -> Result<(), Failure> {
    let archive = Opened::archive(&args.storage, Budget::new(args.storage.memory.as_u64())?).await?;
    let place = Place::archive(&archive);
    changing(interrupt, archive.bucket(), compact(args, &archive, &place, interrupt), |_| None).await
}

/// Through a command adapter. Its processes may still be running when this returns; see `by_command`.
pub(super) async fn by_command(args: &Compact, storage: &CommandStorage, interrupt: &Interrupt) -> Result<(), Failure> {
    compact(args, storage, &commands_of(&args.storage), interrupt).await
}

async fn compact(
    args: &Compact,
    storage: &dyn BackupStorage,
    place: &Place,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let started = Instant::now();
    let prepare = async { Ok(Compaction::prepare(storage, settings(args, storage)).await?) };
    let compaction = stoppable(interrupt, prepare).await?;
    if compaction.is_empty() {
        return Err(Known::no_archive(&place.name).into());
    }
    let plan = compaction.plan().clone();
    for kept in &plan.kept {
        report::kept(kept).into_iter().for_each(|told| report::note(format_args!("sealift: {told}")));
    }
    if args.dry_run {
        match args.storage.summary() {
            Summary::Json => report::line(report::would_compact_json(place, &plan)),
            Summary::Text => report::text(&report::would_compact(place, &plan)),
            Summary::None => {}
        }
        return Ok(());
    }
    let done = Mutex::new(Compacted::default());
    let work = compaction.carry_out(|step| {
        lock(&done).add(step);
        match interrupt.received() {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    });
    let ended = tokio::select! {
        biased;
        ended = work => Some(ended),
        () = too_late(interrupt) => None,
    };
    let done = lock(&done).clone();
    for changed in done.changed() {
        report::note(format_args!("sealift: {changed} stays: it has a line by now that no compacted file has"));
    }
    let failure = match (ended, interrupt.received()) {
        (Some(Ok(ended @ (Ended::Whole | Ended::BesideAnother))), _) => {
            if ended == Ended::BesideAnother {
                report::note(format_args!("sealift: {}", report::beside_another()));
            }
            match args.storage.summary() {
                Summary::Json => report::line(report::compacted_json(place, &plan, &done, ended, started.elapsed())),
                Summary::Text => report::line(report::compacted(place, &plan, &done, started.elapsed())),
                Summary::None => {}
            }
            return Ok(());
        }
        (Some(Err(error)), _) => error.into(),
        (_, Some(stop)) => Failure::interrupted(stop),
        // Nothing else stops it.
        (_, None) => anyhow::anyhow!("the compaction has stopped by itself").into(),
    };
    Err(failure.and(Aftermath::Compacted(done.counts())))
}

/// Waits until the command was to stop, and a step under way had its time.
async fn too_late(interrupt: &Interrupt) {
    interrupt.requested().await;
    sleep(STEP_LIMIT).await;
}

fn settings(args: &Compact, storage: &dyn BackupStorage) -> Settings {
    let factors = Factors {
        epoch_endings: args.epoch_ending_file_compact_factor,
        state_snapshots: args.state_snapshot_file_compact_factor,
        transactions: args.transaction_file_compact_factor,
    };
    let mut settings = Settings::new(factors);
    settings.remove_after = Duration::from_secs(args.remove_compacted_file_after);
    settings.at_once = reads_at_once(args.metadata.concurrent_downloads, storage);
    settings
}

fn lock(done: &Mutex<Compacted>) -> MutexGuard<'_, Compacted> {
    done.lock().unwrap_or_else(PoisonError::into_inner)
}
