//! `backup query`: one line about an archive or a node.

use super::reads_at_once;
use crate::args::{BackupStorageState, NodeState};
use crate::failure::Failure;
use crate::report;
use crate::storages::Opened;
use sealift::BackupStorage;
use sealift_aptos::{Client, ClientOptions, Known};

pub(super) async fn storage_state(args: &BackupStorageState) -> Result<(), Failure> {
    let archive = Opened::below(&args.storage, "").await?.into_archive()?;
    storage_state_of(args, &archive).await
}

/// Of this archive. One that is empty is no error, since scripts ask before the first backup.
pub(super) async fn storage_state_of(args: &BackupStorageState, storage: &dyn BackupStorage) -> Result<(), Failure> {
    let known = Known::read(storage, reads_at_once(args.metadata.concurrent_downloads, storage)).await?;
    if known.is_empty() {
        tracing::warn!("there is no metadata file, so there is no archive there, or nothing in it yet");
    }
    match args.storage.json {
        true => report::line(report::storage_state_json(&known)),
        false => report::line(report::storage_state(&known)),
    }
    Ok(())
}

pub(super) async fn node_state(args: &NodeState) -> Result<(), Failure> {
    let client = Client::new(args.backup_service_address.clone(), ClientOptions::default())?;
    let state = client.db_state().await?;
    match args.json {
        true => report::line(report::node_state_json(state)),
        false => report::line(report::node_state(state)),
    }
    Ok(())
}
