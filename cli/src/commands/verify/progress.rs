//! How far a verification is, for the line of progress.

use crate::progress::{self, Whole};
use crate::report;
use sealift::verify::{Event, Files, Piece, Plan, Shard};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(500);

/// What was done so far.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    all: u64,
    /// What had been read before: the plan is made by reading, too.
    before: u64,
    /// How many bytes are stored of the pieces that are done.
    pieces: AtomicU64,
}

impl Progress {
    /// Of a part of a plan.
    pub(super) fn of(plan: &Plan, shard: Shard, files: &Files) -> Self {
        let share = shard.share(&plan.pieces);
        let all = share.iter().filter_map(|&at| plan.pieces.get(at)).map(Piece::bytes).sum();
        let before = files.bytes_done();
        Progress { started: Instant::now(), all, before, pieces: AtomicU64::new(0) }
    }

    /// When it is asked again.
    pub(super) fn ticks(&self) -> Interval {
        let mut ticks = interval_at(self.started + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    /// Tells findings as they come.
    pub(super) fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Found(finding) => report::note(format_args!("sealift: found: {finding}")),
            Event::NotRecorded(error) => report::note(format_args!(
                "sealift: what is verified cannot be recorded, and will be verified again: {error}; --no-record says that this \
                 is meant"
            )),
            Event::Done(piece) => drop(self.pieces.fetch_add(piece.bytes(), Ordering::Relaxed)),
        }
    }

    /// Tells how far it is.
    pub(super) fn tick(&self, files: &Files) {
        // What is not downloaded is done piece by piece.
        let done = (files.bytes_done() - self.before).max(self.pieces.load(Ordering::Relaxed));
        progress::whole(Whole::Done { done: done.min(self.all), all: self.all });
    }
}
