//! How far a verification is, for whoever waits for it at a terminal.

use crate::report;
use bytesize::ByteSize;
use sealift::verify::{Event, Files, Piece, Plan, Shard};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// How often a line is told.
const EVERY: Duration = Duration::from_secs(5);

/// What was done so far.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    all: u64,
    /// What had been read before: the plan is made by reading, too.
    before: (u64, u64),
    /// How many bytes are stored of the pieces that are done.
    pieces: AtomicU64,
}

impl Progress {
    /// Of a part of a plan.
    pub(super) fn of(plan: &Plan, shard: Shard, files: &Files) -> Self {
        let share = shard.share(&plan.pieces);
        let all = share.iter().filter_map(|&at| plan.pieces.get(at)).map(Piece::bytes).sum();
        let before = (files.bytes_done(), files.bytes_read());
        Progress { started: Instant::now(), all, before, pieces: AtomicU64::new(0) }
    }

    /// When a line is due.
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

    /// Tells how far it is, at a terminal.
    pub(super) fn tick(&self, files: &Files) {
        if std::io::stderr().is_terminal() {
            // What is not downloaded is done piece by piece.
            let done = (files.bytes_done() - self.before.0).max(self.pieces.load(Ordering::Relaxed));
            report::note(line(
                done.min(self.all),
                self.all,
                files.bytes_read() - self.before.1,
                self.started.elapsed(),
            ));
        }
    }
}

fn line(done: u64, all: u64, read: u64, elapsed: Duration) -> String {
    let size = |bytes| ByteSize::b(bytes).display().iec();
    let rate = (read as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    let left = match done {
        0 => String::new(),
        done => {
            let left = elapsed.mul_f64((all - done) as f64 / done as f64);
            format!(", about {} s left", left.as_secs())
        }
    };
    format!("sealift: verified {} of {} stored, {}/s read{left}", size(done), size(all), size(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rate_and_time_left() {
        let (minute, gib) = (Duration::from_secs(60), 1 << 30);
        assert_eq!(
            line(gib, 4 * gib, 6 * gib, minute),
            "sealift: verified 1.0 GiB of 4.0 GiB stored, 102.4 MiB/s read, about 180 s left"
        );
        assert_eq!(line(0, gib, 0, Duration::ZERO), "sealift: verified 0 B of 1.0 GiB stored, 0 B/s read");
        assert!(line(gib, gib, gib, minute).ends_with("about 0 s left"));
    }
}
