//! The commands, one module each. What they share is here: ending, and stopping when asked to.

mod about;
mod backup;
mod beginning;
mod by_command;
mod command_config;
mod compact;
mod continuously;
mod copy;
mod covers;
mod doctor;
mod drill;
mod failures;
mod find_files;
mod get;
mod get_folder;
mod import;
mod list;
mod look;
mod prune;
mod put;
mod put_files;
mod query;
mod rm;
mod rm_below;
mod run;
mod sweep;
mod verify;

use crate::args::{BackupCommand, BackupMaintenance, Cli, Command, ConfigCommand, Query, StorageCommand, WriteArgs};
use crate::config;
use crate::failure::Failure;
use crate::interrupt::{Interrupt, Watch};
use crate::machine::under_way_at_once;
use crate::metrics::Metrics;
use crate::outcome::{Aftermath, Clean, Closed};
use crate::storages::time_from_now;
use sealift::{BackupStorage, Bucket, IfExists, NameTemplate};
use std::num::NonZeroUsize;
use std::pin::pin;

/// Runs the command to its end, and has its figures told. Whatever it was, nothing of it is under way afterwards.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let metrics = Metrics::begin(&cli)?;
    let done = measured(cli, &metrics).await;
    metrics.ended(&done).await;
    done
}

async fn measured(cli: Cli, metrics: &Metrics) -> Result<(), Failure> {
    let deadline = cli.deadline.map(|time| time_from_now("--deadline", time)).transpose()?;
    let interrupt = Interrupt::listen(deadline)
        .map_err(|error| Failure::from(anyhow::Error::new(error).context("listen for signals")))?;
    match named(cli.command)? {
        Command::CommandConfig(args) => command_config::run(&args, deadline),
        Command::Storage(StorageCommand::Import(args)) => import::run(&args),
        Command::Config(ConfigCommand::Show(args)) => {
            config::show(&args, cli.config.as_deref(), cli.profile.as_deref())
        }
        Command::Completions(args) => about::completions(&args),
        Command::Man(args) => about::man(&args),
        Command::Help(args) => about::help(&args),
        command if by_command::is_meant(&command) => by_command::run(command, metrics, &interrupt).await,
        Command::Verify(args) => verify::run(*args, &interrupt).await,
        Command::Backup(BackupCommand::Make(args)) => backup::run(*args, metrics, &interrupt).await,
        Command::Backup(BackupCommand::Query(Query::BackupStorageState(args))) => {
            stoppable(&interrupt, query::storage_state(&args)).await
        }
        Command::Backup(BackupCommand::Query(Query::NodeState(args))) => {
            stoppable(&interrupt, query::node_state(&args)).await
        }
        Command::Compact(args) | Command::BackupMaintenance(BackupMaintenance::Compact(args)) => {
            compact::run(&args, &interrupt).await
        }
        Command::Put(args) => put::run(args, &interrupt).await,
        Command::Run(args) => run::run(args, &interrupt).await,
        Command::Get(args) if args.folder.is_some() => get_folder::run(args, &interrupt).await,
        Command::Get(args) => get::run(args, &interrupt).await,
        Command::Ls(args) if args.aptos => stoppable(&interrupt, covers::run(args)).await,
        Command::Ls(args) => stoppable(&interrupt, list::run(args)).await,
        Command::Stat(args) => stoppable(&interrupt, look::stat(args)).await,
        Command::Rm(args) => rm::run(args, &interrupt).await,
        Command::Mv(args) => look::mv(args, &interrupt).await,
        Command::Prune(args) => prune::run(*args, &interrupt).await,
        Command::Copy(args) => copy::run(*args, &interrupt).await,
        Command::Sweep(args) => sweep::run(args, &interrupt).await,
        Command::Doctor(args) => doctor::run(args, &interrupt).await,
        Command::Drill(args) => drill::run(&args, &interrupt).await,
    }
}

/// The command, with the name that a template makes now. A template may be in the configuration, so that only here is known
/// whether a name is missing.
fn named(mut command: Command) -> Result<Command, Failure> {
    let (name, write, are_many) = match &mut command {
        Command::Put(args) => {
            let are_many = args.folder.is_some() || args.files_from.is_some() || args.files_from0.is_some();
            (&mut args.name, &args.write, are_many)
        }
        Command::Run(args) => (&mut args.name, &args.write, false),
        _ => return Ok(command),
    };
    match (&name, &write.name_template) {
        (Some(_), _) => {}
        (None, Some(template)) => *name = Some(template.parse::<NameTemplate>()?.name_at(prune::seconds_now())?),
        (None, None) if are_many => {}
        (None, None) => return Err(Failure::usage("what it is to be called is missing: say NAME, or --name-template")),
    }
    Ok(command)
}

/// Runs `work` until it ends or is to stop. `work` is dropped then, of which no more is said: what that leaves
/// is known when the bucket is closed.
async fn stoppable<T>(interrupt: &Interrupt, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        done = work => done,
        stop = interrupt.requested() => Err(Failure::interrupted(stop)),
    }
}

/// Runs `work`, which changes what is in `bucket` and stops by itself on a signal; then waits until whatever it began has
/// ended. `aftermath` is what a failure then means where nothing is left.
async fn changing<T>(
    interrupt: &Interrupt,
    bucket: &Bucket,
    work: impl Future<Output = Result<T, Failure>>,
    aftermath: impl FnOnce(Clean) -> Option<Aftermath>,
) -> Result<T, Failure> {
    let _watch = watch(interrupt, bucket);
    let done = work.await;
    Closed::of(bucket).await.settle(done, aftermath)
}

/// Runs `work`, a task that `bucket` owns. On a signal the bucket is asked to stop it, and then it says what became of it.
async fn owned<T>(
    interrupt: &Interrupt,
    bucket: &Bucket,
    work: impl Future<Output = sealift::Result<T>>,
) -> sealift::Result<T> {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        _ = interrupt.requested() => bucket.stop(),
    }
    work.await
}

/// Has a second signal name what is under way in `bucket`.
fn watch(interrupt: &Interrupt, bucket: &Bucket) -> Watch {
    let bucket = bucket.clone();
    interrupt.watch(move || bucket.under_way().into_iter().flat_map(|work| work.may_leave).collect())
}

/// How many small files are read at a time: as `said`, or as many as suit the storage.
fn reads_at_once(said: Option<NonZeroUsize>, storage: &dyn BackupStorage) -> NonZeroUsize {
    said.unwrap_or_else(|| under_way_at_once(storage.reads_at_once()))
}

fn if_exists(args: &WriteArgs) -> IfExists {
    match args.if_absent {
        true => IfExists::Fail,
        false => IfExists::Replace,
    }
}
