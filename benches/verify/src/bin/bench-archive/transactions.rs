//! Transactions with their infos, in backups and chunks as the coordinator makes them.

use crate::contents::{Contents, Place};
use crate::ledger::Ledger;
use crate::output::{Output, OutputFile};
use anyhow::{Context, Result};
use sealift::FileHandle;
use sealift_aptos::chain::{
    ExecutionStatus, HashValue, Hasher, LedgerInfoWithSignatures, Outcome, RecordFormat, TransactionInfo,
    TransactionRecord, event_root,
};
use sealift_aptos::manifest::{TransactionBackup, TransactionChunk, TransactionFormat};
use sealift_aptos::metadata::Metadata;
use sealift_aptos::{ChunkRule, MAX_CHUNK_SIZE};
use sealift_bench_verify::{Counts, Part};

/// The transactions of a block.
pub(crate) const BLOCK: u64 = 100;
/// The transactions of a backup.
const BACKUP: u64 = 1_000_000;

/// Makes the record of a transaction, and the info in it. `root` is that of the state after it, where it is known.
pub(crate) fn record(
    seed: u64,
    version: u64,
    epoch: u64,
    root: Option<HashValue>,
    counts: &mut Counts,
) -> Result<(Vec<u8>, TransactionInfo)> {
    let place = match (version - 1) % BLOCK {
        0 => Place::First,
        place if place == BLOCK - 1 => Place::Last,
        _ => Place::Within,
    };
    let Contents { transaction, events, write_set } = Contents::of(seed, version, epoch, place);
    let auxiliary_info = [&[1][..], &((version % BLOCK) as u32).to_le_bytes()].concat();
    let hash = |name, bytes: &[u8]| Hasher::new(name).update(bytes).finish();
    let info = TransactionInfo::V0 {
        outcome: Outcome {
            gas_used: version % 1000,
            status: if version.is_multiple_of(50) { ExecutionStatus::OutOfGas } else { ExecutionStatus::Success },
            transaction_hash: hash("Transaction", &transaction),
            event_root_hash: event_root(&events),
            state_change_hash: hash("WriteSet", &write_set),
            // Of blocks in an epoch nobody holds anything against it.
            state_checkpoint_hash: (place == Place::Last)
                .then(|| root.unwrap_or_else(|| hash("State", &version.to_le_bytes()))),
        },
        auxiliary_info_hash: Some(hash("PersistedAuxiliaryInfo", &auxiliary_info)),
    };
    let record = TransactionRecord {
        transaction: &transaction,
        auxiliary_info: Some(&auxiliary_info),
        info: info.clone(),
        events: events.iter().map(Vec::as_slice).collect(),
        write_set: &write_set,
    };
    count(&record, counts)?;
    Ok((record.to_bytes()?, info))
}

/// Counts what is hashed of a record.
pub(crate) fn count(record: &TransactionRecord<'_>, counts: &mut Counts) -> Result<()> {
    let info = bcs::to_bytes(&record.info)?.len();
    let parts = [record.transaction.len(), record.auxiliary_info.map_or(0, <[u8]>::len), info, record.write_set.len()];
    parts.into_iter().chain(record.events.iter().map(|event| event.len())).for_each(|length| {
        counts.hash(Part::Transactions, length);
    });
    // The nodes above the events, and about one of the accumulator for each transaction.
    let above = std::iter::successors(Some(record.events.len()), |nodes| (*nodes > 1).then(|| nodes.div_ceil(2)));
    let nodes = above.skip(1).sum::<usize>() + 1;
    counts.hashes(Part::Transactions, 2 * HashValue::LENGTH, nodes as u64);
    Ok(())
}

/// Writes records into backups as they come. Proofs and manifests are written in the end.
pub(crate) struct Backups<'a> {
    output: &'a Output,
    rule: ChunkRule,
    open: Option<(String, u64, OutputFile)>,
    chunks: Vec<Written>,
}

/// A chunk without its proof.
struct Written {
    backup: String,
    first: u64,
    last: u64,
    file: FileHandle,
}

impl<'a> Backups<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Backups { output, rule: ChunkRule::new(MAX_CHUNK_SIZE), open: None, chunks: Vec::new() }
    }

    pub(crate) async fn put(&mut self, version: u64, record: &[u8], counts: &mut Counts) -> Result<()> {
        // Genesis is a backup of its own, and those behind it end at multiples.
        let begins = version < 2 || version % BACKUP == 1;
        if begins
            || self.open.as_ref().is_some_and(|(_, _, file)| self.rule.ends_before(file.bytes(), record.len() as u64))
        {
            let before = self.open.as_ref().map(|(backup, ..)| backup.clone());
            self.end(version).await?;
            let backup = before.filter(|_| !begins).unwrap_or_else(|| format!("transaction_{version}-.be7c"));
            let file = self.output.create(&backup, &format!("{version}-.chunk")).await?;
            self.open = Some((backup, version, file));
        }
        let (_, _, file) = self.open.as_mut().context("no chunk is open")?;
        counts.stored(Part::Transactions, record.len() as u64 + 4);
        file.put_record(record).await
    }

    async fn end(&mut self, next: u64) -> Result<()> {
        if let Some((backup, first, file)) = self.open.take() {
            self.chunks.push(Written { backup, first, last: next - 1, file: file.end().await? });
        }
        Ok(())
    }

    /// Writes proofs and manifests.
    pub(crate) async fn finish(
        mut self,
        ledger: &Ledger,
        endings: &[LedgerInfoWithSignatures],
        counts: &mut Counts,
    ) -> Result<()> {
        self.end(ledger.count()).await?;
        for chunks in self.chunks.chunk_by(|one, other| one.backup == other.backup) {
            let mut proven = Vec::new();
            for Written { backup, first, last, file } in chunks {
                let ending =
                    endings.iter().find(|ending| *last <= ending.version()).context("no epoch ends behind it")?;
                let proof = bcs::to_bytes(&(ledger.range_proof(*first, *last, ending.version() + 1)?, ending))?;
                counts.stored(Part::Transactions, proof.len() as u64);
                let proof = self.output.write(backup, &format!("{first}-{last}.proof"), &proof).await?;
                let (first_version, last_version, transactions) = (*first, *last, file.clone());
                let format = TransactionFormat::V1;
                proven.push(TransactionChunk { first_version, last_version, transactions, proof, format });
            }
            let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else { continue };
            let (first_version, last_version) = (first.first, last.last);
            let manifest = TransactionBackup { first_version, last_version, chunks: proven };
            let line = |manifest| Metadata::TransactionBackup { first_version, last_version, manifest };
            self.output.announce(&first.backup, "transaction.manifest", &manifest, line).await?;
        }
        Ok(())
    }
}

/// The form of all records here.
pub(crate) const FORMAT: RecordFormat = RecordFormat::V1;
