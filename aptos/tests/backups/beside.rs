//! Backups beside what the archive has, and what other runs make known meanwhile.

use crate::node::Fault;
use crate::scene::{Scene, small};
use crate::storage::Trouble;
use sealift::ErrorKind;
use sealift_aptos::{Backups, Continue, Known, Options, Replace};
use std::num::NonZeroUsize;

async fn beside(scene: &Scene, options: Options) -> Backups {
    let known = Known::read(scene.storage.as_ref(), NonZeroUsize::MIN).await.unwrap();
    scene.backups(options).beside(known)
}

#[tokio::test]
async fn what_another_run_makes_known_meanwhile_is_not_overlapped() {
    let scene = Scene::new().await;
    let backups = beside(&scene, small()).await;
    // Both have looked, and found nothing.
    scene.backups(small()).transactions(0, 10).await.unwrap();
    scene.storage.take_sealed();
    let error = backups.transactions(5, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    for words in ["transactions 5 to 14", "transactions 0 to 9 (metadata/transaction_0-9.meta)", "--start-version 10"] {
        assert!(error.to_string().contains(words), "{words} is missing in: {error}");
    }
    let files = scene.files().await;
    assert!(!files.contains_key("metadata/transaction_5-14.meta"), "{:?}", files.keys());
    // Its chunks are there, for the run that may be made once the other line is away.
    assert!(scene.storage.take_sealed().contains(&"5-.chunk".to_owned()));
}

/// Without a look at the archive, too: storage keeps a metadata file that exists.
#[tokio::test]
async fn a_line_that_does_not_stand_is_an_error() {
    let scene = Scene::new().await;
    let first = scene.backups(small()).state_snapshot(4).await.unwrap();
    let line = scene.files().await[first.metadata.as_ref()].clone();
    for other in [Options { sealed_chunks: Continue::Afresh, ..small() }, Options { max_chunk_size: 1000, ..small() }] {
        let error = scene.backups(other).state_snapshot(4).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert!(error.to_string().contains("metadata/state_snapshot_ver_400.meta"), "{error}");
        assert_eq!(scene.files().await[first.metadata.as_ref()], line);
    }
    // What is to be replaced cannot be told without that look.
    let replace = Options { max_chunk_size: 1000, replace: Replace::Known, ..small() };
    let error = scene.backups(replace).state_snapshot(4).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
}

/// Nothing is known of what is in it, so the backup may be known to nobody.
#[tokio::test]
async fn a_file_that_was_there_and_cannot_be_read_is_an_error() {
    let scene = Scene::new().await;
    let first = scene.backups(small()).transactions(0, 10).await.unwrap();
    scene.storage.fail("transaction_0-9.meta", Trouble::Unreadable);
    let afresh = Options { sealed_chunks: Continue::Afresh, ..small() };
    let error = scene.backups(afresh).transactions(0, 10).await.unwrap_err();
    assert_eq!((error.kind(), scene.storage.troubles_left()), (ErrorKind::AlreadyExists, 0), "{error}");
    assert!(error.to_string().contains(first.metadata.as_ref()), "{error}");
}

#[tokio::test]
async fn a_file_cut_short_by_another_tool_is_not_taken_for_a_line() {
    let scene = Scene::new().await;
    std::fs::create_dir(scene.path("metadata")).unwrap();
    let file = scene.path("metadata/transaction_0-9.meta");
    std::fs::write(&file, r#"{"TransactionBackup":{"first_ver"#).unwrap();
    let error = scene.backups(small()).transactions(0, 10).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("line 1"), "{error}");
}

/// An empty file, too: other tools have read it, and do not read it again.
#[tokio::test]
async fn what_a_metadata_file_holds_never_changes() {
    for other in ["", r#"{"TransactionBackup":{"first_version":50,"last_version":59,"manifest":"b/m"}}"#] {
        let scene = Scene::new().await;
        std::fs::create_dir(scene.path("metadata")).unwrap();
        std::fs::write(scene.path("metadata/transaction_0-9.meta"), other).unwrap();
        for backups in [scene.backups(small()), beside(&scene, small()).await] {
            let made = backups.transactions(0, 10).await.unwrap();
            assert_ne!(made.metadata.as_ref(), "metadata/transaction_0-9.meta");
            let files = scene.files().await;
            assert_eq!(files["metadata/transaction_0-9.meta"], other.as_bytes());
            assert!(!files.keys().any(|file| file.starts_with("metadata_backup/")), "{:?}", files.keys());
            let line = String::from_utf8(files[made.metadata.as_ref()].clone()).unwrap();
            assert!(line.contains(made.manifest.as_ref()), "{line}");
        }
        assert_eq!(scene.files().await.keys().filter(|file| file.starts_with("metadata/")).count(), 2);
    }
}

#[tokio::test]
async fn a_line_that_is_known_is_not_saved_under_another_name() {
    let scene = Scene::new().await;
    let afresh = Options { sealed_chunks: Continue::Afresh, ..small() };
    scene.backups(afresh).transactions(0, 10).await.unwrap();
    let replace = Options { replace: Replace::Known, ..small() };
    let second = beside(&scene, replace.clone()).await.transactions(0, 10).await.unwrap();
    let files = scene.files().await;
    for options in [small(), replace] {
        let again = beside(&scene, options).await.transactions(0, 10).await.unwrap();
        assert_eq!((&again.manifest, &again.metadata), (&second.manifest, &second.metadata));
        assert_eq!(scene.files().await, files);
    }
}

#[tokio::test]
async fn lines_that_cannot_be_moved_away_are_told_and_moved_by_the_next_run() {
    let scene = Scene::new().await;
    let afresh = Options { sealed_chunks: Continue::Afresh, ..small() };
    let olds = [(0, 4), (4, 6)];
    for (first, count) in olds {
        scene.backups(afresh.clone()).transactions(first, count).await.unwrap();
    }
    for _ in olds {
        scene.storage.fail("metadata_backup", Trouble::AtCreate);
    }
    let replace = Options { replace: Replace::Known, ..small() };
    let error = beside(&scene, replace.clone()).await.transactions(0, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    for name in ["transaction_0-3.meta", "transaction_4-9.meta"] {
        let command = format!("`sealift mv metadata/{name} metadata_backup/{name}`");
        assert!(error.to_string().contains(&command), "{error}");
    }
    let known = async || {
        let files = scene.files().await;
        files.into_keys().filter(|file| file.starts_with("metadata/")).collect::<Vec<_>>()
    };
    // Nothing is lost meanwhile.
    assert_eq!(known().await.len(), 3);
    let made = beside(&scene, replace).await.transactions(0, 10).await.unwrap();
    assert_eq!(known().await, [made.metadata.as_ref()]);
}

#[tokio::test]
async fn what_was_moved_away_before_is_not_replaced() {
    let scene = Scene::new().await;
    scene.backups(small()).transactions(0, 10).await.unwrap();
    std::fs::create_dir(scene.path("metadata_backup")).unwrap();
    std::fs::write(scene.path("metadata_backup/transaction_0-9.meta"), "another\n").unwrap();
    let (files, _) = (scene.files().await, scene.node.take_requests(""));
    let options = Options { sealed_chunks: Continue::Afresh, replace: Replace::Known, ..small() };
    let error = beside(&scene, options).await.transactions(0, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("sealift mv metadata_backup/transaction_0-9.meta"), "{error}");
    assert_eq!((scene.files().await, scene.node.take_requests("")), (files, Vec::new()));
}

#[tokio::test]
async fn a_line_among_others_is_not_moved_away_with_them() {
    let scene = Scene::new().await;
    scene.backups(small()).transactions(0, 5).await.unwrap();
    scene.backups(small()).transactions(5, 5).await.unwrap();
    let (one, other) = ("metadata/transaction_0-4.meta", "metadata/transaction_5-9.meta");
    let files = scene.files().await;
    std::fs::write(scene.path("metadata/transaction_compacted_0-9.meta"), [&files[one][..], &files[other]].concat())
        .unwrap();
    std::fs::remove_file(scene.path(one)).unwrap();
    let options = Options { sealed_chunks: Continue::Afresh, replace: Replace::Known, ..small() };
    for (first, other) in [(0, "transaction_compacted_0-9.meta"), (5, "transaction_compacted_0-9.meta")] {
        let before = scene.files().await;
        let error = beside(&scene, options.clone()).await.transactions(first, 5).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains(&format!("{other} does not hold it any more")), "{error}");
        assert_eq!(scene.files().await, before);
    }
}

#[tokio::test]
async fn what_is_replaced_stays_known_until_the_new_backup_is_whole() {
    let scene = Scene::new().await;
    let first = scene.backups(small()).transactions(0, 10).await.unwrap();
    let options = Options { sealed_chunks: Continue::Afresh, replace: Replace::Known, ..small() };
    for _ in 0..3 {
        scene.node.fail("transaction_range_proof", Fault::Status(400));
    }
    beside(&scene, options.clone()).await.transactions(0, 10).await.unwrap_err();
    assert!(scene.files().await.contains_key(first.metadata.as_ref()));
    while scene.node.faults_left() > 0 {
        let _ = beside(&scene, options.clone()).await.transactions(0, 10).await;
    }
    let second = beside(&scene, options).await.transactions(0, 10).await.unwrap();
    let files = scene.files().await;
    assert!(!files.contains_key(first.metadata.as_ref()));
    assert!(files.contains_key(first.metadata.as_ref().replace("metadata/", "metadata_backup/").as_str()));
    let known = String::from_utf8(files[second.metadata.as_ref()].clone()).unwrap();
    assert!(known.contains(second.manifest.as_ref()), "{known}");
}

/// A list may be behind, or a compactor ahead.
#[tokio::test]
async fn a_metadata_file_that_is_listed_and_not_there_is_looked_for_again() {
    let scene = Scene::new().await;
    let made = scene.backups(small()).transactions(0, 10).await.unwrap();
    let read = async || Known::read(scene.storage.as_ref(), NonZeroUsize::MIN).await;
    for _ in 0..3 {
        scene.storage.fail("transaction_0-9.meta", Trouble::Unseen);
    }
    assert_eq!(read().await.unwrap().last_version(), Some(made.last_version));
    assert_eq!(scene.storage.troubles_left(), 0);
    // Not for ever.
    for _ in 0..5 {
        scene.storage.fail("transaction_0-9.meta", Trouble::Unseen);
    }
    assert_eq!(read().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(scene.storage.troubles_left(), 0);
    // What is there and is no metadata stays an error, an empty line too.
    for text in ["text\n", "\n"] {
        std::fs::write(scene.path("metadata/other.meta"), text).unwrap();
        let error = read().await.unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("metadata/other.meta"), "{error}");
    }
}
