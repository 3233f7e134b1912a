//! Each place where a file is written, failing: the backup says where, is not known, and the next run succeeds.

use crate::scene::{Scene, small};
use crate::storage::Trouble;
use sealift::{ErrorKind, Result};
use sealift_aptos::{BackedUp, Options};

#[derive(Debug, Clone, Copy)]
enum Backup {
    EpochEnding,
    Transaction,
    StateSnapshot,
}

async fn run(scene: &Scene, backup: Backup) -> Result<BackedUp> {
    let backups = scene.backups(Options { max_chunk_size: 300, ..small() });
    match backup {
        Backup::EpochEnding => backups.epoch_ending(3, 6).await,
        Backup::Transaction => backups.transactions(10, 9).await,
        Backup::StateSnapshot => backups.state_snapshot(5).await,
    }
}

/// The nine sites: the file, and what the error has to name beside it.
const SITES: [(Backup, &str, &[&str]); 9] = [
    (Backup::EpochEnding, "4-.chunk", &["the chunk of epoch endings from epoch 4"]),
    (Backup::EpochEnding, "epoch_ending.manifest", &["the manifest of epoch endings 3 to 5"]),
    (Backup::Transaction, "12-13.proof", &["the proof of the chunk of transactions 12 to 13"]),
    (Backup::Transaction, "12-.chunk", &["the chunk of transactions ", "12"]),
    (Backup::Transaction, "transaction.manifest", &["the manifest of transactions 10 to 18"]),
    (Backup::StateSnapshot, "0-.chunk", &["the chunk of state items from 0 on", "version 500", "epoch 5"]),
    (Backup::StateSnapshot, "FIRST.proof", &["the proof of the chunk of state items 0 to", "version 500", "epoch 5"]),
    (Backup::StateSnapshot, "state.proof", &["the proof of the state's root at version 500, the end of epoch 5"]),
    (Backup::StateSnapshot, "state.manifest", &["the manifest of the state at version 500, the end of epoch 5"]),
];

/// The name of the first chunk's proof depends on the sizes of items.
async fn named(site: &str) -> String {
    match site {
        "FIRST.proof" => {
            let scene = Scene::new().await;
            run(&scene, Backup::StateSnapshot).await.unwrap();
            let opened = scene.storage.take_opened();
            opened.into_iter().find(|name| name.starts_with("0-") && name.ends_with(".proof")).unwrap()
        }
        site => site.to_owned(),
    }
}

async fn fails_at(backup: Backup, site: &str, trouble: Trouble, operation: &str, words: &[&str]) {
    let (scene, file) = (Scene::new().await, named(site).await);
    scene.storage.fail(&file, trouble);
    let error = run(&scene, backup).await.expect_err(site).to_string();
    assert_eq!(scene.storage.troubles_left(), 0, "{site}");
    assert!(error.starts_with(operation), "{error}");
    for word in words.iter().copied().chain([format!("/{file}").as_str(), "the disk is on fire"]) {
        assert!(error.contains(word), "{word} is missing in: {error}");
    }
    scene.nothing_is_known().await;
    let files = scene.files().await;
    assert!(!files.keys().any(|name| name.ends_with(&format!("/{file}"))), "{file} in {:?}", files.keys());
    assert!(!files.keys().any(|name| name.starts_with(".sealift-tmp")), "{:?}", files.keys());

    let done = run(&scene, backup).await.unwrap();
    let files = scene.files().await;
    assert!(files.contains_key(done.manifest.as_ref()) && files.contains_key(done.metadata.as_ref()));
}

#[tokio::test]
async fn a_shutdown_that_fails_fails_the_backup_at_each_of_the_nine_sites() {
    for (backup, site, words) in SITES {
        fails_at(backup, site, Trouble::AtShutdown, "seal ", words).await;
    }
}

#[tokio::test]
async fn so_does_a_write() {
    for (backup, site, words) in SITES {
        fails_at(backup, site, Trouble::AtWrite, "write ", words).await;
    }
}

#[tokio::test]
async fn so_does_a_file_that_cannot_be_opened() {
    for (backup, site, words) in SITES {
        fails_at(backup, site, Trouble::AtCreate, "open ", words).await;
    }
}

#[tokio::test]
async fn so_does_the_metadata_line() {
    for backup in [Backup::EpochEnding, Backup::Transaction, Backup::StateSnapshot] {
        let scene = Scene::new().await;
        scene.storage.fail("metadata", Trouble::AtCreate);
        let error = run(&scene, backup).await.unwrap_err();
        assert_eq!((scene.storage.troubles_left(), error.kind()), (0, ErrorKind::Denied));
        assert!(error.to_string().contains("the metadata line of "), "{error}");
        scene.nothing_is_known().await;
        run(&scene, backup).await.unwrap();
    }
}

#[tokio::test]
async fn what_asks_for_nothing_is_refused() {
    let backups = Scene::new().await.backups(small());
    for error in [
        backups.epoch_ending(5, 5).await.unwrap_err(),
        backups.epoch_ending(6, 5).await.unwrap_err(),
        backups.transactions(5, 0).await.unwrap_err(),
        backups.transactions(u64::MAX, 1).await.unwrap_err(),
        backups.state_snapshot(u64::MAX).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    }
}
