//! `verify`: whether what is stored can be trusted. Alone, or as plan, shards and merge on many machines; both are the same
//! three steps.

mod progress;
pub(super) mod shard;
mod steps;
mod told;
mod work;

use super::changing;
use crate::args::{MergeArgs, PlanArgs, StorageArgs, Verify, VerifyStep, WhatArgs};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::storages::Opened;
use sealift::Budget;
use sealift::verify::Verdict;
use sealift_command::CommandStorage;
use std::sync::Arc;
use steps::{Target, Verification};
use work::Place;

/// Of what a bucket has.
pub(super) async fn run(args: Verify, interrupt: &Interrupt) -> Result<(), Failure> {
    let opened =
        Opened::below_with(args.storage(), args.name(), Budget::new(Memory::of(args.storage())?.files)?).await?;
    let bucket = opened.bucket.clone();
    let place = Place::beside(&opened, &args).await?;
    let target = Target::Bucket(Box::new(opened));
    changing(interrupt, &bucket, closing(&args, target, &place, interrupt), |_| None).await
}

/// Of what a command adapter reaches.
pub(super) async fn by_command(args: &Verify, storage: &CommandStorage, interrupt: &Interrupt) -> Result<(), Failure> {
    if !args.name().is_empty() {
        return Err(Failure::usage("--storage command-adapter is a whole archive: leave out PREFIX"));
    }
    let place = Place::elsewhere(args).await?;
    closing(args, Target::Commands(Arc::new(storage.clone())), &place, interrupt).await
}

/// The memory for files, where what is in them is to be verified too.
pub(super) fn memory_for_files(args: &StorageArgs) -> Result<Budget, Failure> {
    Ok(Budget::new(Memory::of(args)?.files)?)
}

/// Of what nobody else knows of: without a record, and nothing is told but findings, as they come. `storage` says how much
/// memory there is.
pub(super) async fn unrecorded(
    opened: Opened,
    what: &WhatArgs,
    storage: &StorageArgs,
    interrupt: &Interrupt,
) -> Result<Verdict, Failure> {
    let verification = Verification { target: Target::Bucket(Box::new(opened)), what, due: None, storage, interrupt };
    steps::verdict(&verification, &Place::nowhere(), None).await
}

/// Runs the step, and then waits for what it began where its own files are, when that is elsewhere.
async fn closing(args: &Verify, target: Target, place: &Place, interrupt: &Interrupt) -> Result<(), Failure> {
    let work = step(args, target, place, interrupt);
    match place.other_bucket() {
        Some(bucket) => changing(interrupt, bucket, work, |_| None).await,
        None => work.await,
    }
}

async fn step(args: &Verify, target: Target, place: &Place, interrupt: &Interrupt) -> Result<(), Failure> {
    match &args.step {
        Some(VerifyStep::Plan(PlanArgs { plan: name, what, due, storage })) => {
            let verification = Verification { target, what, due: Some(due), storage, interrupt };
            steps::plan(&verification, place, name).await
        }
        Some(VerifyStep::Merge(MergeArgs { plan, storage, .. })) => steps::merge(place, plan, storage.summary()).await,
        None => {
            let due = args.plan.is_none().then_some(&args.due);
            let verification = Verification { target, what: &args.what, due, storage: &args.storage, interrupt };
            match &args.plan {
                Some(plan) => {
                    let shard = shard::said(args.shard.as_deref().unwrap_or_default(), args.shards)?;
                    steps::shard(&verification, place, plan, shard).await
                }
                None => steps::all(&verification, place, args.max_time).await,
            }
        }
    }
}

/// How `--memory` is divided, in bytes.
struct Memory {
    /// For the files that are read.
    files: u64,
    /// For what was read and is not verified yet.
    records: u64,
}

impl Memory {
    /// The least that can be divided.
    const MIN: u64 = 32 << 20;

    fn of(args: &StorageArgs) -> Result<Memory, Failure> {
        let all = args.memory.as_u64();
        match all < Memory::MIN {
            true => Err(Failure::usage("verify needs --memory 32MiB or more")),
            false => Ok(Memory { files: all / 8 * 5, records: all / 8 * 3 }),
        }
    }
}

/// A failure, where something was found.
pub(super) fn whether_found(verdict: &Verdict) -> Result<(), Failure> {
    match verdict.class() {
        Some(class) => Err(Failure::new(Cause::Found { class, count: verdict.findings.len() })),
        None => Ok(()),
    }
}
