//! Memory: what `--memory` allows and what a process needs anyway, whatever the size of the state, of chunks or of
//! transactions.

use crate::scene::{LAST_EPOCH, Storage, chain};
use sealift_aptos::MAX_CHUNK_SIZE;
use sealift_node::{Chain, Node, Recipe, SyntheticState};

const MIB: u64 = 1 << 20;
/// The program itself, its threads and its HTTP client, not optimised.
const PROCESS: u64 = 40 * MIB;

async fn peak(storage: &Storage, node: &Node, max_chunk: u64, memory: u64, arguments: &[&str]) -> u64 {
    let memory = format!("--memory={memory}");
    let arguments = [arguments, &["--codec=gzip", &memory]].concat();
    let told = storage.backed_up(node, max_chunk as u32, &arguments).await.json();
    assert_eq!(told["chunks"], 2, "{told}");
    told["peak_memory_bytes"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_stays_within_its_memory() {
    // 240 bytes each: 137 MiB, a chunk and something.
    let state = SyntheticState::new(600_000, 190);
    let node = Node::start(chain(LAST_EPOCH).with_synthetic_state(state)).await;
    let epoch = LAST_EPOCH.to_string();
    let arguments = ["state-snapshot", "--state-snapshot-epoch", &epoch];
    let memory = 32 * MIB;
    let peak = peak(&Storage::folder(), &node, MAX_CHUNK_SIZE, memory, &arguments).await;
    println!("a snapshot: {} MiB of {} MiB", peak / MIB, memory / MIB);
    assert!(peak < memory + PROCESS, "{} MiB of {} MiB", peak / MIB, memory / MIB);
    node.shutdown().await;
}

/// A chunk is twice as large as what a backup may hold.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_stay_within_their_memory_though_a_proof_comes_before_its_chunk() {
    let (memory, large) = (32 * MIB, MIB as usize);
    let recipe =
        Recipe { epochs: 1, transactions_per_epoch: 70, value_bytes: large, state_items: 1, ..Recipe::default() };
    let node = Node::start(Chain::generate(&recipe)).await;
    let count = (node.chain().last_version() + 1).to_string();
    let arguments = ["transaction", "--start-version", "0", "--num_transactions", &count];
    let peak = peak(&Storage::folder(), &node, 64 * MIB, memory, &arguments).await;
    println!("transactions: {} MiB of {} MiB", peak / MIB, memory / MIB);
    assert!(peak < memory + PROCESS, "{} MiB of {} MiB", peak / MIB, memory / MIB);
    node.shutdown().await;
}
