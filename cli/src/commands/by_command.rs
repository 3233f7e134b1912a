//! The commands on `--storage command-adapter`: an archive of backups behind shell commands, which knows files, but not
//! what objects are. `put` and `run` write a file `BACKUP/FILE`, `get` reads one, `ls` lists the metadata files.

use super::get::{not_to_a_terminal, output, write_out};
use super::put::{READ, check_not_empty, copy};
use super::run::{Destination, produce};
use super::stoppable;
use crate::args::{
    BackupCommand, BackupMaintenance, Command, Get, Ls, Put, Query, Run, StorageArgs, Summary, WriteArgs,
};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::metrics::Metrics;
use crate::outcome::Aftermath;
use crate::output::Naming;
use crate::report;
use sealift::{BackupHandle, BackupStorage, FileHandle, FileWriter, ShellSafeName};
use sealift_command::{CommandConfig, CommandStorage};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncWrite, AsyncWriteExt, BufReader, stdin};

/// Whether a command is about such a storage.
pub(super) fn is_meant(command: &Command) -> bool {
    // A copy has two storages, and says itself which.
    let other = matches!(command, Command::CommandConfig(_) | Command::Copy(_));
    let (Some(args), false) = (command.storage(), other) else { return false };
    match args.storage.as_deref() {
        Some(kind) => kind == "command-adapter",
        None => args.command_adapter_config.is_some(),
    }
}

/// Runs the command to its end. Nothing that it started is left running.
pub(super) async fn run(command: Command, metrics: &Metrics, interrupt: &Interrupt) -> Result<(), Failure> {
    match command {
        Command::Put(args) if args.folder.is_some() || args.files_from.is_some() || args.files_from0.is_some() => {
            Err(Failure::usage(
                "--storage command-adapter stores one file at a time: leave out --folder, --files-from and --files-from0",
            ))
        }
        Command::Put(args) => {
            let storage = open(&args.storage)?;
            closing(&storage, put(&storage, &args, interrupt)).await
        }
        Command::Run(args) => {
            let storage = open(&args.storage)?;
            closing(&storage, produced(&storage, &args, interrupt)).await
        }
        Command::Get(args) => {
            let storage = open(&args.storage)?;
            closing(&storage, get(&storage, &args, interrupt)).await
        }
        Command::Ls(args) if args.aptos => {
            let storage = open(&args.storage)?;
            closing(&storage, stoppable(interrupt, super::covers::by_command(&args, &storage))).await
        }
        Command::Ls(args) => {
            let storage = open(&args.storage)?;
            closing(&storage, stoppable(interrupt, ls(&storage, &args))).await
        }
        Command::Backup(BackupCommand::Query(Query::BackupStorageState(args))) => {
            let storage = open(&args.storage)?;
            closing(&storage, stoppable(interrupt, super::query::storage_state_of(&args, &storage))).await
        }
        Command::Backup(BackupCommand::Make(args)) => {
            let storage = open(args.storage())?;
            closing(&storage, super::backup::by_command(&args, &storage, metrics, interrupt)).await
        }
        Command::Doctor(args) => {
            let storage = open(&args.storage)?;
            closing(&storage, super::doctor::by_command(&args, &storage, interrupt)).await
        }
        Command::Verify(args) => {
            let storage = open(args.storage())?;
            closing(&storage, super::verify::by_command(&args, &storage, interrupt)).await
        }
        Command::Compact(args) | Command::BackupMaintenance(BackupMaintenance::Compact(args)) => {
            let storage = open(&args.storage)?;
            closing(&storage, super::compact::by_command(&args, &storage, interrupt)).await
        }
        Command::Drill(args) if args.aptos => {
            let storage = open(&args.storage)?;
            closing(&storage, super::drill::by_command(&args, &storage, interrupt)).await
        }
        Command::Drill(_) => Err(Failure::usage(
            "drill: the commands of --storage command-adapter cannot list objects; say --aptos, for an archive",
        )),
        Command::Prune(_) => Err(Failure::usage(
            "prune: --storage command-adapter has no command that removes anything; say the storage itself (s3://…, file:///…)",
        )),
        _ => Err(Failure::usage(
            "--storage command-adapter has put, run, get, ls, verify, doctor, backup, compact and drill --aptos: its commands can neither show, remove, move nor sweep objects",
        )),
    }
}

pub(super) fn open(args: &StorageArgs) -> Result<CommandStorage, Failure> {
    match &args.command_adapter_config {
        Some(file) => Ok(CommandStorage::new(CommandConfig::load(file)?)),
        None => Err(Failure::usage("--storage command-adapter needs --command-adapter-config FILE")),
    }
}

/// Runs `work`, and waits until all processes of the storage's commands are gone.
async fn closing<T>(storage: &CommandStorage, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let done = work.await;
    storage.close().await;
    done
}

