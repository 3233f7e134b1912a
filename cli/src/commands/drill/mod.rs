//! `drill`: a restore that is tried. What is chosen by chance is restored as whoever needs it would, into a throw-away place.

mod archive;
mod choose;
mod objects;

use super::get::off_the_runtime;
use crate::args::Drill;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::scratch::{self, Scratch};
use choose::Seed;
use sealift_command::CommandStorage;
use std::path::{Path, PathBuf};

pub(super) async fn run(args: &Drill, interrupt: &Interrupt) -> Result<(), Failure> {
    let (into, seed) = (place(args).await?, Seed::of(args.seed));
    match args.aptos {
        true => archive::run(args, into, seed, interrupt).await,
        false => objects::run(args, into, seed, interrupt).await,
    }
}

/// Of an archive that a command adapter reaches. Its processes may still be running when this returns; see `by_command`.
pub(super) async fn by_command(args: &Drill, storage: &CommandStorage, interrupt: &Interrupt) -> Result<(), Failure> {
    if !args.name.is_empty() {
        return Err(Failure::usage("--storage command-adapter is a whole archive: leave out NAME"));
    }
    let (into, seed) = (place(args).await?, Seed::of(args.seed));
    archive::by_command(args, storage, into, seed, interrupt).await
}

async fn place(args: &Drill) -> Result<PathBuf, Failure> {
    let said = args.into.clone();
    off_the_runtime(|| scratch::place(said)).await?
}

/// A throw-away place below `into`, where `what` has room, as far as it is known how much it takes.
async fn scratch(into: &Path, what: &str, needed: Option<u64>, interrupt: &Interrupt) -> Result<Scratch, Failure> {
    let (into, what, interrupt) = (into.to_owned(), what.to_owned(), interrupt.clone());
    let made = off_the_runtime(move || {
        needed.map_or(Ok(()), |needed| scratch::check_room(&into, &what, needed))?;
        Scratch::make(&into, &interrupt)
    });
    made.await?
}

/// Removes it, whatever was `done`.
async fn removed<T: Send + 'static>(scratch: Scratch, done: Result<T, Failure>) -> Result<T, Failure> {
    off_the_runtime(move || scratch.remove(done)).await?
}
