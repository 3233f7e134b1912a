//! What people do every day, and in the first minute: many files back, listings, versions, help.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

/// Tests of each of these cases, `async fn<C: Cloud>()`, on each cloud.
macro_rules! on_every_cloud {
    ($($case:ident),+ $(,)?) => {
        on_cloud!(s3: sealift_tests::s3::TestBucket; $($case),+);
        on_cloud!(azure: sealift_tests::azure::TestContainer; $($case),+);
        on_cloud!(gcs: sealift_tests::gcs::TestBucket; $($case),+);
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

mod about;
mod folders;
mod listings;
mod nowhere;
mod recursive;
mod requests;
mod terminals;
mod versions;

use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli;
use sealift_tests::cloud::Cloud;
use std::path::Path;
use tokio::process::{Child, Command};

/// `sealift` below `p` in a bucket.
fn on<C: Cloud>(remote: &C, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.env("SEALIFT_STORAGE", format!("{}/p", remote.url())).envs(C::variables(remote.endpoint()));
    command
}

/// `sealift` in a folder.
fn in_folder(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.env("SEALIFT_STORAGE", format!("file://{}", folder.display()));
    command
}

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(child.id().expect("running") as i32).expect("a pid");
    kill_process(pid, Signal::INT).expect("sent");
}
