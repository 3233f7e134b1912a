//! What is between here and the service, and around it: proxies, clocks, the rule that parts are equal.

use crate::doctor;
use crate::table::Table;
use sealift_tests::azure::TestContainer;
use sealift_tests::cli;
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Match, Rewrite};
use sealift_tests::{gcs, s3};

/// One that is there is gone through, and that is said, without what it holds; one that is not is in the way.
async fn requests_go_through_the_proxy_that_is_said<C: Cloud>() {
    let remote = C::new("doctor").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let host = proxy.endpoint().trim_start_matches("http://").split('/').next().expect("a host").to_owned();
    let passed = proxy.on(Match::any(), Fault::Pass);
    let mut command = doctor(&remote, remote.endpoint(), &["--json"]);
    command.env("http_proxy", format!("http://user:{}@{host}", cli::SECRET));
    let table = Table::of(&cli::run(command).await.expect_code(0));
    assert_eq!(table.evidence("proxy"), "http_proxy is set: requests go through that proxy");
    assert!(passed.fired() > 20, "{}", passed.fired());
    proxy.shutdown().await;

    let mut command = doctor(&remote, remote.endpoint(), &["--json", "--give-up-after=0s"]);
    command.env("http_proxy", format!("http://user:{}@127.0.0.1:9", cli::SECRET));
    cli::run(command).await.expect_code(6);
}

#[tokio::test]
async fn a_proxy_before_s3() {
    requests_go_through_the_proxy_that_is_said::<s3::TestBucket>().await;
}

#[tokio::test]
async fn a_proxy_before_google() {
    requests_go_through_the_proxy_that_is_said::<gcs::TestBucket>().await;
}

#[tokio::test]
async fn a_proxy_before_azure() {
    requests_go_through_the_proxy_that_is_said::<TestContainer>().await;
}

/// A service whose clock is years away: S3 itself would refuse what is signed.
#[tokio::test]
async fn a_clock_that_is_far_away_is_a_failure() {
    let remote = s3::TestBucket::new("doctor").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let wrong = proxy.on(Match::any(), Fault::Rewrite(Rewrite::with("date", "Fri, 26 Jun 2015 23:39:12 GMT")));
    let ended = cli::run(doctor(&remote, &proxy.endpoint(), &["--json"])).await.expect_code(1);
    assert!(wrong.fired() > 0);
    let table = Table::of(&ended);
    assert_eq!(table.verdict("clock"), "fails");
    assert!(table.evidence("clock").contains("behind this one"), "{}", table.evidence("clock"));
    assert!(ended.stderr.contains("clock (fails)"), "{}", ended.stderr);
    proxy.shutdown().await;
}

/// As Cloudflare R2 answers parts of different sizes ("All non-trailing parts must have the same length").
#[tokio::test]
async fn a_service_that_wants_equal_parts_is_told_from_one_that_takes_none() {
    let remote = s3::TestBucket::new("doctor").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let unequal =
        Match::new(|request| s3::TestBucket::is(Step::Complete, request) && request.path().ends_with("/parts"));
    let refusal = s3::error(400, "InvalidPart", "All non-trailing parts must have the same length.");
    let refused = proxy.on(unequal, Fault::Reply(refusal));
    let ended = cli::run(doctor(&remote, &proxy.endpoint(), &["--json"])).await.expect_code(0);
    assert_eq!(refused.fired(), 1);
    let table = Table::of(&ended);
    assert_eq!(
        (table.verdict("complete"), table.verdict("unequal parts"), table.answer("put")),
        ("works", "fails", "less")
    );
    remote.assert_untouched().await;
    proxy.shutdown().await;
}

/// What an examination proves of conditions, other commands take from it: they send no proof of their own, and store only if
/// none exists.
#[tokio::test]
async fn what_is_proven_is_known_to_other_commands() {
    let remote = s3::TestBucket::new("doctor").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let home = tempfile::tempdir().expect("a folder");
    let mut first = doctor(&remote, &proxy.endpoint(), &["--json"]);
    first.env("XDG_CACHE_HOME", home.path());
    let table = Table::of(&cli::run(first).await.expect_code(0));
    assert!(table.evidence("conditional put").contains("remembered, so that"), "{}", table.evidence("conditional put"));
    let scratch = Match::new(|request| request.path().contains(".sealift-conditions-"));
    let proofs = proxy.on(scratch, Fault::Pass);
    let mut put = cli::command(["put", "--if-absent", "file"]);
    put.env("SEALIFT_STORAGE", remote.url()).envs(s3::TestBucket::variables(&proxy.endpoint()));
    put.env("XDG_CACHE_HOME", home.path());
    cli::run_with_input(put, b"content").await.expect_code(0);
    assert_eq!(proofs.fired(), 0, "no proof was needed");
    proxy.shutdown().await;
}
