//! What can be said about backups of an Aptos node. Options that aptos-db-tool has keep their names.

use super::StorageArgs;
use bytesize::ByteSize;
use clap::{Args, Subcommand};
use sealift_aptos::{Address, MAX_CHUNK_SIZE};
use std::num::{NonZeroU64, NonZeroUsize};

/// The kinds of backup.
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Back up the ledger infos that end epochs.
    EpochEnding(EpochEnding),
    /// Back up the whole state at the end of an epoch. A run that was interrupted is continued by the next.
    StateSnapshot(StateSnapshot),
    /// Back up transactions. A run that was interrupted is continued by the next.
    Transaction(Transaction),
    /// Back up whatever is due, until told to stop. Ends with 0 on SIGTERM, SIGINT or SIGHUP.
    Continuously(Continuously),
}

impl Backup {
    /// Where it goes.
    pub(crate) fn storage(&self) -> &StorageArgs {
        match self {
            Backup::EpochEnding(EpochEnding { storage, .. })
            | Backup::StateSnapshot(StateSnapshot { storage, .. })
            | Backup::Transaction(Transaction { storage, .. })
            | Backup::Continuously(Continuously { storage, .. }) => storage,
        }
    }

    /// How it stands beside what is there, when it is a single one.
    pub(crate) fn archive(&self) -> Option<&ArchiveArgs> {
        match self {
            Backup::EpochEnding(EpochEnding { archive, .. })
            | Backup::StateSnapshot(StateSnapshot { archive, .. })
            | Backup::Transaction(Transaction { archive, .. }) => Some(archive),
            Backup::Continuously(_) => None,
        }
    }

    /// Where it comes from.
    pub(crate) fn node(&self) -> &NodeArgs {
        match self {
            Backup::EpochEnding(EpochEnding { node, .. })
            | Backup::StateSnapshot(StateSnapshot { node, .. })
            | Backup::Transaction(Transaction { node, .. })
            | Backup::Continuously(Continuously { node, .. }) => node,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct EpochEnding {
    /// The first epoch.
    #[arg(long, value_name = "EPOCH")]
    pub(crate) start_epoch: u64,
    /// The epoch after the last.
    #[arg(long, value_name = "EPOCH")]
    pub(crate) end_epoch: u64,
    #[command(flatten)]
    pub(crate) archive: ArchiveArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StateSnapshot {
    /// The epoch at whose end the state is taken.
    #[arg(long, value_name = "EPOCH")]
    pub(crate) state_snapshot_epoch: u64,
    #[command(flatten)]
    pub(crate) archive: ArchiveArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Transaction {
    /// The version of the first transaction.
    #[arg(long, value_name = "VERSION")]
    pub(crate) start_version: u64,
    /// How many transactions.
    #[arg(long = "num_transactions", visible_alias = "num-transactions", value_name = "COUNT")]
    pub(crate) num_transactions: u64,
    #[command(flatten)]
    pub(crate) archive: ArchiveArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Continuously {
    /// After how many epochs another state snapshot is taken.
    #[arg(long, default_value = "24", value_name = "EPOCHS")]
    pub(crate) state_snapshot_interval_epochs: NonZeroU64,
    /// How many transactions are one backup.
    #[arg(long, default_value = "100000", value_name = "COUNT")]
    pub(crate) transaction_batch_size: NonZeroU64,
    /// How many metadata files are read at a time, at the start.
    #[arg(long, default_value = "16", value_name = "N")]
    pub(crate) concurrent_downloads: NonZeroUsize,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

/// How one backup stands beside what the archive has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Archive")]
pub(crate) struct ArchiveArgs {
    /// Replace what the archive knows of these epochs or versions: when the new backup is whole, the metadata files of
    /// the old are moved to metadata_backup/. Without it that is an error, before any work.
    #[arg(long)]
    pub(crate) replace: bool,
    /// How many metadata files are read at a time, at the start.
    #[arg(long, default_value = "16", value_name = "N")]
    pub(crate) concurrent_downloads: NonZeroUsize,
}

/// Which node, and how it is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Node")]
pub(crate) struct NodeArgs {
    /// The node's backup service.
    #[arg(long, default_value = Address::DEFAULT, value_name = "URL")]
    pub(crate) backup_service_address: Address,
    /// The largest chunk file, before compression.
    #[arg(long, default_value_t = ByteSize::b(MAX_CHUNK_SIZE), value_name = "SIZE")]
    pub(crate) max_chunk_size: ByteSize,
    /// How many requests to the node are under way at a time.
    #[arg(long, default_value = "8", value_name = "N")]
    pub(crate) concurrent_data_requests: NonZeroUsize,
    /// Begin anew, also when an earlier run of the same backup has sealed chunks.
    #[arg(long)]
    pub(crate) afresh: bool,
}
