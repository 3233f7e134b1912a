//! How hard blocks are compressed: always at one level, or at the one for which the threads have time.
//!
//! Threads that wait have time. Threads that are busy have it too while the service falls behind what they make, as long as there is
//! memory to keep that: it is stored no sooner for being made sooner.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most effort that is made unasked. Above it both codecs take several times as long for hardly anything.
pub(super) const HIGHEST: u8 = 9;
/// How many blocks a thread compresses before the level is looked at again.
const PERIOD: u32 = 8;
/// How many looks, about three seconds in all, tell whether the service falls behind: parts are stored in one go.
const LOOKS: usize = 16;
/// Busier than this, the threads are what is waited for.
const BUSY: f64 = 0.9;
/// How busy they may be at the next level. Less than [`BUSY`], so that a level that was found is kept.
const ROOM: f64 = 0.75;
/// How much longer the next level takes, until it is known.
const GUESS: f64 = 2.0;

/// The level of the next block.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub(super) enum Effort {
    Fixed(u8),
    Adaptive { state: Mutex<State>, threads: u32 },
}

#[derive(Debug)]
pub(super) struct State {
    level: u8,
    period: Period,
    /// What the period before this one took at its level.
    before: Option<Taken>,
    /// How much longer a level takes than the one below it, as last seen; by level.
    ratios: [f64; HIGHEST as usize + 1],
    /// Compressed bytes in all.
    made: u64,
    /// The last looks at this level.
    looks: VecDeque<Look>,
}

/// How far compression and service have come.
#[derive(Debug, Clone, Copy)]
struct Look {
    made: u64,
    /// What was made and is not stored yet.
    waiting: u64,
}

/// A block that was compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) level: u8,
    /// Its length, before and after.
    pub(super) bytes: usize,
    pub(super) made: usize,
    /// How long it took a thread.
    pub(super) time: Duration,
    /// How many compressed bytes were waiting to be stored when it was begun.
    pub(super) waiting: u64,
}

/// What has been compressed since the level was last looked at.
#[derive(Debug)]
struct Period {
    begun: Instant,
    blocks: u32,
    /// Of all threads together.
    busy: Duration,
    /// Of what was compressed at the present level only.
    at_level: Taken,
}

/// How long a thread took for so much plain data.
#[derive(Debug, Clone, Copy)]
struct Taken {
    level: u8,
    bytes: u64,
    time: Duration,
}

impl Taken {
    fn none(level: u8) -> Self {
        Taken { level, bytes: 0, time: Duration::ZERO }
    }

    /// Seconds a byte.
    fn cost(&self) -> Option<f64> {
        (self.bytes > 0).then(|| self.time.as_secs_f64() / self.bytes as f64)
    }
}

impl Effort {
    /// Begins at `level`, and finds its own by how busy `threads` threads are.
    pub(super) fn adaptive(level: u8, threads: usize) -> Self {
        Effort::Adaptive { state: Mutex::new(State::new(level.min(HIGHEST), Instant::now())), threads: threads as u32 }
    }

    pub(super) fn level(&self) -> u8 {
        match self {
            Effort::Fixed(level) => *level,
            Effort::Adaptive { state, .. } => state.lock().unwrap_or_else(PoisonError::into_inner).level,
        }
    }

    /// A block was compressed.
    pub(super) fn compressed(&self, done: Done) {
        if let Effort::Adaptive { state, threads } = self {
            state.lock().unwrap_or_else(PoisonError::into_inner).compressed(done, Instant::now(), *threads);
        }
    }
}

impl State {
    fn new(level: u8, now: Instant) -> Self {
        let ratios = [GUESS; HIGHEST as usize + 1];
        State { level, period: Period::new(level, now), before: None, ratios, made: 0, looks: VecDeque::new() }
    }

    fn compressed(&mut self, done: Done, now: Instant, threads: u32) {
        self.made += done.made as u64;
        let period = &mut self.period;
        period.blocks += 1;
        period.busy += done.time;
        if done.level == self.level {
            period.at_level.bytes += done.bytes as u64;
            period.at_level.time += done.time;
        }
        if period.blocks >= PERIOD * threads {
            let ended = std::mem::replace(&mut self.period, Period::new(self.level, now));
            self.learn(ended.at_level);
            self.look(Look { made: self.made, waiting: done.waiting });
            let elapsed = now.duration_since(ended.begun).as_secs_f64().max(1e-9);
            self.choose(ended.busy.as_secs_f64() / (elapsed * f64::from(threads)), now);
        }
    }

    /// What the step between the last two levels costs. Of two periods that follow each other, as the data may change.
    fn learn(&mut self, taken: Taken) {
        let before = self.before.replace(taken);
        let Some((cost, before)) = taken.cost().zip(before.and_then(|before| Some((before.level, before.cost()?))))
        else {
            return;
        };
        match before {
            (level, lower) if level + 1 == taken.level => self.ratios[usize::from(taken.level)] = cost / lower,
            (level, higher) if level == taken.level + 1 => self.ratios[usize::from(level)] = higher / cost,
            _ => {}
        }
    }

    fn look(&mut self, look: Look) {
        self.looks.push_back(look);
        if self.looks.len() > LOOKS + 1 {
            self.looks.pop_front();
        }
    }

    /// Which share of what was made at this level the service has fallen behind; `None` as long as that is not known.
    fn behind(&self) -> Option<f64> {
        let (first, last) = (self.looks.front()?, self.looks.back()?);
        let more = last.waiting.saturating_sub(first.waiting) as f64;
        (self.looks.len() > LOOKS).then(|| (more / (last.made - first.made).max(1) as f64).min(1.0))
    }

