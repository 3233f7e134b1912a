//! The commands, one module each. What they share is here: opening, ending, and stopping when asked to.

mod backup;
mod by_command;
mod command_config;
mod get;
mod import;
mod look;
mod put;
mod put_files;
mod run;
mod sweep;

use crate::args::{Cli, Command, Storage, WriteArgs};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
pub(crate) use put_files::Stored;
use sealift::{Bucket, IfExists};

/// Runs the command to its end. Whatever it was, nothing of it is under way afterwards.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let interrupt =
        Interrupt::listen().map_err(|error| Failure::from(anyhow::Error::new(error).context("listen for signals")))?;
    match cli.command {
        Command::CommandConfig(args) => command_config::run(&args),
        Command::Storage(Storage::Import(args)) => import::run(&args),
        command if by_command::is_meant(&command) => by_command::run(command, &interrupt).await,
        Command::Backup(args) => backup::run(args, &interrupt).await,
        Command::Put(args) => put::run(args, &interrupt).await,
        Command::Run(args) => run::run(args, &interrupt).await,
        Command::Get(args) => get::run(args, &interrupt).await,
        Command::Ls(args) => stoppable(&interrupt, look::ls(args)).await,
        Command::Stat(args) => stoppable(&interrupt, look::stat(args)).await,
        Command::Rm(args) => stoppable(&interrupt, look::rm(args)).await,
        Command::Mv(args) => stoppable(&interrupt, look::mv(args)).await,
        Command::Sweep(args) => stoppable(&interrupt, sweep::run(args)).await,
    }
}

/// Runs `work` until it ends or a signal comes. `work` is dropped on a signal.
async fn stoppable<T>(interrupt: &Interrupt, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        done = work => done,
        signal = interrupt.requested() => {
            Err(Failure::Interrupted(signal, format!("stopped by {signal}; nothing was stored")))
        }
    }
}

/// Runs `work`, which writes to `bucket` and stops by itself on a signal; then waits until whatever it began is sealed
/// or gone.
async fn writing<T>(
    interrupt: &Interrupt,
    bucket: &Bucket,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    interrupt.watch(bucket);
    let done = work.await;
    match bucket.close().await {
        Ok(()) => done,
        Err(left) => {
            let left: Vec<String> = left.iter().map(ToString::to_string).collect();
            let ended = done.err().map(|failure| format!("{failure}; ")).unwrap_or_default();
            Err(Failure::LeftBehind(format!("{ended}{}", left.join("; "))))
        }
    }
}

fn if_exists(args: &WriteArgs) -> IfExists {
    match args.if_absent {
        true => IfExists::Fail,
        false => IfExists::Replace,
    }
}
