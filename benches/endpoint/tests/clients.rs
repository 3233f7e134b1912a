//! What the endpoint keeps is what was put, by Sealift's library and by every client that is here: the comparison of
//! clients means something only if all of them do the work.

#![allow(clippy::expect_used, reason = "tests show failures by panicking")]

use futures::TryStreamExt;
use sealift::{Bucket, Budget, Codec, Compressor, IfExists, Key, Level};
use sealift_s3::{S3Options, S3Store};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const KEYS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "bench"),
    ("AWS_SECRET_ACCESS_KEY", "bench"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// An endpoint that runs until it is dropped, and a folder.
struct Endpoint {
    url: String,
    process: Child,
    folder: tempfile::TempDir,
}

impl Endpoint {
    fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = Command::new(env!("CARGO_BIN_EXE_bench-endpoint"))
            .arg("--keep")
            .arg(folder.path().join("kept"))
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut url = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut url).expect("its URL");
        Endpoint { url: url.trim().to_owned(), process, folder }
    }

    /// A file of `size` bytes that compress neither well nor badly.
    fn file(&self, size: usize) -> PathBuf {
        let path = self.folder.path().join(format!("input-{size}"));
        let mut state = 1u64;
        let bytes = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 60) as u8 + b'a'
        });
        std::fs::write(&path, bytes.take(size).collect::<Vec<_>>()).expect("written");
        path
    }

    async fn bucket(&self, codec: Codec) -> Bucket {
        let mut options = S3Options::new("bench");
        options.endpoint_url = Some(self.url.clone());
        options.region = Some("us-east-1".into());
        options.credentials = sealift_s3::Credentials::Anonymous;
        let store = S3Store::connect(options).await.expect("connected");
        let compressor = Arc::new(Compressor::new(codec, None).expect("threads"));
        Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("a budget"))
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sha256(mut from: impl Read) -> Vec<u8> {
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match from.read(&mut buffer).expect("read") {
            0 => return hasher.finalize().to_vec(),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// Small enough for one request, and large enough for several parts of everybody.
const SIZES: [usize; 2] = [1_000, 30_000_001];

async fn round_trip(endpoint: &Endpoint, codec: Codec, size: usize) {
    let bucket = endpoint.bucket(codec).await;
    let bytes = std::fs::read(endpoint.file(size)).expect("read");
    let key: Key = format!("sealift/{size}").parse().expect("a key");
    let mut sink = bucket.create(&key, IfExists::Replace).expect("open");
    sink.write_all(&bytes).await.expect("written");
    let sealed = sink.seal().await.expect("sealed");
    let mut back = Vec::new();
    bucket.open(&key).await.expect("found").read_to_end(&mut back).await.expect("read");
    assert!(back == bytes, "{codec:?}, {size} bytes");
    assert_eq!(bucket.stat(&key).await.expect("seen").size, sealed.bytes_stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealift_reads_what_it_wrote() {
    let endpoint = Endpoint::start(&[]);
    for size in SIZES {
        round_trip(&endpoint, Codec::Plain, size).await;
        round_trip(&endpoint, Codec::Gzip(Level::default()), size).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_fail_are_sent_again_and_a_slow_network_changes_nothing() {
    let endpoint = Endpoint::start(&["--fail-every", "2", "--latency", "5", "--rate", "100000000"]);
    round_trip(&endpoint, Codec::Plain, SIZES[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_exists_is_not_replaced_where_that_is_forbidden() {
    let endpoint = Endpoint::start(&[]);
    let bucket = endpoint.bucket(Codec::Plain).await;
    let key: Key = "once".parse().expect("a key");
    for (attempt, size) in [(0, 10), (1, 10), (2, SIZES[1])] {
        let mut sink = bucket.create(&key, IfExists::Fail).expect("open");
        // The refusal may come at any time.
        let _ = sink.write_all(&vec![0; size]).await;
        assert_eq!(sink.seal().await.is_ok(), attempt == 0);
    }
    let left = bucket.leftovers("", std::time::Duration::ZERO).await.and_then(sealift::Leftovers::all).expect("listed");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_share_a_slow_line() {
    let endpoint = Endpoint::start(&["--total-rate", "20000000"]);
    let begun = Instant::now();
    round_trip(&endpoint, Codec::Plain, SIZES[1]).await;
    let seconds = begun.elapsed().as_secs_f64();
    assert!(seconds > 2.9, "there and back is 1.5 s each: {seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_objects_that_are_made_up_is_listed_whole() {
    let endpoint = Endpoint::start(&["--keys", "2500"]);
    let bucket = endpoint.bucket(Codec::Plain).await;
    let bucket = &bucket;
    let listed = async |name| {
        let objects = bucket.list(name).map_ok(|object| object.key.to_string());
        objects.try_collect::<Vec<_>>().await.expect("listed")
    };
    let all: Vec<_> = (0..2_500).map(|number| format!("made/up/{number:09}")).collect();
    assert_eq!(listed("").await, all);
    assert_eq!(listed("made/up").await, all);
    assert_eq!(listed("made/up/000001234").await, all[1_234..1_235]);
}

/// A tool, where it was installed for the comparison or on the machine.
fn tool(name: &str) -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::iter::once(installed).chain(std::env::split_paths(&path));
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
}

/// Stores and reads with another client's commands.
fn client_round_trip(name: &str, put: impl Fn(&str, &str) -> Vec<String>, get: impl Fn(&str, &str) -> Vec<String>) {
    let Some(program) = tool(name) else {
        println!("NOT TESTED: {name} is not here; benches/side-by-side/install gets it");
        return;
    };
    let endpoint = Endpoint::start(&[]);
    for size in SIZES {
        let (path, key) = (endpoint.file(size), format!("object-{size}"));
        let mut command = Command::new(&program);
        command.args(put(&endpoint.url, &key)).envs(KEYS).stdin(File::open(&path).expect("open"));
        assert!(command.status().expect("started").success(), "{name} stores {size} bytes");
        let mut command = Command::new(&program);
        command.args(get(&endpoint.url, &key)).envs(KEYS).stdout(Stdio::piped());
        let mut reading = command.spawn().expect("started");
        let read = sha256(reading.stdout.take().expect("piped"));
        assert!(reading.wait().expect("ended").success(), "{name} reads {size} bytes");
        assert_eq!(read, sha256(File::open(&path).expect("open")), "{name}, {size} bytes");
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn aws_reads_what_it_wrote() {
    let copy = |url: &str, from: &str, to: &str| words(&["s3", "cp", from, to, "--endpoint-url", url]);
    client_round_trip(
        "aws",
        |url, key| copy(url, "-", &format!("s3://bench/{key}")),
        |url, key| copy(url, &format!("s3://bench/{key}"), "-"),
    );
}

#[test]
fn s5cmd_reads_what_it_wrote() {
    let verb = |url: &str, verb: &str, key: &str| {
        words(&["--log", "error", "--endpoint-url", url, verb, &format!("s3://bench/{key}")])
    };
    client_round_trip("s5cmd", |url, key| verb(url, "pipe", key), |url, key| verb(url, "cat", key));
}

#[test]
fn rclone_reads_what_it_wrote() {
    let verb = |url: &str, verb: &str, key: &str| {
        let remote = format!(":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{url}':bench/{key}");
        words(&["--quiet", "--config", "", verb, &remote])
    };
    client_round_trip("rclone", |url, key| verb(url, "rcat", key), |url, key| verb(url, "cat", key));
}
