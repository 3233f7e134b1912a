//! An archive of a small chain, and the command that verifies it.

#[path = "../backup/scene.rs"]
#[allow(dead_code, reason = "it is shared with the tests of backups, which need more of it")]
mod backup;

pub(crate) use backup::{LAST_EPOCH, MAX_CHUNK, Storage, chain};
use sealift_node::Node;
use sealift_tests::cli::{self, Ended, run};
use sealift_tests::cloud::Cloud;
use sealift_tests::s3::TestBucket;
use tokio::process::Command;

/// Backs all of the node up: epoch endings, all transactions, the state at the end of each epoch.
pub(crate) async fn back_up(storage: &Storage, node: &Node) {
    let (chain, end) = (node.chain(), (LAST_EPOCH + 1).to_string());
    let count = (chain.last_version() + 1).to_string();
    for (first, last) in [("0", "2"), ("2", end.as_str())] {
        storage.backed_up(node, MAX_CHUNK, &["epoch-ending", "--start-epoch", first, "--end-epoch", last]).await;
    }
    for epoch in 0..=LAST_EPOCH {
        storage.backed_up(node, MAX_CHUNK, &["state-snapshot", "--state-snapshot-epoch", &epoch.to_string()]).await;
    }
    let half = (chain.last_version() / 2).to_string();
    let rest = (chain.last_version() + 1 - chain.last_version() / 2).to_string();
    assert!(count.parse::<u64>().expect("a number") > 2);
    for (start, count) in [("0", half.as_str()), (half.as_str(), rest.as_str())] {
        storage
            .backed_up(node, MAX_CHUNK, &["transaction", "--start-version", start, "--num_transactions", count])
            .await;
    }
}

/// `sealift verify` of this storage.
pub(crate) fn verify(storage: &Storage, arguments: &[&str]) -> Command {
    let mut command = cli::command(["verify"]);
    command.args(arguments);
    match storage {
        Storage::Folder(folder) => command.arg("--storage=local-fs").arg("--local-fs-dir").arg(folder.path()),
        Storage::S3(bucket) => {
            command.arg("--storage").arg(bucket.url()).envs(TestBucket::variables(bucket.endpoint()))
        }
        Storage::Commands(folder) => {
            let config = folder.path().join("config.yaml");
            command.arg("--storage=command-adapter").arg("--command-adapter-config").arg(config)
        }
    };
    command
}

pub(crate) async fn verified(storage: &Storage, arguments: &[&str]) -> Ended {
    run(verify(storage, arguments)).await
}
