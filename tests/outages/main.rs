//! What a service that fails for a while costs, and how long a service that stands still is waited for: each call, by the
//! command as people run it, with its defaults, in real time, between it and a real server.
//!
//! * `cargo test -p sealift-tests --test outages` has outages of 5 s at each call of each cloud.
//! * `cargo test -p sealift-tests --test outages -- --ignored whole --nocapture` has outages of 5, 60, 240 and 600 s, beside
//!   `aws`, `s5cmd` and `rclone` where they are found in PATH (`benches/side-by-side/install` gets them), in a quarter of an
//!   hour; `SEALIFT_OUTAGES=5,60` has others.
//! * `cargo test -p sealift-tests --test outages -- --ignored stalls --nocapture` measures the limits of docs/LIMITS.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod errands;
mod outage;
mod programs;
mod stalls;
mod table;

use errands::CALLS;
use outage::{Cell, KINDS, run};
use programs::Program;
use sealift_tests::cloud::Cloud;
use std::sync::Arc;
use std::time::Duration;
use table::{Outcome, Table};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long a request is tried again by default, as docs/LIMITS.md states.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
/// Commands that run at the same time.
const AT_ONCE: usize = 160;

#[test]
fn outages_of_5_s_are_survived_at_each_call() {
    let table = runtime().block_on(outages(&[Duration::from_secs(5)], &[Program::Sealift]));
    println!("{}", table.text());
    assert_eq!(table.wrong(), Vec::<String>::new());
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn whole() {
    let lasting = match std::env::var("SEALIFT_OUTAGES") {
        Ok(said) => said.split(',').map(|seconds| seconds.parse().expect("seconds")).collect(),
        Err(_) => vec![5, 60, 240, 600],
    };
    let lasting: Vec<_> = lasting.into_iter().map(Duration::from_secs).collect();
    let table = runtime().block_on(outages(&lasting, &Program::all_found()));
    println!("{}", table.text());
    assert_eq!(table.wrong(), Vec::<String>::new());
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn stalls() {
    let (text, wrong) = runtime().block_on(stalls::measure());
    println!("{text}");
    assert_eq!(wrong, Vec::<String>::new());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

async fn outages(lasting: &[Duration], programs: &[Program]) -> Table {
    let mut running = Running { places: Arc::new(Semaphore::new(AT_ONCE)), cells: JoinSet::new() };
    // The longest first, so that they do not wait for the others.
    let mut lasting = lasting.to_vec();
    lasting.sort_unstable_by_key(|&lasts| std::cmp::Reverse(lasts));
    for lasts in lasting {
        for &program in programs {
            running.begin::<sealift_tests::s3::TestBucket>("S3", program, lasts);
            if program == Program::Sealift {
                running.begin::<sealift_tests::azure::TestContainer>("Azure", program, lasts);
                running.begin::<sealift_tests::gcs::TestBucket>("Google", program, lasts);
            }
        }
    }
    println!("{} commands", running.cells.len());
    let mut table = Table::default();
    while let Some(ended) = running.cells.join_next().await {
        table.add(ended.expect("no panic"));
    }
    table
}

struct Running {
    places: Arc<Semaphore>,
    cells: JoinSet<Outcome>,
}

impl Running {
    fn begin<C: Cloud>(&mut self, cloud: &'static str, program: Program, lasts: Duration) {
        for &call in CALLS.iter().filter(|call| call.is_made::<C>() && program.makes(**call)) {
            for kind in KINDS {
                let (places, cell) = (Arc::clone(&self.places), Cell { program, call, kind, lasts });
                self.cells.spawn(async move {
                    let _place = places.acquire_owned().await.expect("never closed");
                    Outcome { cloud, cell, came: run::<C>(cell).await }
                });
            }
        }
    }
}
