//! How far a copy is, for whoever waits for it at a terminal.

use super::told::Tally;
use crate::report;
use bytesize::ByteSize;
use std::io::IsTerminal;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often a line is told.
const EVERY: Duration = Duration::from_secs(5);

/// Runs `work` to its end, and tells meanwhile what is done.
pub(super) async fn told<T>(tally: &Tally, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let mut ticks = interval_at(started + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = ticks.tick() => {
                if std::io::stderr().is_terminal() {
                    report::note(line(tally.copied(), tally.same(), tally.bytes(), started.elapsed()));
                }
            }
        }
    }
}

/// How many there will be nobody knows before the listing has ended.
fn line(copied: u64, same: u64, bytes: u64, elapsed: Duration) -> String {
    let size = |bytes| ByteSize::b(bytes).display().iec();
    let rate = (bytes as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    let same = if same == 0 { String::new() } else { format!(", {same} are there already") };
    format!("sealift: copied {copied} objects{same}, {}, {}/s", size(bytes), size(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_is_done_and_the_rate() {
        let minute = Duration::from_secs(60);
        assert_eq!(line(7, 0, 6 << 30, minute), "sealift: copied 7 objects, 6.0 GiB, 102.4 MiB/s");
        assert_eq!(line(0, 3, 0, Duration::ZERO), "sealift: copied 0 objects, 3 are there already, 0 B, 0 B/s");
    }
}
