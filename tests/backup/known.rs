//! A run beside what the archive has: what would make it unrestorable is refused before any work, what is known stands or
//! is replaced by a line of its own.

use crate::scene::{LAST_EPOCH, MAX_CHUNK, Storage, node};
use crate::verify;
use hyper::Method;
use sealift_node::Node;
use sealift_tests::cli::{Ended, run};
use sealift_tests::cloud::{Cloud, Problem};
use sealift_tests::proxy::{FaultProxy, Head, Match};
use sealift_tests::s3::TestBucket;

const FIRST_TEN: [&str; 5] = ["transaction", "--start-version", "0", "--num_transactions", "10"];
const EPOCHS: [&str; 5] = ["epoch-ending", "--start-epoch", "0", "--end-epoch", "2"];

/// Whether the node was asked for what a backup holds.
fn records_asked(node: &Node) -> Vec<String> {
    let of_records = ["transactions/", "epoch_ending_ledger_infos/", "state_snapshot_chunk/"];
    node.requests().into_iter().filter(|path| of_records.iter().any(|records| path.starts_with(records))).collect()
}

/// Runs a backup that is refused, and has read and written nothing.
async fn refused(storage: &Storage, node: &Node, max_chunk: u32, arguments: &[&str], words: &[&str]) -> Ended {
    let (files, asked) = (storage.files().await, records_asked(node).len());
    let ended = run(storage.backup(node, max_chunk, arguments)).await.expect_code(5);
    for word in words {
        assert!(ended.stderr.contains(word), "{word} is missing in: {}", ended.stderr);
    }
    // The end of the epoch is asked for, to know which version a snapshot is of.
    let of_epoch = usize::from(arguments[0] == "state-snapshot");
    assert_eq!(records_asked(node).len(), asked + of_epoch, "{:?}", records_asked(node));
    assert!(storage.files().await == files, "{arguments:?} has changed the archive");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn what_overlaps_is_refused_before_any_work() {
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        let node = node().await;
        storage.backed_up(&node, MAX_CHUNK, &FIRST_TEN).await;
        storage.backed_up(&node, MAX_CHUNK, &EPOCHS).await;
        for (arguments, words) in [
            (
                ["transaction", "--start-version", "5", "--num_transactions", "10"],
                ["transactions 5 to 14", "transactions 0 to 9 (metadata/transaction_0-9.meta)", "--start-version 10"],
            ),
            (
                ["transaction", "--start-version", "0", "--num_transactions", "11"],
                ["transactions 0 to 10", "metadata/transaction_0-9.meta", "--start-version 10"],
            ),
            (
                ["epoch-ending", "--start-epoch", "1", "--end-epoch", "3"],
                ["epoch endings 1 to 2", "epoch endings 0 to 1 (metadata/epoch_ending_0-1.meta)", "--start-epoch 2"],
            ),
        ] {
            refused(&storage, &node, MAX_CHUNK, &arguments, &words).await;
        }
        // What comes after it is not an overlap.
        let rest = ["transaction", "--start-version", "10", "--num_transactions", "10"];
        storage.backed_up(&node, MAX_CHUNK, &rest).await;
        verify::transactions(&storage.files().await, &node.chain(), 19);
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_a_gap_is_made_and_told() {
    let (storage, node) = (Storage::folder(), node().await);
    storage.backed_up(&node, MAX_CHUNK, &FIRST_TEN).await;
    let later = ["transaction", "--start-version", "20", "--num_transactions", "5"];
    let told = storage.backed_up(&node, MAX_CHUNK, &later).await.stderr;
    assert!(told.contains("`backup transaction --start-version 10 --num_transactions 10` adds them"), "{told}");
    let closing = ["transaction", "--start-version", "10", "--num_transactions", "10"];
    let told = storage.backed_up(&node, MAX_CHUNK, &closing).await.stderr;
    assert!(!told.contains("missing"), "{told}");
    verify::transactions(&storage.files().await, &node.chain(), 24);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_made_again_under_another_name_unless_told_to() {
    let last = LAST_EPOCH.to_string();
    let snapshot = vec!["state-snapshot", "--state-snapshot-epoch", &last];
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        let node = node().await;
        for arguments in [&FIRST_TEN[..], &EPOCHS, &snapshot] {
            let first = storage.backed_up(&node, MAX_CHUNK, arguments).await.json();
            // The same again is the same.
            let again = storage.backed_up(&node, MAX_CHUNK, arguments).await.json();
            assert_eq!((&again["manifest"], &again["metadata"]), (&first["manifest"], &first["metadata"]));
            let line = first["metadata"].as_str().expect("a handle");
            let words = ["known already", line, "there is nothing to be done", "--replace"];
            let afresh = [arguments, &["--afresh"]].concat();
            refused(&storage, &node, MAX_CHUNK, &afresh, &words).await;
            // Chunks of another size are another backup.
            refused(&storage, &node, MAX_CHUNK + 1, arguments, &words).await;
        }
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replaced_keeps_its_line_aside() {
    for storage in [Storage::folder(), Storage::s3().await] {
        let node = node().await;
        for arguments in [&FIRST_TEN[..], &EPOCHS] {
            let first = storage.backed_up(&node, MAX_CHUNK, arguments).await.json();
            let before = storage.files().await;
            let old = first["metadata"].as_str().expect("a handle");
            let arguments = [arguments, &["--afresh", "--replace"]].concat();
            let second = storage.backed_up(&node, MAX_CHUNK, &arguments).await.json();
            let new = second["metadata"].as_str().expect("a handle");
            // Content under a handle never changes: caches of other tools would not see it.
            assert!(new != old && new.starts_with(old.trim_end_matches("meta")), "{old} {new}");
            let after = storage.files().await;
            let aside = old.replace("metadata/", "metadata_backup/");
            assert!(!after.contains_key(old) && after[&aside] == before[old], "{:?}", after.keys());
            let line = String::from_utf8(after[new].clone()).expect("text");
            assert!(line.contains(second["manifest"].as_str().expect("a handle")), "{line}");
        }
        // Several that are within the range, too.
        let rest = ["transaction", "--start-version", "10", "--num_transactions", "5"];
        storage.backed_up(&node, MAX_CHUNK, &rest).await;
        let all = ["transaction", "--start-version", "0", "--num_transactions", "20", "--replace"];
        storage.backed_up(&node, MAX_CHUNK, &all).await;
        let files = storage.files().await;
        let known = files.keys().filter(|file| file.starts_with("metadata/transaction")).count();
        assert_eq!(known, 1, "{:?}", files.keys());
        // But not one that goes beyond it.
        let some = ["transaction", "--start-version", "15", "--num_transactions", "10", "--replace"];
        refused(&storage, &node, MAX_CHUNK, &some, &["transactions 0 to 19"]).await;
        node.shutdown().await;
    }
}

/// Found out after the new line is saved, it would leave both.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_moved_away_is_not_replaced() {
    let (storage, node) = (Storage::commands(), node().await);
    storage.backed_up(&node, MAX_CHUNK, &FIRST_TEN).await;
    let (files, asked) = (storage.files().await, records_asked(&node).len());
    let replace = [&FIRST_TEN[..], &["--afresh", "--replace"]].concat();
    let told = run(storage.backup(&node, MAX_CHUNK, &replace)).await.expect_code(2).stderr;
    assert!(told.contains("no command backup_metadata_file"), "{told}");
    assert_eq!(records_asked(&node).len(), asked);
    assert!(storage.files().await == files);
    node.shutdown().await;
}

/// Nothing can be held against what may not be read; nor is it passed over in silence.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_write_may_back_up_and_is_told() {
    let (storage, node) = (Storage::s3().await, node().await);
    let Storage::S3(bucket) = &storage else { panic!("a bucket") };
    let proxy = FaultProxy::start(bucket.endpoint()).await;
    let reads = Match::new(|head: &Head<'_>| [Method::GET, Method::HEAD].contains(head.method()));
    let refused = proxy.on(reads, TestBucket::problem(Problem::Denied));
    let mut command = storage.backup(&node, MAX_CHUNK, &FIRST_TEN);
    command.arg("--conditional-writes=honoured").envs(TestBucket::variables(&proxy.endpoint()));
    let told = run(command).await.expect_code(0).stderr;
    assert!(told.contains("whether the archive has some of it already") && refused.fired() > 1, "{told}");
    assert!(told.contains("metadata/transaction_0-9.meta was saved, and cannot be read"), "{told}");
    verify::transactions(&storage.files().await, &node.chain(), 9);

    // What was there already is not taken for what was to be saved.
    let (files, limited) = (storage.files().await, |more: &[&str]| {
        let mut command = storage.backup(&node, MAX_CHUNK, &FIRST_TEN);
        command.args(more).arg("--conditional-writes=honoured").envs(TestBucket::variables(&proxy.endpoint()));
        command
    });
    let told = run(limited(&["--afresh"])).await.expect_code(5).stderr;
    assert!(told.contains("metadata/transaction_0-9.meta") && told.contains("cannot be read to see"), "{told}");
    // Nor can be replaced what cannot be seen.
    let asked = records_asked(&node).len();
    let told = run(limited(&["--replace"])).await.expect_code(4).stderr;
    assert!(told.contains("--replace needs credentials"), "{told}");
    assert_eq!(records_asked(&node).len(), asked);
    let known = |handle: &&String| handle.starts_with("metadata");
    assert!(storage.files().await.keys().filter(known).eq(files.keys().filter(known)));
    proxy.shutdown().await;
    node.shutdown().await;
}
