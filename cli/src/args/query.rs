//! What can be asked about a node and an archive. The words are those of aptos-db-tool.

use super::{MetadataArgs, StorageArgs};
use clap::{Args, Subcommand};
use sealift_aptos::Address;

/// What is asked. The answer is one line, which scripts written for aptos-db-tool read.
#[derive(Debug, Subcommand)]
pub(crate) enum Query {
    /// Show the newest epoch ending, state snapshot and transaction that the archive has. Nothing is written, also into
    /// an empty archive.
    BackupStorageState(Box<BackupStorageState>),
    /// Show the epoch and the version that the node has.
    NodeState(NodeState),
}

#[derive(Debug, Args)]
pub(crate) struct BackupStorageState {
    #[command(flatten)]
    pub(crate) metadata: MetadataArgs,
    #[command(flatten)]
    pub(crate) storage: StorageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NodeState {
    /// The node's backup service.
    #[arg(long, default_value = Address::DEFAULT, value_name = "URL")]
    pub(crate) backup_service_address: Address,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}
