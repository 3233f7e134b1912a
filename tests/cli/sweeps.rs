//! What a SIGKILL leaves, and `sweep`, which finds and removes it and touches nothing that is alive.

use crate::{bucket, incompressible, on_s3};
use sealift_tests::cli::{end, run};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::{Fault, FaultProxy};
use sealift_tests::s3::TestBucket;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread")]
async fn the_leftovers_of_a_kill_are_listed_then_gone() {
    let remote = bucket().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    // The first part arrives, the second is held.
    let held = proxy.on(TestBucket::on(Step::Part(2)), Fault::Stall);
    let arrived = proxy.on(TestBucket::on(Step::Part(1)), Fault::ApplyThenStall);
    let mut child = on_s3(&remote, &proxy.endpoint(), &["put", "file"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&incompressible(20 << 20)).await.expect("taken");
    arrived.wait_fired(1).await;
    held.wait_fired(1).await;
    child.kill().await.expect("killed");
    drop(stdin);
    proxy.shutdown().await;

    let (_, id) = remote.unfinished().await.pop().expect("it was left");
    let young = run(on_s3(&remote, remote.endpoint(), &["sweep"])).await.expect_code(0);
    assert_eq!(young.text(), "", "younger than a day");
    let sweep = ["sweep", "--older-than", "0s", "--json"];
    let listed = run(on_s3(&remote, remote.endpoint(), &sweep)).await.expect_code(0).json();
    assert_eq!((&listed["id"], &listed["key"]), (&id.clone().into(), &"p/file".into()));
    assert_eq!(listed["bytes"], 8 << 20);
    assert_eq!(remote.unfinished().await.len(), 1, "only listed");
    run(on_s3(&remote, remote.endpoint(), &["sweep", "--older-than", "0s", "--yes"])).await.expect_code(0);
    remote.assert_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_alive_is_not_touched() {
    let remote = bucket().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let held = proxy.on(TestBucket::on(Step::Part(2)), Fault::Stall);
    let mut child = on_s3(&remote, &proxy.endpoint(), &["put", "file"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&incompressible(20 << 20)).await.expect("taken");
    held.wait_fired(1).await;
    let swept = run(on_s3(&remote, remote.endpoint(), &["sweep", "--older-than", "1h", "--yes"])).await.expect_code(0);
    assert_eq!(swept.text(), "");
    held.release();
    drop(stdin);
    end(child).await.expect_code(0);
    assert_eq!(remote.objects().await, ["p/file"]);
    proxy.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_others_are_told_and_kept() {
    let remote = bucket().await;
    remote.start_upload("p/theirs").await;
    remote.start_upload("elsewhere").await;
    let sweep = ["sweep", "--older-than", "0s", "--yes"];
    let swept = run(on_s3(&remote, remote.endpoint(), &sweep)).await.expect_code(0).text();
    assert!(swept.contains("not marked as Sealift's, kept: p/theirs") && !swept.contains("elsewhere"), "{swept}");
    assert_eq!(remote.unfinished().await.len(), 2);
    let sweep = ["sweep", "--older-than", "0s", "--yes", "--foreign"];
    run(on_s3(&remote, remote.endpoint(), &sweep)).await.expect_code(0);
    assert_eq!(remote.unfinished().await.len(), 1, "only below the prefix");
}
