//! `sealift backup query`: the lines of aptos-db-tool, which scripts read by a pattern.

use crate::scene::{LAST_EPOCH, MAX_CHUNK, Storage, chain, node};
use sealift_node::{DbStateForm, Node};
use sealift_tests::cli::{self, run};
use serde_json::json;

const STORAGE_STATE: [&str; 3] = ["backup", "query", "backup-storage-state"];

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_an_archive_is_one_line_and_nothing_is_written() {
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        let node = node().await;
        let asked = run(storage.command(&STORAGE_STATE)).await.expect_code(0);
        assert_eq!(
            asked.text(),
            "latest_epoch_ending_epoch: none, latest_state_snapshot_epoch: none, latest_state_snapshot_version: none, \
             latest_transaction_version: none\n"
        );
        assert!(asked.stderr.contains("there is no metadata file"), "{}", asked.stderr);
        assert!(storage.files().await.is_empty());

        storage.backed_up(&node, MAX_CHUNK, &["transaction", "--start-version", "0", "--num_transactions", "7"]).await;
        let snapshot = ["state-snapshot", "--state-snapshot-epoch", "1"];
        let version = storage.backed_up(&node, MAX_CHUNK, &snapshot).await.json()["last_version"].clone();
        let files = storage.files().await;
        let asked = run(storage.command(&STORAGE_STATE)).await.expect_code(0);
        assert_eq!(
            asked.text(),
            format!(
                "latest_epoch_ending_epoch: none, latest_state_snapshot_epoch: 1, latest_state_snapshot_version: \
                 {version}, latest_transaction_version: 6\n"
            )
        );
        assert!(asked.stderr.is_empty(), "{}", asked.stderr);

        // The options of aptos-db-tool, and for programs.
        storage.backed_up(&node, MAX_CHUNK, &["epoch-ending", "--start-epoch", "0", "--end-epoch", "3"]).await;
        let options = ["--metadata-cache-dir", "/nowhere", "--concurrent-downloads", "2", "--json"];
        let asked = run(storage.command(&[&STORAGE_STATE[..], &options].concat())).await.expect_code(0);
        let expected = json!({
            "latest_epoch_ending_epoch": 2,
            "latest_state_snapshot_epoch": 1,
            "latest_state_snapshot_version": version,
            "latest_transaction_version": 6,
        });
        assert_eq!(asked.json(), expected);
        assert!(!storage.files().await.keys().any(|file| file.contains("identity")));
        assert_eq!(files.len() + 4, storage.files().await.len(), "a backup of epoch endings is four files here");
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_node_is_one_line_and_needs_no_storage() {
    let last = chain(LAST_EPOCH).last_version();
    let at = format!("epoch: {}, committed_version: {last}\n", LAST_EPOCH + 1);
    for (form, line, value) in [
        (DbStateForm::Committed, &at[..], json!({ "epoch": LAST_EPOCH + 1, "committed_version": last })),
        (DbStateForm::CommittedAndSynced, &at, json!({ "epoch": LAST_EPOCH + 1, "committed_version": last })),
        (DbStateForm::NotBootstrapped, "DB not bootstrapped.\n", json!({ "epoch": null, "committed_version": null })),
    ] {
        let node = Node::start(chain(LAST_EPOCH).with_db_state(form)).await;
        let address = node.endpoint();
        let query = ["backup", "query", "node-state", "--backup-service-address", &address];
        assert_eq!(run(cli::command(query)).await.expect_code(0).text(), line);
        let asked = run(cli::command([&query[..], &["--json"]].concat())).await.expect_code(0);
        assert_eq!(asked.json(), value);
        node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_there_is_an_error_without_a_line() {
    let query = ["backup", "query", "node-state", "--backup-service-address", "http://127.0.0.1:1"];
    let asked = run(cli::command(query)).await.expect_code(6);
    assert!(asked.stdout.is_empty() && asked.stderr.contains("127.0.0.1:1"), "{asked:?}");
}
