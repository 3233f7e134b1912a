//! Azure's own ways to say where and who: accounts, keys, signatures. None of it is ever shown.

use crate::on;
use sealift_tests::azure::{ACCOUNT, KEY, SAS, TestContainer};
use sealift_tests::cli::{self, run, run_with_input};
use sealift_tests::cloud::Cloud;
use tokio::process::Command;

/// `sealift` with the account named, and no credentials.
fn named(remote: &TestContainer, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.args(["--account-name", ACCOUNT, "--endpoint-url", remote.endpoint()]);
    command.args(["--storage", "azure-native", "--container", remote.name(), "--prefix", "p"]);
    command
}

#[tokio::test]
async fn a_key_or_a_signature_of_the_environment_or_of_a_file() {
    let remote = TestContainer::new("cli").await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sas");
    std::fs::write(&file, format!("?{SAS}\n")).expect("written");
    let file = file.to_str().expect("UTF-8");
    for (name, variable, arguments) in [
        ("by-key", ("AZURE_STORAGE_KEY", KEY), vec![]),
        ("by-sas", ("AZURE_STORAGE_SAS_TOKEN", SAS), vec![]),
        ("by-file", ("AZURE_STORAGE_KEY", "bm90IHRoaXM="), vec!["--sas-file", file]),
    ] {
        let of = |arguments: Vec<&str>| {
            let mut command = named(&remote, &arguments);
            command.env(variable.0, variable.1);
            command
        };
        let put = of([vec!["put", name, "--json"], arguments.clone()].concat());
        let put = run_with_input(put, b"hello").await.expect_code(0);
        assert_eq!(put.json()["location"], format!("az://{}/p/{name}", remote.name()));
        // A copy within the service needs the authorisation twice.
        run(of([vec!["mv", name, "moved"], arguments.clone()].concat())).await.expect_code(0);
        let got = run(of([vec!["get", "moved"], arguments].concat())).await.expect_code(0);
        assert_eq!(got.stdout, b"hello");
    }
}

#[tokio::test]
async fn a_key_or_a_signature_that_is_refused() {
    let remote = TestContainer::new("cli").await;
    let wrong = "bm90IHRoaXM=";
    let wrong_sas = SAS.replace("sig=1", "sig=2");
    for (name, value, secret, code) in [
        ("AZURE_STORAGE_KEY", wrong, wrong, 4),
        ("AZURE_STORAGE_KEY", "no-base-64!", "no-base-64!", 4),
        ("AZURE_STORAGE_SAS_TOKEN", &wrong_sas, "agykGYz", 4),
        ("AZURE_STORAGE_SAS_TOKEN", "no-signature", "no-signature", 2),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountKey=c2VjcmV0", "c2VjcmV0", 2),
    ] {
        let mut command = named(&remote, &["put", "file"]);
        command.env(name, value);
        let ended = run_with_input(command, b"x").await.expect_code(code);
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
    remote.assert_untouched().await;
}

#[tokio::test]
async fn without_credentials_nothing_is_stored() {
    let remote = TestContainer::new("cli").await;
    let ended = run_with_input(named(&remote, &["put", "file", "--anonymous"]), b"x").await.expect_code(4);
    assert!(ended.stderr.contains("credentials"), "{}", ended.stderr);
    remote.assert_untouched().await;
}

/// Everybody can read a command line, so a secret on one is refused, before anything is asked of anybody, and not shown.
#[tokio::test]
async fn a_secret_on_the_command_line_is_refused() {
    let signed = format!("az://container/p?{SAS}");
    let portal = format!("https://acct.blob.core.windows.net/container/p?{SAS}");
    let connection = format!("AccountName={ACCOUNT};AccountKey={KEY}");
    let endpoint = format!("http://127.0.0.1:1/{ACCOUNT}?{SAS}");
    let key = format!("az://{ACCOUNT}:{KEY}@container/p");
    for arguments in [
        vec!["stat", &signed],
        vec!["stat", &portal],
        vec!["stat", "file", "--storage", &signed],
        vec!["stat", "file", "--storage", &connection],
        vec!["stat", "file", "--storage", "az://container", "--endpoint-url", &endpoint],
        vec!["stat", &key],
        vec!["command-config", "--storage", &signed],
        vec!["command-config", "--storage", "az://container", "--endpoint-url", &endpoint],
        vec!["stat", "file", "--storage", "az://container", "--account-key", KEY],
    ] {
        let mut command = cli::command(&arguments);
        command.env("AZURE_STORAGE_ACCOUNT", ACCOUNT);
        let ended = run(command).await.expect_code(2);
        assert!(!ended.stderr.contains("agykGYz"), "{}", ended.stderr);
    }
}

/// Azure takes a backslash for a slash: `put 'dir\file'` would replace `dir/file`, and `rm` would remove it.
#[tokio::test(flavor = "multi_thread")]
async fn a_backslash_is_no_way_to_another_blob() {
    let container = TestContainer::new("cli").await;
    run_with_input(on(&container, container.endpoint(), &["put", "dir/file"]), b"theirs").await.expect_code(0);
    run_with_input(on(&container, container.endpoint(), &["put", "other"]), b"theirs").await.expect_code(0);
    let before = container.objects().await;
    for arguments in [
        &["put", "dir\\file"][..],
        &["run", "dir\\file", "--", "echo", "ours"],
        &["get", "dir\\file"],
        &["stat", "dir\\file"],
        &["rm", "dir\\file"],
        &["mv", "dir\\file", "new"],
        &["mv", "other", "dir\\file"],
    ] {
        let said = run_with_input(on(&container, container.endpoint(), arguments), b"ours").await.expect_code(2).stderr;
        assert!(said.contains("takes a backslash for a slash"), "{arguments:?}: {said}");
    }
    assert_eq!(container.objects().await, before);
    let read = run(on(&container, container.endpoint(), &["get", "dir/file"])).await.expect_code(0);
    assert_eq!(read.stdout, b"theirs");
}
