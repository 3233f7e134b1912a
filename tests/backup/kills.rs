//! SIGKILL at each border of a snapshot's chunks, and the run after it.

use crate::scene::{LAST_EPOCH, Storage, node};
use futures::stream::{self, StreamExt};
use sealift_node::{Chain, Endpoint, Match, Misbehaviour, Node};
use sealift_tests::cli::{command, run};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// The size of chunks that are fifty.
const FIFTY: u32 = 700;

/// The file that a handle names now: another one after it was written again.
fn inode(folder: &Path, handle: &str) -> u64 {
    std::fs::metadata(folder.join(handle)).expect("there").ino()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_chunk_a_snapshot_continues_and_is_the_same() {
    let node = node().await;
    let epoch = LAST_EPOCH.to_string();
    let arguments = ["state-snapshot", "--state-snapshot-epoch", &epoch];
    let whole = Storage::folder();
    let chunks = whole.backed_up(&node, FIFTY, &arguments).await.json()["chunks"].as_u64().expect("a number");
    assert!(chunks >= 50, "{chunks} chunks");
    let expected = whole.files().await;

    let chain = node.chain();
    let borders = (0..chunks as usize).map(|border| killed_at(border, Arc::clone(&chain), &expected));
    stream::iter(borders).buffer_unordered(4).collect::<Vec<()>>().await;
    node.shutdown().await;
}

async fn killed_at(border: usize, chain: Arc<Chain>, expected: &BTreeMap<String, Vec<u8>>) {
    let (node, storage) = (Node::start(chain).await, Storage::folder());
    let Storage::Folder(folder) = &storage else { panic!("a folder") };
    let epoch = LAST_EPOCH.to_string();
    let arguments = ["state-snapshot", "--state-snapshot-epoch", &epoch];
    // The proof of a chunk is asked for once the chunk is sealed.
    let held = node.on(Match::endpoint(Endpoint::StateRangeProof).after(border).times(1), Misbehaviour::Silence);
    let mut first = storage.backup(&node, FIFTY, &arguments).spawn().expect("starts");
    held.wait_fired(1).await;
    first.kill().await.expect("killed");
    held.release();
    let sealed: Vec<String> = storage.files().await.into_keys().filter(|handle| handle.ends_with(".chunk")).collect();
    assert!(sealed.len() > border, "{} chunks at border {border}", sealed.len());
    let inodes: Vec<u64> = sealed.iter().map(|handle| inode(folder.path(), handle)).collect();
    assert!(!folder.path().join("metadata").exists(), "nothing is known of it");

    let told = storage.backed_up(&node, FIFTY, &arguments).await.json();
    // Four are written at a time, so three may have been sealed behind one that was not.
    assert!(told["chunks_sealed_before"].as_u64().expect("a number") + 3 >= border as u64, "{border}: {told}");
    let again: Vec<u64> = sealed.iter().map(|handle| inode(folder.path(), handle)).collect();
    assert_eq!(again, inodes, "a sealed chunk was written again at border {border}");
    let mut sweep = command(["sweep", "--older-than", "0s", "--yes"]);
    sweep.arg("--storage=local-fs").arg("--local-fs-dir").arg(folder.path());
    run(sweep).await.expect_code(0);
    assert!(storage.files().await == *expected, "border {border}");
    node.shutdown().await;
}
