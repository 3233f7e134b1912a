//! A service that fails in passing ends no command, and one file that cannot be stored does not end the others.

use crate::on;
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{end, run, run_with_input};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Head, Match};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;

on_every_cloud!(
    an_outage_is_waited_out_and_told,
    an_outage_that_does_not_end_is_told_with_how_long_it_was_tried,
    a_signal_ends_the_wait_for_a_service,
    one_file_that_cannot_be_stored_does_not_stop_the_others,
    a_folder_that_was_stored_in_part_is_stored_to_its_end,
);

/// A put whose service refuses connections, once it has said so.
async fn put_in_an_outage<C: Cloud>(remote: &C, proxy: &FaultProxy) -> (Child, String) {
    proxy.down().await;
    let mut command = on(remote, &proxy.endpoint(), &["put", "file", "--give-up-after=60s"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("a pipe").write_all(b"data").await.expect("taken");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).await.expect("read");
    child.stderr = Some(stderr.into_inner());
    (child, line)
}

async fn an_outage_is_waited_out_and_told<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let (child, told) = put_in_an_outage(&remote, &proxy).await;
    assert!(told.contains("trying again") && told.contains("60 s at most"), "{told}");
    proxy.up().await;
    end(child).await.expect_code(0);
    assert_eq!(remote.objects().await, ["p/file"]);
}

async fn an_outage_that_does_not_end_is_told_with_how_long_it_was_tried<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    proxy.down().await;
    let ended = run_with_input(on(&remote, &proxy.endpoint(), &["put", "file", "--give-up-after=2s"]), b"data").await;
    let ended = ended.expect_code(6);
    assert!(ended.stderr.contains("(tried ") && ended.stderr.contains(" times in 2 s)"), "{}", ended.stderr);
}

async fn a_signal_ends_the_wait_for_a_service<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let (child, _) = put_in_an_outage(&remote, &proxy).await;
    let begun = Instant::now();
    let pid = Pid::from_raw(child.id().expect("running") as i32).expect("a pid");
    kill_process(pid, Signal::INT).expect("sent");
    end(child).await.expect_code(130);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// A folder with the files `a`, `b` and `c`.
fn three_files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a", "b", "c"] {
        std::fs::write(folder.path().join(name), name).expect("written");
    }
    folder
}

async fn one_file_that_cannot_be_stored_does_not_stop_the_others<C: Cloud>() {
    let (remote, folder) = (C::new("cli").await, three_files());
    let path = folder.path().to_str().expect("UTF-8");
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let is_put_of_b =
        |request: &Head<'_>| C::is(Step::Put, request) && names_b(request.path(), request.parameter("name"));
    let fault = proxy.on(Match::new(is_put_of_b), C::problem(Problem::Denied));
    // The others are not stored before that is told.
    let others = proxy.on(C::on(Step::Put), Fault::Stall);
    let mut child = on(&remote, &proxy.endpoint(), &["put", "--folder", path, "all"]).spawn().expect("starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut told = String::new();
    stderr.read_line(&mut told).await.expect("read");
    assert!(told.contains("not stored: ") && told.contains("p/all/b"), "{told}");
    others.release();
    child.stderr = Some(stderr.into_inner());
    let ended = end(child).await.expect_code(4);
    assert!(fault.fired() >= 1);
    assert_eq!(remote.objects().await, ["p/all/a", "p/all/c"]);
    assert!(ended.stderr.contains("2 files were stored"), "{}", ended.stderr);
}

/// Whether a request is about the file `b`: by its path, or by the name that Google's uploads have in their query.
fn names_b(path: &str, name: Option<&str>) -> bool {
    path.ends_with("/all/b") || path.ends_with("%2Fall%2Fb") || name.is_some_and(|name| name.ends_with("b"))
}

async fn a_folder_that_was_stored_in_part_is_stored_to_its_end<C: Cloud>() {
    let (remote, folder) = (C::new("cli").await, three_files());
    let path = folder.path().to_str().expect("UTF-8");
    run_with_input(on(&remote, remote.endpoint(), &["put", "all/b", "--codec=none"]), b"as it was")
        .await
        .expect_code(0);
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let puts = proxy.on(C::on(Step::Put), Fault::Pass);
    let arguments = ["put", "--folder", path, "all", "--skip-existing", "--json"];
    let said = run(on(&remote, &proxy.endpoint(), &arguments)).await.expect_code(0).json();
    assert_eq!((said["files"].as_u64(), said["skipped"].as_u64()), (Some(2), Some(1)), "{said}");
    assert_eq!(puts.fired(), 2);
    assert_eq!(remote.get("p/all/b").await.as_deref(), Some(&b"as it was"[..]));
}
