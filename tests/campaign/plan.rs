//! What a seed means.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sealift::IfExists;
use std::time::Duration;

/// One errand, and what disturbs it besides the weather.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) task: Task,
    pub(crate) ending: Ending,
    pub(crate) outage: Option<Outage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// An object of one request, over nothing or over an older one.
    Put(IfExists, Before),
    /// An object of three parts.
    Upload(IfExists, Before),
    Read,
    Move,
    Remove,
}

/// What is at the name before a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    Old,
}

/// How an errand ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it comes.
    Itself,
    /// Its future is dropped after this time.
    Dropped(Duration),
    /// Everything is asked to stop after this time.
    Stopped(Duration),
}

/// Nobody listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) after: Duration,
    pub(crate) lasts: Duration,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = SmallRng::seed_from_u64(seed);
        let before = if chance.random_bool(0.3) { Before::Old } else { Before::Nothing };
        let if_exists = match before {
            Before::Nothing if chance.random_bool(0.5) => IfExists::Fail,
            _ => IfExists::Replace,
        };
        let task = match chance.random_range(0..100) {
            0..55 => Task::Put(if_exists, before),
            55..60 => Task::Upload(if_exists, before),
            60..82 => Task::Read,
            82..92 => Task::Move,
            _ => Task::Remove,
        };
        let moment = Duration::from_millis(chance.random_range(0..600));
        let ending = match chance.random_range(0..100) {
            0..10 => Ending::Dropped(moment),
            10..20 => Ending::Stopped(moment),
            _ => Ending::Itself,
        };
        let outage = chance.random_bool(0.05).then(|| Outage {
            after: Duration::from_millis(chance.random_range(0..300)),
            lasts: Duration::from_millis(chance.random_range(100..3000)),
        });
        Plan { seed, task, ending, outage }
    }
}
