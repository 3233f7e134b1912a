//! Transactions. The proof of a chunk is of all its versions and is sealed before the chunk is, so a chunk stays open until
//! then.

use super::chunks::{Chunks, Incoming, Span};
use super::group::{AsGood, Found, Group, Opening};
use super::publish::Published;
use super::sealed::{SealedChunk, chunk_name, find_file, proof_name};
use super::{BackedUp, Backups, invalid};
use crate::chain::{ChainError, RecordFormat};
use crate::feed::{Feed, Key, Records};
use crate::known::Extent;
use crate::manifest::{TransactionBackup, TransactionChunk, TransactionFormat};
use crate::metadata::Metadata;
use crate::seal::{NewFile, Part, Subject};
use sealift::{ErrorKind, FileHandle, Result};

const MANIFEST: &str = "transaction.manifest";

impl Backups {
    /// Backs up `count` transactions from the version `start_version` on.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] for no transactions; [`ErrorKind::AlreadyExists`] when the archive has some of it
    /// already; [`ErrorKind::Pruned`] when the node has them no more; the node's and the storage's errors, saying what was
    /// being done. The backup is not known then; what was sealed is used by the next run.
    pub async fn transactions(&self, start_version: u64, count: u64) -> Result<BackedUp> {
        let Some(end) = start_version.checked_add(count).filter(|&end| end > start_version) else {
            let versions = format!("{count} transactions from version {start_version} on");
            return Err(invalid(&versions, "there are none", "give a number of transactions of 1 or more"));
        };
        let last_version = end - 1;
        tracing::info!("backing up transactions {start_version} to {last_version}");
        let name = format!("transaction_{start_version}-");
        let opening = Opening {
            name: &name,
            depends_on: &last_version.to_string(),
            first: start_version,
            manifest: MANIFEST,
            extent: Extent::Versions { first: start_version, last: last_version },
        };
        let mut group = self.open(opening).await?;

        let (mut chunks, mut next) = (Vec::new(), start_version);
        for sealed in self.sealed_chunks(&mut group, Feed::Transactions, start_version, end).await {
            next = sealed.span.last + 1;
            chunks.push(self.known_transaction_chunk(&group, sealed).await?);
        }
        let sealed_before = chunks.len();
        match self.write_transactions(&group, next, end).await {
            Ok(written) => chunks.extend(written),
            Err(error) => return Err(self.or_pruned(error, Feed::Transactions).await),
        }

        let chunks = self.with_format(chunks);
        let manifest = TransactionBackup { first_version: start_version, last_version, chunks };
        let line = move |manifest| Metadata::TransactionBackup { first_version: start_version, last_version, manifest };
        let published = self.publish(&group, MANIFEST, &manifest, Box::new(line)).await?;
        let Published { manifest: file, metadata } = published;
        let chunks = manifest.chunks.len();
        Ok(BackedUp { manifest: file, metadata, chunks, sealed_before, last_version, last_epoch: None })
    }

    async fn write_transactions(&self, group: &Group, first: u64, end: u64) -> Result<Vec<Written>> {
        let records = Records::new(&self.client, Feed::Transactions, first, end, Key::None, self.read_ahead());
        let (backups, group) = (self.clone(), group.clone());
        let chunks = Chunks::new(
            self.plan(Feed::Transactions, first),
            Box::new(move |incoming| {
                let (backups, group) = (backups.clone(), group.clone());
                Box::pin(async move { backups.write_transaction_chunk(&group, incoming, end).await })
            }),
        );
        chunks.write_all(records, |_| Ok(())).await
    }

