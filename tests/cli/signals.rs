//! Stopping: signals while standard input stays open and silent, producers that fail or are killed.

use crate::{bucket, incompressible, on};
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{Ended, end, run};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::eventually::eventually;
use sealift_tests::process::{children_of, process_exists};
use sealift_tests::proxy::{Fault, FaultProxy};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};

/// Two parts of the default 8 MiB and some.
const LEN: usize = 20 << 20;

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().expect("running") as i32).expect("a pid")
}

fn name_of(signal: Signal) -> &'static str {
    match signal {
        Signal::INT => "SIGINT",
        Signal::TERM => "SIGTERM",
        _ => "SIGHUP",
    }
}

/// A `put` that has a part under way, held at the proxy as `held` says, and waits for more input.
async fn put_under_way<C: Cloud>(remote: &C, proxy: &FaultProxy, held: Fault) -> (Child, ChildStdin) {
    let held = proxy.on(C::on(Step::AnyPart), held);
    let mut child = on(remote, &proxy.endpoint(), &["put", "file"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&incompressible(LEN)).await.expect("taken");
    held.wait_fired(1).await;
    (child, stdin)
}

async fn stopped_by<C: Cloud>(signal: Signal, code: i32) {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let (child, stdin) = put_under_way(&remote, &proxy, Fault::Stall).await;
    let id = child.id().expect("running");
    let sent = Instant::now();
    kill_process(pid(&child), signal).expect("sent");
    let ended = end(child).await;
    // Azure's blocks under way get 5 s to be answered, and then it is looked whether they come.
    let limit = Duration::from_secs(if remote.url().starts_with("az://") { 12 } else { 5 });
    assert!(sent.elapsed() < limit, "{:?}", sent.elapsed());
    match ended.code {
        // Azure's blocks that were sent and not answered may arrive after everything was removed.
        Some(10) if remote.url().starts_with("az://") => {
            let said = ended.expect_code(10).stderr;
            assert!(said.contains("perhaps the incomplete upload of") && said.contains("may still arrive"), "{said}");
            assert!(!said.contains("nothing was stored"), "{said}");
        }
        _ => {
            let said = ended.expect_code(code).stderr;
            assert!(said.contains(&format!("stopped by {}; nothing was stored", name_of(signal))), "{said}");
        }
    }
    drop(stdin); // Open until here.
    assert!(!process_exists(id));
    remote.assert_untouched().await;
    proxy.shutdown().await;
}

async fn put_stopped_by_sigint_while_its_input_is_silent<C: Cloud>() {
    stopped_by::<C>(Signal::INT, 130).await;
}

async fn put_stopped_by_sigterm_while_its_input_is_silent<C: Cloud>() {
    stopped_by::<C>(Signal::TERM, 143).await;
}

async fn put_stopped_by_sighup_while_its_input_is_silent<C: Cloud>() {
    stopped_by::<C>(Signal::HUP, 129).await;
}

async fn a_put_that_was_given_nothing_yet_stops_too<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let look = proxy.on(C::on(Step::Look), Fault::ApplyThenStall);
    let mut child = on(&remote, &proxy.endpoint(), &["put", "file"]).stdin(Stdio::piped()).spawn().expect("starts");
    let _stdin = child.stdin.take();
    look.wait_fired(1).await;
    look.release();
    kill_process(pid(&child), Signal::TERM).expect("sent");
    end(child).await.expect_code(143);
    remote.assert_untouched().await;
    proxy.shutdown().await;
}

/// Leaves an upload by a second signal, which it names.
pub(crate) async fn left_at_once<C: Cloud>() -> C {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let (mut child, _stdin) = put_under_way(&remote, &proxy, Fault::ApplyThenStall).await;
    let abort = proxy.on(C::on(Step::Abort), Fault::Stall);
    kill_process(pid(&child), Signal::INT).expect("sent");
    abort.wait_fired(1).await;
    let sent = Instant::now();
    kill_process(pid(&child), Signal::INT).expect("sent");
    let status = child.wait().await.expect("ended");
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
    assert_eq!(status.code(), Some(130));
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).await.expect("read");
    let (_, id) = remote.unfinished().await.pop().expect("it was left");
    assert!(stderr.contains(&id), "{stderr}");
    proxy.shutdown().await;
    remote
}

