//! Transactions: each is what its info says, and the infos are the leaves of the ledger that a signed ledger info is of.

use super::manifests;
use super::records::{Fold, Pool, fold};
use super::signed::Signed;
use super::{of_chain, proofs};
use crate::chain::{
    AccumulatorRange, ChainError, HashValue, LedgerInfoWithSignatures, RecordFormat, TransactionAccumulatorRangeProof,
    TransactionRecord,
};
use crate::manifest::{TransactionBackup, TransactionChunk, TransactionFormat};
use futures::{StreamExt, stream};
use sealift::verify::{Files, Finding, Outcome};
use std::sync::Arc;

/// How many chunks of one backup are verified at a time.
const CHUNKS: usize = 4;

/// Verifies a backup of transactions.
pub(super) async fn check(signed: &Arc<Signed>, pool: &Pool, files: &Files, manifest: &str) -> Outcome {
    let (backup, verified) = match manifests::read::<TransactionBackup>(files, manifest).await {
        Ok(read) => read,
        Err(finding) => return Outcome::of(finding),
    };
    let mut outcome = Outcome::default();
    outcome.files.insert(manifest.to_owned(), verified);
    let chunks = stream::iter(backup.chunks).map(|chunk| async move { check_chunk(signed, pool, files, &chunk).await });
    let chunks: Vec<Outcome> = chunks.buffered(CHUNKS).collect().await;
    chunks.into_iter().for_each(|of_chunk| outcome.add(of_chunk));
    outcome
}

async fn check_chunk(signed: &Arc<Signed>, pool: &Pool, files: &Files, chunk: &TransactionChunk) -> Outcome {
    type Proof = (TransactionAccumulatorRangeProof, LedgerInfoWithSignatures);
    let (proof_name, name) = (chunk.proof.as_ref(), chunk.transactions.as_ref());
    let ((proof, ledger_info), mut outcome) = match proofs::read::<Proof>(files, proof_name).await {
        Ok(read) => read,
        Err(finding) => return Outcome::of(finding),
    };
    outcome.add(signed.check(pool, files, proof_name, &ledger_info).await);
    let root = ledger_info.ledger_info().commit_info.executed_state_id;
    let range = match AccumulatorRange::new(proof, chunk.first_version) {
        Ok(range) => range,
        Err(error) => {
            outcome.findings.push(of_chain(proof_name, &error));
            return outcome;
        }
    };
    let format = match chunk.format {
        TransactionFormat::V0 => RecordFormat::V0,
        TransactionFormat::V1 => RecordFormat::V1,
    };
    let folded = fold(pool, files, name, format, range).await;
    let wanted = chunk.last_version - chunk.first_version + 1;
    let whole = folded.verified.is_some();
    outcome.files.extend(folded.verified.map(|verified| (name.to_owned(), verified)));
    let damaged = !folded.findings.is_empty();
    outcome.findings.extend(folded.findings);
    if whole && folded.count != wanted {
        let found = format!("it has {} transactions", folded.count);
        outcome.findings.push(Finding::wrong(name, "count", found).expecting(wanted));
    } else if whole
        && !damaged
        && let Err(error) = folded.state.verify(root)
    {
        outcome.findings.push(of_chain(name, &error));
    }
    if ledger_info.version() < chunk.last_version {
        let found = format!("its ledger info is of version {}, before the last transaction", ledger_info.version());
        outcome.findings.push(Finding::wrong(proof_name, "proof", found).expecting(chunk.last_version));
    }
    outcome
}

impl Fold for AccumulatorRange {
    /// The leaf, and what of the transaction is not what it says.
    type Prepared = (HashValue, Option<ChainError>);
    type How = RecordFormat;

    fn prepare(record: &[u8], format: &RecordFormat) -> Result<Self::Prepared, ChainError> {
        let record = TransactionRecord::parse(*format, record)?;
        Ok((record.info.hash()?, record.verify().err()))
    }

    fn take(&mut self, (leaf, mismatch): Self::Prepared, wrong: &mut dyn FnMut(ChainError)) -> Result<(), ChainError> {
        mismatch.into_iter().for_each(wrong);
        self.push(leaf)
    }
}
