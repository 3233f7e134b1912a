//! What a command says of what exists when it did not come to its end: only what is known.

use crate::{bucket, incompressible, on};
use hyper::Method;
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{Ended, run, run_with_input};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultHandle, FaultProxy, Head, Match};
use sealift_tests::s3::TestBucket;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};

/// A command that has been sent a signal and has noticed it.
struct Stopping {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Stopping {
    /// Starts `command` with `input`, and sends it SIGINT once `fault` has fired.
    async fn after(fault: &FaultHandle, mut command: Command, input: &[u8]) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
        child.stdin.take().expect("a pipe").write_all(input).await.expect("taken");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        fault.wait_fired(1).await;
        let mut stopping = Stopping { child, stderr };
        stopping.signal();
        let mut line = String::new();
        stopping.stderr.read_line(&mut line).await.expect("read");
        assert!(line.contains("once more to leave at once"), "{line}");
        stopping
    }

    fn signal(&mut self) {
        let pid = Pid::from_raw(self.child.id().expect("running") as i32).expect("a pid");
        kill_process(pid, Signal::INT).expect("sent");
    }

    /// Its end, and what it has said since the signal.
    async fn end(mut self) -> Ended {
        let (mut stdout, mut stderr) = (Vec::new(), String::new());
        let mut out = self.child.stdout.take().expect("a pipe");
        let (_, _) = tokio::join!(out.read_to_end(&mut stdout), self.stderr.read_to_string(&mut stderr));
        Ended { code: self.child.wait().await.expect("ended").code(), stdout, stderr }
    }
}

fn delete(request: &Head<'_>) -> bool {
    request.method() == Method::DELETE && request.parameter("uploadId").is_none()
}