async fn a_second_signal_ends_at_once_and_names_the_upload<C: Cloud>() {
    let remote = left_at_once::<C>().await;
    assert!(remote.objects().await.is_empty());
}

/// Runs `script` as the producer of `run`, which writes `LEN` bytes and then its process group's number to its
/// standard error.
async fn run_producer<C: Cloud>(remote: &C, script: &str) -> Ended {
    run(on(remote, remote.endpoint(), &["run", "file", "--", "bash", "-c", script])).await
}

async fn a_producer_that_fails_stores_nothing<C: Cloud>() {
    let remote = C::new("cli").await;
    let ended = run_producer(&remote, "head -c 20000000 /dev/urandom; exit 3").await.expect_code(8);
    assert!(ended.stderr.contains("bash") && ended.stderr.contains('3'), "{}", ended.stderr);
    remote.assert_untouched().await;
}

async fn a_producer_that_is_killed_stores_nothing<C: Cloud>() {
    let remote = C::new("cli").await;
    let ended = run_producer(&remote, "head -c 20000000 /dev/urandom; kill -KILL $$").await.expect_code(8);
    assert!(ended.stderr.contains("signal 9"), "{}", ended.stderr);
    remote.assert_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_fails_takes_its_children_along() {
    let remote = bucket().await;
    let ended = run_producer(&remote, "sleep 1000 & echo $! >&2; exit 3").await.expect_code(8);
    let sleeper: u32 = ended.stderr.lines().next().expect("a line").trim().parse().expect("a pid");
    assert!(!process_exists(sleeper));
    remote.assert_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_cannot_be_started_is_named() {
    let remote = bucket().await;
    let ended = run(on(&remote, remote.endpoint(), &["run", "file", "--", "no-such-program"])).await.expect_code(8);
    assert!(ended.stderr.contains("no-such-program"), "{}", ended.stderr);
    remote.assert_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_the_producer_too_even_one_that_ignores_it() {
    let remote = bucket().await;
    let script = "trap '' TERM INT; head -c 20000000 /dev/urandom; echo $$ >&2; while :; do sleep 1000; done";
    let mut child =
        on(&remote, remote.endpoint(), &["run", "file", "--", "bash", "-c", script]).spawn().expect("starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).await.expect("read");
    let producer: u32 = line.trim().parse().expect("a pid");
    let group = children_of(producer);
    kill_process(pid(&child), Signal::TERM).expect("sent");
    assert_eq!(child.wait().await.expect("ended").code(), Some(143));
    assert!(!process_exists(producer));
    // Killed they are; when they have ended is the kernel's.
    eventually("the whole group has ended", Duration::from_secs(10), async || {
        match group.iter().filter(|(pid, ..)| process_exists(*pid)).count() {
            0 => Ok(()),
            _ => Err(format!("{group:?}")),
        }
    })
    .await;
    remote.assert_untouched().await;
}

async fn a_producer_that_succeeds_is_stored<C: Cloud>() {
    let remote = C::new("cli").await;
    let ended = run(on(&remote, remote.endpoint(), &["run", "file", "--json", "--", "printf", "hello"])).await;
    let summary = ended.expect_code(0).json();
    assert_eq!(summary["bytes_in"], 5);
    let back = run(on(&remote, remote.endpoint(), &["get", "file"])).await.expect_code(0);
    assert_eq!(back.stdout, b"hello");
}

on_every_cloud!(
    put_stopped_by_sigint_while_its_input_is_silent,
    put_stopped_by_sigterm_while_its_input_is_silent,
    put_stopped_by_sighup_while_its_input_is_silent,
    a_put_that_was_given_nothing_yet_stops_too,
    a_second_signal_ends_at_once_and_names_the_upload,
    a_producer_that_fails_stores_nothing,
    a_producer_that_is_killed_stores_nothing,
    a_producer_that_succeeds_is_stored,
);
