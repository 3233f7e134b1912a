//! Backups that go well: every file byte for byte, manifests and metadata as text, and the order of files.

use crate::node::Ledger;
use crate::records::{
    ROOT, all_framed, chunked, ledger_info, ledger_info_record, range_proof, root_proof, state, state_proof,
    transaction_record,
};
use crate::scene::{CHUNK, Scene, small};
use sealift_aptos::chain::state_key_hash;
use sealift_aptos::manifest::{Manifest, TransactionBackup, TransactionFormat};
use sealift_aptos::{DbState, Options};
use std::collections::BTreeMap;

/// The files of the only backup by their names without the backup's, and the backup's name.
fn split(files: BTreeMap<String, Vec<u8>>) -> (String, BTreeMap<String, Vec<u8>>, BTreeMap<String, String>) {
    let (mut backup, mut group, mut metadata) = (String::new(), BTreeMap::new(), BTreeMap::new());
    for (file, content) in files {
        let (folder, name) = file.split_once('/').unwrap();
        match folder {
            "metadata" => {
                metadata.insert(name.to_owned(), String::from_utf8(content).unwrap());
            }
            folder => {
                assert!(backup.is_empty() || backup == folder, "{backup} {folder}");
                backup = folder.to_owned();
                group.insert(name.to_owned(), content);
            }
        }
    }
    (backup, group, metadata)
}

fn assert_suffixed(backup: &str, name: &str) {
    let suffix = backup.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).unwrap();
    assert!(suffix.len() == 4 && suffix.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{backup}");
}

