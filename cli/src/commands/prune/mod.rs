//! `prune`: removes superfluous backups. By default it only says which.

mod archive;
mod objects;
mod record;

use crate::args::Prune;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) async fn run(args: Prune, interrupt: &Interrupt) -> Result<(), Failure> {
    match args.aptos {
        true => archive::run(&args, interrupt).await,
        false => objects::run(&args, interrupt).await,
    }
}

/// Seconds since 1970.
pub(super) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