    async fn write_transaction_chunk(&self, group: &Group, mut incoming: Incoming, end: u64) -> Result<Written> {
        let existing = match self.found(group, Feed::Transactions, &incoming, end).await {
            Found::Sealed(sealed) => {
                sealed.same_as(incoming.content()).await?;
                return self.known_transaction_chunk(group, sealed).await;
            }
            Found::Missing(existing) => existing,
        };
        let content = format!("transactions from version {} on", incoming.first);
        let (subject, name) = (Subject { part: Part::Chunk, content }, chunk_name(incoming.first)?);
        let mut chunk = NewFile::create(self.storage.as_ref(), &group.handle, &name, subject, existing).await?;
        let filled = chunk.write(incoming.content()).await;
        if let Err(error) = &filled
            && error.kind() != ErrorKind::AlreadyExists
        {
            return Err(error.clone());
        }
        let (span, record) = (incoming.finish().await?, incoming.first_record());
        chunk.holds(Feed::Transactions.subject(span.first, span.last));
        let proof = self.write_transaction_proof(group, &span).await?;
        let sealing = match filled {
            Ok(()) => chunk.seal().await,
            Err(error) => Err(error),
        };
        let transactions = self.sealed_by_either(group, Feed::Transactions, &mut incoming, sealing).await?;
        tracing::info!("sealed {}", Feed::Transactions.subject(span.first, span.last));
        Ok(written(span, &record, transactions, proof))
    }

    /// A chunk that is sealed; its proof is too, unless somebody removed it.
    async fn known_transaction_chunk(&self, group: &Group, sealed: SealedChunk) -> Result<Written> {
        let SealedChunk { span, record, file, .. } = sealed;
        let found = find_file(self.storage.as_ref(), &group.handle, &proof_name(&span)?).await;
        let proof = match found {
            Ok(proof) => proof,
            Err(_) => self.write_transaction_proof(group, &span).await?,
        };
        tracing::info!("{} were sealed before", Feed::Transactions.subject(span.first, span.last));
        Ok(written(span, &record, file, proof))
    }

    async fn write_transaction_proof(&self, group: &Group, span: &Span) -> Result<FileHandle> {
        let proof = self.client.transaction_range_proof(span.first, span.last).await?;
        let subject = Subject { part: Part::ChunkProof, content: Feed::Transactions.subject(span.first, span.last) };
        self.seal_small(group, &proof_name(span)?, subject, AsGood::Any, proof).await
    }

    /// The chunks with the form of their transactions. One node serves one form, so a chunk that begins with what this
    /// program does not know is of the same form as the others.
    fn with_format(&self, written: Vec<Written>) -> Vec<TransactionChunk> {
        let told = written.iter().find_map(|written| match &written.format {
            Format::Told(format) => Some(*format),
            Format::Unknown(_) => None,
        });
        let chunks = written.into_iter().map(|Written { mut chunk, format }| {
            chunk.format = match format {
                Format::Told(format) => format,
                // A newer node's transaction must not stop a backup.
                Format::Unknown(error) => {
                    let (first, format) = (chunk.first_version, told.unwrap_or(self.options.transaction_format));
                    let from = if told.is_some() { "as the others of this backup" } else { "--transaction-format" };
                    tracing::warn!("the form of transaction {first} is taken to be {format:?} ({from}): {error}");
                    format
                }
            };
            chunk
        });
        chunks.collect()
    }
}

/// A chunk that is sealed. What its manifest says of the form is not decided yet.
struct Written {
    chunk: TransactionChunk,
    format: Format,
}

/// The form of a chunk's transactions.
enum Format {
    Told(TransactionFormat),
    Unknown(ChainError),
}

/// `record` is the chunk's first.
fn written(span: Span, record: &[u8], transactions: FileHandle, proof: FileHandle) -> Written {
    let format = match RecordFormat::of(record) {
        Ok(RecordFormat::V0) => Format::Told(TransactionFormat::V0),
        Ok(RecordFormat::V1) => Format::Told(TransactionFormat::V1),
        Err(error) => Format::Unknown(error),
    };
    let (first_version, last_version) = (span.first, span.last);
    let chunk =
        TransactionChunk { first_version, last_version, transactions, proof, format: TransactionFormat::default() };
    Written { chunk, format }
}
