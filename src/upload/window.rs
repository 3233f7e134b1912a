//! How many parts and whole objects of one bucket are on their way at once, in all uploads together. The number finds
//! its level: it rises for as long as that makes the whole faster, and is halved when the service asks to slow down.
//! What one object may have in flight, and what memory has room for, are limits apart from this one.

use crate::activity::{Counts, InFlight};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The places that a bucket begins with. Not fewer than the default memory has room for of the smallest parts, so that
/// one stream to a service far away does not begin slowly.
const FIRST: usize = 16;
/// The most places. A bound on connections and descriptors; memory is used up first.
const MOST: usize = 256;
/// How many rounds a level that was found stays before the next one is tried.
const HOLD: u32 = 32;

/// The places of one bucket.
#[derive(Debug)]
pub(crate) struct Window {
    free: Semaphore,
    level: Mutex<Level>,
    counts: Arc<Counts>,
}

/// A place among what is in flight; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    window: Arc<Window>,
    got: Got,
    _in_flight: InFlight,
}

/// How a place was got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Got {
    AtOnce,
    /// All places were taken: with more of them, more would have been in flight.
    AfterWaiting,
}

impl Window {
    /// The places of the bucket that `counts` is about.
    pub(crate) fn new(counts: Arc<Counts>) -> Self {
        Window { free: Semaphore::new(FIRST), level: Mutex::new(Level::new(Instant::now())), counts }
    }

    /// Waits for a place, in turn. Cancel-safe. Whoever has one holds nothing up: it needs no memory any more.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        let (permit, got) = match self.free.try_acquire() {
            Ok(permit) => (Ok(permit), Got::AtOnce),
            Err(_) => (self.free.acquire().await, Got::AfterWaiting),
        };
        // Given back by `Place`, or never, where the number has become smaller. The semaphore is never closed.
        if let Ok(permit) = permit {
            permit.forget();
        }
        Place { window: Arc::clone(self), got, _in_flight: self.counts.part() }
    }
}

impl Place {
    /// What had this place is stored: `bytes` of it. `slow_downs` is how often the service has asked to slow down
    /// since it was connected to.
    pub(crate) fn stored(self, bytes: u64, slow_downs: u64) {
        self.window.counts.stored(bytes);
        let mut level = self.window.level.lock().unwrap_or_else(PoisonError::into_inner);
        let before = level.places;
        let in_flight = (before + level.owed).saturating_sub(self.window.free.available_permits());
        level.stored(Instant::now(), Stored { bytes, got: self.got, slow_downs, in_flight });
        match level.places.checked_sub(before) {
            Some(more) => {
                let paid = more.min(level.owed);
                level.owed -= paid;
                self.window.free.add_permits(more - paid);
            }
            None => {
                let fewer = before - level.places;
                level.owed += fewer - self.window.free.forget_permits(fewer);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut level = self.window.level.lock().unwrap_or_else(PoisonError::into_inner);
        match level.owed {
            0 => self.window.free.add_permits(1),
            _ => level.owed -= 1,
        }
    }
}

/// The number of places, and how it came about.
#[derive(Debug)]
struct Level {
    places: usize,
    /// Places too many that are taken; they go as they are given back.
    owed: usize,
    phase: Phase,
    round: Round,
    /// What the service has asked for so far.
    slow_downs: u64,
    /// What was in flight when the number was halved: a request to slow down that one of these meets is no other one.
    settling: usize,
}

/// Something that has been stored.
#[derive(Debug, Clone, Copy)]
struct Stored {
    bytes: u64,
    got: Got,
    /// What the service had asked for by then.
    slow_downs: u64,
    /// How many places were taken by then, its own included.
    in_flight: usize,
}

/// Stored since the number was last looked at. A round is as many as there are places.
#[derive(Debug)]
struct Round {
    begun: Instant,
    bytes: u64,
    stored: usize,
    waited: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// It is not known yet how fast this level is.
    Measuring(Step),
    /// There are more places than `from`, where `rate` bytes a second were stored.
    Trying { from: usize, rate: f64, step: Step },
    /// This is the level, for so many rounds.
    Holding(u32),
}

/// How far up the next level is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Double,
    /// A quarter more: the level was found once, and is only looked for near by.
    Quarter,
}

impl Step {
    fn up(self, places: usize) -> usize {
        let more = match self {
            Step::Double => places,
            Step::Quarter => places.div_ceil(4),
        };
        (places + more).min(MOST)
    }

    /// How much faster the next level must be, at least, to be kept: by a quarter or half of what the places could bring at best.
    /// A line that is full brings nothing, and a service that answers as its load is brings less than all.
    fn least_gain(self) -> f64 {
        match self {
            Step::Double => 1.25,
            Step::Quarter => 1.125,
        }
    }
}

impl Round {
    fn new(begun: Instant) -> Self {
        Round { begun, bytes: 0, stored: 0, waited: 0 }
    }

    /// Whether more places would have been used all the time.
    fn was_limited(&self) -> bool {
        self.waited == self.stored
    }

    /// Bytes a second.
    fn rate(&self, now: Instant) -> f64 {
        // A round that took no time at all is as fast as can be told.
        self.bytes as f64 / now.duration_since(self.begun).as_secs_f64().max(1e-9)
    }
}

impl Level {
    fn new(now: Instant) -> Self {
        Level {
            places: FIRST,
            owed: 0,
            phase: Phase::Measuring(Step::Double),
            round: Round::new(now),
            slow_downs: 0,
            settling: 0,
        }
    }

