//! An archive's content against its own proofs and signatures, and the rules of its manifests.

use bytes::Bytes;
use sealift::FileHandle;
use sealift_aptos::chain::{
    LedgerInfoWithSignatures, SparseMerkleRangeProof, StateLeaf, StateTree, TransactionAccumulatorRangeProof,
    TransactionInfoWithProof, TransactionRecord,
};
use sealift_aptos::manifest::{EpochEndingBackup, Manifest, StateSnapshotBackup, TransactionBackup};
use sealift_aptos::metadata::Metadata;
use sealift_aptos::{MAX_RECORD, Splitter};
use sealift_node::Chain;
use std::collections::BTreeMap;

type Files = BTreeMap<String, Vec<u8>>;

/// The manifest of this name, which a metadata line names.
fn manifest<M: Manifest>(files: &Files, name: &str) -> M {
    let (handle, json) = files.iter().find(|(handle, _)| handle.ends_with(name)).expect("a manifest");
    let named = files.iter().filter(|(handle, _)| handle.starts_with("metadata/")).any(|(handle, text)| {
        let text = String::from_utf8(text.clone()).expect("UTF-8");
        let lines = Metadata::parse_lines(&text, &handle.parse().expect("a handle")).expect("metadata");
        lines.iter().any(|line| match line {
            Metadata::EpochEndingBackup { manifest, .. }
            | Metadata::StateSnapshotBackup { manifest, .. }
            | Metadata::TransactionBackup { manifest, .. } => manifest.as_ref() == handle_of(files, name),
            _ => false,
        })
    });
    assert!(named, "no metadata line names {handle}");
    M::parse(json, &handle.parse().expect("a handle")).expect("by the rules")
}

fn handle_of<'a>(files: &'a Files, name: &str) -> &'a str {
    files.keys().find(|handle| handle.ends_with(name)).expect("there")
}

fn records(files: &Files, file: &FileHandle) -> Vec<Bytes> {
    let mut splitter = Splitter::new(MAX_RECORD);
    let runs = splitter.push(files[file.as_ref()].clone().into()).expect("records");
    assert!(splitter.is_between_records(), "{file} ends inside of a record");
    runs.iter().flat_map(|run| run.records().map(Bytes::copy_from_slice).collect::<Vec<_>>()).collect()
}

/// The waypoints, in text.
pub(crate) fn epoch_endings(files: &Files, chain: &Chain) -> Vec<String> {
    let backup: EpochEndingBackup = manifest(files, "epoch_ending.manifest");
    let records = backup.chunks.iter().flat_map(|chunk| records(files, &chunk.ledger_infos));
    let infos: Vec<_> = records.map(|record| LedgerInfoWithSignatures::decode(&record).expect("one")).collect();
    assert_eq!((backup.first_epoch, backup.last_epoch + 1), (0, chain.epoch()));
    assert_eq!(infos.len(), backup.waypoints.len());
    for (info, waypoint) in infos.iter().zip(&backup.waypoints) {
        assert_eq!(info.waypoint().expect("ends an epoch"), *waypoint);
    }
    for pair in infos.windows(2) {
        pair[1].verify(pair[0].next_epoch_state().expect("ends an epoch")).expect("signed");
    }
    backup.waypoints.iter().map(ToString::to_string).collect()
}

pub(crate) fn transactions(files: &Files, chain: &Chain) {
    let backup: TransactionBackup = manifest(files, "transaction.manifest");
    assert_eq!((backup.first_version, backup.last_version), (0, chain.last_version()));
    for chunk in &backup.chunks {
        let leaves: Vec<_> = records(files, &chunk.transactions)
            .iter()
            .map(|record| {
                let record = TransactionRecord::parse(chain.format(), record).expect("one");
                record.verify().expect("it hashes to its info");
                record.info.hash().expect("a hash")
            })
            .collect();
        assert_eq!(leaves.len() as u64, chunk.last_version + 1 - chunk.first_version);
        let proof: (TransactionAccumulatorRangeProof, LedgerInfoWithSignatures) =
            bcs::from_bytes(&files[chunk.proof.as_ref()]).expect("a proof");
        let root = proof.1.ledger_info().commit_info.executed_state_id;
        proof.0.verify(root, chunk.first_version, &leaves).expect("proven");
    }
}

pub(crate) fn state_snapshot(files: &Files, epoch: u64) {
    let backup: StateSnapshotBackup = manifest(files, "state.manifest");
    assert_eq!(backup.epoch, epoch);
    let proof: (TransactionInfoWithProof, LedgerInfoWithSignatures) =
        bcs::from_bytes(&files[backup.proof.as_ref()]).expect("a proof");
    proof.0.verify(proof.1.ledger_info(), backup.version).expect("proven");
    assert_eq!(proof.0.info.outcome().state_checkpoint_hash, Some(backup.root_hash));
    let mut tree = StateTree::default();
    for chunk in &backup.chunks {
        for record in records(files, &chunk.blobs) {
            tree.push(StateLeaf::of(&record).expect("an item")).expect("in order");
        }
        assert_eq!((tree.count(), tree.last().map(|leaf| leaf.key)), (chunk.last_idx + 1, Some(chunk.last_key)));
        let proof: SparseMerkleRangeProof = bcs::from_bytes(&files[chunk.proof.as_ref()]).expect("a proof");
        tree.verify(&proof, backup.root_hash).expect("proven");
    }
    assert_eq!(tree.root(), backup.root_hash);
}
