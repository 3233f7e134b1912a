//! The `sealift` command. Arguments are in `args`, what they name is opened by `storages`, and there is one module per
//! command below `commands`. What leaves the process is made of values: summaries in `report`, exit codes and messages in
//! `failure`, and what may be said of what exists in `outcome`.

mod args;
mod commands;
mod config;
mod failure;
mod import;
mod interrupt;
mod outcome;
mod output;
mod producer;
mod report;
mod scratch;
mod storages;
mod tally;
mod trust;

use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Sealift's own warnings. The SDK's would print whole requests and answers; what matters of them is in our errors.
const LOG: &str = "off,sealift=warn,sealift_aptos=warn,sealift_azure=warn,sealift_command=warn,sealift_gcs=warn,sealift_local_fs=warn,sealift_s3=warn";

/// What is logged, as `said`, or as by default. The parser ends the process over some of what is not ASCII, which no target
/// and no level is.
fn log_filter(said: Option<String>) -> EnvFilter {
    let said = said.filter(|said| !said.is_empty() && said.is_ascii());
    said.and_then(|said| EnvFilter::try_new(said).ok()).unwrap_or_else(|| EnvFilter::new(LOG))
}

fn main() -> ExitCode {
    let cli = match config::command_line() {
        Ok(cli) => cli,
        Err(failure) => return report::failure(&failure),
    };
    if let Err(failure) = trust::begin_anew_if_named(&cli.command) {
        return report::failure(&failure);
    }
    let filter = log_filter(std::env::var("SEALIFT_LOG").ok());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report::failure(&failure::Failure::from(anyhow::Error::new(error).context("start"))),
    };
    let result = runtime.block_on(commands::run(cli));
    // Not waited for: a thread may still be reading a silent standard input.
    runtime.shutdown_background();
    match result.and_then(|()| report::all_written()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report::failure(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_log_ends_nothing() {
        for odd in ["\t\u{85}Z\u{85}\r\u{202e}=", "", "=", "no such level", "[{", "é=debug"] {
            log_filter(Some(odd.to_owned()));
        }
        assert_eq!(log_filter(Some("sealift=debug".to_owned())).to_string(), "sealift=debug");
    }
}
