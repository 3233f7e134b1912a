//! Google's own ways to say who asks, and what its sessions mean for `sweep`.

use crate::{incompressible, on};
use sealift_tests::cli::{self, run, run_with_input};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::gcs::TestBucket;
use sealift_tests::proxy::{Fault, FaultProxy};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_credentials_file_that_cannot_be_used_is_named_and_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key.json");
    for (content, said) in [
        (None, "No such file"),
        (Some("{\"private_key\": \"s3cret"), "not JSON"),
        (Some("{\"type\": \"service_account\", \"private_key\": \"s3cret\"}"), "missing or malformed"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).expect("written");
        }
        let path = file.to_str().expect("UTF-8");
        let by_option = ["put", "file", "--storage", "gs://bucket", "--credentials-file", path];
        let ended = run_with_input(cli::command(by_option), b"x").await.expect_code(2);
        assert!(ended.stderr.contains(path) && ended.stderr.contains(said), "{}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
        let mut by_variable = cli::command(["put", "file", "--storage", "gs://bucket"]);
        by_variable.env("GOOGLE_APPLICATION_CREDENTIALS", path);
        let ended = run_with_input(by_variable, b"x").await.expect_code(2);
        assert!(ended.stderr.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn credentials_are_not_sent_in_the_clear() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key.json");
    std::fs::write(&file, "{\"type\": \"authorized_user\"}").expect("written");
    let path = file.to_str().expect("UTF-8");
    let arguments =
        ["put", "file", "--storage", "gs://bucket", "--endpoint-url", "http://192.0.2.1", "--credentials-file", path];
    let ended = run_with_input(cli::command(arguments), b"x").await.expect_code(2);
    assert!(ended.stderr.contains("https"), "{}", ended.stderr);
}

/// There is nothing that anybody could list. The session is there, as the emulator shows, and can make nothing visible.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_leaves_is_seen_by_nobody() {
    let remote = TestBucket::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let arrived = proxy.on(TestBucket::on(Step::AnyPart), Fault::ApplyThenStall);
    let mut child = on(&remote, &proxy.endpoint(), &["put", "file"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&incompressible(20 << 20)).await.expect("taken");
    arrived.wait_fired(1).await;
    child.kill().await.expect("killed");
    drop(stdin);
    proxy.shutdown().await;

    assert_eq!(remote.unfinished().await.len(), 1);
    assert!(remote.objects().await.is_empty());
    let sweep = ["sweep", "--older-than", "0s", "--yes"];
    let swept = run(on(&remote, remote.endpoint(), &sweep)).await.expect_code(0);
    assert_eq!(swept.text(), "");
    let again = run_with_input(on(&remote, remote.endpoint(), &["put", "file", "--if-absent"]), b"x").await;
    again.expect_code(0);
    assert_eq!(remote.objects().await, ["p/file"]);
}
