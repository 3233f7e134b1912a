//! What can be said about backups of an Aptos node. Options that aptos-db-tool has keep their names.

use super::at_once::at_once;
use super::time::time;
use super::{Query, ServiceArgs, StorageArgs};
use bytesize::ByteSize;
use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;
use sealift_aptos::{Address, MAX_CHUNK_SIZE};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

/// What is done about backups of a node.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    #[command(flatten)]
    Make(Box<Backup>),
    /// Ask how far the archive or the node is.
    #[command(subcommand)]
    Query(Query),
}

impl BackupCommand {
    /// Which storage it is about, if it is about one.
    pub(crate) fn storage(&self) -> Option<&StorageArgs> {
        match self {
            BackupCommand::Make(backup) => Some(backup.storage()),
            BackupCommand::Query(Query::BackupStorageState(args)) => Some(&args.storage),
            BackupCommand::Query(Query::NodeState(_)) => None,
        }
    }
}

/// How often it is backed up.
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    #[command(flatten)]
    Once(Once),
    /// The same three backups, where aptos-db-tool has them.
    #[command(subcommand)]
    Oneoff(Once),
    /// Back up whatever is due, until told to stop. Ends with 0 on SIGTERM, SIGINT or SIGHUP; under a service manager, which
    /// hears how far it is (sd_notify), a SIGHUP is refused.
    Continuously(Continuously),
}

/// The kinds of backup.
#[derive(Debug, Subcommand)]
pub(crate) enum Once {
    /// Back up the ledger infos that end epochs.
    EpochEnding(EpochEnding),
    /// Back up the whole state at the end of an epoch. A run that was interrupted is continued by the next.
    StateSnapshot(StateSnapshot),
    /// Back up transactions. A run that was interrupted is continued by the next.
    Transaction(Transaction),
}

impl Backup {
    /// Where it goes.
    pub(crate) fn storage(&self) -> &StorageArgs {
        match self {
            Backup::Once(once) | Backup::Oneoff(once) => match once {
                Once::EpochEnding(EpochEnding { storage, .. })
                | Once::StateSnapshot(StateSnapshot { storage, .. })
                | Once::Transaction(Transaction { storage, .. }) => storage,
            },
            Backup::Continuously(Continuously { storage, .. }) => storage,
        }
    }

    /// Where it comes from.
    pub(crate) fn node(&self) -> &NodeArgs {
        match self {
            Backup::Once(once) | Backup::Oneoff(once) => match once {
                Once::EpochEnding(EpochEnding { node, .. })
                | Once::StateSnapshot(StateSnapshot { node, .. })
                | Once::Transaction(Transaction { node, .. }) => node,
            },
            Backup::Continuously(Continuously { node, .. }) => node,
        }
    }

    /// How it stands beside what is there, when it is a single one.
    pub(crate) fn archive(&self) -> Option<&ArchiveArgs> {
        match self {
            Backup::Once(once) | Backup::Oneoff(once) => Some(match once {
                Once::EpochEnding(EpochEnding { archive, .. })
                | Once::StateSnapshot(StateSnapshot { archive, .. })
                | Once::Transaction(Transaction { archive, .. }) => archive,
            }),
            Backup::Continuously(_) => None,
        }
    }

    /// The form of transactions that cannot be told from them, where there are any.
    pub(crate) fn transaction_format(&self) -> Option<TransactionFormatArg> {
        match self {
            Backup::Once(Once::Transaction(Transaction { transaction_format, .. }))
            | Backup::Oneoff(Once::Transaction(Transaction { transaction_format, .. }))
            | Backup::Continuously(Continuously { transaction_format, .. }) => Some(*transaction_format),
            Backup::Once(_) | Backup::Oneoff(_) => None,
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
    /// What the manifest says of transactions that hold something this program does not know. The form of all others is
    /// told from them: V0, without auxiliary info, is what older nodes and those of other chains serve.
    #[arg(long, default_value = "v1", value_name = "FORM", ignore_case = true)]
    pub(crate) transaction_format: TransactionFormatArg,
    #[command(flatten)]
    pub(crate) archive: ArchiveArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Continuously {
    /// After how many epochs another state snapshot is taken. An epoch is two hours on mainnet; what a snapshot takes
    /// longer than an interval is left out, so that the newest is always the next.
    #[arg(long, default_value = "1", value_name = "EPOCHS")]
    pub(crate) state_snapshot_interval_epochs: NonZeroU64,
    /// How many transactions are one backup.
    #[arg(long, default_value = "1000000", value_name = "COUNT")]
    pub(crate) transaction_batch_size: NonZeroU64,
    /// How long the end of an epoch waits for the batch that it is in (30m, 24h; 0s: for ever), counted from when this
    /// process has first seen it. Then what there is of the batch up to there is backed up, since a snapshot cannot be
    /// restored without all transactions before it.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = time)]
    pub(crate) transaction_max_age: SignedDuration,
    /// What the manifest says of transactions that hold something this program does not know. The form of all others is
    /// told from them: V0, without auxiliary info, is what older nodes and those of other chains serve.
    #[arg(long, default_value = "v1", value_name = "FORM", ignore_case = true)]
    pub(crate) transaction_format: TransactionFormatArg,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    #[command(flatten)]
    pub(crate) metadata: MetadataArgs,
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
    #[command(flatten)]
    pub(crate) metadata: MetadataArgs,
}

/// How the archive's metadata is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Archive")]
pub(crate) struct MetadataArgs {
    /// How many metadata files are read at a time, at the start [default: 128; 16 through commands].
    #[arg(long, value_name = "N", value_parser = at_once)]
    pub(crate) concurrent_downloads: Option<NonZeroUsize>,
    /// Taken so that a command line of aptos-db-tool works here, and not used: nothing is cached. The metadata is read
    /// from storage at the start, and later only what has come since.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) metadata_cache_dir: Option<PathBuf>,
}

/// What a record of a transaction holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransactionFormatArg {
    V0,
    V1,
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
    #[arg(long, default_value = "8", value_name = "N", value_parser = at_once)]
    pub(crate) concurrent_data_requests: NonZeroUsize,
    /// Begin anew, also when an earlier run of the same backup has sealed chunks.
    #[arg(long)]
    pub(crate) afresh: bool,
}
