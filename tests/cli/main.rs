//! The `sealift` command from outside: real processes, signals, pipes and exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

/// Tests of each of these cases, `async fn<C: Cloud>()`, on each cloud.
macro_rules! on_every_cloud {
    ($($case:ident),+ $(,)?) => {
        on_clouds_that_list_uploads!($($case),+);
        on_cloud!(gcs: sealift_tests::gcs::TestBucket; $($case),+);
    };
}

/// The same, where what an upload has left can be found by others.
macro_rules! on_clouds_that_list_uploads {
    ($($case:ident),+ $(,)?) => {
        on_cloud!(s3: sealift_tests::s3::TestBucket; $($case),+);
        on_cloud!(azure: sealift_tests::azure::TestContainer; $($case),+);
    };
}

macro_rules! on_cloud {
    ($name:ident: $cloud:ty; $($case:ident),+) => {
        mod $name {$(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case::<$cloud>().await;
            }
        )+}
    };
}

mod azure;
mod bad_input;
mod by_command;
mod codecs;
mod deadline;
mod gcs;
mod given;
mod going_on;
mod local_fs;
mod many_files;
mod messages;
mod names;
mod outputs;
mod said;
mod signals;
mod streams;
mod sweeps;
mod terminal;

use sealift_tests::cli;
use sealift_tests::cloud::Cloud;
use sealift_tests::s3::TestBucket;
use tokio::process::Command;

/// `sealift` below `p` in a bucket, through `endpoint`.
fn on<C: Cloud>(remote: &C, endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.env("SEALIFT_STORAGE", format!("{}/p", remote.url())).envs(C::variables(endpoint));
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
