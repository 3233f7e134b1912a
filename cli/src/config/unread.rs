//! A command line that cannot be read. For people it is told as the library that reads it does: with colours, and with what
//! may be said.

use crate::failure::{Cause, Failure};
use crate::report::Errors;
use clap::error::ErrorKind;

/// The failure of it, for programs. For people it is told here, and ends the process; so do help and the version, which come
/// this way too.
pub(super) fn told(error: clap::Error, errors: Errors) -> Failure {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand || !error.use_stderr();
    match errors {
        Errors::Json if !is_help => Failure::new(of_the_text(&error.render().to_string())),
        Errors::Json | Errors::Text => error.exit(),
    }
}

/// Its text has parts with an empty line between them: what is wrong, tips, the usage, and where there is help.
fn of_the_text(text: &str) -> Cause {
    let (wrong, helps) = text.split_once("\n\n").unwrap_or((text, ""));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let helps: Vec<_> = helps.trim_end().trim_end_matches('.').split("\n\n").map(words).collect();
    Cause::CommandLine { wrong: words(wrong.trim_start_matches("error: ")), hint: helps.join("; ") }
}
