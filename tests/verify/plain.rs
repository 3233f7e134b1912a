//! Plain objects: whoever wrote them, and what is no archive.

use crate::scene::{Site, rules};
use sealift_tests::cli::run_with_input;
use sealift_tests::cloud::Cloud;
use sealift_tests::s3::TestBucket;

async fn put(site: &Site, name: &str, codec: &str) {
    let command = site.sealift(&["put", name, "--codec", codec]);
    let content: Vec<u8> = (0..100_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 20) as u8).collect();
    run_with_input(command, &content).await.expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_every_form_are_read_and_damage_is_found() {
    let bucket = TestBucket::new("verify").await;
    let site = Site::of(&bucket);
    for (name, codec) in [("db/gzip", "gzip"), ("db/zstd", "zstd"), ("db/plain", "none"), ("db2/other", "gzip")] {
        put(&site, name, codec).await;
    }
    bucket.put("db/text", "written by something else".into()).await;
    bucket.put("db/empty", "".into()).await;
    let verdict = site.verdict(&["db", "--no-record"], 0).await;
    assert_eq!(
        (verdict["pieces"]["object"].as_u64(), verdict["depth"].as_str()),
        (Some(5), Some("content")),
        "{verdict}"
    );

    let mut stored = bucket.get("db/gzip").await.expect("there").to_vec();
    let middle = stored.len() / 2;
    stored[middle] ^= 1;
    bucket.put("db/gzip", stored.into()).await;
    let verdict = site.verdict(&["db", "--no-record"], 7).await;
    assert_eq!(rules(&verdict), ["damaged"]);
    assert_eq!(verdict["pieces"]["object"], 5, "the others were verified all the same");
    let verdict = site.verdict(&["db", "--no-record", "--depth", "stored"], 0).await;
    assert_eq!(verdict["files"]["stored-with-checksum"], 2, "what others stored has none: {verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_no_success() {
    let site = Site::folder();
    put(&site, "a/b", "none").await;
    let ended = site.verify(&["elsewhere"]).await.expect_code(3);
    assert!(ended.stderr.contains("there is nothing") && ended.stderr.contains("check the bucket"), "{}", ended.stderr);
    let ended = site.verify(&["--depth", "chain"]).await.expect_code(2);
    assert!(ended.stderr.contains("no metadata files"), "{}", ended.stderr);
    let verdict = site.verdict(&["--aptos", "--no-record"], 7).await;
    assert_eq!(rules(&verdict), ["no-metadata"]);
    for wrong in [
        &["--memory", "1MiB"][..],
        &["--shard", "1/2"],
        &["--plan", "x"],
        &["--sample", "0%"],
        &["--max-bytes", "1MB", "--sample", "5%"],
        &["--plan", "x", "--shard", "3/2"],
        &["--plan", "x", "--shard", "1/2", "--max-bytes", "1MB"],
        &["--work", "no-url"],
    ] {
        site.verify(wrong).await.expect_code(2);
    }
    let ended = site.verify(&["--plan", "no-such-plan", "--shard", "1/2"]).await.expect_code(3);
    assert!(ended.stderr.contains("no-such-plan"), "{}", ended.stderr);
}
