//! `backup`: an Aptos node's data into an archive, on any storage.

use super::{changing, continuously, reads_at_once};
use crate::activity;
use crate::args::{
    ArchiveArgs, Backup, Continuously, EpochEnding, NodeArgs, Once, StateSnapshot, Summary, Transaction,
    TransactionFormatArg,
};
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::metrics::{Listener, Metrics, note_course};
use crate::outcome::Aftermath;
use crate::report;
use crate::service::{Course, tend};
use crate::storages::{Opened, time_from_now};
use sealift::{BackupStorage, Budget, ErrorKind};
use sealift_aptos::manifest::TransactionFormat;
use sealift_aptos::{
    BackedUp, Backups, Client, ClientOptions, Continue, Continuous, Event, Known, Options, Replace, Schedule,
};
use sealift_command::CommandStorage;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Into a bucket.
pub(super) async fn run(args: Backup, metrics: &Metrics, interrupt: &Interrupt) -> Result<(), Failure> {
    let memory = Memory::of(&args)?;
    let _answers = answering(&args, metrics).await?;
    let archive = Opened::archive(args.storage(), Budget::new(memory.storage)?).await?;
    // Before the node is asked for anything.
    archive.bucket().check_place().await?;
    let location = format!("{}/{}", archive.bucket().url(), archive.prefix());
    let location = location.trim_end_matches('/');
    let made = made(&args, &memory, Place { storage: Arc::new(archive.clone()), location }, interrupt);
    let made = changing(interrupt, archive.bucket(), made, |clean| Some(Aftermath::NoBackupKnown(clean))).await;
    ended(&args, made)
}

/// Through a command adapter. Its processes may still be running when this returns; see `by_command`.
pub(super) async fn by_command(
    args: &Backup,
    storage: &CommandStorage,
    metrics: &Metrics,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let _answers = answering(args, metrics).await?;
    let place = Place { storage: Arc::new(storage.clone()), location: "a command adapter's archive" };
    ended(args, made(args, &Memory::of(args)?, place, interrupt).await)
}

/// Answers who asks whether all is well, where that is asked for, for as long as it lives.
async fn answering(args: &Backup, metrics: &Metrics) -> Result<Option<Listener>, Failure> {
    let Backup::Continuously(Continuously { service, .. }) = args else { return Ok(None) };
    let within = time_from_now("--healthy-within", service.healthy_within)?;
    match service.metrics_listen {
        Some(address) => {
            let within = (!within.is_zero()).then_some(within);
            Ok(Some(Listener::start(address, metrics.figures(), within).await?))
        }
        None => Ok(None),
    }
}

/// How `--memory` is divided, in bytes.
struct Memory {
    /// For the files being written.
    storage: u64,
    /// For what is read ahead from the node, for each backup under way.
    read_ahead: u64,
    /// For what chunks hold that storage has not taken, for each backup under way.
    chunks: u64,
}

impl Memory {
    /// The least that can be divided.
    const MIN: u64 = 32 << 20;

    fn of(args: &Backup) -> Result<Memory, Failure> {
        let all = args.storage().memory.as_u64();
        if all < Memory::MIN {
            return Err(Failure::usage("a backup needs --memory 32MiB or more"));
        }
        // Snapshots and transactions are made at once; epoch endings are too small to count.
        let backups = if matches!(args, Backup::Continuously(_)) { 2 } else { 1 };
        Ok(Memory { storage: all / 8 * 5, read_ahead: all / 4 / backups, chunks: all / 8 / backups })
    }
}

/// Where backups go.
struct Place<'a> {
    storage: Arc<dyn BackupStorage>,
    /// For people.
    location: &'a str,
}

async fn made(
    args: &Backup,
    memory: &Memory,
    Place { storage, location }: Place<'_>,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let backups = backups(args, memory, Arc::clone(&storage))?;
    let started = Instant::now();
    let work = async {
        match args {
            Backup::Once(args) | Backup::Oneoff(args) => Ok(once(args, backups, storage.as_ref()).await?),
            Backup::Continuously(args) => match go_on(args, backups, storage.as_ref(), location).await {
                Ok(never) => match never {},
                Err(failure) => Err(failure),
            },
        }
    };
    tokio::select! {
        biased;
        made = work => {
            tell(args.storage().summary(), &made?, started.elapsed());
            Ok(())
        }
        stop = interrupt.requested() => Err(Failure::interrupted(stop)),
    }
}

async fn once(args: &Once, backups: Backups, storage: &dyn BackupStorage) -> sealift::Result<BackedUp> {
    match args {
        Once::EpochEnding(EpochEnding { start_epoch, end_epoch, archive, .. }) => {
            beside(backups, archive, storage).await?.epoch_ending(*start_epoch, *end_epoch).await
        }
        Once::StateSnapshot(StateSnapshot { state_snapshot_epoch, archive, .. }) => {
            beside(backups, archive, storage).await?.state_snapshot(*state_snapshot_epoch).await
        }
        Once::Transaction(Transaction { start_version, num_transactions, archive, .. }) => {
            beside(backups, archive, storage).await?.transactions(*start_version, *num_transactions).await
        }
    }
}

