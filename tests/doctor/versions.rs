//! Buckets that keep versions, and such as keep what is removed from them.

use crate::doctor;
use crate::table::Table;
use sealift_tests::cli;
use sealift_tests::cloud::{Cloud, Problem};
use sealift_tests::proxy::{FaultProxy, Match};
use sealift_tests::s3::{TestBucket, aws};
use serde_json::Value;
use tokio::process::Command;

fn s3api(remote: &TestBucket, arguments: &[&str]) -> Command {
    let mut command = Command::new(aws());
    command.args(["--endpoint-url", remote.endpoint(), "s3api"]).args(arguments).args(["--bucket", remote.name()]);
    for (name, value) in TestBucket::variables(remote.endpoint()) {
        command.env(name, value);
    }
    command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_PAGER", "").env_remove("AWS_CA_BUNDLE");
    command
}

/// A bucket that keeps versions.
async fn versioned() -> TestBucket {
    let remote = TestBucket::new("doctor").await;
    let enabled = ["put-bucket-versioning", "--versioning-configuration", "Status=Enabled"];
    assert!(s3api(&remote, &enabled).status().await.expect("aws runs").success());
    remote
}

/// Every version, and every mark that something was removed.
async fn versions(remote: &TestBucket) -> Vec<Value> {
    let told = s3api(remote, &["list-object-versions", "--output", "json"]).output().await.expect("aws runs");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
    ["Versions", "DeleteMarkers"].iter().filter_map(|list| told[list].as_array().cloned()).flatten().collect()
}

#[tokio::test]
async fn versions_are_removed_too() {
    let remote = versioned().await;
    remote.put("there", "something".into()).await;
    let before = versions(&remote).await;
    let table = Table::of(&cli::run(doctor(&remote, remote.endpoint(), &["--json"])).await.expect_code(0));
    assert_eq!((table.verdict("delete a version"), table.left.len()), ("works", 0));
    assert!(table.evidence("versions").starts_with("kept"));
    assert_eq!(versions(&remote).await, before);
}

#[tokio::test]
async fn versions_that_may_not_be_removed_are_named() {
    let remote = versioned().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let of_a_version =
        Match::new(|request| request.method() == hyper::Method::DELETE && request.parameter("versionId").is_some());
    let refused = proxy.on(of_a_version, TestBucket::problem(Problem::Denied));
    let ended = cli::run(doctor(&remote, &proxy.endpoint(), &["--json"])).await;
    assert!(refused.fired() > 0);
    proxy.shutdown().await;
    let table = Table::of(&ended);
    assert_eq!((table.verdict("delete a version"), table.answer("rm")), ("missing", "less"));
    assert!(table.permission("delete a version").expect("missing").contains("s3:DeleteObjectVersion"));
    let there = versions(&remote).await;
    assert!(!there.is_empty());
    for version in &there {
        let id = version["VersionId"].as_str().expect("an id");
        assert!(table.left.iter().any(|left| left.contains(id)), "{id} is named: {:?}", table.left);
    }
}

/// Nothing is stored where it would stay, unless that is accepted.
#[tokio::test]
async fn a_bucket_that_keeps_everything_gets_nothing() {
    let remote = versioned().await;
    let lock = r#"{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Mode":"GOVERNANCE","Days":1}}}"#;
    let locked = ["put-object-lock-configuration", "--object-lock-configuration", lock];
    assert!(s3api(&remote, &locked).status().await.expect("aws runs").success());
    let table = Table::of(&cli::run(doctor(&remote, remote.endpoint(), &["--json"])).await.expect_code(1));
    assert_eq!((table.verdict("put"), table.verdict("list")), ("unknown", "works"));
    assert!(table.evidence("retention").contains("1 days"), "{}", table.evidence("retention"));
    assert_eq!(versions(&remote).await, Vec::<Value>::new());

    let ended = cli::run(doctor(&remote, remote.endpoint(), &["--json", "--yes"])).await;
    let table = Table::of(&ended);
    assert_eq!(table.verdict("put"), "works", "{}", table.rows());
    for version in versions(&remote).await {
        let id = version["VersionId"].as_str().expect("an id");
        assert!(table.left.iter().any(|left| left.contains(id)), "{id} is named: {:?}", table.left);
    }
}
