//! `backup`: an Aptos node's data into an archive, on any storage.

use super::writing;
use crate::args::{Backup, EpochEnding, NodeArgs, StateSnapshot, Summary, Transaction};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::report;
use crate::target::Target;
use sealift::BackupStorage;
use sealift_aptos::{BackedUp, Backups, Client, ClientOptions, Continue, Options};
use sealift_command::CommandStorage;
use std::sync::Arc;
use std::time::Instant;

/// Into a bucket.
pub(super) async fn run(args: Backup, interrupt: &Interrupt) -> Result<(), Failure> {
    let archive = Target::open_prefix(args.storage(), "").await?.archive()?;
    let made = made(&args, Arc::new(archive.clone()), interrupt);
    tell(&args, writing(interrupt, archive.bucket(), made).await?);
    Ok(())
}

/// Through a command adapter. Its processes may still be running when this returns; see `by_command`.
pub(super) async fn by_command(args: &Backup, storage: &CommandStorage, interrupt: &Interrupt) -> Result<(), Failure> {
    tell(args, made(args, Arc::new(storage.clone()), interrupt).await?);
    Ok(())
}

/// A backup, and how long it took.
struct Made {
    backup: BackedUp,
    seconds: f64,
}

async fn made(args: &Backup, storage: Arc<dyn BackupStorage>, interrupt: &Interrupt) -> Result<Made, Failure> {
    let started = Instant::now();
    let NodeArgs { backup_service_address, max_chunk_size, concurrent_data_requests, afresh } = args.node();
    let client = Client::new(backup_service_address.clone(), ClientOptions::default())?;
    let options = Options {
        max_chunk_size: max_chunk_size.as_u64(),
        concurrent_data_requests: concurrent_data_requests.get(),
        sealed_chunks: if *afresh { Continue::Afresh } else { Continue::FromSealed },
        ..Options::default()
    };
    let backups = Backups::new(client, storage, options)?;
    let work = async {
        match args {
            Backup::EpochEnding(EpochEnding { start_epoch, end_epoch, .. }) => {
                backups.epoch_ending(*start_epoch, *end_epoch).await
            }
            Backup::StateSnapshot(StateSnapshot { state_snapshot_epoch, .. }) => {
                backups.state_snapshot(*state_snapshot_epoch).await
            }
            Backup::Transaction(Transaction { start_version, num_transactions, .. }) => {
                backups.transactions(*start_version, *num_transactions).await
            }
        }
    };
    tokio::select! {
        biased;
        made = work => Ok(Made { backup: made?, seconds: started.elapsed().as_secs_f64() }),
        signal = interrupt.requested() => {
            let kept = "no backup was made known, and chunks that are sealed are used by the next run of the same";
            Err(Failure::Interrupted(signal, format!("stopped by {signal}; {kept}")))
        }
    }
}

fn tell(args: &Backup, Made { backup, seconds }: Made) {
    match args.storage().summary() {
        Summary::Json => report::line(report::backed_up_json(&backup, seconds)),
        Summary::Text => report::line(report::backed_up(&backup, seconds)),
        Summary::None => {}
    }
}
