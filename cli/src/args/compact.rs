//! What can be said about the compaction of an archive's metadata. The options are those of aptos-db-tool.

use super::{MetadataArgs, StorageArgs};
use clap::{Args, Subcommand};
use std::num::NonZeroUsize;

/// What is done to keep an archive in order.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupMaintenance {
    /// Put the lines of many metadata files of an Aptos archive into few, so that it is read faster.
    Compact(Box<Compact>),
}

/// How metadata is compacted.
#[derive(Debug, Args)]
pub(crate) struct Compact {
    /// How many lines of epoch endings are put into one file.
    #[arg(long, default_value = "1", value_name = "LINES")]
    pub(crate) epoch_ending_file_compact_factor: NonZeroUsize,
    /// How many lines of state snapshots are put into one file.
    #[arg(long, default_value = "1", value_name = "LINES")]
    pub(crate) state_snapshot_file_compact_factor: NonZeroUsize,
    /// How many lines of transactions are put into one file.
    #[arg(long, default_value = "1", value_name = "LINES")]
    pub(crate) transaction_file_compact_factor: NonZeroUsize,
    /// After how many seconds a file that is not needed any more is moved to metadata_backup/, counted from the first run
    /// that sees it: so long others may be about to read it.
    #[arg(long, default_value = "86400", value_name = "SECONDS")]
    pub(crate) remove_compacted_file_after: u64,
    /// Show what would be written, stamped and moved, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) metadata: MetadataArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}
