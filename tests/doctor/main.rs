//! `sealift doctor`: what it says of each server, of credentials that may not do everything, of folders and of commands,
//! held against what is known of them; and that it leaves nothing, however it ends.
//!
//! The referees are tested where they run, as in `tests/referees`: `localstack/up NAME…` starts them and prints the variables
//! by which they are found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod commands;
mod endings;
mod folders;
mod restricted;
mod rules;
mod servers;
mod surroundings;
mod table;
mod versions;

use sealift_tests::cli;
use sealift_tests::cloud::Cloud;
use tokio::process::Command;

/// `sealift doctor` on `remote` through `endpoint`.
fn doctor<C: Cloud>(remote: &C, endpoint: &str, options: &[&str]) -> Command {
    let mut command = cli::command([&["doctor"], options].concat());
    command.env("SEALIFT_STORAGE", remote.url()).envs(C::variables(endpoint));
    command
}
