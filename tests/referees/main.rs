//! Sealift on S3 servers other than the emulator that the other tests use: what each of them lacks, and what Sealift answers
//! instead. `features` is what is tried, each by the `sealift` command and held against what the server itself shows;
//! `expected` is a table for each server of what does not work there. Another behaviour fails the test, a better one too.
//!
//! `localstack/up NAME…` starts the servers and prints the variables by which they are found; `localstack/referees` does
//! everything. A server that is not there is not tested, and that is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod expected;
mod features;
mod names;
mod outcome;
mod reading;
mod referee;
mod scene;
mod table;
mod uploads;
mod writing;

use expected::Expected;
use features::Feature;
use outcome::Seen;
use referee::Referee;
use scene::Scene;
use table::Column;

#[tokio::test(flavor = "multi_thread")]
async fn every_server_answers_as_its_row_says() {
    let running: Vec<_> =
        Referee::ALL.into_iter().filter(Referee::runs).map(|referee| tokio::spawn(tried(referee))).collect();
    let mut columns = Vec::new();
    for column in running {
        columns.push(column.await.expect("tried to the end"));
    }
    if !columns.is_empty() {
        println!("\n{}", table::markdown(&columns));
    }
    for referee in Referee::ALL.iter().filter(|referee| !referee.runs()) {
        println!("NOT TESTED: {} ({} is not set; `localstack/referees` starts it)", referee.name, referee.variable);
    }
    let differences: Vec<_> = columns.iter().flat_map(Column::differences).collect();
    assert!(differences.is_empty(), "{} of the rows are not so:\n{}", differences.len(), differences.join("\n"));
}

/// All features on one server, one after the other.
async fn tried(referee: Referee) -> Column {
    let scene = Scene::open(referee).await;
    let mut cells = Vec::new();
    for feature in Feature::ALL {
        let expected = Expected::of(&referee, feature);
        let seen = match expected {
            Expected::NotTried(_) => Seen::Works,
            _ => feature.tried(&scene).await,
        };
        cells.push((feature, expected, seen));
    }
    Column { name: referee.name, cells }
}
