//! How a failure is told: as a sentence, or with `--json` as a document of its fields.

use super::texts;
use crate::failure::Failure;
use crate::stderr::{self, Form, Severity};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::process::ExitCode;

/// How failures are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errors {
    Text,
    Json,
}

impl Errors {
    /// As these arguments ask for, which need not make a command line.
    pub(crate) fn as_asked(arguments: &[OsString]) -> Self {
        // What stands behind `--` is for another program.
        let mut own = arguments.iter().take_while(|argument| *argument != "--");
        if own.any(|argument| argument == "--json") { Errors::Json } else { Errors::Text }
    }
}

/// Tells a failure on standard error, and gives its exit code.
pub(crate) fn failure(failure: &Failure, errors: Errors) -> ExitCode {
    match errors {
        Errors::Text => stderr::say(Severity::Error, &format!("sealift: {failure}")),
        Errors::Json => {
            let prefix = if stderr::form() == Form::Journal { "<3>" } else { "" };
            stderr::line(&format!("{prefix}{}", failure_json(failure)));
        }
    }
    ExitCode::from(failure.code())
}

fn failure_json(failure: &Failure) -> Value {
    json!({
        "error": failure.kind(),
        "exit_code": failure.code(),
        "doing": failure.doing(),
        "operation": failure.cause().operation(),
        "location": failure.cause().location(),
        "reason": failure.cause().reason(),
        "outcome": failure.aftermath().map(ToString::to_string),
        "left_behind": texts(failure.left()),
        "hint": failure.cause().hint(),
        "message": failure.to_string(),
    })
}
