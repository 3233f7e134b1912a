//! State snapshots: the items add up to the root, which a transaction's info has, which a signed ledger info is of.

use super::manifests;
use super::records::{Fold, Folded, Pool, fold};
use super::signed::Signed;
use super::{of_chain, proofs};
use crate::chain::{
    ChainError, HashValue, LedgerInfoWithSignatures, SparseMerkleRangeProof, StateLeaf, StatePiece, StateTree,
    TransactionInfoWithProof,
};
use crate::manifest::{StateSnapshotBackup, StateSnapshotChunk};
use sealift::verify::{Files, Finding, Objects, Outcome, Piece, PlannedFile, check_files};
use std::sync::Arc;

/// Verifies a state snapshot. `objects` reads what cannot be put together any more.
pub(super) async fn check(
    signed: &Arc<Signed>,
    pool: &Pool,
    files: &Files,
    objects: &Objects,
    manifest: &str,
) -> Outcome {
    let (backup, verified) = match manifests::read::<StateSnapshotBackup>(files, manifest).await {
        Ok(read) => read,
        Err(finding) => return Outcome::of(finding),
    };
    let mut outcome = root(signed, pool, files, manifest, &backup).await;
    outcome.files.insert(manifest.to_owned(), verified);
    let mut tree = StateTree::default();
    for (at, chunk) in backup.chunks.iter().enumerate() {
        let (of_chunk, grown) = check_chunk(pool, files, &backup, chunk, tree).await;
        let damaged = !of_chunk.findings.is_empty();
        outcome.add(of_chunk);
        tree = grown;
        // Nothing behind it can be put together. What can be told of the rest by itself is.
        if damaged {
            let rest = backup.chunks.get(at + 1..).unwrap_or_default();
            outcome.add(read_only(files, objects, manifest, rest).await);
            return outcome;
        }
    }
    if tree.root() != backup.root_hash {
        let found = format!("all items together have the root {}", tree.root());
        outcome.findings.push(Finding::wrong(manifest, "hash", found).expecting(backup.root_hash));
    }
    outcome
}

/// Whether the root is that of the chain at this version.
async fn root(
    signed: &Arc<Signed>,
    pool: &Pool,
    files: &Files,
    manifest: &str,
    backup: &StateSnapshotBackup,
) -> Outcome {
    type Proof = (TransactionInfoWithProof, LedgerInfoWithSignatures);
    let name = backup.proof.as_ref();
    let ((info, ledger_info), mut outcome) = match proofs::read::<Proof>(files, name).await {
        Ok(read) => read,
        Err(finding) => return Outcome::of(finding),
    };
    outcome.add(signed.check(pool, files, name, &ledger_info).await);
    if let Err(error) = info.verify(ledger_info.ledger_info(), backup.version) {
        outcome.findings.push(of_chain(name, &error));
    }
    let of_chain_root = info.info.outcome().state_checkpoint_hash;
    if of_chain_root != Some(backup.root_hash) {
        let of_chain_root = of_chain_root.map_or("none".to_owned(), |root| root.to_string());
        let found = format!("its root is {}", backup.root_hash);
        outcome.findings.push(Finding::wrong(manifest, "hash", found).expecting(of_chain_root));
    }
    if ledger_info.epoch() != backup.epoch {
        let found = format!("it is of epoch {}", backup.epoch);
        outcome.findings.push(Finding::wrong(manifest, "snapshot-epoch", found).expecting(ledger_info.epoch()));
    }
    outcome
}

async fn check_chunk(
    pool: &Pool,
    files: &Files,
    backup: &StateSnapshotBackup,
    chunk: &StateSnapshotChunk,
    tree: StateTree,
) -> (Outcome, StateTree) {
    let (proof_name, name) = (chunk.proof.as_ref(), chunk.blobs.as_ref());
    let (proof, mut outcome) = match proofs::read::<SparseMerkleRangeProof>(files, proof_name).await {
        Ok((proof, outcome)) => (Some(proof), outcome),
        Err(finding) => (None, Outcome::of(finding)),
    };
    let first = tree.count();
    let folded = fold(pool, files, name, (), Growing { tree, first_key: None }).await;
    let Folded { state: Growing { tree, first_key }, count, verified, findings } = folded;
    let whole = verified.is_some();
    outcome.files.extend(verified.map(|verified| (name.to_owned(), verified)));
    let damaged = !findings.is_empty();
    outcome.findings.extend(findings);
    if !whole || damaged {
        return (outcome, tree);
    }
    let mut unlike = |what: &str, has: String, said: String| {
        if has != said {
            outcome.findings.push(Finding::wrong(name, "count", format!("{what} is {has}")).expecting(said));
        }
    };
    unlike("its first item", first.to_string(), chunk.first_idx.to_string());
    unlike("the number of its items", count.to_string(), (chunk.last_idx - chunk.first_idx + 1).to_string());
    let text = |key: Option<HashValue>| key.map_or("none".to_owned(), |key| key.to_string());
    unlike("its first key", text(first_key), chunk.first_key.to_string());
    unlike("its last key", text(tree.last_key()), chunk.last_key.to_string());
    if let Some(Err(error)) = proof.map(|proof| tree.verify(&proof, backup.root_hash)) {
        outcome.findings.push(of_chain(proof_name, &error));
    }
    (outcome, tree)
}

/// What can be told of files one by one.
async fn read_only(files: &Files, objects: &Objects, manifest: &str, chunks: &[StateSnapshotChunk]) -> Outcome {
    let names = chunks.iter().flat_map(|chunk| [chunk.blobs.to_string(), chunk.proof.to_string()]);
    let planned = names.map(|name| PlannedFile { name, identity: None }).collect();
    let rest = Piece { name: manifest.to_owned(), kind: super::kind::STATE.into(), files: planned };
    check_files(objects, &rest, files).await
}

/// The tree, while a chunk is added to it.
struct Growing {
    tree: StateTree,
    first_key: Option<HashValue>,
}

impl Fold for Growing {
    type Prepared = StatePiece;
    type How = ();

    fn prepare(record: &[u8], (): &()) -> Result<Self::Prepared, ChainError> {
        let leaf = StateLeaf::of(record)?;
        Ok(StatePiece::leaf(leaf.key, leaf.hash()))
    }

    fn together(prepared: Vec<Self::Prepared>) -> Vec<Self::Prepared> {
        StatePiece::gather(prepared)
    }

    fn records(piece: &Self::Prepared) -> u64 {
        piece.leaves
    }

    fn take(&mut self, piece: Self::Prepared, _wrong: &mut dyn FnMut(ChainError)) -> Result<(), ChainError> {
        // The first piece is the first leaf.
        self.first_key.get_or_insert(piece.key);
        self.tree.push_piece(piece)
    }
}
