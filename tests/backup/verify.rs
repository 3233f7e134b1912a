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

/// The manifests of this name, each of which a metadata line names.
fn manifests<M: Manifest>(files: &Files, name: &str) -> Vec<M> {
    let known = known(files);
    let manifests = files.iter().filter(|(handle, _)| handle.ends_with(name)).map(|(handle, json)| {
        assert!(known.contains(handle), "no metadata line names {handle}");
        M::parse(json, &handle.parse().expect("a handle")).expect("by the rules")
    });
    manifests.collect()
}

/// The manifests that metadata lines name.
fn known(files: &Files) -> Vec<String> {
    let metadata = files.iter().filter(|(handle, _)| handle.starts_with("metadata/")).flat_map(|(handle, text)| {
        let text = String::from_utf8(text.clone()).expect("UTF-8");
        Metadata::parse_lines(&text, &handle.parse().expect("a handle")).expect("metadata")
    });
    let manifests = metadata.filter_map(|line| match line {
        Metadata::EpochEndingBackup { manifest, .. }
        | Metadata::StateSnapshotBackup { manifest, .. }
        | Metadata::TransactionBackup { manifest, .. } => Some(manifest.to_string()),
        _ => None,
    });
    manifests.inspect(|manifest| assert!(files.contains_key(manifest), "{manifest} is named and not there")).collect()
}

fn records(files: &Files, file: &FileHandle) -> Vec<Bytes> {
    let mut splitter = Splitter::new(MAX_RECORD);
    let runs = splitter.push(files[file.as_ref()].clone().into()).expect("records");
    assert!(splitter.is_between_records(), "{file} ends inside of a record");
    runs.iter().flat_map(|run| run.records().map(Bytes::copy_from_slice).collect::<Vec<_>>()).collect()
}

/// The waypoints of all epochs that have ended, in text.
pub(crate) fn epoch_endings(files: &Files, chain: &Chain) -> Vec<String> {
    let mut backups: Vec<EpochEndingBackup> = manifests(files, "/epoch_ending.manifest");
    backups.sort_by_key(|backup| backup.first_epoch);
    let chunks = backups.iter().flat_map(|backup| &backup.chunks);
    let records = chunks.flat_map(|chunk| records(files, &chunk.ledger_infos));
    let infos: Vec<_> = records.map(|record| LedgerInfoWithSignatures::decode(&record).expect("one")).collect();
    let waypoints: Vec<_> = backups.iter().flat_map(|backup| &backup.waypoints).collect();
    assert_eq!((infos.len() as u64, waypoints.len() as u64), (chain.epoch(), chain.epoch()));
    for (epoch, (info, waypoint)) in infos.iter().zip(&waypoints).enumerate() {
        assert_eq!((info.epoch(), info.waypoint().expect("ends an epoch")), (epoch as u64, **waypoint));
    }
    for pair in infos.windows(2) {
        pair[1].verify(pair[0].next_epoch_state().expect("ends an epoch")).expect("signed");
    }
    waypoints.iter().map(ToString::to_string).collect()
}

/// All transactions up to `last`.
pub(crate) fn transactions(files: &Files, chain: &Chain, last: u64) {
    let mut backups: Vec<TransactionBackup> = manifests(files, "/transaction.manifest");
    backups.sort_by_key(|backup| backup.first_version);
    let mut next = 0;
    for chunk in backups.iter().flat_map(|backup| &backup.chunks) {
        assert_eq!(chunk.first_version, next);
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
        next = chunk.last_version + 1;
    }
    assert_eq!(next, last + 1);
}

/// The state at the end of each of these epochs.
pub(crate) fn state_snapshots(files: &Files, epochs: &[u64]) {
    let mut backups: Vec<StateSnapshotBackup> = manifests(files, "/state.manifest");
    backups.sort_by_key(|backup| backup.epoch);
    assert_eq!(backups.iter().map(|backup| backup.epoch).collect::<Vec<_>>(), epochs);
    backups.iter().for_each(|backup| state_snapshot(files, backup));
}

fn state_snapshot(files: &Files, backup: &StateSnapshotBackup) {
    let proof: (TransactionInfoWithProof, LedgerInfoWithSignatures) =
        bcs::from_bytes(&files[backup.proof.as_ref()]).expect("a proof");
    proof.0.verify(proof.1.ledger_info(), backup.version).expect("proven");
    assert_eq!((proof.1.epoch(), proof.0.info.outcome().state_checkpoint_hash), (backup.epoch, Some(backup.root_hash)));
    let mut tree = StateTree::default();
    for chunk in &backup.chunks {
        for record in records(files, &chunk.blobs) {
            tree.push(StateLeaf::of(&record).expect("an item")).expect("in order");
        }
        assert_eq!((tree.count(), tree.last_key()), (chunk.last_idx + 1, Some(chunk.last_key)));
        let proof: SparseMerkleRangeProof = bcs::from_bytes(&files[chunk.proof.as_ref()]).expect("a proof");
        tree.verify(&proof, backup.root_hash).expect("proven");
    }
    assert_eq!(tree.root(), backup.root_hash);
}
