//! `sweep`: what crashes left.

use crate::args::Sweep;
use crate::failure::Failure;
use crate::report::{self, Fate};
use crate::target::Target;
use sealift::{ErrorKind, Origin};
use std::time::Duration;

pub(super) async fn run(args: Sweep) -> Result<(), Failure> {
    let older_than = Duration::try_from(args.older_than)
        .map_err(|_| Failure::Usage(format!("--older-than {:#}: a time cannot be negative", args.older_than)))?;
    let target = Target::open_prefix(&args.storage, &args.name).await?;
    for leftover in target.bucket.leftovers(&target.key_prefix(), older_than).await? {
        let fate = if leftover.origin == Origin::Unknown && !args.foreign {
            Fate::Foreign
        } else if !args.yes {
            Fate::Listed
        } else {
            match target.bucket.remove_leftover(&leftover).await {
                Ok(()) => Fate::Removed,
                Err(error) if error.kind() == ErrorKind::Changed => Fate::Alive,
                Err(error) => return Err(error.into()),
            }
        };
        match args.storage.json {
            true => report::line(report::leftover_json(fate, &leftover)),
            false => report::line(report::leftover(fate, &leftover)),
        }
    }
    Ok(())
}
