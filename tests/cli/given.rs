//! What is given by the environment and by options beside names: endpoints, credentials, regions, certificates. What cannot
//! be used is told by who said it, never by what it is, and ends nothing in a panic.

use crate::{bucket, on};
use sealift_tests::azure::{ACCOUNT, KEY};
use sealift_tests::cli::{self, Ended, run, run_with_input};
use sealift_tests::cloud::Cloud;
use sealift_tests::proxy::FaultProxy;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

fn variable(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

/// The certificate that the emulators' TLS is signed with, which nobody trusts unless told to.
fn certificate() -> String {
    let state = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../localstack/.state/tls/client.pem");
    variable("SEALIFT_TEST_CA", &state.display().to_string())
}

async fn stat_of(storage: &str, endpoint: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let arguments =
        [&["stat", "file", "--storage", storage, "--endpoint-url", endpoint, "--give-up-after=0s"], arguments];
    let mut command = cli::command(arguments.concat());
    command.env("AZURE_STORAGE_ACCOUNT", ACCOUNT).env("AZURE_STORAGE_KEY", KEY).envs(variables.iter().copied());
    run(command).await
}

/// The port that speaks Google's API over TLS stands for S3 too: what is asked is only whether it is trusted.
#[tokio::test]
async fn an_authority_is_named_by_an_option_or_by_the_variables_of_each_cloud() {
    let azure = variable("SEALIFT_TEST_AZURE_TLS_ENDPOINT", "https://127.0.0.1:10001/devstoreaccount1");
    let other = variable("SEALIFT_TEST_GCS_ENDPOINT", "http://127.0.0.1:9023").replacen("http://", "https://", 1);
    let certificate = certificate();
    for (storage, endpoint, variable) in [
        ("s3://bucket/p", &other, "AWS_CA_BUNDLE"),
        ("gs://bucket/p", &other, "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE"),
        ("az://container/p", &azure, "REQUESTS_CA_BUNDLE"),
    ] {
        let anonymous = ["--anonymous"];
        let more = if storage.starts_with("gs") { &anonymous[..] } else { &[] };
        let distrusted = stat_of(storage, endpoint, &[], more).await.expect_code(6);
        assert!(
            distrusted.stderr.contains("--ca-file") && distrusted.stderr.contains("SSL_CERT_FILE"),
            "{}",
            distrusted.stderr
        );
        let by_option = stat_of(storage, endpoint, &[], &[more, &["--ca-file", &certificate]].concat()).await;
        assert!(
            by_option.code != Some(6) && !by_option.stderr.contains("certificate"),
            "{storage}: {}",
            by_option.stderr
        );
        for set in [variable, "SSL_CERT_FILE", "SEALIFT_CA_FILE"] {
            let trusted = stat_of(storage, endpoint, &[(set, &certificate)], more).await;
            assert_eq!(trusted.code, by_option.code, "{storage} by {set}: {}", trusted.stderr);
            assert!(!trusted.stderr.contains("certificate"), "{storage} by {set}: {}", trusted.stderr);
        }
        let missing = stat_of(storage, endpoint, &[(variable, "/does/not/exist")], more).await.expect_code(2);
        assert!(missing.stderr.contains(variable) && missing.stderr.contains("No such file"), "{}", missing.stderr);
    }
}

/// It is the process's own trust, and no business of what it starts.
#[tokio::test]
async fn a_producer_has_the_environment_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", folder.path().display());
    for before in [None, Some("/before")] {
        let arguments = ["run", "file", "--storage", &url, "--ca-file", &certificate(), "--", "sh", "-c"];
        let script = "printf %s \"${SSL_CERT_FILE-none} ${SEALIFT_SSL_CERT_FILE_BEFORE-none}\"";
        let mut command = cli::command(arguments.iter().copied().chain([script]));
        if let Some(before) = before {
            command.env("SSL_CERT_FILE", before);
        }
        run(command).await.expect_code(0);
        let written = std::fs::read_to_string(folder.path().join("file")).expect("stored");
        assert_eq!(written, format!("{} none", before.unwrap_or("none")));
    }
}

async fn a_port_that_does_not_speak_tls_is_told<C: Cloud>() {
    let remote = C::new("cli").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let endpoint = proxy.endpoint().replacen("http://", "https://", 1);
    let ended = run(on(&remote, &endpoint, &["stat", "file", "--give-up-after=0s"])).await.expect_code(6);
    assert!(ended.stderr.contains("say http:// instead of https://"), "{}", ended.stderr);
}

on_every_cloud!(a_port_that_does_not_speak_tls_is_told);

