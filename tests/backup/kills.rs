//! SIGKILL at each border of a snapshot's chunks, and the run after it.

use crate::scene::{LAST_EPOCH, Storage, node};
use sealift_node::{Endpoint, Match, Misbehaviour};
use sealift_tests::cli::{command, run};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The size of chunks that are fifty.
const FIFTY: u32 = 700;

/// The file that a handle names now: another one after it was written again.
fn inode(folder: &Path, handle: &str) -> u64 {
    std::fs::metadata(folder.join(handle)).expect("there").ino()
}

fn sealed(files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    files.keys().filter(|handle| handle.ends_with(".chunk")).cloned().collect()
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

    for border in 0..chunks as usize {
        let storage = Storage::folder();
        let Storage::Folder(folder) = &storage else { panic!("a folder") };
        // The proof of a chunk is asked for once the chunk is sealed.
        let held = node.on(Match::endpoint(Endpoint::StateRangeProof).after(border).times(1), Misbehaviour::Silence);
        let mut first = storage.backup(&node, FIFTY, &arguments).spawn().expect("starts");
        held.wait_fired(1).await;
        first.kill().await.expect("killed");
        held.release();
        let before = storage.files().await;
        let sealed = sealed(&before);
        assert!(sealed.len() > border, "{} chunks at border {border}", sealed.len());
        assert!(!before.keys().any(|handle| handle.starts_with("metadata/")), "nothing is known of it");
        let inodes: Vec<u64> = sealed.iter().map(|handle| inode(folder.path(), handle)).collect();

        let told = storage.backed_up(&node, FIFTY, &arguments).await.json();
        assert!(told["chunks_sealed_before"].as_u64().expect("a number") >= border as u64, "{border}: {told}");
        let again: Vec<u64> = sealed.iter().map(|handle| inode(folder.path(), handle)).collect();
        assert_eq!(again, inodes, "a sealed chunk was written again at border {border}");
        let mut sweep = command(["sweep", "--older-than", "0s", "--yes"]);
        sweep.arg("--storage=local-fs").arg("--local-fs-dir").arg(folder.path());
        run(sweep).await.expect_code(0);
        assert!(storage.files().await == expected, "border {border}");
    }
    node.shutdown().await;
}
