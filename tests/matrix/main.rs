//! The fault matrix: each call that Sealift makes × each fault × what is at the name × how it ends, on every cloud, in this
//! process, between the adapter and a real server. Each cell has a bucket and a proxy of its own, asserts that its fault
//! was done, and holds what was said against what is there (`sealift_tests::promise`). Combinations that are none are
//! counted by the rule that says so.
//!
//! * `cargo test -p sealift-tests --test matrix` runs a part of it, the same every time, in a few minutes.
//! * `cargo test -p sealift-tests --test matrix -- --ignored whole --nocapture` runs all of it.
//! * `SEALIFT_MATRIX=s3/Put` limits either to the cells whose name has that in it (`s3/Put/Put/Reset/Once/Old/Dropped`),
//!   and `SEALIFT_MATRIX_AT_ONCE` says how many run at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod cells;
mod faults;
mod permissions;
mod stage;
mod table;
mod verbs;
mod writes;

use cells::{Call, Cell, Ending, Kind, Often, Task, all, calls};
use permissions::{DEEDS, Deed, PERMISSIONS};
use sealift_tests::cloud::Cloud;
use sealift_tests::promise::Violation;
use stage::Outcome;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use table::Table;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Of the cells that do not wait for minutes, the part that runs every time: one in so many.
const ONE_IN: u64 = 30;
/// The same of those that only read or remove something small.
const ONE_IN_OF_SMALL: u64 = 4;
/// What no cell may take, whatever its own limit is.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(1200);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Quick,
    Whole,
}

#[test]
fn quick() {
    matrix(Scope::Quick);
}

#[test]
#[ignore = "takes an hour"]
fn whole() {
    matrix(Scope::Whole);
}

#[test]
fn permissions_on_s3() {
    permissions_on::<sealift_tests::s3::TestBucket>(&DEEDS);
}

#[test]
fn permissions_on_azure() {
    permissions_on::<sealift_tests::azure::TestContainer>(&DEEDS);
}

#[test]
fn permissions_on_gcs() {
    // Nothing that was left can be listed there.
    permissions_on::<sealift_tests::gcs::TestBucket>(&DEEDS[..6]);
}

fn permissions_on<C: Cloud>(deeds: &[Deed]) {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let mut wrong = 0;
        for permissions in PERMISSIONS {
            for deed in deeds {
                let row = permissions::run::<C>(permissions, *deed).await;
                println!("{row}");
                wrong += row.wrong.len();
            }
        }
        assert_eq!(wrong, 0, "see above");
    });
}

fn matrix(scope: Scope) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let table = runtime.block_on(async {
        let at_once = std::env::var("SEALIFT_MATRIX_AT_ONCE").ok().and_then(|text| text.parse().ok()).unwrap_or(32);
        let mut running =
            Running { table: Table::default(), places: Arc::new(Semaphore::new(at_once)), cells: JoinSet::new() };
        running.begin::<sealift_tests::s3::TestBucket>("s3", calls::S3, scope);
        running.begin::<sealift_tests::azure::TestContainer>("azure", calls::AZURE, scope);
        running.begin::<sealift_tests::gcs::TestBucket>("gcs", calls::GCS, scope);
        println!("{} cells", running.cells.len());
        running.end().await
    });
    println!("{}", table.text());
    assert_eq!(table.broken(), 0, "cells in which the promise is broken");
}

struct Running {
    table: Table,
    places: Arc<Semaphore>,
    cells: JoinSet<(&'static str, Cell, Outcome)>,
}

impl Running {
    fn begin<C: Cloud>(&mut self, cloud: &'static str, calls: &[Call], scope: Scope) {
        let (cells, none) = all::<C>(calls);
        self.table.exclude(&none);
        let wanted = std::env::var("SEALIFT_MATRIX").unwrap_or_default();
        for cell in cells {
            let name = format!("{cloud}/{cell}");
            let chosen = match wanted.is_empty() {
                true => scope == Scope::Whole || is_quick(&cell, &name),
                false => name.contains(&wanted),
            };
            if chosen {
                let places = Arc::clone(&self.places);
                self.cells.spawn(async move {
                    let _place = places.acquire_owned().await.expect("never closed");
                    (cloud, cell, run::<C>(cell).await)
                });
            }
        }
    }

    async fn end(mut self) -> Table {
        while let Some(ended) = self.cells.join_next().await {
            if self.cells.len().is_multiple_of(500) {
                println!("{} cells to go", self.cells.len());
            }
            let (cloud, cell, outcome) = ended.expect("a cell's panic is its outcome");
            self.table.add(cloud, &cell, outcome);
        }
        self.table
    }
}

async fn run<C: Cloud>(cell: Cell) -> Outcome {
    let running = async move {
        match cell.call.task {
            Task::Put | Task::Upload => writes::run::<C>(cell).await,
            _ => verbs::run::<C>(cell).await,
        }
    };
    let without = |violation, story| Outcome { violations: [violation].into(), fired: 0, story };
    match tokio::time::timeout(GIVEN_UP_AFTER, tokio::spawn(running)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => without(Violation::NotFired, format!("the cell itself failed: {panic}")),
        Err(_) => without(Violation::Hang, format!("it did not end within {} s", GIVEN_UP_AFTER.as_secs())),
    }
}

/// Whether a cell is of the part that runs every time: not one that waits for minutes, and then by its name.
fn is_quick(cell: &Cell, name: &str) -> bool {
    let waits = cell.ending == Ending::Itself
        && (matches!(cell.kind, Kind::Stall | Kind::AppliedThenStall) || cell.often == Often::Always);
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let one_in = match cell.call.task {
        Task::Put | Task::Upload | Task::Move => ONE_IN,
        _ => ONE_IN_OF_SMALL,
    };
    !waits && hasher.finish().is_multiple_of(one_in)
}
