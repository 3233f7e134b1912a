//! The `sealift` command. Arguments are in `args`, what they name is opened by `storages`, and there is one module per
//! command below `commands`. What leaves the process is made of values: summaries in `report`, exit codes and messages in
//! `failure`, and what may be said of what exists in `outcome`.

mod activity;
mod args;
mod commands;
mod config;
mod failure;
mod import;
mod interrupt;
mod log;
mod machine;
mod metrics;
mod outcome;
mod output;
mod producer;
mod progress;
mod report;
mod scratch;
mod service;
mod stderr;
mod storages;
mod tally;
mod trust;

use crate::args::{Cli, LogFormatArg};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::Errors;
use crate::stderr::Form;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    machine::keep_memory_small();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let asked = Errors::as_asked(&arguments);
    let cli = match config::command_line(&arguments, asked) {
        Ok(cli) => cli,
        Err(failure) => {
            stderr::choose(Form::suitable());
            return report::failure(&failure, asked);
        }
    };
    stderr::choose(match cli.output.log_format {
        LogFormatArg::Text => Form::suitable(),
        LogFormatArg::Json => Form::Json,
    });
    let errors = if cli.command.is_json() { Errors::Json } else { Errors::Text };
    match done(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report::failure(&failure, errors),
    }
}

fn done(cli: Cli) -> Result<(), Failure> {
    trust::begin_anew_if_named(&cli.command)?;
    log::begin(&cli)?;
    let runtime = machine::runtime().map_err(|error| Failure::from(anyhow::Error::new(error).context("start")))?;
    let progress = Progress::of(&cli, &std::io::stderr());
    let result = runtime.block_on(progress.beside(commands::run(cli)));
    // Not waited for: a thread may still be reading a silent standard input.
    runtime.shutdown_background();
    result.and_then(|()| report::all_written())
}
