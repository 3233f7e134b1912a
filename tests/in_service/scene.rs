//! A node, a folder, and a `backup continuously` of one into the other.

use rustix::process::{Pid, Signal, kill_process};
use sealift_node::{Chain, Node, Recipe};
use sealift_tests::cli::{self, Ended};
pub(crate) use sealift_tests::patience::HANGS;
use std::path::Path;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A chain of so many epochs after genesis.
pub(crate) fn chain(epochs: u64) -> Chain {
    Chain::generate(&Recipe { epochs, state_items: 100, ..Recipe::default() })
}

/// `backup continuously` of the node at `endpoint` into `folder`, ten transactions a batch.
pub(crate) fn continuously(endpoint: &str, folder: &Path) -> Command {
    let mut command = cli::command(["backup", "continuously", "--transaction-batch-size=10", "--memory=64MiB"]);
    command.args(["--backup-service-address", endpoint, "--storage=local-fs", "--local-fs-dir"]).arg(folder);
    command
}

pub(crate) async fn node() -> Node {
    Node::start(chain(3)).await
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().expect("it runs") as i32).expect("a process");
    kill_process(pid, signal).expect("signalled");
}

/// Waits for the end.
pub(crate) async fn end(child: Child) -> Ended {
    timeout(HANGS, cli::end(child)).await.expect("it ends")
}

/// Ends it as a service manager does.
pub(crate) async fn stop(child: Child) -> Ended {
    signal(&child, Signal::TERM);
    end(child).await
}