#[tokio::test]
async fn epoch_endings_byte_for_byte() {
    let scene = Scene::new().await;
    // Two ledger infos fit in a chunk.
    let record = ledger_info_record(2).len() as u64;
    let options = Options { max_chunk_size: 2 * (record + 4), items_per_request: 2, ..small() };
    let done = scene.backups(options).epoch_ending(2, 7).await.unwrap();
    assert_eq!((done.chunks, done.sealed_before), (3, 0));

    let (backup, files, metadata) = split(scene.files().await);
    assert_suffixed(&backup, "epoch_ending_2-");
    let chunk = |epochs: std::ops::Range<u64>| all_framed(&epochs.map(ledger_info_record).collect::<Vec<_>>());
    let waypoints: Vec<String> =
        (2..7).map(|epoch| format!("\"{}\"", ledger_info(epoch).waypoint().unwrap())).collect();
    let chunks: Vec<String> = [(2, 3), (4, 5), (6, 6)]
        .map(|(first, last)| {
            format!(r#"{{"first_epoch":{first},"last_epoch":{last},"ledger_infos":"{backup}/{first}-.chunk"}}"#)
        })
        .to_vec();
    let manifest = format!(
        r#"{{"first_epoch":2,"last_epoch":6,"waypoints":[{}],"chunks":[{}]}}"#,
        waypoints.join(","),
        chunks.join(",")
    );
    let expected = BTreeMap::from([
        ("2-.chunk".to_owned(), chunk(2..4)),
        ("4-.chunk".to_owned(), chunk(4..6)),
        ("6-.chunk".to_owned(), chunk(6..7)),
        ("epoch_ending.manifest".to_owned(), manifest.into_bytes()),
    ]);
    assert_eq!(files, expected);
    let line = format!(
        "{{\"EpochEndingBackup\":{{\"first_epoch\":2,\"last_epoch\":6,\"first_version\":200,\"last_version\":600,\"manifest\":\"{backup}/epoch_ending.manifest\"}}}}\n"
    );
    assert_eq!(metadata, BTreeMap::from([("epoch_ending_2-6.meta".to_owned(), line)]));
    assert_eq!(scene.storage.take_sealed().last().unwrap(), "epoch_ending.manifest");
    assert_eq!(done.manifest.as_ref(), format!("{backup}/epoch_ending.manifest"));
    assert_eq!(done.metadata.as_ref(), "metadata/epoch_ending_2-6.meta");
}

#[tokio::test]
async fn transactions_byte_for_byte() {
    let scene = Scene::new().await;
    let records = Ledger::new(vec![]).transactions[3..20].to_vec();
    let max = 3 * (records[0].len() + 4) + 1;
    let done = scene.backups(Options { max_chunk_size: max as u64, ..small() }).transactions(3, 17).await.unwrap();
    assert_eq!((done.chunks, done.sealed_before), (6, 0));

    let (backup, files, metadata) = split(scene.files().await);
    assert_suffixed(&backup, "transaction_3-");
    let (mut expected, mut chunks) = (BTreeMap::new(), Vec::new());
    for (first, last, bytes) in chunked(&records, max) {
        let (first, last) = (first as u64 + 3, last as u64 + 3);
        expected.insert(format!("{first}-.chunk"), bytes);
        expected.insert(format!("{first}-{last}.proof"), range_proof(first, last));
        chunks.push(format!(
            r#"{{"first_version":{first},"last_version":{last},"transactions":"{backup}/{first}-.chunk","proof":"{backup}/{first}-{last}.proof","format":"V1"}}"#
        ));
    }
    let manifest = format!(r#"{{"first_version":3,"last_version":19,"chunks":[{}]}}"#, chunks.join(","));
    expected.insert("transaction.manifest".to_owned(), manifest.into_bytes());
    assert_eq!(files, expected);
    let line = format!(
        "{{\"TransactionBackup\":{{\"first_version\":3,\"last_version\":19,\"manifest\":\"{backup}/transaction.manifest\"}}}}\n"
    );
    assert_eq!(metadata, BTreeMap::from([("transaction_3-19.meta".to_owned(), line)]));
    let sealed = scene.storage.take_sealed();
    let at = |name: &str| sealed.iter().position(|file| file == name).unwrap();
    assert!(at("3-5.proof") < at("3-.chunk") && at("18-19.proof") < at("18-.chunk"), "{sealed:?}");
    assert_eq!(at("transaction.manifest"), sealed.len() - 1);
    let mut requests = scene.node.take_requests("transactions/");
    requests.sort();
    assert_eq!(requests, ["transactions/13/5", "transactions/18/2", "transactions/3/5", "transactions/8/5"]);
}

#[tokio::test]
async fn a_state_snapshot_byte_for_byte() {
    let scene = Scene::new().await;
    let items = state(23);
    let done = scene.backups(small()).state_snapshot(4).await.unwrap();

    let (backup, files, metadata) = split(scene.files().await);
    assert_suffixed(&backup, "state_epoch_4_ver_400");
    let (mut expected, mut chunks) = (BTreeMap::new(), Vec::new());
    for (first, last, bytes) in chunked(&items, CHUNK as usize) {
        let (first_key, last_key) = (state_key_hash(&items[first]).unwrap(), state_key_hash(&items[last]).unwrap());
        expected.insert(format!("{first}-.chunk"), bytes);
        expected.insert(format!("{first}-{last}.proof"), state_proof(&last_key));
        chunks.push(format!(
            r#"{{"first_idx":{first},"last_idx":{last},"first_key":"{first_key}","last_key":"{last_key}","blobs":"{backup}/{first}-.chunk","proof":"{backup}/{first}-{last}.proof"}}"#
        ));
    }
    assert!(chunks.len() > 4);
    assert_eq!((done.chunks, done.sealed_before), (chunks.len(), 0));
    let manifest = format!(
        r#"{{"version":400,"epoch":4,"root_hash":"{ROOT}","chunks":[{}],"proof":"{backup}/state.proof"}}"#,
        chunks.join(",")
    );
    expected.insert("state.manifest".to_owned(), manifest.into_bytes());
    expected.insert("state.proof".to_owned(), root_proof(4, Some(ROOT)));
    assert_eq!(files, expected);
    let line = format!(
        "{{\"StateSnapshotBackup\":{{\"epoch\":4,\"version\":400,\"manifest\":\"{backup}/state.manifest\"}}}}\n"
    );
    assert_eq!(metadata, BTreeMap::from([("state_snapshot_ver_400.meta".to_owned(), line)]));
    let opened = scene.storage.take_opened();
    assert_eq!(opened[opened.len() - 2..], ["state.proof", "state.manifest"]);
    assert_eq!(opened[0], "0-.chunk");
}

#[tokio::test]
async fn the_result_does_not_depend_on_how_it_is_fetched() {
    let mut results = Vec::new();
    for (items, requests, chunks, memory) in [(1, 1, 1, 1), (2, 8, 4, 1), (100_000, 8, 4, 1 << 20), (7, 2, 3, 50)] {
        let scene = Scene::new().await;
        let options = Options {
            items_per_request: items,
            concurrent_data_requests: requests,
            concurrent_chunks: chunks,
            read_ahead: memory,
            chunk_memory: memory,
            ..small()
        };
        scene.backups(options.clone()).state_snapshot(4).await.unwrap();
        scene.backups(options).transactions(0, 30).await.unwrap();
        results.push(scene.files().await);
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn the_form_of_transactions_is_told_from_them() {
    let v0: Vec<Vec<u8>> = (0..50).map(|version| transaction_record(version, &[])).collect();
    let unknown = vec![vec![0xff; 40]; 50];
    for (transactions, form) in [(v0, "V0"), (unknown, "V1")] {
        let scene = Scene::with(Ledger { transactions, ..Ledger::new(vec![]) }).await;
        scene.backups(small()).transactions(0, 3).await.unwrap();
        let manifest = String::from_utf8(scene.file("transaction.manifest").await).unwrap();
        assert!(manifest.contains(&format!(r#""format":"{form}""#)), "{manifest}");
    }
}

/// One node serves one form.
#[tokio::test]
async fn a_form_that_cannot_be_told_is_that_of_the_others_or_as_said() {
    let manifest = async |transactions: Vec<Vec<u8>>, said| {
        let scene = Scene::with(Ledger { transactions, ..Ledger::new(vec![]) }).await;
        let options = Options { transaction_format: said, max_chunk_size: 1, ..small() };
        scene.backups(options).transactions(0, 6).await.unwrap();
        let json = scene.file("transaction.manifest").await;
        let manifest = TransactionBackup::parse(&json, &"b/m".parse().unwrap()).unwrap();
        manifest.chunks.into_iter().map(|chunk| chunk.format).collect::<Vec<_>>()
    };
    let v0: Vec<Vec<u8>> = (0..50).map(|version| transaction_record(version, &[])).collect();
    for unknown in [0, 3, 5] {
        let mut transactions = v0.clone();
        transactions[unknown] = vec![0xff; 40];
        assert_eq!(manifest(transactions, TransactionFormat::V1).await, [TransactionFormat::V0; 6]);
    }
    let unknown = vec![vec![0xff; 40]; 50];
    for said in [TransactionFormat::V0, TransactionFormat::V1] {
        assert_eq!(manifest(unknown.clone(), said).await, [said; 6]);
    }
    assert_eq!(manifest(v0, TransactionFormat::V1).await, [TransactionFormat::V0; 6]);
}

#[tokio::test]
async fn the_database_state_of_older_and_newer_nodes() {
    let scene = Scene::new().await;
    let client = scene.client(crate::scene::quick());
    let at = DbState::At { epoch: 10, committed_version: 900 };
    assert_eq!(client.db_state().await.unwrap(), at);
    let newer = [&[1][..], &10u64.to_le_bytes(), &900u64.to_le_bytes(), &899u64.to_le_bytes()].concat();
    scene.node.fail("db_state", crate::node::Fault::Body(newer));
    assert_eq!(client.db_state().await.unwrap(), at);
    scene.node.fail("db_state", crate::node::Fault::Body(vec![0]));
    assert_eq!(client.db_state().await.unwrap(), DbState::Empty);
    scene.node.fail("db_state", crate::node::Fault::Body(b"<html>".to_vec()));
    let error = client.db_state().await.unwrap_err().to_string();
    assert!(error.contains("/db_state") && error.contains("no database state"), "{error}");
    assert_eq!(scene.node.faults_left(), 0);
}