    /// The next level, when the threads were busy for `share` of the time.
    fn choose(&mut self, share: f64, now: Instant) {
        let behind = self.behind();
        // What they would be if there were no room for what waits.
        let share = share * (1.0 - behind.unwrap_or_default());
        let next = usize::from(self.level) + 1;
        let level = match self.ratios.get(next) {
            _ if share > BUSY && behind.is_none() => self.level,
            _ if share > BUSY => (self.level - 1).max(1),
            Some(ratio) if share * ratio < ROOM => self.level + 1,
            _ => self.level,
        };
        if level != self.level {
            tracing::debug!("compression threads busy for {:.0} %: level {level} from now on", share * 100.0);
            self.level = level;
            self.period = Period::new(level, now);
            self.looks.clear();
        }
    }
}

impl Period {
    fn new(level: u8, begun: Instant) -> Self {
        Period { begun, blocks: 0, busy: Duration::ZERO, at_level: Taken::none(level) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: u64 = 1 << 20;
    const THREADS: u32 = 2;

    /// How long a block takes at a level: each step takes half as long again.
    fn time(level: u8) -> Duration {
        Duration::from_millis(5).mul_f64(1.5_f64.powi(i32::from(level)))
    }

    /// What a service takes.
    #[derive(Clone, Copy)]
    enum Line {
        Everything,
        /// So many compressed bytes a second.
        Rate(f64),
    }

    /// Blocks come as fast as two threads compress them, but no faster than one in `pace`; each is half as long then. The levels
    /// of all periods.
    fn levels(begin: u8, pace: Duration, line: Line, periods: u32) -> Vec<u8> {
        let begun = Instant::now();
        let mut now = begun;
        let mut state = State::new(begin, now);
        let mut levels = Vec::new();
        for _ in 0..periods {
            for _ in 0..PERIOD * THREADS {
                let (level, time) = (state.level, time(state.level));
                now += pace.max(time / THREADS);
                let waiting = match line {
                    Line::Everything => 0,
                    Line::Rate(rate) => {
                        state.made.saturating_sub((rate * now.duration_since(begun).as_secs_f64()) as u64)
                    }
                };
                let bytes = BYTES as usize;
                state.compressed(Done { level, bytes, made: bytes / 2, time, waiting }, now, THREADS);
            }
            levels.push(state.level);
        }
        levels
    }

    #[test]
    fn who_waits_for_the_service_compresses_harder() {
        assert_eq!(levels(5, Duration::from_secs(1), Line::Everything, 10), [6, 7, 8, 9, 9, 9, 9, 9, 9, 9]);
    }

    #[test]
    fn who_waits_for_the_compressor_compresses_less() {
        let found = levels(5, Duration::ZERO, Line::Everything, 100);
        let lower = |level| found.iter().position(|found| *found == level).expect("reached");
        let looks = [4, 3, 2, 1].map(lower);
        assert_eq!(looks, [1, 2, 3, 4].map(|step| step * (LOOKS + 1) - 1), "no sooner than it is known: {found:?}");
        assert_eq!(found[looks[3]..], vec![1; 100 - looks[3]]);
    }

    /// Where there is memory for all that waits, the threads are busy all the time.
    #[test]
    fn what_waits_to_be_stored_is_not_made_faster() {
        let rate = |level| Line::Rate(BYTES as f64 / 2.0 * f64::from(THREADS) / time(level).as_secs_f64());
        assert_eq!(levels(5, Duration::ZERO, rate(6), 200), vec![5; 200], "what level 6 would give is what is taken");
        assert_eq!(levels(5, Duration::ZERO, rate(9), 200)[150], 7, "a slow line is compressed for as hard");
        assert_eq!(levels(5, Duration::ZERO, rate(3), 200)[150], 2, "a faster one less, and at most one too little");
    }

    #[test]
    fn a_level_that_was_found_is_kept() {
        // Level 6 keeps two threads busy for 80 % of that, and level 5 for 53 %.
        let pace = time(6).div_f64(2.0 * 0.8);
        let found = levels(3, pace, Line::Everything, 40);
        assert_eq!(found[4..], [found[4]; 36], "{found:?}");
        assert_eq!(found[4], 5, "level 6 would leave too little room: {found:?}");
        let found = levels(9, pace, Line::Everything, 100);
        assert_eq!(found[96..], [6; 4], "from above it is not left before it is what is waited for");
    }

    #[test]
    fn a_guess_that_was_wrong_is_not_made_again() {
        let mut state = State::new(5, Instant::now());
        let taken = |level, millis| Taken { level, bytes: BYTES, time: Duration::from_millis(millis) };
        state.learn(taken(5, 10));
        state.learn(taken(6, 40));
        assert_eq!(state.ratios[6], 4.0);
        state.learn(taken(5, 20));
        assert_eq!(state.ratios[6], 2.0, "the other way, too");
        state.learn(taken(5, 10));
        state.learn(Taken::none(6));
        assert_eq!(state.ratios[6], 2.0, "nothing is learnt of nothing");
        state.choose(0.4, Instant::now());
        assert_eq!(state.level, 5, "0.8 of the time is too much");
        state.choose(0.3, Instant::now());
        assert_eq!(state.level, 6);
    }

    #[test]
    fn a_fixed_level_stays() {
        let effort = Effort::Fixed(12);
        for _ in 0..100 {
            effort.compressed(Done { level: 12, bytes: 1, made: 1, time: Duration::from_secs(1), waiting: 0 });
        }
        assert_eq!(effort.level(), 12);
    }
}