/// `matches` but for the first `count`.
fn after_the_first(count: usize, matches: fn(&Head<'_>) -> bool) -> Match {
    let seen = AtomicUsize::new(0);
    Match::new(move |request| matches(request) && seen.fetch_add(1, Ordering::SeqCst) >= count)
}

async fn a_read_that_is_stopped_says_nothing_of_storing<C: Cloud>() {
    let remote = C::new("cli").await;
    run_with_input(on(&remote, remote.endpoint(), &["put", "file"]), b"data").await.expect_code(0);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let out_arg = out.to_str().expect("UTF-8");
    for (step, arguments) in [
        (Step::Read, &["get", "file", "-o", out_arg][..]),
        (Step::Read, &["get", "file"]),
        (Step::Look, &["get", "file", "-o", out_arg]),
        (Step::Look, &["stat", "file"]),
    ] {
        let proxy = FaultProxy::start(remote.endpoint()).await;
        let held = proxy.on(C::on(step), Fault::Stall);
        let stopping = Stopping::after(&held, on(&remote, &proxy.endpoint(), arguments), b"").await;
        let ended = stopping.end().await.expect_code(130);
        assert!(ended.stderr.starts_with("sealift: stopped by SIGINT"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("stored"), "{}", ended.stderr);
        let unwritten = format!("{} was not written", out.display());
        assert_eq!(ended.stderr.contains(&unwritten), arguments.contains(&"-o"), "{}", ended.stderr);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        proxy.shutdown().await;
    }
}

async fn a_removal_that_is_stopped_says_what_is_removed_and_what_is_not_known<C: Cloud>() {
    let remote = C::new("cli").await;
    for name in ["a", "b", "c"] {
        run_with_input(on(&remote, remote.endpoint(), &["put", name]), b"data").await.expect_code(0);
    }
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(after_the_first(1, delete), Fault::Stall);
    let stopping =
        Stopping::after(&held, on(&remote, &proxy.endpoint(), &["rm", "a", "b", "c", "--concurrent-removals=1"]), b"")
            .await;
    let ended = stopping.end().await.expect_code(130);
    let url = |name: &str| format!("{}/p/{name}", remote.url());
    for part in [format!("removed: {};", url("a")), format!("whether {} was removed is not known", url("b"))] {
        assert!(ended.stderr.contains(&part), "{part} in {}", ended.stderr);
    }
    assert!(!ended.stderr.contains(&url("c")) && !ended.stderr.contains("stored"), "{}", ended.stderr);
    assert_eq!(remote.objects().await, ["p/b", "p/c"]);
    proxy.shutdown().await;
}

/// Its answer comes after the signal, and no further one is begun.
async fn a_removal_under_way_is_heard_out<C: Cloud>() {
    let remote = C::new("cli").await;
    for name in ["a", "b"] {
        run_with_input(on(&remote, remote.endpoint(), &["put", name]), b"data").await.expect_code(0);
    }
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(Match::new(delete), Fault::ApplyThenStall);
    let stopping =
        Stopping::after(&held, on(&remote, &proxy.endpoint(), &["rm", "a", "b", "--concurrent-removals=1"]), b"").await;
    held.release();
    let said = stopping.end().await.expect_code(130).stderr;
    assert!(said.contains(&format!("removed: {}/p/a", remote.url())) && !said.contains("not known"), "{said}");
    assert_eq!(remote.objects().await, ["p/b"]);
    proxy.shutdown().await;
}

/// Write-only credentials: nothing can be looked at.
async fn who_may_not_look_may_still_write_and_remove<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let refused = proxy.on(C::on(Step::Look), C::problem(Problem::Denied));
    for data in [b"data".to_vec(), incompressible(20 << 20)] {
        let put = run_with_input(on(&remote, &proxy.endpoint(), &["put", "file", "--json"]), &data).await;
        let told = put.expect_code(0).json();
        match told["confirmed"].as_str().expect("a word") {
            "checksum" => assert!(told["unseen"].is_null(), "{told}"),
            "answer" => assert!(told["unseen"].as_str().is_some_and(|why| !why.is_empty()), "{told}"),
            other => panic!("{other}: nothing could be looked at"),
        }
    }
    run(on(&remote, &proxy.endpoint(), &["run", "other", "--", "echo", "data"])).await.expect_code(0);
    assert_eq!(remote.objects().await, ["p/file", "p/other"]);
    let said = run(on(&remote, &proxy.endpoint(), &["rm", "file", "other"])).await.expect_code(0).stderr;
    assert!(said.contains("/p/file is there could not be seen"), "{said}");
    // A short put asks nothing first.
    assert!(refused.fired() >= 4, "{}", refused.fired());
    remote.assert_untouched().await;
    proxy.shutdown().await;
}

/// The signal comes before anything is copied, at about the time when that begins: what is said is what is so.
async fn a_move_that_is_stopped_is_done_or_not_as_it_says<C: Cloud>() {
    let remote = C::new("cli").await;
    run_with_input(on(&remote, remote.endpoint(), &["put", "a"]), b"data").await.expect_code(0);
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(C::on(Step::Look), Fault::ApplyThenStall);
    let stopping = Stopping::after(&held, on(&remote, &proxy.endpoint(), &["mv", "a", "b"]), b"").await;
    held.release();
    let ended = stopping.end().await;
    assert!(!ended.stderr.contains("stored"), "{}", ended.stderr);
    match ended.code {
        Some(0) => {
            assert!(ended.text().starts_with("moved "), "{}", ended.text());
            assert_eq!(remote.objects().await, ["p/b"]);
        }
        Some(130) => {
            assert!(ended.stderr.contains("stopped by SIGINT; it was not moved"), "{}", ended.stderr);
            assert_eq!(remote.objects().await, ["p/a"]);
        }
        _ => {
            let ended = ended.expect_code(10);
            assert!(ended.stderr.contains("/p/b"), "{}", ended.stderr);
            assert!(remote.objects().await.contains(&"p/a".to_owned()));
        }
    }
    proxy.shutdown().await;
}

/// The copy was sent and is not answered, so it may still appear.
async fn a_move_that_is_stopped_in_its_copy_names_it<C: Cloud>() {
    let remote = C::new("cli").await;
    run_with_input(on(&remote, remote.endpoint(), &["put", "a"]), b"data").await.expect_code(0);
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(C::on(Step::Copy), Fault::Stall);
    let stopping = Stopping::after(&held, on(&remote, &proxy.endpoint(), &["mv", "a", "b"]), b"").await;
    let said = stopping.end().await.expect_code(10).stderr;
    let copy = format!("left behind: perhaps the object {}/p/b", remote.url());
    assert!(said.contains("stopped by SIGINT") && said.contains(&copy), "{said}");
    assert!(!said.contains("stored") && !said.contains("not moved"), "{said}");
    assert_eq!(remote.objects().await, ["p/a"]);
    proxy.shutdown().await;
}

/// The signal comes when only the answer to the last request is missing.
async fn a_move_that_is_done_is_told_also_after_a_signal<C: Cloud>() {
    let remote = C::new("cli").await;
    run_with_input(on(&remote, remote.endpoint(), &["put", "a"]), b"data").await.expect_code(0);
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(Match::new(delete), Fault::ApplyThenStall);
    let stopping = Stopping::after(&held, on(&remote, &proxy.endpoint(), &["mv", "a", "b"]), b"").await;
    held.release();
    let ended = stopping.end().await.expect_code(0);
    assert!(ended.text().starts_with("moved "), "{}", ended.text());
    assert_eq!(remote.objects().await, ["p/b"]);
    proxy.shutdown().await;
}

async fn a_sweep_that_is_stopped_says_how_many_are_removed<C: Cloud>() {
    let remote = C::new("cli").await;
    remote.leave_unfinished("p/one").await;
    remote.leave_unfinished("p/two").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(C::on(Step::Abort).times(1), Fault::ApplyThenStall);
    let sweep = ["sweep", "--older-than", "0s", "--yes", "--foreign", "--concurrent-removals=1"];
    let stopping = Stopping::after(&held, on(&remote, &proxy.endpoint(), &sweep), b"").await;
    held.release();
    let ended = stopping.end().await.expect_code(130);
    assert!(ended.text().starts_with("removed: p/one"), "{}", ended.text());
    assert!(ended.stderr.contains("stopped by SIGINT; 1 removed before, as listed"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("stored"), "{}", ended.stderr);
    assert_eq!(remote.unfinished().await.len(), 1);
    proxy.shutdown().await;
}

/// It may still take effect, so the object is named, and that nothing was stored is not said.
#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_was_sent_and_not_answered_is_named() {
    let remote = bucket().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(TestBucket::on(Step::Put), Fault::Stall);
    let stopping = Stopping::after(&held, on(&remote, &proxy.endpoint(), &["put", "file"]), b"data").await;
    let said = stopping.end().await.expect_code(10).stderr;
    let object = format!("left behind: perhaps the object {}/p/file", remote.url());
    assert!(said.contains(&object) && !said.contains("nothing was stored"), "{said}");
    proxy.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_names_an_object_that_may_appear() {
    let remote = bucket().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(TestBucket::on(Step::Put), Fault::Stall);
    let mut stopping = Stopping::after(&held, on(&remote, &proxy.endpoint(), &["put", "file"]), b"data").await;
    stopping.signal();
    let said = stopping.end().await.expect_code(130).stderr;
    let object = format!("left behind: perhaps the object {}/p/file", remote.url());
    assert!(said.contains(&object) && !said.contains("nothing was stored"), "{said}");
    proxy.shutdown().await;
}

/// What a start that was answered with an error may have begun all the same does not speak against the object.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_beside_a_success_is_a_note() {
    let remote = bucket().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let Fault::Reply(failed) = TestBucket::problem(Problem::Failed) else { panic!("an answer") };
    let unclear = proxy.on(TestBucket::on(Step::Start).times(1), Fault::ApplyThenReply(failed));
    let put = on(&remote, &proxy.endpoint(), &["put", "file", "--json"]);
    let ended = run_with_input(put, &incompressible(20 << 20)).await.expect_code(0);
    assert_eq!(unclear.fired(), 1);
    let (_, id) = remote.unfinished().await.pop().expect("it was left");
    let told = ended.json()["left_behind"].to_string();
    assert!(told.contains(&id), "{told}");
    assert!(ended.stderr.starts_with("sealift: left behind: ") && ended.stderr.contains(&id), "{}", ended.stderr);
    assert_eq!(remote.objects().await, ["p/file"]);
    proxy.shutdown().await;
}

/// The upload cannot be aborted.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_producer_whose_upload_stays_is_told_with_it() {
    let remote = bucket().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let refused = proxy.on(TestBucket::on(Step::Abort), TestBucket::problem(Problem::Denied));
    let script = "head -c 20000000 /dev/urandom; exit 3";
    let ended = run(on(&remote, &proxy.endpoint(), &["run", "file", "--", "bash", "-c", script])).await;
    let said = ended.expect_code(10).stderr;
    assert!(refused.fired() >= 1);
    let (_, id) = remote.unfinished().await.pop().expect("it was left");
    assert!(said.contains("the producer bash exited with status 3; left behind: "), "{said}");
    assert!(said.contains(&id) && !said.contains("nothing was stored"), "{said}");
    proxy.shutdown().await;
}

/// A whole URL is all there is to say.
async fn a_whole_url_takes_no_prefix_of_another<C: Cloud>() {
    let remote = C::new("cli").await;
    let put = run_with_input(on(&remote, remote.endpoint(), &["put", &format!("{}/x", remote.url())]), b"data").await;
    put.expect_code(0);
    assert_eq!(remote.objects().await, ["x"]);
}

on_every_cloud!(
    a_read_that_is_stopped_says_nothing_of_storing,
    a_removal_that_is_stopped_says_what_is_removed_and_what_is_not_known,
    a_removal_under_way_is_heard_out,
    who_may_not_look_may_still_write_and_remove,
    a_move_that_is_stopped_is_done_or_not_as_it_says,
    a_move_that_is_stopped_in_its_copy_names_it,
    a_move_that_is_done_is_told_also_after_a_signal,
    a_whole_url_takes_no_prefix_of_another,
);

mod of_uploads {
    use super::a_sweep_that_is_stopped_says_how_many_are_removed;

    on_clouds_that_list_uploads!(a_sweep_that_is_stopped_says_how_many_are_removed);
}
