//! Of an archive: state snapshots that no version within the recovery window needs.

use super::super::{changing, reads_at_once, stoppable};
use super::record::{Reading, Verified, without};
use crate::args::{Prune, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report::{self, ArchivePruned, Place};
use crate::storages::{Opened, time_from_now};
use sealift::prune::Counting;
use sealift::verify::{FOLDER, Folder};
use sealift::{Archive, Budget};
use sealift_aptos::prune::{Pruning, Settings, Window};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// How long a step that is under way has to end once the command is to stop. Then it is given up.
const STEP_LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn run(args: &Prune, interrupt: &Interrupt) -> Result<(), Failure> {
    let mut settings = settings(args)?;
    let archive = Opened::archive(&args.storage, Budget::new(args.storage.memory.as_u64())?).await?;
    settings.at_once = reads_at_once(args.concurrent_downloads, &archive);
    changing(interrupt, archive.bucket(), prune(args, &archive, settings, interrupt), |_| None).await
}

fn settings(args: &Prune) -> Result<Settings, Failure> {
    let by_policy = [args.keep_last, args.keep_daily, args.keep_weekly, args.keep_monthly, args.keep_yearly];
    if by_policy.iter().any(Option::is_some) || args.keep_within.is_some() || !args.keep.is_empty() {
        return Err(Failure::usage("--aptos keeps by --recovery-window: the --keep options are for plain objects"));
    }
    let said = args.recovery_window.as_deref().unwrap_or_default();
    let window = match (said.parse::<u64>(), crate::args::time(said)) {
        (Ok(versions), _) => Window::Versions(versions),
        (_, Ok(time)) => Window::Seconds(time_from_now("--recovery-window", time)?.as_secs()),
        (_, Err(_)) => {
            return Err(Failure::usage(format!(
                "--recovery-window {said}: say a number of versions, or a time such as 30d"
            )));
        }
    };
    let mut settings = Settings::new(window);
    settings.grace = time_from_now("--grace", args.grace)?;
    if args.unverified_counts {
        settings.counting = Counting::Sealed;
    }
    Ok(settings)
}

async fn prune(args: &Prune, archive: &Archive, settings: Settings, interrupt: &Interrupt) -> Result<(), Failure> {
    let place = Place::archive(archive);
    let grace = settings.grace;
    let prepare = async {
        let reading = match &args.work {
            Some(url) => Reading::elsewhere(args, url).await?,
            None => Reading::of(&Folder::new(archive.bucket().clone(), archive.prefix()).below(FOLDER)).await?,
        };
        let (record, refused) = reading.known();
        if let Some(error) = refused {
            without(args, error, Verified::Nothing)?;
        }
        Ok(Pruning::prepare(archive, &record, settings).await?)
    };
    let pruning = stoppable(interrupt, prepare).await?;
    let plan = pruning.plan().clone();
    if args.show_needs {
        match args.storage.json {
            true => report::line(report::needs_json(&place, &plan)),
            false => report::text(&report::needs(&place, &plan)),
        }
        return Ok(());
    }
    if !args.yes {
        match args.storage.summary() {
            Summary::Json => report::line(report::archive_pruning_json(&place, &plan, grace, None)),
            Summary::Text => report::text(&report::would_prune_archive(&place, &plan, grace)),
            Summary::None => {}
        }
        return Ok(());
    }
    let done = Mutex::new(ArchivePruned::default());
    let lock = || done.lock().unwrap_or_else(PoisonError::into_inner);
    let work = pruning.carry_out(|step| {
        lock().add(step);
        match interrupt.received() {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    });
    let ended = tokio::select! {
        biased;
        ended = work => Some(ended),
        () = async { interrupt.requested().await; sleep(STEP_LIMIT).await; } => None,
    };
    let done = lock().clone();
    let failure = match (ended, interrupt.received()) {
        (Some(Ok(ControlFlow::Continue(()))), _) => {
            match args.storage.summary() {
                Summary::Json => report::line(report::archive_pruning_json(&place, &plan, grace, Some(&done))),
                Summary::Text => report::text(&report::archive_pruned(&place, &plan, &done, grace)),
                Summary::None => {}
            }
            return Ok(());
        }
        (Some(Err(error)), _) => error.into(),
        (_, Some(stop)) => Failure::interrupted(stop),
        // Nothing else stops it.
        (_, None) => anyhow::anyhow!("the removal has stopped by itself").into(),
    };
    Err(failure.and(Aftermath::Pruned(done.files_removed())))
}
