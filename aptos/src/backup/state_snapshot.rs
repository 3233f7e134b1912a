//! State snapshots: all items of the state at the version that ends an epoch, in the order of their keys' hashes.
//! Chunks are written while their records arrive.

use super::chunks::{Chunks, Incoming, Span};
use super::group::{AsGood, Found, Group, Opening};
use super::publish::Published;
use super::sealed::{chunk_name, find_file, proof_name};
use super::{BackedUp, Backups, invalid};
use crate::chain::{HashValue, LedgerInfoWithSignatures, TransactionInfoWithProof};
use crate::feed::{Feed, Key, Records};
use crate::known::Extent;
use crate::manifest::{StateSnapshotBackup, StateSnapshotChunk};
use crate::metadata::Metadata;
use crate::seal::{Part, Subject, seal};
use sealift::{Error, ErrorKind, FileHandle, Result};

const MANIFEST: &str = "state.manifest";

/// Which snapshot it is.
#[derive(Debug, Clone, Copy)]
struct Snapshot {
    epoch: u64,
    version: u64,
    /// How many items the state has.
    items: u64,
}

impl Snapshot {
    fn feed(&self) -> Feed {
        Feed::StateItems { version: self.version }
    }
}

impl Backups {
    /// Backs up the state at the end of `epoch`, and says so when it cannot be restored yet.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when another backup of it is known; [`ErrorKind::Pruned`] when the node has it no more;
    /// the node's and the storage's errors, saying what was being done. The backup is not known then; what was sealed is
    /// used by the next run.
    pub async fn state_snapshot(&self, epoch: u64) -> Result<BackedUp> {
        let made = self.make_state_snapshot(epoch).await?;
        self.tell_snapshot_ahead().await;
        Ok(made)
    }

    /// The same without a word of whether it can be restored.
    pub(crate) async fn make_state_snapshot(&self, epoch: u64) -> Result<BackedUp> {
        let version = self.version_at_end_of(epoch).await?;
        let state = Feed::StateItems { version };
        let items = match self.client.state_item_count(version).await {
            Ok(items) => items,
            Err(error) => return Err(self.or_pruned(error, state).await),
        };
        if items == 0 {
            let (operation, path) =
                (format!("back up the state at version {version} from"), format!("state_item_count/{version}"));
            let empty = Error::new(ErrorKind::Service, operation, self.client.address().url(&path), "it has no items")
                .with_hint("look whether the node is healthy, or take another one");
            return Err(self.or_pruned(empty, state).await);
        }
        tracing::info!("backing up the state at version {version}, the end of epoch {epoch}: {items} items");
        let (snapshot, name) = (Snapshot { epoch, version, items }, format!("state_epoch_{epoch}_ver_{version}"));
        let opening = Opening {
            name: &name,
            depends_on: &items.to_string(),
            first: 0,
            manifest: MANIFEST,
            extent: Extent::State { epoch, version },
        };
        let mut group = self.open(opening).await?;

        let (mut chunks, mut next, mut before) = (Vec::new(), 0, Key::None);
        for sealed in self.sealed_chunks(&mut group, snapshot.feed(), 0, items).await {
            (next, before) = (sealed.span.last + 1, sealed.span.last_key);
            chunks.push(self.known_state_chunk(&group, snapshot, sealed.span, sealed.file).await?);
        }
        let sealed_before = chunks.len();
        match self.write_state(&group, snapshot, next, before).await {
            Ok(written) => chunks.extend(written),
            Err(error) => return Err(self.or_pruned(error, state).await),
        }

        let manifest = self.state_manifest(&group, snapshot, chunks).await?;
        let line = move |manifest| Metadata::StateSnapshotBackup { epoch, version, manifest };
        let published = self.publish(&group, MANIFEST, &manifest, Box::new(line)).await?;
        let Published { manifest: file, metadata } = published;
        let (chunks, last_epoch) = (manifest.chunks.len(), Some(epoch));
        Ok(BackedUp { manifest: file, metadata, chunks, sealed_before, last_version: version, last_epoch })
    }

    pub(super) async fn version_at_end_of(&self, epoch: u64) -> Result<u64> {
        let Some(end) = epoch.checked_add(1) else {
            return Err(invalid(&format!("epoch {epoch}"), "there is none after it", "give the epoch to snapshot"));
        };
        let mut records = Records::new(&self.client, Feed::EpochEndings, epoch, end, Key::None, self.read_ahead());
        let first = records.next().await;
        records.close().await;
        let missing = |reason: String| {
            Error::new(ErrorKind::Corrupt, "read", format!("the ledger info that ends epoch {epoch}"), reason)
        };
        let checked = first?.ok_or_else(|| missing("the node has none".to_owned()))?;
        let record = checked.run.records().next().unwrap_or_default();
        let info = LedgerInfoWithSignatures::decode(record).map_err(|error| missing(error.to_string()))?;
        Ok(info.version())
    }

