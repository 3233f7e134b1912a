//! The arguments of the command line, and the URLs in them: taken, or refused with a reason, and no secret is repeated.
//!
//! The command line is a program and no library, so its modules are compiled into this target, without any cloud.
#![no_main]
#![expect(dead_code, reason = "most of what these modules have is for commands")]

#[path = "../../cli/src/args/mod.rs"]
mod args;
#[path = "../../cli/src/failure.rs"]
mod failure;
#[path = "../../cli/src/interrupt.rs"]
mod interrupt;
#[path = "../../cli/src/outcome.rs"]
mod outcome;
#[path = "../../cli/src/storages/mod.rs"]
mod storages;

use args::{Cli, Command, StorageArgs};
use clap::Parser;
use libfuzzer_sys::fuzz_target;

/// No input holds it.
const SECRET: &str = "QmluZ28tQ2VydGFpbmx5Tm90SW5BbklucHV0";

// The words, one a line; and two lines that are put around a secret.
fuzz_target!(|input: &str| {
    let words: Vec<&str> = input.split('\n').collect();
    if let Ok(cli) = Cli::try_parse_from(std::iter::once("sealift").chain(words.iter().copied()))
        && let Some(storage) = storage(&cli.command)
    {
        let _ = storages::check(storage).map_err(|failure| failure.to_string());
    }
    let (before, after) = input.split_once('\n').unwrap_or((input, ""));
    refuse_secret(&format!("{before}?{after}sig={SECRET}"));
    refuse_secret(&format!("{before}?{after}&sig={SECRET}&se=1"));
    let scheme: String = before.chars().filter(char::is_ascii_alphanumeric).collect();
    let user: String = after.chars().filter(|char| *char != '/').collect();
    refuse_secret(&format!("{scheme}://{user}:{SECRET}@{before}"));
});

fn storage(command: &Command) -> Option<&StorageArgs> {
    match command {
        Command::Put(put) => Some(&put.storage),
        Command::Get(get) => Some(&get.storage),
        Command::Ls(ls) => Some(&ls.storage),
        Command::Rm(rm) => Some(&rm.storage),
        Command::CommandConfig(config) => Some(&config.storage),
        _ => None,
    }
}

/// As a storage and as an endpoint, a URL with a secret in it is refused, and the reason does not repeat it.
fn refuse_secret(url: &str) {
    refuse(&["sealift", "ls", &format!("--storage={url}")]);
    refuse(&["sealift", "ls", "--storage=s3-native", "--bucket=b", &format!("--endpoint-url={url}")]);
}

fn refuse(words: &[&str]) {
    let Ok(cli) = Cli::try_parse_from(words) else { return };
    let Some(storage) = storage(&cli.command) else { return };
    match storages::check(storage) {
        Ok(()) => panic!("taken: {words:?}"),
        Err(failure) => {
            let told = format!("{failure} {failure:?}");
            assert!(!told.contains(SECRET), "{told}");
        }
    }
}
