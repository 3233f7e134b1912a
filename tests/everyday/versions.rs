//! `get` and `stat --version-id`.

use crate::{in_folder, on};
use sealift_tests::cli::{run, run_with_input};
use sealift_tests::cloud::Cloud;
use sealift_tests::s3::{self, aws};
use sealift_tests::{azure, gcs};
use tokio::process::Command;

fn s3api(remote: &s3::TestBucket, arguments: &[&str]) -> Command {
    let mut command = Command::new(aws());
    command.args(["--endpoint-url", remote.endpoint(), "s3api"]).args(arguments).args(["--bucket", remote.name()]);
    command.envs(s3::TestBucket::variables(remote.endpoint()));
    command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_PAGER", "").env_remove("AWS_CA_BUNDLE");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_version_of_s3_comes_back() {
    let remote = s3::TestBucket::new("everyday").await;
    let enabled = ["put-bucket-versioning", "--versioning-configuration", "Status=Enabled"];
    assert!(s3api(&remote, &enabled).status().await.expect("aws runs").success());
    let first = run_with_input(on(&remote, &["put", "x", "--json"]), b"first").await.expect_code(0).json();
    let first = first["version"].as_str().expect("a version").to_owned();
    run_with_input(on(&remote, &["put", "x"]), b"second, and longer").await.expect_code(0);
    for argument in [&["get", "x"][..], &["get", "x", "-o", "-"]] {
        assert_eq!(run(on(&remote, argument)).await.expect_code(0).text(), "second, and longer");
    }
    let earlier = run(on(&remote, &["get", "x", "--version-id", &first])).await.expect_code(0);
    assert_eq!(earlier.text(), "first");
    let stat = run(on(&remote, &["stat", "x", "--json", "--version-id", &first])).await.expect_code(0).json();
    assert_eq!(stat["version"], first.as_str());
    // It is there when the object is not any more.
    run(on(&remote, &["rm", "x"])).await.expect_code(0);
    run(on(&remote, &["get", "x"])).await.expect_code(3);
    let earlier = run(on(&remote, &["get", "x", "--version-id", &first])).await.expect_code(0);
    assert_eq!(earlier.text(), "first");
    // Neither a version that is not there, nor what is no version, nor the mark of the removal.
    let marks = s3api(&remote, &["list-object-versions", "--query", "DeleteMarkers[0].VersionId", "--output", "text"]);
    let marker = {
        let mut marks = marks;
        marks.output().await.expect("aws runs").stdout
    };
    let marker = String::from_utf8(marker).expect("UTF-8").trim().to_owned();
    for version in ["00000000-0000-4000-8000-000000000000", "no version", &marker] {
        for command in ["get", "stat"] {
            let said = run(on(&remote, &[command, "x", "--version-id", version])).await.expect_code(3).stderr;
            assert!(said.contains("version"), "{version}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_of_google_is_a_version() {
    let remote = gcs::TestBucket::new("everyday").await;
    let stored = run_with_input(on(&remote, &["put", "x", "--json"]), b"first").await.expect_code(0).json();
    let generation = stored["version"].as_str().expect("a generation").to_owned();
    let get = run(on(&remote, &["get", "x", "--version-id", &generation])).await.expect_code(0);
    assert_eq!(get.text(), "first");
    for version in ["1", "no number", "-5"] {
        let said = run(on(&remote, &["get", "x", &format!("--version-id={version}")])).await.expect_code(3).stderr;
        assert!(said.contains("there is no such version"), "{version}: {said}");
    }
}

/// The emulator keeps no versions, and answers with what is there now: that is not passed off as the version.
#[tokio::test(flavor = "multi_thread")]
async fn where_no_versions_are_kept_none_is_found() {
    let remote = azure::TestContainer::new("everyday").await;
    run_with_input(on(&remote, &["put", "x"]), b"first").await.expect_code(0);
    for command in ["get", "stat"] {
        let arguments = [command, "x", "--version-id", "2026-01-01T00:00:00.0000000Z"];
        let said = run(on(&remote, &arguments)).await.expect_code(3).stderr;
        assert!(said.contains("there is no such version"), "{said}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("x"), "data").expect("written");
    for command in ["get", "stat"] {
        let said = run(in_folder(folder.path(), &[command, "x", "--version-id", "1"])).await.expect_code(2).stderr;
        assert!(said.contains("keeps no versions") && said.contains("leave the version out"), "{said}");
    }
}