    async fn write_state(
        &self,
        group: &Group,
        snapshot: Snapshot,
        first: u64,
        before: Key,
    ) -> Result<Vec<StateSnapshotChunk>> {
        let feed = snapshot.feed();
        let records = Records::new(&self.client, feed, first, snapshot.items, before, self.read_ahead());
        let (backups, group) = (self.clone(), group.clone());
        let chunks = Chunks::new(
            self.plan(feed, first),
            Box::new(move |incoming| {
                let (backups, group) = (backups.clone(), group.clone());
                Box::pin(async move { backups.write_state_chunk(&group, snapshot, incoming).await })
            }),
        );
        chunks.write_all(records, |_| Ok(())).await
    }

    async fn write_state_chunk(
        &self,
        group: &Group,
        snapshot: Snapshot,
        mut incoming: Incoming,
    ) -> Result<StateSnapshotChunk> {
        let existing = match self.found(group, snapshot.feed(), &incoming, snapshot.items).await {
            Found::Sealed(sealed) => {
                sealed.same_as(incoming.content()).await?;
                return self.known_state_chunk(group, snapshot, incoming.span()?, sealed.file).await;
            }
            Found::Missing(existing) => existing,
        };
        let Snapshot { epoch, version, .. } = snapshot;
        let content = format!("state items from {} on, of version {version}, the end of epoch {epoch}", incoming.first);
        let (subject, name) = (Subject { part: Part::Chunk, content }, chunk_name(incoming.first)?);
        let (storage, content) = (self.storage.as_ref(), incoming.content());
        let sealing = seal(storage, &group.handle, &name, subject, existing, content).await;
        let blobs = self.sealed_by_either(group, snapshot.feed(), &mut incoming, sealing).await?;
        let span = incoming.span()?;
        let proof = self.write_state_range_proof(group, snapshot, &span).await?;
        tracing::info!("sealed {} of {}", snapshot.feed().subject(span.first, span.last), snapshot.items);
        state_chunk(span, blobs, proof)
    }

    /// A chunk that is sealed. Its proof comes after it, so it may be missing.
    async fn known_state_chunk(
        &self,
        group: &Group,
        snapshot: Snapshot,
        span: Span,
        blobs: FileHandle,
    ) -> Result<StateSnapshotChunk> {
        let found = find_file(self.storage.as_ref(), &group.handle, &proof_name(&span)?).await;
        let proof = match found {
            Ok(proof) => proof,
            Err(_) => self.write_state_range_proof(group, snapshot, &span).await?,
        };
        tracing::info!("{} were sealed before", snapshot.feed().subject(span.first, span.last));
        state_chunk(span, blobs, proof)
    }

    async fn write_state_range_proof(&self, group: &Group, snapshot: Snapshot, span: &Span) -> Result<FileHandle> {
        let proof = self.client.state_range_proof(snapshot.version, &hash(span.last_key)?).await?;
        let content =
            format!("{}, the end of epoch {}", snapshot.feed().subject(span.first, span.last), snapshot.epoch);
        let subject = Subject { part: Part::ChunkProof, content };
        self.seal_small(group, &proof_name(span)?, subject, AsGood::Any, proof).await
    }

    /// Writes the proof of the root, and makes the manifest that holds the root.
    async fn state_manifest(
        &self,
        group: &Group,
        snapshot: Snapshot,
        chunks: Vec<StateSnapshotChunk>,
    ) -> Result<StateSnapshotBackup> {
        let Snapshot { epoch, version, .. } = snapshot;
        let bytes = self.client.state_root_proof(version).await?;
        let wrong = |reason: String| {
            let location = self.client.address().url(&format!("state_root_proof/{version}"));
            Error::new(ErrorKind::Corrupt, "read the proof of the state's root from", location, reason)
                .with_hint("look whether the node is newer than this program")
        };
        let (info, ledger_info): (TransactionInfoWithProof, LedgerInfoWithSignatures) =
            bcs::from_bytes(&bytes).map_err(|error| wrong(format!("it cannot be decoded: {error}")))?;
        let Some(root_hash) = info.info.outcome().state_checkpoint_hash else {
            return Err(wrong("there is no state checkpoint at this version".to_owned()));
        };
        if ledger_info.epoch() != epoch {
            return Err(wrong(format!(
                "it leads to a ledger info of epoch {} instead of {epoch}",
                ledger_info.epoch()
            )));
        }
        let content = format!("the state's root at version {version}, the end of epoch {epoch}");
        let (subject, name) = (Subject { part: Part::StateProof, content }, "state.proof".parse()?);
        let proof = self.seal_small(group, &name, subject, AsGood::Any, bytes).await?;
        Ok(StateSnapshotBackup { version, epoch, root_hash, chunks, proof })
    }
}

fn state_chunk(span: Span, blobs: FileHandle, proof: FileHandle) -> Result<StateSnapshotChunk> {
    let (first_key, last_key) = (hash(span.first_key)?, hash(span.last_key)?);
    Ok(StateSnapshotChunk { first_idx: span.first, last_idx: span.last, first_key, last_key, blobs, proof })
}

fn hash(key: Key) -> Result<HashValue> {
    match key {
        Key::Hash(hash) => Ok(hash),
        Key::None => Err(Error::new(ErrorKind::Io, "write", "a state chunk", "its keys were not looked at")
            .with_hint("this is a defect of Sealift: please report it")),
    }
}
