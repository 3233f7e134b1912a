//! Nodes that have pruned: told from nodes that are broken, or have not got so far.

use crate::node::{Fault, Ledger, Pruned};
use crate::records::{all_framed, state, transaction_record};
use crate::scene::{Scene, small};
use crate::storage::Trouble;
use sealift::{Error, ErrorKind};
use sealift_aptos::Options;

/// 50 transactions, and none before 20; ten epochs, and no state before the end of the sixth.
async fn scene() -> Scene {
    let pruned = Pruned { transactions: 20, states: 600 };
    Scene::with(Ledger { committed: 49, pruned, ..Ledger::new(state(23)) }).await
}

fn is_pruned(error: &Error, words: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word} is missing in: {error}");
    }
}

#[tokio::test]
async fn what_a_node_has_pruned_is_told_with_what_it_has() {
    let scene = scene().await;
    for (first, count) in [(0, 10), (5, 40), (19, 1)] {
        let error = scene.backups(small()).transactions(first, count).await.unwrap_err();
        is_pruned(&error, &[&format!("from version {first} on"), "none before version 20", &scene.node.address]);
    }
    scene.backups(small()).transactions(20, 10).await.unwrap();
    let error = scene.backups(small()).state_snapshot(4).await.unwrap_err();
    is_pruned(&error, &["the state at version 400", "the state at version 900"]);
    scene.backups(small()).state_snapshot(6).await.unwrap();
}

/// Pruned after the first look: the items are counted, and then gone.
#[tokio::test]
async fn so_it_is_in_the_midst_of_a_backup() {
    let scene = scene().await;
    scene.node.fail("state_item_count", Fault::Body(23u64.to_le_bytes().to_vec()));
    let error = scene.backups(small()).state_snapshot(4).await.unwrap_err();
    is_pruned(&error, &["the state at version 400", "the state at version 900"]);
    scene.nothing_is_known().await;
}

#[tokio::test]
async fn a_node_that_is_broken_has_pruned_nothing() {
    let scene = scene().await;
    // What it has not got to.
    let error = scene.backups(small()).transactions(45, 10).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Pruned, "{error}");
    // It serves none at all.
    let pruned = Pruned { transactions: 50, states: 901 };
    let broken = Scene::with(Ledger { committed: 49, pruned, ..Ledger::new(state(23)) }).await;
    for error in [
        broken.backups(small()).transactions(0, 10).await.unwrap_err(),
        broken.backups(small()).state_snapshot(4).await.unwrap_err(),
    ] {
        assert_ne!(error.kind(), ErrorKind::Pruned, "{error}");
    }
    // It fails for a while, and has what is asked for.
    for _ in 0..3 {
        scene.node.fail("transactions/30/", Fault::Status(500));
    }
    let error = scene.backups(small()).transactions(30, 5).await.unwrap_err();
    assert_eq!((error.kind(), scene.node.faults_left()), (ErrorKind::Service, 0), "{error}");
}

/// What is not served lies between what is, or is served when it is asked for again.
#[tokio::test]
async fn what_is_broken_in_the_middle_or_for_a_while_is_not_pruned() {
    let ledger = || Ledger { committed: 49, ..Ledger::new(state(23)) };
    let scene = Scene::with(Ledger { broken: 20..30, ..ledger() }).await;
    let error = scene.backups(small()).transactions(22, 5).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Pruned, "{error}");
    let scene = Scene::with(Ledger { broken: 400..401, ..ledger() }).await;
    let error = scene.backups(small()).state_snapshot(4).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Pruned, "{error}");

    // Three attempts, and the first look.
    let scene = self::scene().await;
    for _ in 0..4 {
        scene.node.fail("transactions/30/", Fault::Status(500));
    }
    let error = scene.backups(small()).transactions(30, 5).await.unwrap_err();
    assert_eq!((error.kind(), scene.node.faults_left()), (ErrorKind::Service, 0), "{error}");
    for _ in 0..3 {
        scene.node.fail("state_item_count/600", Fault::Status(500));
    }
    scene.node.fail("state_snapshot_chunk/600/", Fault::Status(500));
    let error = scene.backups(small()).state_snapshot(6).await.unwrap_err();
    assert_eq!((error.kind(), scene.node.faults_left()), (ErrorKind::Service, 0), "{error}");
}

#[tokio::test]
async fn what_storage_says_has_nothing_to_do_with_the_node() {
    let scene = scene().await;
    let records = all_framed(&(5..10).map(|version| transaction_record(version, &[0])).collect::<Vec<_>>());
    scene.node.fail("transactions/5/5", Fault::Body(records.clone()));
    scene.storage.fail("5-.chunk", Trouble::Unreachable);
    let error = scene.backups(small()).transactions(5, 5).await.unwrap_err();
    assert_eq!((error.kind(), scene.storage.troubles_left()), (ErrorKind::Unreachable, 0), "{error}");
    // What is pruned is told from where it is.
    scene.node.fail("transactions/5/5", Fault::Body(records));
    let one_chunk = Options { max_chunk_size: 10_000, ..small() };
    let error = scene.backups(one_chunk).transactions(5, 10).await.unwrap_err();
    is_pruned(&error, &["transactions from version 10 on", "none before version 20"]);
}
