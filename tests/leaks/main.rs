//! What adds up: thousands of uploads that fail, are dropped or are stopped, and a day of continuous backups, in one process.
//! Afterwards it has no more children, descriptors and threads than before, and no more memory than after its first part.
//!
//! * `cargo test -p sealift-tests --test leaks` does a little of it.
//! * `cargo test -p sealift-tests --test leaks -- --ignored --nocapture --test-threads 1` does 10,000 uploads, and a whole day.
//!
//! The same of the command adapter is in tests/command/thousands.rs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod day;
mod uploads;

use sealift_tests::leaks::{Counts, in_turn};
use sealift_tests::process::resident;

/// What memory may still grow by after the first part, for the allocator's and the tests' own accounts.
const SLACK: u64 = 24 << 20;

#[test]
fn faulty_uploads_leave_nothing() {
    in_turn(uploads::faulty(300));
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn ten_thousand_faulty_uploads_leave_nothing() {
    in_turn(uploads::faulty(10_000));
}

#[test]
fn ten_minutes_of_continuous_backups_leave_nothing() {
    in_turn(day::of_polls(600));
}

#[test]
#[ignore = "takes some minutes"]
fn a_day_of_continuous_backups_leaves_nothing() {
    in_turn(day::of_polls(86_400));
}

/// What there is after the first part, when everything is as it stays.
struct Baseline {
    counts: Counts,
    resident: u64,
}

impl Baseline {
    fn now() -> Self {
        Baseline { counts: Counts::now(), resident: resident() }
    }

    async fn assert_as_before(&self, what: &str) {
        self.counts.assert_as_before().await;
        let now = resident();
        println!(
            "{what}: {:?} before and after; memory {} MiB after the first part, {} MiB after all",
            self.counts,
            self.resident >> 20,
            now >> 20
        );
        assert!(now < self.resident + SLACK, "memory grew from {} to {} MiB", self.resident >> 20, now >> 20);
    }
}
