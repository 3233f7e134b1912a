//! What `backup continuously` says of itself where nobody has asked for more: what it begins with, and that it has caught up.

use crate::scene::{MAX_CHUNK, Storage, node};
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::patience::HANGS;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::ChildStderr;
use tokio::time::timeout;

/// The next line that has `part`.
async fn line_with(lines: &mut Lines<BufReader<ChildStderr>>, part: &str) -> String {
    loop {
        let line = timeout(HANGS, lines.next_line()).await.unwrap_or_else(|_| panic!("{part} was not said"));
        let line = line.expect("read").unwrap_or_else(|| panic!("{part} was not said"));
        if line.contains(part) {
            return line;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_it_begins_with_and_that_it_has_caught_up() {
    let (storage, node) = (Storage::folder(), node().await);
    let arguments = ["continuously", "--transaction-batch-size=10", "--memory=64MiB"];
    let mut child = storage.backup(&node, MAX_CHUNK, &arguments).spawn().expect("sealift starts");
    let mut out = child.stdout.take().expect("a pipe");
    let drained = tokio::spawn(async move { out.read_to_end(&mut Vec::new()).await });
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();

    let begins = line_with(&mut lines, "backing up http://").await;
    assert!(begins.contains(" INFO ") && begins.contains("into file:///"), "{begins}");
    assert!(begins.contains("batches of 10 ") && begins.contains("at most 24h"), "{begins}");
    let archive = line_with(&mut lines, "the archive has ").await;
    assert!(archive.contains("no epoch ending, no state snapshot, no transaction"), "{archive}");
    let caught_up = line_with(&mut lines, "caught up: ").await;
    let (epoch, last) = (node.chain().epoch(), node.chain().last_version() / 10 * 10);
    assert!(caught_up.contains(&format!("the node is in epoch {epoch} at version ")), "{caught_up}");
    assert!(
        caught_up.ends_with(&format!("epoch ending {}, state snapshot {}, transaction {last}", epoch - 1, epoch - 1)),
        "{caught_up}"
    );

    let pid = Pid::from_raw(child.id().expect("it runs") as i32).expect("a process");
    kill_process(pid, Signal::TERM).expect("signalled");
    assert_eq!(child.wait().await.expect("it ends").code(), Some(0));
    drained.await.expect("drained").expect("read");
    node.shutdown().await;
}
