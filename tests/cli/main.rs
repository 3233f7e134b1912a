//! The `sealift` command from outside: real processes, signals, pipes and exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bad_input;
mod by_command;
mod local_fs;
mod signals;
mod streams;
mod sweeps;

use sealift_tests::cli;
use sealift_tests::cloud::Cloud;
use sealift_tests::s3::TestBucket;
use tokio::process::Command;

/// `sealift` on a bucket through `endpoint`.
fn on_s3(remote: &TestBucket, endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.env("SEALIFT_STORAGE", format!("s3://{}/p", remote.name)).env("AWS_ENDPOINT_URL", endpoint);
    command
}

async fn bucket() -> TestBucket {
    TestBucket::new("cli").await
}

fn incompressible(len: usize) -> Vec<u8> {
    use rand::{RngExt, SeedableRng};
    let mut data = vec![0; len];
    rand::rngs::SmallRng::seed_from_u64(len as u64).fill(data.as_mut_slice());
    data
}