    fn stored(&mut self, now: Instant, stored: Stored) {
        let asked = stored.slow_downs > self.slow_downs;
        // Others may have looked later and come earlier.
        self.slow_downs = self.slow_downs.max(stored.slow_downs);
        if asked && self.settling == 0 {
            return self.halve(now, stored.in_flight);
        }
        self.settling = self.settling.saturating_sub(1);
        self.round.bytes += stored.bytes;
        self.round.stored += 1;
        self.round.waited += usize::from(stored.got == Got::AfterWaiting);
        if self.round.stored >= self.places {
            let round = std::mem::replace(&mut self.round, Round::new(now));
            if round.was_limited() {
                self.end_round(round.rate(now));
            }
        }
    }

    fn end_round(&mut self, rate: f64) {
        self.phase = match self.phase {
            Phase::Measuring(step) => self.go_up(rate, step),
            Phase::Trying { from, rate: before, step } => match rate >= before * step.least_gain() {
                true => self.go_up(rate, step),
                false => {
                    self.places = from;
                    Phase::Holding(HOLD)
                }
            },
            Phase::Holding(0) => Phase::Measuring(Step::Quarter),
            Phase::Holding(rounds) => Phase::Holding(rounds - 1),
        };
    }

    fn go_up(&mut self, rate: f64, step: Step) -> Phase {
        let from = self.places;
        self.places = step.up(from);
        match self.places == from {
            true => Phase::Holding(HOLD),
            false => Phase::Trying { from, rate, step },
        }
    }

    /// To half of what is in flight, which may be less than there are places.
    fn halve(&mut self, now: Instant, in_flight: usize) {
        self.settling = in_flight.saturating_sub(1);
        self.places = (in_flight.min(self.places) / 2).max(1);
        self.phase = Phase::Holding(HOLD);
        self.round = Round::new(now);
        tracing::debug!("the service asks to slow down: {} parts at once from now on", self.places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PART: u64 = 8 << 20;

    /// Keeps all places of `window` busy for `rounds` rounds with parts that take `time(places)` each.
    async fn load(window: &Arc<Window>, rounds: usize, slow_downs: u64, time: impl Fn(usize) -> Duration) -> usize {
        for _ in 0..rounds {
            let mut under_way = Vec::new();
            while window.free.available_permits() > 0 {
                under_way.push(window.place().await);
            }
            tokio::time::advance(time(under_way.len())).await;
            for mut place in under_way {
                place.got = Got::AfterWaiting;
                place.stored(PART, slow_downs);
            }
        }
        let level = window.level.lock().expect("not poisoned");
        assert_eq!((window.free.available_permits(), level.owed), (level.places, 0));
        level.places
    }

    fn latency(_: usize) -> Duration {
        Duration::from_millis(100)
    }

    /// A line that carries what 26 connections do.
    fn narrow(places: usize) -> Duration {
        Duration::from_millis(100).mul_f64((places as f64 / 26.0).max(1.0))
    }

    #[tokio::test(start_paused = true)]
    async fn rises_while_the_service_is_only_far_away() {
        let window = Arc::new(Window::new(Arc::default()));
        assert_eq!(load(&window, 1, 0, latency).await, 2 * FIRST);
        assert_eq!(load(&window, 20, 0, latency).await, MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn stays_where_more_brings_nothing() {
        let window = Arc::new(Window::new(Arc::default()));
        assert_eq!(
            load(&window, 20, 0, narrow).await,
            2 * FIRST,
            "32 are more than half again as fast as 16, 64 are not"
        );
        let window = Arc::new(Window::new(Arc::default()));
        let full = |places: usize| Duration::from_millis(100) * places as u32;
        assert_eq!(load(&window, 20, 0, full).await, FIRST);
        // Later it looks again, near by, and finds what has become possible.
        assert!(load(&window, 200, 0, latency).await > 2 * FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_wait_for_places_gets_no_more() {
        let window = Arc::new(Window::new(Arc::default()));
        for _ in 0..100 {
            window.place().await.stored(PART, 0);
        }
        assert_eq!(load(&window, 0, 0, latency).await, FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn is_halved_once_for_what_was_in_flight_together() {
        let window = Arc::new(Window::new(Arc::default()));
        assert_eq!(load(&window, 2, 0, latency).await, 4 * FIRST);
        let mut in_flight = Vec::new();
        for _ in 0..4 * FIRST {
            in_flight.push(window.place().await);
        }
        for (number, place) in in_flight.into_iter().enumerate() {
            place.stored(PART, 1 + number as u64);
        }
        let asked = 4 * FIRST as u64;
        assert_eq!(load(&window, 1, asked, latency).await, 2 * FIRST);
        assert_eq!(load(&window, 1, asked + 1, latency).await, FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_halved_is_what_is_in_flight() {
        let window = Arc::new(Window::new(Arc::default()));
        assert_eq!(load(&window, 2, 0, latency).await, 4 * FIRST);
        let mut in_flight = Vec::new();
        for _ in 0..6 {
            in_flight.push(window.place().await);
        }
        in_flight.remove(0).stored(PART, 1);
        // One that looked at the count earlier, and one that looked later.
        in_flight.remove(0).stored(PART, 0);
        in_flight.remove(0).stored(PART, 1);
        drop(in_flight);
        assert_eq!(load(&window, 0, 0, latency).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_stays_busy_gets_one_at_a_time() {
        let window = Arc::new(Window::new(Arc::default()));
        for slow_downs in 1..100 {
            load(&window, 1, slow_downs, latency).await;
        }
        assert_eq!(load(&window, 0, 0, latency).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn places_of_what_failed_come_back() {
        let window = Arc::new(Window::new(Arc::default()));
        for _ in 0..3 * FIRST {
            drop(window.place().await);
        }
        assert_eq!(window.free.available_permits(), FIRST);
    }
}
