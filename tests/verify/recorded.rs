//! The record: what was verified is not verified again, what was replaced is, and bounded runs cover everything.

use crate::scene::{Site, archive, elsewhere, rules};
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{end, run_with_input};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use sealift_tests::s3::TestBucket;
use std::process::Stdio;

const LATELY: [&str; 2] = ["--unverified-for", "30d"];

async fn put(site: &Site, name: &str, content: &[u8]) {
    run_with_input(site.sealift(&["put", name]), content).await.expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_verifies_nothing_again() {
    let (site, node) = archive().await;
    let first = site.verdict(&LATELY, 0).await;
    assert_eq!((first["verified_before"].as_u64(), first["pieces"]["transactions"].as_u64()), (Some(0), Some(2)));
    let second = site.verdict(&LATELY, 0).await;
    assert_eq!((second["verified_before"].as_u64(), second["pieces"].to_string()), (Some(6), "{}".into()), "{second}");
    // What they rest on is known from then, so nothing is left unproven.
    assert_eq!((rules(&second).len(), &second["trusts"]), (0, &first["trusts"]));
    assert!(first["trusts"].to_string().contains("own genesis"), "{first}");
    // Who says nothing gets everything verified.
    let all = site.verdict(&[], 0).await;
    assert_eq!((all["verified_before"].as_u64(), all["pieces"]["transactions"].as_u64()), (Some(0), Some(2)));
    // What was deeper counts for less; what was not so deep does not count for more.
    let content = site.verdict(&[&LATELY[..], &["--depth", "content"]].concat(), 0).await;
    assert_eq!(content["verified_before"], 6);

    // The same content, written anew, is another object.
    let proof = &site.files(".proof")[0];
    let content = std::fs::read(proof).expect("read");
    std::fs::remove_file(proof).expect("removed");
    std::fs::write(proof, content).expect("written");
    let third = site.verdict(&LATELY, 0).await;
    assert_eq!((third["verified_before"].as_u64(), third["pieces"].as_object().map(|p| p.len())), (Some(5), Some(1)));

    // What was granted once has to be granted again.
    let (_folder, url) = elsewhere();
    let work = ["--work", &url];
    site.verdict(&[&LATELY[..], &work, &["--skip-epoch-endings"]].concat(), 0).await;
    let verdict = site.verdict(&[&LATELY[..], &work, &["--skip-epoch-endings"]].concat(), 0).await;
    assert_eq!(verdict["verified_before"], 4);
    let verdict = site.verdict(&[&LATELY[..], &work].concat(), 0).await;
    assert_eq!(verdict["verified_before"], 0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounded_runs_cover_everything_oldest_first() {
    let site = Site::folder();
    for name in ["a", "b", "c", "d", "e"] {
        put(&site, name, &[1; 1000]).await;
    }
    for left in [3, 1, 0] {
        let verdict = site.verdict(&["--sample", "40%"], 0).await;
        assert_eq!(verdict["left_out"]["never_verified"], left, "{verdict}");
        let known = verdict["longest_ago"]["piece"].as_str().is_some();
        assert_eq!(known, left == 0, "{verdict}");
    }
    // Verified first, and again first: the third run had room for one more.
    let verdict = site.verdict(&["--max-bytes", "1kB"], 0).await;
    assert_eq!((verdict["pieces"]["object"].as_u64(), verdict["left_out"]["pieces"].as_u64()), (Some(1), Some(4)));
    let ended = site.verify(&["--max-bytes", "1kB"]).await.expect_code(0);
    assert!(ended.text().contains("left for another time: 4 pieces"), "{}", ended.text());
    assert!(ended.text().contains("verified longest ago: "), "{}", ended.text());
    site.run(&["rm", "c"]).await.expect_code(0);
    let verdict = site.verdict(&["--max-bytes", "1kB"], 0).await;
    assert!(
        verdict["notes"]
            .to_string()
            .contains("1 objects that were verified before are not there any more; the first: c")
    );
    put(&site, "c", &[1; 1000]).await;
    let verdict = site.verdict(&["--max-time", "0s"], 0).await;
    assert_eq!((verdict["pieces"].to_string(), verdict["left_out"]["pieces"].as_u64()), ("{}".into(), Some(5)));
}

/// Careful people give a verification credentials that may only read.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_verifies_all_the_same() {
    let bucket = TestBucket::new("verify").await;
    put(&Site::of(&bucket), "a", b"alpha").await;
    let proxy = FaultProxy::start(bucket.endpoint()).await;
    let denied = proxy.on(TestBucket::on(Step::Put), TestBucket::problem(Problem::Denied));
    let site = Site::at(&bucket, &proxy.endpoint());
    let ended = site.verify(&["--json"]).await.expect_code(0);
    assert_eq!(ended.json()["pieces"]["object"], 1);
    assert!(ended.stderr.contains("cannot be recorded"), "{}", ended.stderr);
    assert!(denied.fired() > 0);
    let before = denied.fired();
    let ended = site.verify(&["--no-record"]).await.expect_code(0);
    assert!(!ended.stderr.contains("recorded") && denied.fired() == before, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_and_what_was_done_is_recorded() {
    let bucket = TestBucket::new("verify").await;
    let direct = Site::of(&bucket);
    for name in ["a", "b", "c"] {
        put(&direct, name, &[1; 1000]).await;
    }
    let proxy = FaultProxy::start(bucket.endpoint()).await;
    let third = Match::new(|request| TestBucket::is(Step::Read, request) && request.path().ends_with("/c"));
    let stalled = proxy.on(third, Fault::Stall);
    let site = Site::at(&bucket, &proxy.endpoint());
    let mut child = site.sealift(&["verify", "--concurrent-downloads", "1"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    stalled.wait_fired(1).await;
    let pid = Pid::from_raw(child.id().expect("running") as i32).expect("a pid");
    kill_process(pid, Signal::TERM).expect("sent");
    let ended = end(child).await.expect_code(143);
    assert!(ended.stdout.is_empty(), "there is no verdict: {}", ended.text());
    let verdict = direct.verdict(&LATELY, 0).await;
    assert_eq!((verdict["verified_before"].as_u64(), verdict["pieces"]["object"].as_u64()), (Some(2), Some(1)));
    proxy.shutdown().await;
}