async fn with(variables: &[(&str, &str)]) -> Ended {
    let remote = bucket().await;
    let mut command: Command = on(&remote, remote.endpoint(), &["put", "file"]);
    for (name, value) in variables {
        command.env(name, value);
    }
    let ended = run_with_input(command, b"data").await;
    assert_eq!(remote.objects().await, Vec::<String>::new(), "{variables:?}");
    ended
}

#[tokio::test]
async fn what_no_request_can_hold_is_named_and_not_shown() {
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIDs3cret\n"),
        ("AWS_ACCESS_KEY_ID", "AKIDs3cret\u{1}"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret\r\n"),
        ("AWS_SESSION_TOKEN", "s3cret\nx: y"),
        ("AWS_SESSION_TOKEN", "s3crét"),
        ("AWS_REGION", "us-east-1\n"),
        ("AWS_REGION", "us east 1"),
        ("AWS_ENDPOINT_URL_S3", "localhost:9000"),
        ("AWS_ENDPOINT_URL_S3", "http://"),
        ("AWS_ENDPOINT_URL_S3", "ftp://host"),
        ("AWS_ENDPOINT_URL_S3", "http://host\n"),
    ] {
        let ended = with(&[(name, value)]).await.expect_code(2);
        assert!(ended.stderr.contains(name) && !ended.stderr.contains("s3cr"), "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_credential_process_that_gives_what_no_request_can_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    let given = r#"{"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "s3cret", "SessionToken": "tok\nen"}"#;
    std::fs::write(folder.path().join("given"), given).expect("written");
    let process = format!("[default]\ncredential_process = cat {}\n", folder.path().join("given").display());
    std::fs::write(&config, process).expect("written");
    let remote = bucket().await;
    let mut command = on(&remote, remote.endpoint(), &["stat", "file"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env("AWS_CONFIG_FILE", &config);
    let ended = run(command).await.expect_code(2);
    assert!(ended.stderr.contains("credential_process") && ended.stderr.contains("session token"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("s3cret") && !ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// A profile that `aws login` has written, and whose session is not in its cache (any more).
#[tokio::test]
async fn a_profile_of_aws_login_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    let profile = "[default]\nlogin_session = arn:aws:iam::123456789012:user/name\nregion = us-east-1\n";
    std::fs::write(&config, profile).expect("written");
    let remote = bucket().await;
    let mut command = on(&remote, remote.endpoint(), &["stat", "file"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_CONFIG_FILE", &config).env("HOME", folder.path());
    let ended = run(command).await.expect_code(4);
    assert!(!ended.stderr.contains("feature") && ended.stderr.contains("log"), "{}", ended.stderr);
}

/// The first line of a request through a proxy says where the bucket is named.
#[tokio::test]
async fn a_bucket_is_named_in_the_path_or_in_the_host() {
    for (addressing, named) in [
        (&["--addressing=path"][..], "http://storage.example/bucket/file"),
        (&["--addressing=virtual"], "http://bucket.storage.example/file"),
        (&["--addressing=auto"], "http://storage.example/bucket/file"),
        (&[], "http://storage.example/bucket/file"),
        (&["--endpoint-url=http://oss.aliyuncs.com"], "http://bucket.oss.aliyuncs.com/file"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = format!("http://{}", listener.local_addr().expect("an address"));
        let endpoint: &[&str] = match addressing.iter().any(|argument| argument.starts_with("--endpoint")) {
            true => &[],
            false => &["--endpoint-url=http://storage.example"],
        };
        let stat = [&["stat", "s3://bucket/file", "--give-up-after=0s"], endpoint, addressing].concat();
        let mut command = cli::command(stat);
        command.env("HTTP_PROXY", &proxy).env("http_proxy", &proxy);
        let served = async {
            let connected = tokio::time::timeout(Duration::from_secs(30), listener.accept()).await;
            let (mut connection, _) = connected.expect("it asks").expect("a request");
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                assert!(connection.read_buf(&mut asked).await.expect("read") > 0, "all of it");
            }
            connection.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.expect("answered");
            String::from_utf8_lossy(&asked).into_owned()
        };
        let (ended, asked) = tokio::join!(run(command), served);
        ended.expect_code(4);
        assert!(asked.starts_with(&format!("HEAD {named}")), "{addressing:?}: {asked}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told_to_who_looks() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = format!("file://{}/missing", folder.path().display());
    for command in ["ls", "sweep"] {
        let ended = run(cli::command([command, &missing])).await.expect_code(3);
        assert!(ended.stderr.contains("no such folder") && ended.stderr.contains(&missing), "{}", ended.stderr);
    }
    run(cli::command(["ls", &format!("file://{}", folder.path().display())])).await.expect_code(0);
}
