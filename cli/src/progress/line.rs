//! The line itself, made from values.

use super::headway::{Objects, Whole};
use bytesize::ByteSize;
use sealift::{ActivitySnapshot, RetryCause, WaitsFor};
use std::time::Duration;

/// What a line is made from.
pub(super) struct View {
    pub(super) now: ActivitySnapshot,
    /// What it was so long before.
    pub(super) before: ActivitySnapshot,
    pub(super) over: Duration,
    pub(super) waits_for: Option<WaitsFor>,
    pub(super) elapsed: Duration,
    pub(super) objects: Option<Objects>,
    /// With how long it is known.
    pub(super) whole: Option<(Whole, Duration)>,
}

impl View {
    /// What is done, and how it goes; none before there is anything to tell.
    pub(super) fn lines(&self) -> Option<[String; 2]> {
        let done = joined([self.objects(), self.done(), self.read(), self.taken_in()]);
        let goes = joined([
            Some(clock(self.elapsed)),
            self.left().map(|left| format!("about {} left", clock(left))),
            self.waits_for.map(|what| format!("waits for {what}")),
            self.in_flight(),
            self.retries(),
        ]);
        (!done.is_empty()).then_some([done, goes])
    }

    fn objects(&self) -> Option<String> {
        let Objects { done, count, there_already } = self.objects?;
        let objects = if count == 1 { "1 object" } else { &format!("{count} objects") };
        let there = if there_already == 0 { String::new() } else { format!(", {there_already} are there already") };
        Some(format!("{done} {objects}{there}"))
    }

    /// What is done of what is not only read or taken in.
    fn done(&self) -> Option<String> {
        match self.whole? {
            (Whole::Done { done, all }, _) => Some(format!("done {} of {}", size(done), size(all))),
            _ => None,
        }
    }

    fn read(&self) -> Option<String> {
        let (now, before) = (&self.now, &self.before);
        if now.bytes_read == 0 {
            return None;
        }
        let of = match self.whole {
            Some((Whole::Read(all), _)) => format!(" of {}", size(all)),
            _ => String::new(),
        };
        let rate = self.rate(now.bytes_read, before.bytes_read);
        Some(format!("{}{of} read ({rate}), {} out", size(now.bytes_read), size(now.bytes_out)))
    }

    fn taken_in(&self) -> Option<String> {
        let (now, before) = (&self.now, &self.before);
        if now.bytes_in == 0 && now.waiting.source == 0 {
            return None;
        }
        let of = match self.whole {
            Some((Whole::In(all), _)) => format!(" of {}", size(all)),
            _ => String::new(),
        };
        let (taken, stored) =
            (self.rate(now.bytes_in, before.bytes_in), self.rate(now.bytes_stored, before.bytes_stored));
        // Of what is on its way, too: it would seem to be none.
        let ratio = match now.bytes_encoded {
            0 => String::new(),
            encoded => format!(", ratio {:.2}", now.bytes_in as f64 / encoded as f64),
        };
        Some(format!("{}{of} in ({taken}), {} stored ({stored}){ratio}", size(now.bytes_in), size(now.bytes_stored)))
    }

