//! How far a verification is, for whoever waits for it at a terminal.

use crate::report;
use bytesize::ByteSize;
use sealift::verify::{Event, Files, Piece, Plan, Shard};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How often a line is told.
const EVERY: Duration = Duration::from_secs(5);

/// What was done so far.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    all: u64,
    done: Mutex<Done>,
}

#[derive(Debug)]
struct Done {
    bytes: u64,
    told: Instant,
}

impl Progress {
    /// Of a part of a plan.
    pub(super) fn of(plan: &Plan, shard: Shard) -> Self {
        let share = shard.share(&plan.pieces);
        let all = share.iter().filter_map(|&at| plan.pieces.get(at)).map(Piece::bytes).sum();
        let started = Instant::now();
        Progress { started, all, done: Mutex::new(Done { bytes: 0, told: started }) }
    }

    /// Tells what happens: findings as they come, and at a terminal how far it is.
    pub(super) fn tell(&self, event: &Event<'_>, files: &Files) {
        match event {
            Event::Found(finding) => report::note(format_args!("sealift: found: {finding}")),
            Event::NotRecorded(error) => report::note(format_args!(
                "sealift: what is verified cannot be recorded, and will be verified again: {error}; --no-record says that this \
                 is meant"
            )),
            Event::Done(piece) => {
                let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                done.bytes += piece.bytes();
                if std::io::stderr().is_terminal() && done.told.elapsed() >= EVERY {
                    done.told = Instant::now();
                    report::note(self.line(done.bytes, files.bytes_read(), self.started.elapsed()));
                }
            }
        }
    }

    fn line(&self, done: u64, read: u64, elapsed: Duration) -> String {
        let rate = read as f64 / elapsed.as_secs_f64().max(0.001);
        let left = match done {
            0 => String::new(),
            done => {
                let left = elapsed.mul_f64(self.all.saturating_sub(done) as f64 / done as f64);
                format!(", about {} s left", left.as_secs())
            }
        };
        let size = |bytes| ByteSize::b(bytes).display().iec();
        format!("sealift: verified {} of {} stored, {}/s read{left}", size(done), size(self.all), size(rate as u64))
    }
}
