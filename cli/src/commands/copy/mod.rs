//! `copy`: objects from one storage to another, with their content proven.

pub(super) mod choice;
mod files;
mod objects;
mod told;

use super::{changing, stoppable};
use crate::args::{Copy, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report;
use crate::storages::{is_command_adapter, open_pair};
use choice::Choice;
pub(super) use files::{Files, How, Side, in_group};
use objects::Objects;
use std::time::Instant;
pub(super) use told::Tally;

pub(super) async fn run(args: Copy, interrupt: &Interrupt) -> Result<(), Failure> {
    check(&args)?;
    let choice = Choice::of(&args)?;
    if args.aptos || is_command_adapter(&args.from) || is_command_adapter(&args.to) {
        return files(&args, &choice, interrupt).await;
    }
    let pair = stoppable(interrupt, open_pair(&args)).await?;
    let (from, to) = (pair.from.location_within(), pair.to.location_within());
    let (bucket, started) = (pair.to.bucket.clone(), Instant::now());
    if !args.dry_run {
        // Or each object would say it.
        bucket.check_place().await?;
    }
    let tally = Tally::default();
    let objects = Objects::new(pair, &args, choice, &tally);
    let done = changing(interrupt, &bucket, stoppable(interrupt, objects.copy()), |_| None).await;
    report::left_beside(&tally.left_behind());
    done.map_err(|failure| failure.and(Aftermath::Copied { copied: tally.copied(), removed: tally.removed() }))?;
    tell(&args, &tally, &from, &to, started);
    Ok(())
}

/// Refuses what cannot be meant.
fn check(args: &Copy) -> Result<(), Failure> {
    if args.size_only && args.storage.codec.is_some() {
        return Err(Failure::usage(
            "--size-only: what is compressed anew has another size; leave out one of it and --codec",
        ));
    }
    let by_command = is_command_adapter(&args.from) || is_command_adapter(&args.to);
    if by_command && !args.aptos && args.from_list.is_none() {
        return Err(Failure::usage(
            "command-adapter: its commands cannot list what there is; say --from-list, or --aptos with --to-version",
        ));
    }
    if by_command && (args.size_only || args.delete) {
        return Err(Failure::usage("command-adapter: its commands tell no sizes and remove nothing"));
    }
    if is_command_adapter(&args.to) && args.if_absent {
        return Err(Failure::usage("--if-absent: a command cannot be told to keep what exists"));
    }
    Ok(())
}

/// Copies files of an archive, by their handles.
async fn files(args: &Copy, choice: &Choice, interrupt: &Interrupt) -> Result<(), Failure> {
    let (started, tally) = (Instant::now(), Tally::default());
    let files = stoppable(interrupt, files::open(args, &tally)).await?;
    let (from, to) = (files.from.location(), files.to.location());
    let work = stoppable(interrupt, async {
        match args.to_version {
            Some(version) => files.copy_subset(version).await,
            None => files.copy_listed(args.from_list.clone().unwrap_or_default(), choice).await,
        }
    });
    let done = match files.to.bucket() {
        Some(bucket) => changing(interrupt, bucket, work, |_| None).await,
        None => work.await,
    };
    files.from.close().await;
    files.to.close().await;
    done.map_err(|failure| failure.and(Aftermath::Copied { copied: tally.copied(), removed: 0 }))?;
    tell(args, &tally, &from, &to, started);
    Ok(())
}

fn tell(args: &Copy, tally: &Tally, from: &str, to: &str, started: Instant) {
    match args.storage.summary() {
        Summary::Json => report::line(tally.json(from, to, started.elapsed())),
        Summary::Text => report::text(&tally.text(from, to, started.elapsed())),
        Summary::None => {}
    }
}
