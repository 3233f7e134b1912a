//! What a service manager hears of `backup continuously`.

use crate::manager::Manager;
use crate::scene::{HANGS, continuously, node, stop};
use sealift_node::{Endpoint, Match, Misbehaviour, Node};
use std::time::{Duration, Instant};
use tokio::process::Child;
use tokio::time::timeout;

fn start(manager: &Manager, node: &Node, folder: &tempfile::TempDir, watchdog: Option<Duration>) -> Child {
    let mut command = continuously(&node.endpoint(), folder.path());
    command.arg("--stalled-after=2s");
    manager.starts(&mut command);
    if let Some(watchdog) = watchdog {
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
    }
    command.spawn().expect("sealift starts")
}

fn is_ready(line: &str) -> bool {
    line == "READY=1"
}

fn is_status(line: &str, with: &str) -> bool {
    line.strip_prefix("STATUS=").is_some_and(|status| status.contains(with))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_once_the_node_has_answered_and_says_how_far_it_is_until_it_stops() {
    for manager in [Manager::at_a_path(), Manager::abstract_one()] {
        let (node, folder) = (node().await, tempfile::tempdir().expect("a folder"));
        let silent = node.on(Match::endpoint(Endpoint::DbState).times(1), Misbehaviour::Silence);
        let child = start(&manager, &node, &folder, None);
        timeout(HANGS, silent.wait_fired(1)).await.expect("it asks");
        let before = manager.until("it waits", |line| is_status(line, "waits for the node")).await;
        assert!(!before.iter().flat_map(|message| message.lines()).any(is_ready), "{before:?}");
        silent.release();

        manager.until("it is ready", is_ready).await;
        let last = node.chain().last_version() / 10 * 10;
        let far = format!("nothing is due; archive: epoch endings to 3, snapshot of epoch 3, transactions to {last}");
        manager.until("it has caught up", |line| is_status(line, &far)).await;

        stop(child).await.expect_code(0);
        let end = manager.until("it stops", |line| line == "STOPPING=1").await;
        assert!(end.last().expect("a message").contains("STATUS=SIGTERM: stopping and cleaning up"), "{end:?}");
        assert!(manager.message_within(Duration::ZERO).await.is_none(), "nothing after the end");
        node.shutdown().await;
    }
}

/// How often the watchdog was told, from now on, for `time`.
async fn pings(manager: &Manager, time: Duration) -> usize {
    let (until, mut pings) = (Instant::now() + time, 0);
    while let Some(message) = manager.message_within(until.saturating_duration_since(Instant::now())).await {
        if message.lines().any(|line| line == "WATCHDOG=1") {
            pings += 1;
        }
    }
    pings
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_told_at_half_its_time_and_not_while_the_work_stands_still() {
    let (manager, node, folder) = (Manager::at_a_path(), node().await, tempfile::tempdir().expect("a folder"));
    let held = node.on(Match::endpoint(Endpoint::Transactions).times(1), Misbehaviour::Stall { after_bytes: 1 });
    let child = start(&manager, &node, &folder, Some(Duration::from_secs(1)));
    timeout(HANGS, held.wait_fired(1)).await.expect("it fires");
    // What came before is not of this time.
    while manager.message_within(Duration::ZERO).await.is_some() {}
    let alive = pings(&manager, Duration::from_millis(1500)).await;
    assert!((1..=4).contains(&alive), "every half second: {alive}");

    manager.until("it stands still", |line| is_status(line, "stands still")).await;
    assert_eq!(pings(&manager, Duration::from_secs(3)).await, 0, "the work stands still");

    held.release();
    manager.until("it has caught up", |line| is_status(line, "nothing is due")).await;
    // It is alive again, also with nothing to do.
    assert!(pings(&manager, Duration::from_secs(4)).await >= 3);
    stop(child).await.expect_code(0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_watchdog_is_not_told() {
    let (manager, node, folder) = (Manager::at_a_path(), node().await, tempfile::tempdir().expect("a folder"));
    let mut command = continuously(&node.endpoint(), folder.path());
    manager.starts(&mut command);
    command.env("WATCHDOG_USEC", "200000").env("WATCHDOG_PID", "1");
    let child = command.spawn().expect("sealift starts");
    manager.until("it has caught up", |line| is_status(line, "nothing is due")).await;
    assert_eq!(pings(&manager, Duration::from_secs(1)).await, 0);
    stop(child).await.expect_code(0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_is_not_there_is_told_once_and_harms_nothing() {
    let (node, folder) = (node().await, tempfile::tempdir().expect("a folder"));
    for address in ["/no/such/socket", "nonsense", ""] {
        let mut command = continuously(&node.endpoint(), folder.path());
        command.env("NOTIFY_SOCKET", address).arg("--deadline=3s");
        let ended = sealift_tests::cli::run(command).await.expect_code(0);
        let told = ended.stderr.matches("the service manager cannot be told").count();
        assert_eq!(told, usize::from(!address.is_empty()), "{}", ended.stderr);
    }
    node.shutdown().await;
}
