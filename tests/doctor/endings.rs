//! However it ends, nothing is left, or the next one names it.

use crate::doctor;
use crate::table::Table;
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::azure::TestContainer;
use sealift_tests::cli::{self, end};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultProxy};
use sealift_tests::{gcs, s3};
use tokio::process::Child;

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().expect("running") as i32).expect("a pid")
}

/// Where it is stopped: the server has done it, and the answer is held.
const MOMENTS: [Step; 7] =
    [Step::Put, Step::Look, Step::Start, Step::AnyPart, Step::Complete, Step::Copy, Step::Delete];

async fn stopped_by_sigterm<C: Cloud>() {
    for step in MOMENTS {
        if step == Step::Start && !C::starts_uploads() {
            continue;
        }
        let remote = C::new("doctor").await;
        let proxy = FaultProxy::start(remote.endpoint()).await;
        let held = proxy.on(C::on(step).times(1), Fault::ApplyThenStall);
        let child = doctor(&remote, &proxy.endpoint(), &["--json"]).spawn().expect("starts");
        held.wait_fired(1).await;
        kill_process(pid(&child), Signal::TERM).expect("sent");
        held.release();
        let ended = end(child).await;
        // Its last steps are removals: it may have done all when it hears of the signal.
        let is_done = step == Step::Delete && ended.code == Some(0);
        let ended = ended.expect_code(if is_done { 0 } else { 143 });
        assert_eq!(ended.stderr.contains("stopped by SIGTERM"), !is_done, "{}", ended.stderr);
        assert!(!ended.stderr.contains("left behind"), "{}", ended.stderr);
        let (objects, uploads) = (remote.objects().await, remote.unfinished().await);
        assert!(objects.is_empty() && uploads.is_empty(), "{step:?}: {objects:?} {uploads:?}");
        proxy.shutdown().await;
    }
}

#[tokio::test]
async fn stopped_by_sigterm_on_s3() {
    stopped_by_sigterm::<s3::TestBucket>().await;
}

#[tokio::test]
async fn stopped_by_sigterm_on_google() {
    stopped_by_sigterm::<gcs::TestBucket>().await;
}

#[tokio::test]
async fn stopped_by_sigterm_on_azure() {
    stopped_by_sigterm::<TestContainer>().await;
}

/// The answer never comes: what was sent may appear later, and is named.
#[tokio::test]
async fn a_put_that_is_never_answered_is_named() {
    let remote = s3::TestBucket::new("doctor").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(s3::TestBucket::on(Step::Put).times(1), Fault::ApplyThenStall);
    let child = doctor(&remote, &proxy.endpoint(), &["--json"]).spawn().expect("starts");
    held.wait_fired(1).await;
    kill_process(pid(&child), Signal::TERM).expect("sent");
    let ended = end(child).await.expect_code(10);
    assert!(ended.stderr.contains("perhaps the object") && ended.stderr.contains("/put"), "{}", ended.stderr);
    remote.assert_untouched().await;
    proxy.shutdown().await;
}

/// SIGKILL cannot be answered: the next examination names what is left, and `rm` and `sweep` remove it.
#[tokio::test]
async fn what_sigkill_leaves_is_named_by_the_next_one() {
    type C = s3::TestBucket;
    let remote = C::new("doctor").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(C::on(Step::Copy).times(1), Fault::ApplyThenStall);
    let child = doctor(&remote, &proxy.endpoint(), &["--json"]).spawn().expect("starts");
    held.wait_fired(1).await;
    kill_process(pid(&child), Signal::KILL).expect("sent");
    end(child).await;
    proxy.shutdown().await;
    remote.leave_unfinished("sealift-doctor/0123456789abcdef/parts").await;
    let left = remote.objects().await;
    assert!(left.iter().any(|key| key.ends_with("/from")), "{left:?}");

    let next = cli::run(doctor(&remote, remote.endpoint(), &["--json"])).await.expect_code(0);
    let table = Table::of(&next);
    let named = table.evidence("earlier examinations");
    assert!(left.iter().all(|key| named.contains(key.as_str())), "{left:?}: {named}");
    assert!(named.contains("upload id"), "{named}");
    assert_eq!(remote.objects().await, left, "it is another's perhaps, and stays");
    remote.clear().await;
}

/// Something fails in the middle, for longer than it is tried again: the others are examined, and nothing is left.
#[tokio::test]
async fn a_failure_in_the_middle_is_a_finding() {
    type C = s3::TestBucket;
    let remote = C::new("doctor").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let failing = proxy.on(C::on(Step::Complete), C::problem(Problem::Failed));
    let ended = cli::run(doctor(&remote, &proxy.endpoint(), &["--json", "--give-up-after=1s"])).await.expect_code(1);
    assert!(failing.fired() > 1);
    let table = Table::of(&ended);
    assert_eq!((table.verdict("complete"), table.verdict("copy")), ("fails", "works"));
    assert_eq!((table.answer("put"), table.answer("backup")), ("less", "no"));
    remote.assert_untouched().await;
    proxy.shutdown().await;
}

/// No bucket, no service: the exit codes that all commands have.
#[tokio::test]
async fn without_a_bucket_or_a_service_there_is_nothing_to_examine() {
    let remote = s3::TestBucket::new("doctor").await;
    let elsewhere = ["--json", "--give-up-after=0s", "s3://no-such-bucket-0123456789"];
    let mut missing = cli::command([&["doctor"], &elsewhere[..]].concat());
    missing.envs(s3::TestBucket::variables(remote.endpoint()));
    cli::run(missing).await.expect_code(3);
    let nobody = cli::run(doctor(&remote, "http://127.0.0.1:9", &["--json", "--give-up-after=0s"])).await;
    nobody.expect_code(6);
}
