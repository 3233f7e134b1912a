//! `gcs.yaml`, with gsutil and the GCS emulator.

use crate::scene::{self, PREFIX, sample};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sealift_command::CommandStorage;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// The emulator, and a folder in which gsutil is at home.
struct Gcs {
    endpoint: String,
    bucket: String,
    home: TempDir,
}

impl Gcs {
    async fn new() -> Self {
        let gcs = Gcs {
            endpoint: scene::emulator("SEALIFT_TEST_GCS_ENDPOINT", "http://127.0.0.1:9023"),
            bucket: format!("samples-{:016x}", rand::random::<u64>()),
            home: tempfile::tempdir().expect("a folder"),
        };
        gcs.call(Method::POST, "/storage/v1/b?project=test", json!({ "name": gcs.bucket }).to_string()).await;
        gcs
    }

    async fn call(&self, method: Method, path: &str, body: String) -> Vec<u8> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.endpoint));
        let request = request.header("content-type", "application/json").body(Full::<bytes::Bytes>::from(body));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request.expect("a request")).await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.into_body().collect().await.expect("a body").to_bytes().to_vec()
    }

    async fn objects(&self) -> Vec<String> {
        let list = self.call(Method::GET, &format!("/storage/v1/b/{}/o", self.bucket), String::new()).await;
        let list: Value = serde_json::from_slice(&list).expect("JSON");
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// gsutil speaks TLS only, and is led to the emulator by its configuration file.
    fn storage(&self, bucket: &str) -> CommandStorage {
        let state = scene::emulators();
        let authority =
            std::env::var("SEALIFT_TEST_CA").unwrap_or_else(|_| state.join("tls/client.pem").display().to_string());
        let (host, port) = self.endpoint.trim_start_matches("http://").split_once(':').expect("host and port");
        let home = self.home.path().to_str().expect("UTF-8");
        let config = format!("{home}/boto");
        let content = format!(
            "[Credentials]\ngs_json_host = {host}\ngs_json_port = {port}\n[Boto]\nca_certificates_file = {authority}\n\
             num_retries = 0\n[GSUtil]\nstate_dir = {home}/state\n"
        );
        fs::write(&config, content).expect("written");
        let path = scene::search_path(&state.join("bin"), "gsutil");
        let environment = [("PATH", path.as_str()), ("HOME", home), ("BOTO_CONFIG", &config), ("A_SECRET", SECRET)];
        sample("gcs", &[("BUCKET", bucket), ("PREFIX", PREFIX)], &environment)
    }
}

/// gsutil's own is in a file. But what is in the environment must not come onto a command line.
const SECRET: &str = "gcs-secret-that-must-not-be-shown";

#[tokio::test]
async fn it_serves_an_archive() {
    let gcs = Gcs::new().await;
    let storage = gcs.storage(&gcs.bucket);
    scene::serves(&storage).await;
    let path = format!("/storage/v1/b/{}/o/backups%2Fe1%2Fbackup.0af1%2Fsmall?alt=media", gcs.bucket);
    let stored = gcs.call(Method::GET, &path, String::new()).await;
    assert_eq!(stored[..2], [0x1f, 0x8b], "gzip");
    storage.close().await;
}

#[tokio::test]
async fn a_failure_says_what_gsutil_said() {
    let gcs = Gcs::new().await;
    scene::fails_saying(&gcs.storage("no-such-bucket"), "no-such-bucket").await;
}

#[tokio::test]
async fn a_file_that_is_dropped_half_way_never_exists() {
    let gcs = Gcs::new().await;
    let storage = gcs.storage(&gcs.bucket);
    scene::leaves_nothing_and_tells_nothing(&storage, "gsutil", SECRET, async || gcs.objects().await).await;
}
