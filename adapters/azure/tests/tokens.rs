//! Tokens that never come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use sealift::{
    Attempts, Checksum, ChecksumAlgorithm, CommitOptions, Effect, ErrorKind, IfExists, ObjectStore, Payload,
};
use sealift::{Key, Token};
use sealift_azure::{AzureOptions, AzureStore, Credentials, Entra, TOKEN_WITHIN, TokenCredential};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Where the child finds the directory of its `az`.
const FAKE: &str = "SEALIFT_TEST_FAKE_AZ";

async fn store(credentials: Credentials) -> AzureStore {
    let mut options = AzureOptions::new("account", "container");
    options.endpoint = Some("https://127.0.0.1:1".to_owned());
    options.credentials = credentials;
    AzureStore::connect(options).await.expect("options are fine")
}

fn key() -> Key {
    "key".parse().expect("valid")
}

async fn assert_given_up(store: &AzureStore) {
    let (begun, attempts) = (Instant::now(), Attempts::default());
    let options = CommitOptions::new(IfExists::Replace);
    let payload = Payload::from_segments(vec!["x".into()], Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"x"));
    let error = store.put(&key(), payload, &options, &attempts).await.expect_err("no token");
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("no token came within 30 s"), "{error}");
    assert_eq!(begun.elapsed().as_secs(), TOKEN_WITHIN.as_secs());
    assert_eq!(attempts.effect(), Effect::default(), "nothing was sent");
}

#[derive(Debug)]
struct Never;

#[async_trait::async_trait]
impl TokenCredential for Never {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<azure_core::credentials::TokenRequestOptions<'_>>,
    ) -> azure_core::Result<azure_core::credentials::AccessToken> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_never_comes_is_given_up() {
    assert_given_up(&store(Credentials::Token(Arc::new(Never))).await).await;
}

/// A directory that goes with the test.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An `az` that writes down its process and that of what it starts, and hangs.
fn fake_az() -> Directory {
    let directory = std::env::temp_dir().join(format!("sealift-az-{}", Token::random()));
    fs::create_dir(&directory).expect("a directory");
    let script = format!("#!/bin/sh\nsleep 600 &\necho $$ $! > {}/started\nwait\n", directory.display());
    let az = directory.join("az");
    fs::write(&az, script).expect("written");
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).expect("executable");
    Directory(directory)
}

fn runs(process: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A process that has ended and that nobody has asked for yet is a zombie.
    !state.is_empty() && !state.contains(") Z ")
}

#[test]
fn a_hanging_az_is_given_up_and_ended() {
    let directory = fake_az();
    let path = format!("{}:{}", directory.0.display(), std::env::var("PATH").expect("a path"));
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "with_a_hanging_az", "--ignored", "--nocapture"])
        .env("PATH", path)
        .env(FAKE, &directory.0)
        .output()
        .expect("started");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&[child.stdout, child.stderr].concat()));
}

/// What [`a_hanging_az_is_given_up_and_ended`] runs.
#[tokio::test]
#[ignore = "a part of another test, with a PATH of its own"]
async fn with_a_hanging_az() {
    let Ok(directory) = std::env::var(FAKE) else { return };
    let store = store(Credentials::Entra(Entra::DeveloperTools)).await;
    let started = async {
        let file = Path::new(&directory).join("started");
        while fs::read_to_string(&file).unwrap_or_default().split_whitespace().count() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // From here on the clock is the test's: nothing but the limit ends the wait.
        tokio::time::pause();
        fs::read_to_string(&file).expect("read")
    };
    let options = CommitOptions::new(IfExists::Replace);
    let payload = Payload::from_segments(vec!["x".into()], Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"x"));
    let (name, attempts) = (key(), Attempts::default());
    let (put, processes) = tokio::join!(store.put(&name, payload, &options, &attempts), started);
    let error = put.expect_err("no token");
    assert!(error.to_string().contains("no token came within 30 s"), "{error}");
    for process in processes.split_whitespace() {
        let begun = std::time::Instant::now();
        while runs(process) {
            assert!(begun.elapsed() < Duration::from_secs(10), "{process} still runs");
            std::thread::yield_now();
        }
    }
}
