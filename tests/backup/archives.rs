//! The same node backed up into three kinds of storage: the same archive.

use crate::scene::{LAST_EPOCH, MAX_CHUNK, Storage, node};
use crate::verify;
use sealift_aptos::chain::RecordFormat;
use sealift_node::{Chain, Node};
use std::collections::BTreeMap;
use std::path::PathBuf;

async fn all_three(storage: &Storage, node: &Node) -> BTreeMap<String, Vec<u8>> {
    let (chain, last) = (node.chain(), LAST_EPOCH.to_string());
    let (end, count) = ((LAST_EPOCH + 1).to_string(), (chain.last_version() + 1).to_string());
    for arguments in [
        vec!["epoch-ending", "--start-epoch", "0", "--end-epoch", &end],
        vec!["transaction", "--start-version", "0", "--num_transactions", &count],
        vec!["state-snapshot", "--state-snapshot-epoch", &last],
    ] {
        let told = storage.backed_up(node, MAX_CHUNK, &arguments).await.json();
        assert!(told["chunks"].as_u64().expect("a number") > 1, "{told}");
        assert_eq!(told["chunks_sealed_before"], 0);
    }
    storage.files().await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_storages_hold_the_same_archive_and_it_proves_itself() {
    let node = node().await;
    let in_folder = all_three(&Storage::folder(), &node).await;
    let in_bucket = all_three(&Storage::s3().await, &node).await;
    let by_commands = all_three(&Storage::commands(), &node).await;
    assert_eq!(in_folder.keys().collect::<Vec<_>>(), in_bucket.keys().collect::<Vec<_>>());
    assert_eq!(in_folder.keys().collect::<Vec<_>>(), by_commands.keys().collect::<Vec<_>>());
    for (handle, data) in &in_folder {
        assert!(*data == in_bucket[handle] && *data == by_commands[handle], "{handle}");
    }

    verify::epoch_endings(&in_folder, &node.chain());
    verify::transactions(&in_folder, &node.chain(), node.chain().last_version());
    verify::state_snapshots(&in_folder, &[LAST_EPOCH]);
    node.shutdown().await;
}

/// Mainnet's genesis, from a node that has nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn mainnets_genesis_comes_through() {
    let folder = match std::env::var_os("SEALIFT_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let (Ok(blob), Ok(waypoint)) = (
        std::fs::read(folder.join("mainnet-genesis.blob")),
        std::fs::read_to_string(folder.join("mainnet-genesis-waypoint.txt")),
    ) else {
        println!("skipped: {} does not hold mainnet's genesis; SEALIFT_DATA can name another folder", folder.display());
        return;
    };
    let node = Node::start(Chain::from_genesis(&blob, RecordFormat::V1)).await;
    let storage = Storage::folder();
    storage.backed_up(&node, 100_000, &["epoch-ending", "--start-epoch", "0", "--end-epoch", "1"]).await;
    storage.backed_up(&node, 100_000, &["transaction", "--start-version", "0", "--num_transactions", "1"]).await;
    storage.backed_up(&node, 100_000, &["state-snapshot", "--state-snapshot-epoch", "0"]).await;
    let files = storage.files().await;
    assert_eq!(verify::epoch_endings(&files, &node.chain()), [waypoint.trim()]);
    verify::transactions(&files, &node.chain(), 0);
    verify::state_snapshots(&files, &[0]);
    node.shutdown().await;
}
