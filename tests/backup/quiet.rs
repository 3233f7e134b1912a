//! `sealift backup continuously` on a chain that is too quiet for whole batches, and beside others who make parts of them.

use crate::continuously::Running;
use crate::scene::{LAST_EPOCH, MAX_CHUNK, Storage, chain, node};
use crate::verify;
use rustix::process::Signal;
use sealift_node::Node;

/// The usual batch, of which nothing here is a whole one.
fn with_age(age: &str) -> Vec<String> {
    ["continuously", "--json", "--memory=64MiB", &format!("--transaction-max-age={age}")].map(str::to_owned).to_vec()
}

fn start(storage: &Storage, node: &Node, arguments: &[String]) -> Running {
    Running::with(storage, node, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn end_of_last_epoch(node: &Node) -> u64 {
    let chain = node.chain();
    chain.epoch_ending(chain.epoch() - 1).expect("it has ended").version()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_batch_is_backed_up_by_age_so_that_snapshots_can_be_restored() {
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        let node = node().await;
        let mut running = start(&storage, &node, &with_age("100ms"));
        let first = end_of_last_epoch(&node);
        assert!(first < node.chain().last_version(), "an epoch is open");
        let snapshot = |version: u64| format!("metadata/state_snapshot_ver_{version}.meta");
        running.until_known(&[format!("metadata/transaction_1-{first}.meta"), snapshot(first)]).await;
        // It goes on from there when another epoch has ended.
        node.set_chain(chain(LAST_EPOCH + 1));
        let second = end_of_last_epoch(&node);
        running.until_known(&[format!("metadata/transaction_{}-{second}.meta", first + 1), snapshot(second)]).await;
        running.stop(Signal::TERM).await.expect_code(0);
        let files = storage.files().await;
        verify::transactions(&files, &node.chain(), second);
        verify::state_snapshots(&files, &[LAST_EPOCH, LAST_EPOCH + 1]);
        // Nothing is said of it at the next start.
        let mut running = start(&storage, &node, &with_age("0s"));
        node.set_chain(chain(LAST_EPOCH + 2));
        running.until_known(&[snapshot(end_of_last_epoch(&node))]).await;
        let told = running.stop(Signal::TERM).await.expect_code(0).stderr;
        let newest = format!("the state at version {} cannot be restored before", end_of_last_epoch(&node));
        assert_eq!(told.matches("cannot be restored before").count(), 1, "{told}");
        assert!(told.contains(&newest) && told.contains("--transaction-max-age"), "{told}");
        node.shutdown().await;
    }
}

/// It may wait as long as that.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_waits_for_its_transactions_is_not_told_each_time() {
    let (storage, node) = (Storage::folder(), node().await);
    let mut running = start(&storage, &node, &with_age("1h"));
    let snapshot = |node: &Node| format!("metadata/state_snapshot_ver_{}.meta", end_of_last_epoch(node));
    running.until_known(&[snapshot(&node)]).await;
    node.set_chain(chain(LAST_EPOCH + 1));
    running.until_known(&[snapshot(&node)]).await;
    let told = running.stop(Signal::TERM).await.expect_code(0).stderr;
    assert!(!told.contains("cannot be restored before"), "{told}");
    // The next start tells it.
    let mut running = start(&storage, &node, &with_age("1h"));
    node.set_chain(chain(LAST_EPOCH + 2));
    running.until_known(&[snapshot(&node)]).await;
    let told = running.stop(Signal::TERM).await.expect_code(0).stderr;
    assert_eq!(told.matches("cannot be restored before").count(), 1, "{told}");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_another_has_made_known_is_not_overlapped() {
    for storage in [Storage::folder(), Storage::s3().await, Storage::commands()] {
        let node = node().await;
        let arguments = ["continuously", "--transaction-batch-size=10", "--json", "--memory=64MiB"];
        let mut running = Running::with(&storage, &node, &arguments);
        running.until_known(&["metadata/transaction_21-30.meta".to_owned()]).await;
        assert!(node.chain().last_version() < 40, "the next batch is not due");
        let part = ["transaction", "--start-version", "31", "--num_transactions", "5"];
        storage.backed_up(&node, MAX_CHUNK, &part).await;
        node.set_chain(chain(LAST_EPOCH + 1));
        running.until_known(&["metadata/transaction_36-40.meta".to_owned()]).await;
        running.stop(Signal::TERM).await.expect_code(0);
        let mut files = storage.files().await;
        files.retain(|handle, _| !handle.starts_with("metadata/transaction_41"));
        let known = files.keys().filter(|handle| handle.starts_with("metadata/transaction")).cloned();
        let ranges = ["0-0", "1-10", "11-20", "21-30", "31-35", "36-40"];
        let expected = ranges.map(|range| format!("metadata/transaction_{range}.meta"));
        assert_eq!(known.collect::<std::collections::BTreeSet<_>>(), expected.into_iter().collect());
        node.shutdown().await;
    }
}
