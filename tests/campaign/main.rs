//! The campaign: what a night does to backups, by chance, and the same again for the same seed. Each seed is one errand (a
//! write, a read, a move, a removal) on one cloud, through a proxy that answers 15 % of all requests with an error, 20 %
//! with "slow down", and damages 0.5 %; some errands are dropped or stopped, some meet an outage, some a rival. What was said
//! of each is held against what is there (`sealift_tests::promise`), and under the mix at least 99 % of the errands that
//! nobody ends have to succeed.
//!
//! * `cargo test -p sealift-tests --test campaign` sails a few hundred seeds, the same every time.
//! * `SEALIFT_SEEDS=1000..21000 cargo test -p sealift-tests --test campaign -- --nocapture` sails those.
//! * `SEALIFT_SEEDS=4711` sails one again, and tells its story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod errand;
mod plan;

use errand::Outcome;
use plan::{Ending, Plan};
use sealift_tests::cloud::Cloud;
use sealift_tests::promise::Violation;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::{JoinError, JoinSet};

/// The seeds of every day.
const EVERY_DAY: Range<u64> = 0..300;
/// Yards (a bucket and a proxy each) of one cloud that are in use at once.
const AT_ONCE: usize = 16;

#[test]
fn campaign() {
    let seeds = seeds();
    let tally = tokio::runtime::Runtime::new().expect("a runtime").block_on(sail(seeds.clone()));
    println!("{}", tally.text(&seeds));
    assert_eq!(tally.broken(), 0, "seeds in which the promise was broken");
    assert!(tally.unjudged.is_empty(), "seeds of which nothing is known");
    assert!(tally.share_of_successes() >= 0.99, "of the errands that nobody ended, too few succeeded");
}

fn seeds() -> Range<u64> {
    let Ok(said) = std::env::var("SEALIFT_SEEDS") else { return EVERY_DAY };
    let number = |text: &str| text.parse().expect("SEALIFT_SEEDS=FROM..TO, or one");
    match said.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&said)..number(&said) + 1,
    }
}

/// How many clouds there are: a seed is of the one that its remainder says.
const CLOUDS: u64 = 3;

async fn sail(seeds: Range<u64>) -> Tally {
    let mut sailing = JoinSet::new();
    let next: [Arc<AtomicU64>; CLOUDS as usize] = std::array::from_fn(|cloud| {
        let first = (seeds.start..).find(|seed| seed % CLOUDS == cloud as u64).expect("one of three");
        Arc::new(AtomicU64::new(first))
    });
    for _ in 0..at_once() {
        sailing.spawn(sail_on::<sealift_tests::s3::TestBucket>("s3", Arc::clone(&next[0]), seeds.end));
        sailing.spawn(sail_on::<sealift_tests::azure::TestContainer>("azure", Arc::clone(&next[1]), seeds.end));
        sailing.spawn(sail_on::<sealift_tests::gcs::TestBucket>("gcs", Arc::clone(&next[2]), seeds.end));
    }
    let mut tally = Tally::default();
    while let Some(sailed) = sailing.join_next().await {
        for (cloud, seed, ended) in sailed.expect("no panic") {
            let (plan, outcome) = match ended {
                Ok(ended) => ended,
                Err(error) => {
                    tally.unjudged.push(format!("seed {seed} ({cloud}) {:?}: {error}", Plan::of(seed)));
                    continue;
                }
            };
            if seeds.end - seeds.start == 1 {
                println!("seed {seed} ({cloud}) {plan:?}: {}", outcome.story);
            }
            tally.add(cloud, plan, outcome);
        }
    }
    tally
}

fn at_once() -> usize {
    std::env::var("SEALIFT_CAMPAIGN_AT_ONCE").ok().and_then(|text| text.parse().ok()).unwrap_or(AT_ONCE)
}

/// A seed of a cloud, and what came of it, unless the harness broke.
type Sailed = (&'static str, u64, Result<(Plan, Outcome), JoinError>);

/// Takes seeds until there are none, each on a bucket of its own.
async fn sail_on<C: Cloud>(name: &'static str, next: Arc<AtomicU64>, end: u64) -> Vec<Sailed> {
    let mut sailed = Vec::new();
    loop {
        let seed = next.fetch_add(CLOUDS, Ordering::SeqCst);
        if seed >= end {
            return sailed;
        }
        // In a task of its own: what breaks the harness (an emulator under load) ends this seed, and no others.
        let sailing = tokio::spawn(async move {
            let (plan, cloud) = (Plan::of(seed), C::new("campaign").await);
            let outcome = errand::run(&cloud, plan).await;
            cloud.clear().await;
            (plan, outcome)
        });
        sailed.push((name, seed, sailing.await));
    }
}

/// What came of all seeds.
#[derive(Default)]
struct Tally {
    clouds: BTreeMap<&'static str, Counts>,
    /// The seeds of each violation, and what they tell.
    broken: Vec<String>,
    /// The seeds in which the harness broke, so that nothing is known of them.
    unjudged: Vec<String>,
}

#[derive(Default)]
struct Counts {
    seeds: usize,
    struck: usize,
    undisturbed: usize,
    succeeded: usize,
    violations: BTreeMap<Violation, usize>,
}

impl Tally {
    fn add(&mut self, cloud: &'static str, plan: Plan, outcome: Outcome) {
        let counts = self.clouds.entry(cloud).or_default();
        counts.seeds += 1;
        counts.struck += outcome.struck;
        if plan.ending == Ending::Itself {
            counts.undisturbed += 1;
            counts.succeeded += usize::from(outcome.success);
            if !outcome.success {
                println!("no success: seed {} ({cloud}) {plan:?}: {}", plan.seed, outcome.story);
            }
        }
        for violation in &outcome.violations {
            *counts.violations.entry(*violation).or_default() += 1;
            self.broken
                .push(format!("seed {} ({cloud}): {violation}\n      {plan:?}\n      {}", plan.seed, outcome.story));
        }
    }

    fn broken(&self) -> usize {
        self.broken.len()
    }

    fn share_of_successes(&self) -> f64 {
        let (done, all) = self
            .clouds
            .values()
            .fold((0, 0), |(done, all), counts| (done + counts.succeeded, all + counts.undisturbed));
        done as f64 / (all.max(1)) as f64
    }

    fn text(&self, seeds: &Range<u64>) -> String {
        let mut text = format!("seeds {seeds:?}\n");
        for (cloud, counts) in &self.clouds {
            let Counts { seeds, struck, undisturbed, succeeded, violations } = counts;
            text += &format!(
                "{cloud}: {seeds} seeds, {struck} requests struck, {succeeded} of {undisturbed} that nobody ended succeeded; \
                 broken: {violations:?}\n"
            );
        }
        text += &format!("{:.2} % succeeded\n", 100.0 * self.share_of_successes());
        text += &format!("{} not judged\n", self.unjudged.len());
        text + &self.broken.iter().chain(&self.unjudged).map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
