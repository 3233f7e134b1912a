//! A long stream of unknown length: there and back identical, and the memory it takes. `SEALIFT_TEST_STREAM_MIB` sets
//! its length (1024 unless said otherwise).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use sealift_tests::cli;
use sealift_tests::cloud::{Cloud, Errand};
use sealift_tests::data::{Digest, Hasher, Pattern, hex};
use sealift_tests::leaks::in_turn;
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

const MIB: usize = 1 << 20;
/// What the command may have resident at most, in bytes: its `--memory` of 64 MiB, 40 MiB of this build's own file, and what
/// the C library keeps of what other threads have freed, which was 32 MiB on a busy machine.
const MEMORY: u64 = 160 << 20;

async fn a_long_stream_goes_up_and_comes_back_in_bounded_memory<C: Cloud>() -> String {
    let mib: usize = std::env::var("SEALIFT_TEST_STREAM_MIB").map_or(1024, |mib| mib.parse().expect("a number"));
    let remote = C::new("large").await;
    let url = format!("{}/stream", remote.url());
    let sealift = |arguments: &[&str]| {
        let mut command = cli::command(arguments);
        command.envs(C::variables(remote.endpoint()));
        command
    };

    let started = Instant::now();
    let mut put = sealift(&["put", &url, "--json", "--memory=64MiB"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = put.stdin.take().expect("a pipe");
    let (mut pattern, mut sent) = (Pattern::new(11), Hasher::new());
    let mut block = vec![0; MIB];
    for _ in 0..mib {
        pattern.fill(&mut block);
        sent.update(&block);
        stdin.write_all(&block).await.expect("taken");
    }
    drop(stdin);
    let summary = cli::end(put).await.expect_code(0).json();
    assert_eq!(summary["bytes_in"], mib * MIB);
    let put_memory = summary["peak_memory_bytes"].as_u64().expect("known");
    assert!(summary["parts"].as_u64().expect("known") > 1);
    assert!(put_memory <= MEMORY, "put: {put_memory} bytes resident");

    let put_took = started.elapsed();

    let started = Instant::now();
    let mut get = sealift(&["get", &url, "--json", "--memory=64MiB"]).spawn().expect("starts");
    let received = hash(get.stdout.take().expect("a pipe")).await;
    let ended = cli::end(get).await.expect_code(0);
    let summary: serde_json::Value = serde_json::from_str(&ended.stderr).expect("JSON");
    let get_memory = summary["peak_memory_bytes"].as_u64().expect("known");
    let get_took = started.elapsed();
    assert_eq!(received, (hex(sent.clone()), mib * MIB));
    assert!(get_memory <= MEMORY, "get: {get_memory} bytes resident");
    // And through the tools that people have.
    let mut read = remote.vendor(Errand::Read("stream")).spawn().expect("starts");
    let stored: Stdio = read.stdout.take().expect("a pipe").try_into().expect("a pipe");
    let mut gunzip = Command::new("gzip").arg("-dc").stdin(stored).stdout(Stdio::piped()).spawn().expect("starts");
    let received = hash(gunzip.stdout.take().expect("a pipe")).await;
    cli::end(read).await.expect_code(0);
    assert!(gunzip.wait().await.expect("ended").success());
    assert_eq!(received, (hex(sent), mib * MIB));
    format!(
        "{url}: {mib} MiB; put {:.1} s, {} MiB resident; get {:.1} s, {} MiB resident",
        put_took.as_secs_f64(),
        put_memory >> 20,
        get_took.as_secs_f64(),
        get_memory >> 20
    )
}

/// One after the other: the emulators would slow each other down, and one holds all in memory.
macro_rules! cloud {
    ($name:ident: $cloud:ty) => {
        #[test]
        fn $name() {
            in_turn(async {
                println!("{}", a_long_stream_goes_up_and_comes_back_in_bounded_memory::<$cloud>().await);
            });
        }
    };
}

cloud!(s3: sealift_tests::s3::TestBucket);
cloud!(azure: sealift_tests::azure::TestContainer);
cloud!(gcs: sealift_tests::gcs::TestBucket);

/// The hash of all that comes, and how much it was.
async fn hash(mut from: impl AsyncRead + Unpin) -> (String, usize) {
    let (mut hasher, mut count, mut block) = (Hasher::new(), 0, vec![0; MIB]);
    loop {
        let n = from.read(&mut block).await.expect("read");
        if n == 0 {
            return (hex(hasher), count);
        }
        hasher.update(&block[..n]);
        count += n;
    }
}
