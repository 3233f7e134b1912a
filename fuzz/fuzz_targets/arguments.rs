//! The arguments of the command line, and the URLs in them: taken, or refused with a reason, and no secret is repeated.
//!
//! The command line is a program and no library, so its modules are compiled into this target, without any cloud.
#![no_main]
#![expect(dead_code, unused_imports, reason = "most of what these modules have is for commands")]

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

use args::{Cli, Command, CommandConfig, Ls};
use clap::Parser;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

/// No input holds it.
const SECRET: &str = "QmluZ28tQ2VydGFpbmx5Tm90SW5BbklucHV0";

thread_local! {
    /// Parsed once: that takes longer than all that is done with them.
    static ARGUMENTS: RefCell<Cli> = RefCell::new(Cli::parse_from(["sealift", "ls"]));
}

// After a line `sealift` the arguments, one a line. Otherwise two lines that are put around a secret.
fuzz_target!(|input: &str| {
    let (before, after) = input.split_once('\n').unwrap_or((input, ""));
    if before == "sealift" {
        return parse(input);
    }
    refuse_secret(&format!("{before}?{after}sig={SECRET}"));
    refuse_secret(&format!("{before}?{after}&sig={SECRET}&se=1"));
    let scheme: String = before.chars().filter(char::is_ascii_alphanumeric).collect();
    let user: String = after.chars().filter(|char| *char != '/').collect();
    refuse_secret(&format!("{scheme}://{user}:{SECRET}@{before}"));
});

fn parse(input: &str) {
    if let Ok(Cli {
        command: Command::Ls(Ls { storage, .. }) | Command::CommandConfig(CommandConfig { storage, .. }),
        ..
    }) = Cli::try_parse_from(input.split('\n'))
    {
        let _ = storages::check(&storage).map_err(|failure| failure.to_string());
    }
}

/// As a storage and as an endpoint, a URL with a secret in it is refused, and the reason does not repeat it.
fn refuse_secret(url: &str) {
    refuse(url, None);
    refuse("s3-native", Some(url));
}

fn refuse(storage: &str, endpoint: Option<&str>) {
    ARGUMENTS.with_borrow_mut(|arguments| {
        let Command::Ls(Ls { storage: args, .. }) = &mut arguments.command else { return };
        args.storage = Some(storage.to_owned());
        args.bucket = Some("bucket".to_owned());
        args.endpoint_url = endpoint.map(str::to_owned);
        match storages::check(args) {
            Ok(()) => panic!("taken: {storage:?} {endpoint:?}"),
            Err(failure) => {
                let told = format!("{failure} {failure:?}");
                assert!(!told.contains(SECRET), "{told}");
            }
        }
    });
}