async fn put(storage: &CommandStorage, args: &Put, interrupt: &Interrupt) -> Result<(), Failure> {
    let started = Instant::now();
    let taken = async {
        let (handle, mut writer) = create(storage, args.name.as_deref().unwrap_or_default(), &args.write).await?;
        let count = copy(stdin(), &mut writer).await?;
        check_not_empty(count, &args.write)?;
        Ok((handle, writer, count))
    };
    let (handle, writer, count) = stoppable(interrupt, taken).await.map_err(given_up)?;
    store(writer, interrupt).await?;
    tell("put", &handle, count, started, args.storage.summary());
    Ok(())
}

async fn produced(storage: &CommandStorage, args: &Run, interrupt: &Interrupt) -> Result<(), Failure> {
    let started = Instant::now();
    let taken = async {
        let (handle, writer) =
            stoppable(interrupt, create(storage, args.name.as_deref().unwrap_or_default(), &args.write)).await?;
        let written = Written { writer, storage: storage.clone() };
        let (written, count) = produce(args, written, interrupt).await?;
        check_not_empty(count, &args.write)?;
        Ok((handle, written, count))
    };
    let (handle, written, count) = taken.await.map_err(given_up)?;
    store(written.writer, interrupt).await?;
    tell("run", &handle, count, started, args.storage.summary());
    Ok(())
}

/// What a failure means that came before the end of the input, where the storage's command did not fail itself. It has
/// ended by the time this is told.
fn given_up(failure: Failure) -> Failure {
    match failure.cause() {
        Cause::Interrupted(_) | Cause::Producer(_) | Cause::EmptyInput => failure.and(Aftermath::CommandGivenUp),
        _ => failure,
    }
}

async fn get(storage: &CommandStorage, args: &Get, interrupt: &Interrupt) -> Result<(), Failure> {
    if args.require_checksum {
        return Err(Failure::usage("--require-checksum: nothing is known of what a command has checked"));
    }
    let started = Instant::now();
    if args.folder.is_some() || args.version_id.is_some() {
        return Err(Failure::usage(
            "--storage command-adapter reads one file at a time, and knows no versions: leave out --folder and --version-id",
        ));
    }
    let handle: FileHandle = args.name.as_deref().unwrap_or_default().parse()?;
    let output = output(args.output.clone(), Naming::AtOnce).await?;
    not_to_a_terminal(args, &output)?;
    let reading = stoppable(interrupt, async { Ok(storage.open_for_read(&handle).await?) }).await?;
    let mut reader = BufReader::with_capacity(READ, reading);
    let count = write_out(&mut reader, output, 0, interrupt, |_| Ok(())).await?;
    let (handle, elapsed) = (handle.as_ref(), started.elapsed());
    match args.storage.summary() {
        Summary::Json => {
            report::summary_beside_data(report::by_command_json("get", "bytes_out", handle, count, elapsed))
        }
        Summary::Text => report::summary_beside_data(report::by_command("read", handle, count, elapsed)),
        Summary::None => {}
    }
    Ok(())
}

async fn ls(storage: &CommandStorage, args: &Ls) -> Result<(), Failure> {
    for file in storage.list_metadata_files().await? {
        match args.storage.json {
            _ if !file.as_ref().starts_with(&args.name) => {}
            true => report::line(serde_json::json!({ "name": file.as_ref() })),
            false => report::line(file),
        }
    }
    Ok(())
}

async fn create(storage: &CommandStorage, name: &str, args: &WriteArgs) -> Result<(FileHandle, FileWriter), Failure> {
    if args.if_absent {
        return Err(Failure::usage("--if-absent: a command cannot be told to keep what exists"));
    }
    let Some((backup, file)) = name.rsplit_once('/') else {
        return Err(Failure::usage(format!("{name}: a file of a command adapter is named BACKUP/FILE")));
    };
    let (backup, file): (BackupHandle, ShellSafeName) = (backup.parse()?, file.parse()?);
    Ok(storage.create_for_write(&backup, &file).await?)
}

async fn store(mut writer: FileWriter, interrupt: &Interrupt) -> Result<(), Failure> {
    let stored = async { writer.shutdown().await.map_err(|error| Failure::from_io(error, "store the file")) };
    stoppable(interrupt, stored).await.map_err(|failure| match failure.cause() {
        Cause::Interrupted(_) => failure.and(Aftermath::CommandHadAll),
        _ => failure,
    })
}

fn tell(operation: &str, handle: &FileHandle, count: u64, started: Instant, summary: Summary) {
    let (handle, elapsed) = (handle.as_ref(), started.elapsed());
    match summary {
        Summary::Json => report::line(report::by_command_json(operation, "bytes_in", handle, count, elapsed)),
        Summary::Text => report::line(report::by_command("stored", handle, count, elapsed)),
        Summary::None => {}
    }
}

/// A file being written by a command.
struct Written {
    writer: FileWriter,
    storage: CommandStorage,
}

impl Destination for Written {
    async fn give_up(self) -> sealift::Result<()> {
        // Dropping it kills the command; closing waits for its end.
        drop(self.writer);
        self.storage.close().await;
        Ok(())
    }
}

impl AsyncWrite for Written {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}
