//! The `sealift` command. Arguments are in `args`, one module per command below `commands`; what leaves the process
//! (messages, summaries, exit codes) is in `report` and `failure`.

mod args;
mod commands;
mod failure;
mod interrupt;
mod producer;
mod report;
mod target;

use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let filter = EnvFilter::try_from_env("SEALIFT_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report::failure(&failure::Failure::from(anyhow::Error::new(error).context("start"))),
    };
    let result = runtime.block_on(commands::run(cli));
    // Not waited for: a thread may still be reading a silent standard input.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report::failure(&failure),
    }
}
