//! `copy`: objects from one storage to another, with their content proven.

mod choice;
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
use objects::Objects;
use std::time::Instant;
use told::Tally;

pub(super) async fn run(args: Copy, interrupt: &Interrupt) -> Result<(), Failure> {
    check(&args)?;
    let choice = Choice::of(&args)?;
    let pair = stoppable(interrupt, open_pair(&args)).await?;
    let (from, to) = (pair.from.location_within(), pair.to.location_within());
    let (bucket, started) = (pair.to.bucket.clone(), Instant::now());
    let tally = Tally::default();
    let objects = Objects::new(pair, &args, choice, &tally);
    let done = changing(interrupt, &bucket, stoppable(interrupt, objects.copy()), |_| None).await;
    report::left_beside(&tally.left_behind());
    done.map_err(|failure| failure.and(Aftermath::Copied { copied: tally.copied(), removed: tally.removed() }))?;
    match args.storage.summary() {
        Summary::Json => report::line(tally.json(&from, &to, started.elapsed())),
        Summary::Text => report::text(&tally.text(&from, &to, started.elapsed())),
        Summary::None => {}
    }
    Ok(())
}

/// Refuses what cannot be meant.
fn check(args: &Copy) -> Result<(), Failure> {
    if args.size_only && args.storage.codec.is_some() {
        return Err(Failure::usage(
            "--size-only: what is compressed anew has another size; leave out one of it and --codec",
        ));
    }
    if is_command_adapter(&args.from) || is_command_adapter(&args.to) {
        return Err(Failure::usage("command-adapter: not yet"));
    }
    Ok(())
}