    fn in_flight(&self) -> Option<String> {
        let named = |count, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let parts = named(self.now.parts_in_flight, "part", "parts");
        let reads = named(self.now.reads_in_flight, "read", "reads");
        match (parts, reads) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(format!("{one} in flight")),
            (Some(parts), Some(reads)) => Some(format!("{parts} and {reads} in flight")),
        }
    }

    fn retries(&self) -> Option<String> {
        let retries = &self.now.retries;
        let causes: Vec<String> = retries
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(cause, count)| format!("{count} {}", because(cause)))
            .collect();
        match retries.total() {
            0 => None,
            1 => Some(format!("1 retry ({})", because(retries.iter().find(|(_, count)| *count > 0)?.0))),
            total => Some(format!("{total} retries ({})", causes.join(", "))),
        }
    }

    /// How long it takes if it goes on as it went.
    fn left(&self) -> Option<Duration> {
        let (whole, known_for) = self.whole?;
        let (done, all) = match whole {
            Whole::In(all) => (self.in_stored(), all),
            Whole::Read(all) => (self.now.bytes_read, all),
            Whole::Done { done, all } => (done, all),
        };
        match done {
            0 => None,
            done => Some(known_for.mul_f64(all.saturating_sub(done) as f64 / done as f64)),
        }
    }

    /// How much of what was taken in is stored.
    fn in_stored(&self) -> u64 {
        let stored = self.now.bytes_stored as f64 / (self.now.bytes_encoded as f64).max(1.0);
        (self.now.bytes_in as f64 * stored) as u64
    }

    fn rate(&self, now: u64, before: u64) -> String {
        let rate = now.saturating_sub(before) as f64 / self.over.as_secs_f64().max(0.001);
        format!("{}/s", size(rate as u64))
    }
}

fn joined<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn because(cause: RetryCause) -> &'static str {
    match cause {
        RetryCause::Throttled => "throttled",
        RetryCause::Service => "of the service",
        RetryCause::Connection => "of the connection",
        RetryCause::NoAnswer => "without answer",
        RetryCause::Damaged => "damaged",
        RetryCause::Credentials => "of the credentials",
        _ => "other",
    }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// As clocks have it: 0:07, 12:30, 1:02:03.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(now: ActivitySnapshot) -> View {
        View {
            now,
            before: ActivitySnapshot::default(),
            over: Duration::from_secs(4),
            waits_for: None,
            elapsed: Duration::from_secs(3723),
            objects: None,
            whole: None,
        }
    }

    fn counted(count: impl FnOnce(&mut ActivitySnapshot)) -> ActivitySnapshot {
        let mut snapshot = ActivitySnapshot::default();
        count(&mut snapshot);
        snapshot
    }

    #[test]
    fn of_a_write_there_is_all_to_know() {
        let now = counted(|now| {
            (now.bytes_in, now.bytes_encoded, now.bytes_stored, now.parts_in_flight) = (3 << 30, 2 << 30, 1 << 30, 4);
        });
        let view = View {
            waits_for: Some(WaitsFor::Service),
            whole: Some((Whole::In(9 << 30), Duration::from_secs(60))),
            ..view(now)
        };
        let [done, goes] = view.lines().expect("something is done");
        assert_eq!(done, "3.0 GiB of 9.0 GiB in (768.0 MiB/s), 1.0 GiB stored (256.0 MiB/s), ratio 1.50");
        assert_eq!(goes, "1:02:03, about 5:00 left, waits for the service, 4 parts in flight");
    }

    #[test]
    fn of_a_read_and_of_objects() {
        let now = counted(|now| {
            (now.bytes_read, now.bytes_out, now.reads_in_flight) = (1 << 20, 4 << 20, 1);
        });
        let view = View { objects: Some(Objects { done: "copied", count: 1, there_already: 3 }), ..view(now) };
        let [done, goes] = view.lines().expect("something is done");
        assert_eq!(done, "copied 1 object, 3 are there already, 1.0 MiB read (256.0 KiB/s), 4.0 MiB out");
        assert_eq!(goes, "1:02:03, 1 read in flight");
    }

    #[test]
    fn before_anything_is_done_there_is_nothing_and_nothing_is_divided_by_nothing() {
        assert_eq!(view(ActivitySnapshot::default()).lines(), None);
        let whole = Some((Whole::Done { done: 0, all: 1 << 20 }, Duration::ZERO));
        let view = View { whole, over: Duration::ZERO, elapsed: Duration::ZERO, ..view(ActivitySnapshot::default()) };
        assert_eq!(view.lines(), Some(["done 0 B of 1.0 MiB".to_owned(), "0:00".to_owned()]));
    }
}
