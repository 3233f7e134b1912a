//! Epoch endings: the ledger info that ends each epoch. Small enough to be read anew after an interruption.

use super::chunks::{Chunks, Incoming};
use super::group::{Group, Opening};
use super::publish::Published;
use super::sealed::chunk_name;
use super::{BackedUp, Backups, invalid};
use crate::chain::LedgerInfoWithSignatures;
use crate::feed::{Feed, Key, Records};
use crate::known::Extent;
use crate::manifest::{EpochEndingBackup, EpochEndingChunk};
use crate::metadata::Metadata;
use crate::seal::{Existing, Part, Subject, seal};
use sealift::{Error, ErrorKind, Result};

const MANIFEST: &str = "epoch_ending.manifest";

impl Backups {
    /// Backs up the ledger infos that end the epochs `start_epoch..end_epoch`, the end excluded.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] for no epochs; [`ErrorKind::AlreadyExists`] when the archive has some of it already;
    /// the node's and the storage's errors, saying what was being done. The backup is not known then.
    pub async fn epoch_ending(&self, start_epoch: u64, end_epoch: u64) -> Result<BackedUp> {
        if start_epoch >= end_epoch {
            let epochs = format!("the epochs {start_epoch} to {end_epoch} (excluded)");
            return Err(invalid(&epochs, "there are none", "give an end epoch after the start epoch"));
        }
        let last_epoch = end_epoch - 1;
        tracing::info!("backing up epoch endings {start_epoch} to {last_epoch}");
        let name = format!("epoch_ending_{start_epoch}-");
        let opening = Opening {
            name: &name,
            depends_on: &last_epoch.to_string(),
            first: start_epoch,
            manifest: MANIFEST,
            extent: Extent::Epochs { first: start_epoch, last: last_epoch },
        };
        let group = self.open(opening).await?;

        let records =
            Records::new(&self.client, Feed::EpochEndings, start_epoch, end_epoch, Key::None, self.read_ahead());
        let mut waypoints = Vec::new();
        let chunks = Chunks::new(self.plan(Feed::EpochEndings, start_epoch), {
            let (backups, group) = (self.clone(), group.clone());
            Box::new(move |incoming| {
                let (backups, group) = (backups.clone(), group.clone());
                Box::pin(async move { backups.write_epoch_chunk(&group, incoming).await })
            })
        });
        let chunks = chunks
            .write_all(records, |run| {
                for record in run.records() {
                    let waypoint = LedgerInfoWithSignatures::decode(record).and_then(|info| info.waypoint());
                    waypoints.push(waypoint.map_err(|error| {
                        Error::new(ErrorKind::Corrupt, "read", "a ledger info", error.to_string()).with_source(error)
                    })?);
                }
                Ok(())
            })
            .await?;

        let versions = waypoints.first().zip(waypoints.last()).map(|(first, last)| (first.version, last.version));
        let (first_version, last_version) = versions.unwrap_or_default();
        let manifest = EpochEndingBackup { first_epoch: start_epoch, last_epoch, waypoints, chunks };
        let line = move |manifest| Metadata::EpochEndingBackup {
            first_epoch: start_epoch,
            last_epoch,
            first_version,
            last_version,
            manifest,
        };
        let published = self.publish(&group, MANIFEST, &manifest, Box::new(line)).await?;
        let Published { manifest: file, metadata } = published;
        let chunks = manifest.chunks.len();
        Ok(BackedUp { manifest: file, metadata, chunks, sealed_before: 0, last_version, last_epoch: Some(last_epoch) })
    }

    async fn write_epoch_chunk(&self, group: &Group, mut incoming: Incoming) -> Result<EpochEndingChunk> {
        let content = format!("epoch endings from epoch {}", incoming.first);
        let (subject, name) = (Subject { part: Part::Chunk, content }, chunk_name(incoming.first)?);
        let (storage, content) = (self.storage.as_ref(), incoming.content());
        let sealing = seal(storage, &group.handle, &name, subject, Existing::Kept, content).await;
        let ledger_infos = self.sealed_by_either(group, Feed::EpochEndings, &mut incoming, sealing).await?;
        let span = incoming.span()?;
        tracing::info!("sealed epoch endings {} to {}", span.first, span.last);
        Ok(EpochEndingChunk { first_epoch: span.first, last_epoch: span.last, ledger_infos })
    }
}
