//! `storage import`: what a command adapter's configuration means in sealift's own options.

use crate::args::Import;
use crate::failure::Failure;
use crate::import::{Cannot, Native, native};
use crate::report;
use sealift_command::CommandConfig;
use serde_json::json;

pub(super) fn run(args: &Import) -> Result<(), Failure> {
    let config = CommandConfig::load(&args.file)?;
    let file = args.file.display();
    match native(&config, |name| std::env::var(name).ok()) {
        Ok(Native { flags, notes }) if args.json => report::line(json!({ "flags": flags, "notes": notes })),
        Ok(Native { flags, notes }) => {
            let flags = flags.join(" ");
            report::line(flags.as_str());
            for note in notes {
                report::note(format_args!("note: {note}"));
            }
            report::note(format_args!(
                "note: `sealift command-config {flags}` prints a configuration for tools that must keep a command adapter"
            ));
        }
        Err(Cannot(why)) => {
            return Err(Failure::usage(format!(
                "{file}: sealift has no options that mean the same: {why}; \
                 it can be used as it is: --storage command-adapter --command-adapter-config {file}"
            )));
        }
    }
    Ok(())
}
