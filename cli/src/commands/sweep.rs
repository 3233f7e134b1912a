//! `sweep`: what crashes left.

use super::{changing, owned, stoppable};
use crate::args::Sweep;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report::{self, Fate};
use crate::storages::Opened;
use sealift::{ErrorKind, Leftover, Origin};
use std::time::Duration;

pub(super) async fn run(args: Sweep, interrupt: &Interrupt) -> Result<(), Failure> {
    let older_than = Duration::try_from(args.older_than)
        .map_err(|_| Failure::usage(format!("--older-than {:#}: a time cannot be negative", args.older_than)))?;
    let opened = stoppable(interrupt, Opened::below(&args.storage, &args.name)).await?;
    let mut removed = 0;
    let work = async {
        let prefix = opened.key_prefix();
        let found = async { Ok(opened.bucket.leftovers(&prefix, older_than).await?) };
        for leftover in stoppable(interrupt, found).await? {
            if let Some(stop) = interrupt.received() {
                return Err(Failure::interrupted(stop));
            }
            let fate = sweep(&args, &opened, &leftover, interrupt).await?;
            removed += u64::from(matches!(fate, Fate::Removed));
            match args.storage.json {
                true => report::line(report::leftover_json(fate, &leftover)),
                false => report::line(report::leftover(fate, &leftover)),
            }
        }
        Ok(())
    };
    let done = changing(interrupt, &opened.bucket, work, |_| None).await;
    match args.yes {
        true => done.map_err(|failure| failure.and(Aftermath::Swept(removed))),
        false => done,
    }
}

async fn sweep(args: &Sweep, opened: &Opened, leftover: &Leftover, interrupt: &Interrupt) -> Result<Fate, Failure> {
    if leftover.origin == Origin::Unknown && !args.foreign {
        return Ok(Fate::Foreign);
    }
    if !args.yes {
        return Ok(Fate::Listed);
    }
    match owned(interrupt, &opened.bucket, opened.bucket.remove_leftover(leftover)).await {
        Ok(()) => Ok(Fate::Removed),
        Err(error) if error.kind() == ErrorKind::Changed => Ok(Fate::Alive),
        Err(error) => Err(error.into()),
    }
}