/// Backups that are held against what the archive has, where that may be read: credentials may allow writing alone.
async fn beside(backups: Backups, args: &ArchiveArgs, storage: &dyn BackupStorage) -> sealift::Result<Backups> {
    match Known::read(storage, reads_at_once(args.metadata.concurrent_downloads, storage)).await {
        Ok(known) => Ok(backups.beside(known)),
        Err(error) if error.kind() == ErrorKind::Denied && args.replace => {
            let error = error.within("look for what is to be replaced in", "metadata/");
            Err(error.with_hint("--replace needs credentials that may list and read the archive's metadata"))
        }
        Err(error) if error.kind() == ErrorKind::Denied => {
            tracing::warn!(
                "whether the archive has some of it already, which would make it useless, is not known: {error}"
            );
            Ok(backups)
        }
        Err(error) => Err(error),
    }
}

/// Backs up what is due, until it is dropped.
async fn go_on(
    args: &Continuously,
    backups: Backups,
    storage: &dyn BackupStorage,
    location: &str,
) -> Result<Infallible, Failure> {
    let max_age = time_from_now("--transaction-max-age", args.transaction_max_age)?;
    let schedule = Schedule {
        state_snapshot_interval_epochs: args.state_snapshot_interval_epochs.get(),
        transaction_batch_size: args.transaction_batch_size.get(),
        transaction_max_age: (!max_age.is_zero()).then_some(max_age),
        ..Schedule::default()
    };
    let known = Known::read(storage, reads_at_once(args.metadata.concurrent_downloads, storage)).await?;
    continuously::begins(args, location, &known);
    for told in known.overlaps().into_iter().chain(known.gaps()).chain(known.snapshot_ahead()) {
        tracing::warn!("{told}");
    }
    let stalled_after = time_from_now("--stalled-after", args.service.stalled_after)?;
    let course = Arc::new(Course::new(&known, stalled_after));
    let client = backups.client().clone();
    note_course(&course, &client);
    let (summary, hears) = (args.storage.summary(), Arc::clone(&course));
    let continuous = Continuous::new(backups, schedule, move |event| {
        hears.hear(&event);
        if let Event::Made(_, backup, elapsed) = event {
            tell(summary, backup, elapsed);
        }
    })?;
    let moved = || {
        let done = activity::snapshot();
        // The node is asked how far it is all the time, which is no headway.
        let received: u64 =
            client.received().iter().filter(|(asked, _)| *asked != "db_state").map(|(_, bytes)| bytes).sum();
        // What is tried again moves too: how often that is, has a limit.
        received + done.bytes_in + done.bytes_stored + done.bytes_read + done.retries.total()
    };
    let mut says = continuously::Says::new();
    // In one task, so that nobody hears of a hanging one that all is well.
    tokio::select! {
        never = continuous.run(&known) => match never {},
        never = tend(&course, moved, |now| says.look(now)) => match never {},
    }
}

/// A signal or the deadline is how continuous backups end, if it leaves nothing, and an interruption of others.
fn ended(args: &Backup, made: Result<(), Failure>) -> Result<(), Failure> {
    match (args, made) {
        (Backup::Continuously(_), Err(failure))
            if matches!(failure.cause(), Cause::Interrupted(_)) && failure.left().is_empty() =>
        {
            report::note(format_args!("sealift: {failure}"));
            Ok(())
        }
        (_, made) => made,
    }
}

fn backups(args: &Backup, memory: &Memory, storage: Arc<dyn BackupStorage>) -> Result<Backups, Failure> {
    let NodeArgs { backup_service_address, max_chunk_size, concurrent_data_requests, afresh } = args.node();
    let client = Client::new(backup_service_address.clone(), ClientOptions::default())?;
    let transaction_format = match args.transaction_format() {
        Some(TransactionFormatArg::V0) => TransactionFormat::V0,
        Some(TransactionFormatArg::V1) | None => TransactionFormat::V1,
    };
    let options = Options {
        transaction_format,
        max_chunk_size: max_chunk_size.as_u64(),
        concurrent_data_requests: concurrent_data_requests.get(),
        read_ahead: memory.read_ahead,
        chunk_memory: memory.chunks,
        sealed_chunks: if *afresh { Continue::Afresh } else { Continue::FromSealed },
        replace: if args.archive().is_some_and(|archive| archive.replace) { Replace::Known } else { Replace::Nothing },
        ..Options::default()
    };
    Ok(Backups::new(client, storage, options)?)
}

fn tell(summary: Summary, backup: &BackedUp, elapsed: Duration) {
    match summary {
        Summary::Json => report::line(report::backed_up_json(backup, elapsed.as_secs_f64())),
        Summary::Text => report::line(report::backed_up(backup, elapsed.as_secs_f64())),
        Summary::None => {}
    }
}
