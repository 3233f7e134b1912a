//! The configuration file: what it says are defaults of options, stronger than those of the program, and weaker than the
//! environment and the command line. Its keys are the long names of options, so that there is one vocabulary: which there are,
//! and what they take, only the command line knows (`args`).
//!
//! - `place`: which file, and whether it may be believed;
//! - `file`: what it says, each with its line;
//! - `settle`: what of that a command line takes;
//! - `unread`: a command line that cannot be read;
//! - `show`: `sealift config show`.

mod file;
mod place;
mod settle;
mod show;
mod unread;

use crate::args::Cli;
use crate::failure::Failure;
use crate::report::Errors;
use clap::{CommandFactory, FromArgMatches};
use settle::Settled;
pub(crate) use show::run as show;
use std::ffi::OsString;
use unread::told;

/// Commands that are about no storage, and are to work whatever is in the file.
const WITHOUT: [&str; 4] = ["completions", "config", "help", "man"];

/// The command line, with what the file says where neither it nor the environment do. Help ends the process, and so does what
/// the command line itself gets wrong, unless a program reads the errors.
pub(crate) fn command_line(arguments: &[OsString], errors: Errors) -> Result<Cli, Failure> {
    let said = settle::said(Cli::command(), arguments).map_err(|error| told(error, errors))?;
    let settled = match said.path.first() {
        Some(command) if WITHOUT.contains(&command.as_str()) => Settled::without_file(said),
        _ => Settled::of(said)?,
    };
    let parsed = settled.command.clone().try_get_matches_from(arguments);
    let parsed = parsed.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    parsed.map_err(|error| match settled.blamed(&error) {
        Some(failure) => failure,
        None => told(error, errors),
    })
}
