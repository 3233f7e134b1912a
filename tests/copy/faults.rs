//! A source that changes or is damaged while it is read, names that cannot be stored, credentials that may do little.

use crate::scene::{End, Folder, assert_has, copied, copy, data, fails, fill};
use bytes::Bytes;
use sealift_tests::cli::{end, run};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use sealift_tests::s3;
use serde_json::json;

const LARGE: usize = 21 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_read_is_not_stored_and_the_others_are() {
    let (from, to) = (s3::TestBucket::make().await, Folder::make().await);
    fill(&from, &[("changes", data(LARGE, 1)), ("stays", data(10, 2))]).await;
    let proxy = FaultProxy::start(from.endpoint()).await;
    let later = Match::new(|request| {
        s3::TestBucket::is(Step::Read, request)
            && request.path().ends_with("/changes")
            && request.header("range").is_some_and(|range| !range.starts_with("bytes=0-"))
    });
    let held = proxy.on(later, Fault::Stall);
    let endpoint = proxy.endpoint();
    let child = copy(&from, &to, &["--from-endpoint-url", &endpoint]).spawn().expect("starts");
    held.wait_fired(1).await;
    from.put("changes", Bytes::from(data(LARGE, 7))).await;
    proxy.clear();
    held.release();
    let ended = end(child).await.expect_code(1);
    assert!(ended.stderr.contains("changes") && ended.stderr.contains("1 object was copied"), "{}", ended.stderr);
    assert_has(&to, "", &[("stays", data(10, 2))]).await;
    proxy.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_damaged_is_read_again_and_what_stays_so_is_not_stored() {
    let (origin, from, to) = (Folder::make().await, s3::TestBucket::make().await, Folder::make().await);
    let objects = [("large", data(LARGE, 1)), ("small", data(1000, 2))];
    fill(&origin, &objects).await;
    copied(&origin, &from, &[]).await;
    for (times, code) in [(1, 0), (1000, 7)] {
        let proxy = FaultProxy::start(from.endpoint()).await;
        let damaged = proxy.on(s3::TestBucket::on(Step::Read).times(times), Fault::Corrupt { at: 77 });
        let endpoint = proxy.endpoint();
        let ended = fails(&from, &to, &["--from-endpoint-url", &endpoint], code).await;
        assert!(damaged.fired() >= times.min(2));
        match code {
            0 => assert_has(&to, "", &objects).await,
            _ => {
                assert!(ended.stderr.contains("2 objects were not copied"), "{}", ended.stderr);
                // What the run before has stored.
                assert_has(&to, "", &objects).await;
            }
        }
        proxy.shutdown().await;
    }
    let empty = Folder::make().await;
    let proxy = FaultProxy::start(from.endpoint()).await;
    let damaged = proxy.on(s3::TestBucket::on(Step::Read), Fault::Corrupt { at: 77 });
    let endpoint = proxy.endpoint();
    fails(&from, &empty, &["--from-endpoint-url", &endpoint], 7).await;
    assert!(damaged.fired() >= 6, "three times each");
    assert_has(&empty, "", &[]).await;
    proxy.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_by_its_name_is_named_and_the_others_are_copied() {
    let (from, to) = (s3::TestBucket::make().await, Folder::make().await);
    fill(&from, &[("a//b", data(10, 1)), ("good", data(10, 2))]).await;
    let ended = fails(&from, &to, &[], 2).await;
    assert!(ended.stderr.contains("a//b") && ended.stderr.contains("1 object was copied"), "{}", ended.stderr);
    assert_has(&to, "", &[("good", data(10, 2))]).await;
    let told = copied(&from, &to, &["--exclude", "a/**"]).await;
    assert_eq!(told["copied"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_the_source_and_only_write_the_target_can_copy() {
    let (from, to) = (s3::TestBucket::make().await, s3::TestBucket::make().await);
    let objects = [("a", data(10, 1)), ("large", data(LARGE, 2))];
    fill(&from, &objects).await;
    let (source, target) = (FaultProxy::start(from.endpoint()).await, FaultProxy::start(to.endpoint()).await);
    let denied =
        |proxy: &FaultProxy, step| proxy.on(s3::TestBucket::on(step), s3::TestBucket::problem(Problem::Denied));
    let of_source = [Step::Put, Step::Start, Step::AnyPart, Step::Complete, Step::Delete, Step::Copy]
        .map(|step| denied(&source, step));
    let of_target =
        [Step::Look, Step::Read, Step::List, Step::ListUploads, Step::Copy].map(|step| denied(&target, step));
    let through = source.endpoint();
    let mut command = copy(&from, &to, &["--json", "--from-endpoint-url", &through]);
    command.envs(s3::TestBucket::variables(&target.endpoint()));
    let told = run(command).await.expect_code(0).json();
    assert_eq!(told["ways"], json!({ "through-here": 2 }));
    assert!(of_source.iter().all(|handle| handle.fired() == 0));
    drop(of_target);
    assert_has(&to, "", &objects).await;
    source.shutdown().await;
    target.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_with_its_code() {
    let (from, to) = (s3::TestBucket::make().await, Folder::make().await);
    fill(&from, &[("a", data(10, 1)), ("b", data(10, 2))]).await;
    let proxy = FaultProxy::start(from.endpoint()).await;
    let only_a = Match::new(|request| s3::TestBucket::is(Step::Read, request) && request.path().ends_with("/a"));
    let refused = proxy.on(only_a, s3::TestBucket::problem(Problem::Denied));
    let endpoint = proxy.endpoint();
    let ended = fails(&from, &to, &["--from-endpoint-url", &endpoint], 4).await;
    assert!(refused.fired() > 0 && ended.stderr.contains("not copied"), "{}", ended.stderr);
    assert_has(&to, "", &[("b", data(10, 2))]).await;
    proxy.shutdown().await;
}
