//! What people get wrong: a clear message, the right exit code, and nothing lost.

use crate::{bucket, on};
use sealift_tests::cli::{self, run, run_with_input};
use sealift_tests::cloud::{Cloud, Problem};
use sealift_tests::proxy::{Fault, FaultProxy, Match, Reply};
use std::time::{Duration, Instant};

async fn empty_input_is_refused_unless_allowed<C: Cloud>() {
    let remote = C::new("cli").await;
    let ended = run_with_input(on(&remote, remote.endpoint(), &["put", "file"]), b"").await.expect_code(9);
    assert!(ended.stderr.contains("--allow-empty"), "{}", ended.stderr);
    remote.assert_untouched().await;
    let ended = run(on(&remote, remote.endpoint(), &["run", "file", "--", "true"])).await.expect_code(9);
    assert!(ended.stderr.contains("--allow-empty"), "{}", ended.stderr);
    remote.assert_untouched().await;
    run_with_input(on(&remote, remote.endpoint(), &["put", "file", "--allow-empty"]), b"").await.expect_code(0);
    let get = run(on(&remote, remote.endpoint(), &["get", "file"])).await.expect_code(0);
    assert!(get.stdout.is_empty());
}

/// Such a URL is no storage of ours, but people may have one at hand, with what it is signed by.
#[tokio::test(flavor = "multi_thread")]
async fn a_url_with_a_signature_is_refused_and_not_repeated() {
    let url = "https://account.blob.core.windows.net/c?sv=1&sig=s3cret";
    for arguments in [vec!["put", "file"], vec!["command-config"]] {
        let mut command = cli::command(&arguments);
        command.env("SEALIFT_STORAGE", url);
        let ended = run(command).await.expect_code(2);
        assert!(ended.stderr.contains("(not shown) holds a signature"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret") && !ended.text().contains("s3cret"), "{arguments:?}");
    }
    let mut help = cli::command(["put", "--help"]);
    help.env("SEALIFT_STORAGE", url);
    let help = run(help).await.expect_code(0).text();
    assert!(help.contains("SEALIFT_STORAGE") && !help.contains("s3cret"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_storage_and_storages_that_make_no_sense() {
    for (arguments, hint) in [
        (vec!["put", "file"], "--storage s3://BUCKET/PREFIX"),
        (vec!["put", "file", "--storage", "s3-native"], "--bucket"),
        (vec!["put", "file", "--storage", "local-fs"], "--local-fs-dir"),
        (vec!["put", "file", "--storage", "ftp://x"], "s3://BUCKET/PREFIX"),
        (vec!["put", "file", "--storage", "s3:///x"], "no bucket"),
        (vec!["put", "file", "--storage", "azure-native"], "--container"),
        (vec!["put", "file", "--storage", "az:///x"], "no container"),
        (vec!["put", "file", "--storage", "az://container/p"], "--account-name"),
        (vec!["put", "file", "--storage", "s3://bucket", "--account-name", "a"], "azure-native only"),
        (vec!["put", "file", "--storage", "file:///tmp", "--memory", "1KiB"], "16 MiB"),
        (vec!["put", "../x", "--storage", "file:///tmp"], "`..`"),
        (vec!["put", "", "--storage", "file:///tmp"], "1 to 1024 characters"),
        (vec!["run", "file", "--storage", "file:///tmp"], "CMD"),
    ] {
        let ended = run(cli::command(&arguments)).await.expect_code(2);
        assert!(ended.stderr.contains(hint), "{arguments:?}: {}", ended.stderr);
    }
}

async fn a_bucket_that_is_missing_is_found_before_the_producer_starts<C: Cloud>() {
    let remote = C::new("cli").await;
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("started");
    let mut command = on(&remote, remote.endpoint(), &["run", "file", "--", "touch", mark.to_str().expect("UTF-8")]);
    command.env("SEALIFT_STORAGE", remote.url().replace("cli-", "no-such-bucket-"));
    let ended = run(command).await.expect_code(3);
    assert!(ended.stderr.contains("no-such-bucket-"), "{}", ended.stderr);
    assert!(!mark.exists());
}

async fn an_object_that_is_missing<C: Cloud>() {
    let remote = C::new("cli").await;
    for command in ["get", "stat", "rm"] {
        let ended = run(on(&remote, remote.endpoint(), &[command, "none"])).await.expect_code(3);
        assert!(ended.stderr.contains(&format!("{}/p/none", remote.url())), "{}", ended.stderr);
    }
}

async fn an_object_that_exists_when_it_must_not<C: Cloud>() {
    let remote = C::new("cli").await;
    run_with_input(on(&remote, remote.endpoint(), &["put", "file"]), b"old").await.expect_code(0);
    let ended = run_with_input(on(&remote, remote.endpoint(), &["put", "file", "--if-absent"]), b"new").await;
    let ended = ended.expect_code(5);
    assert!(ended.stderr.contains("/p/file"), "{}", ended.stderr);
    let get = run(on(&remote, remote.endpoint(), &["get", "file"])).await.expect_code(0);
    assert_eq!(get.stdout, b"old");
}

async fn credentials_that_are_refused<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let fault = proxy.on(Match::any(), C::problem(Problem::Denied));
    let ended = run_with_input(on(&remote, &proxy.endpoint(), &["put", "file"]), b"x").await.expect_code(4);
    assert!(fault.fired() >= 1);
    assert!(ended.stderr.contains("credential"), "{}", ended.stderr);
    proxy.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credentials_at_all() {
    let remote = bucket().await;
    let mut command = on(&remote, remote.endpoint(), &["stat", "file"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let ended = run(command).await.expect_code(4);
    assert!(ended.stderr.contains("credentials"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_in_another_region() {
    let remote = bucket().await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let body = "<Error><Code>PermanentRedirect</Code><Message>use the endpoint</Message></Error>";
    let fault = proxy.on(
        Match::any(),
        Fault::Reply(Reply {
            status: 301,
            headers: vec![("x-amz-bucket-region".into(), "eu-central-1".into())],
            body: body.into(),
        }),
    );
    let ended = run_with_input(on(&remote, &proxy.endpoint(), &["put", "file"]), b"x").await.expect_code(6);
    assert!(fault.fired() >= 1);
    assert!(ended.stderr.contains("eu-central-1"), "{}", ended.stderr);
    proxy.shutdown().await;
}

async fn an_endpoint_out_of_reach_is_given_up_within_the_stated_time<C: Cloud>() {
    let remote = C::new("cli").await;
    let started = Instant::now();
    let ended = run_with_input(on(&remote, "http://127.0.0.1:1", &["put", "file"]), b"x").await.expect_code(6);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(ended.stderr.contains("127.0.0.1:1"), "{}", ended.stderr);
}

async fn an_object_that_is_no_gzip<C: Cloud>() {
    let remote = C::new("cli").await;
    remote.put("p/file", "plain text, which is not gzip and longer than a header".into()).await;
    let ended = run(on(&remote, remote.endpoint(), &["get", "file"])).await.expect_code(7);
    assert!(ended.stderr.contains("gzip") && ended.stderr.contains("/p/file"), "{}", ended.stderr);
}

on_every_cloud!(
    empty_input_is_refused_unless_allowed,
    a_bucket_that_is_missing_is_found_before_the_producer_starts,
    an_object_that_is_missing,
    an_object_that_exists_when_it_must_not,
    credentials_that_are_refused,
    an_endpoint_out_of_reach_is_given_up_within_the_stated_time,
    an_object_that_is_no_gzip,
);
