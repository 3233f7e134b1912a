//! What is to be kept.

use crate::error::{Error, ErrorKind, Result};
use crate::template::civil;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

/// What is to be kept: whatever one of its rules wants. It always wants the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
}

/// A rule of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The last so many.
    Last(NonZeroUsize),
    /// The newest of each of the last so many periods in which there is any; and as long as there are not so many yet, the
    /// oldest too.
    Each(Period, NonZeroUsize),
    /// All that are at most so much older than the newest. Not than now: where backups fail for a while, those before are
    /// not used up.
    Within(Duration),
}

/// A part of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A day.
    Day,
    /// A week, from Monday on (ISO 8601).
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// Why a backup is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is one of the last: the first of them, the second, and so on.
    Last(usize),
    /// It is the newest of its period.
    NewestOf(Period),
    /// It is the oldest there is, and there are not as many periods yet as are to be kept.
    OldestFor(Period),
    /// It is no older than that before the newest.
    Within(Duration),
    /// Somebody said that it stays.
    Held,
    /// It would be superfluous, if its time were not in the future.
    InTheFuture,
}

/// Why a rule does not want a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// So many newer ones are kept, that is all that the rule wants.
    LastAreNewer(usize),
    /// This one is newer, and of the same period.
    NewerInPeriod(Period, String),
    /// So many newer periods have one, that is all that the rule wants.
    PeriodsAreNewer(Period, usize),
    /// It is more than that older than this one.
    OlderThan(Duration, String),
}

impl Policy {
    /// A policy of these rules.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when there is none, or one of them is for no time at all: such a policy would keep nothing.
    pub fn new(rules: Vec<Rule>) -> Result<Self> {
        let refused = |reason| {
            Err(Error::new(ErrorKind::InvalidConfig, "keep by", "the policy", reason)
                .with_hint("say what is to be kept, such as --keep-last 7"))
        };
        match () {
            () if rules.is_empty() => refused("it has no rule, and would keep nothing"),
            () if rules.contains(&Rule::Within(Duration::ZERO)) => refused("it keeps what is within no time at all"),
            () => Ok(Policy { rules }),
        }
    }

    /// Its rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Period {
    /// A number that is the same for all times of one period, and greater for later ones.
    pub(super) fn of(self, at: u64) -> i64 {
        // After the year 9999 each time is a period of its own: nothing is superfluous by it.
        let Some(civil) = civil(at) else { return i64::try_from(at).unwrap_or(i64::MAX) };
        let (date, week) = (civil.date(), civil.date().iso_week_date());
        let year = i64::from(date.year());
        match self {
            Period::Day => (year * 12 + i64::from(date.month())) * 31 + i64::from(date.day()),
            Period::Week => i64::from(week.year()) * 54 + i64::from(week.week()),
            Period::Month => year * 12 + i64::from(date.month()),
            Period::Year => year,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Year => "year",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Last(1) => f.write_str("the newest"),
            Reason::Last(number) => write!(f, "number {number} of the last"),
            Reason::NewestOf(period) => write!(f, "the newest of its {}", period.word()),
            Reason::OldestFor(period) => write!(f, "the oldest, with too few {}s after it", period.word()),
            Reason::Within(time) => write!(f, "within {} of the newest", told(*time)),
            Reason::Held => f.write_str("said to be kept"),
            Reason::InTheFuture => f.write_str("its time is in the future"),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::LastAreNewer(count) => write!(f, "the last {count} are newer"),
            Miss::NewerInPeriod(period, name) => write!(f, "{name} is newer in the same {}", period.word()),
            Miss::PeriodsAreNewer(period, 1) => write!(f, "a newer {} has one", period.word()),
            Miss::PeriodsAreNewer(period, count) => write!(f, "{count} newer {}s have one", period.word()),
            Miss::OlderThan(time, name) => write!(f, "more than {} older than {name}", told(*time)),
        }
    }
}

fn told(time: Duration) -> String {
    let (days, seconds) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    match (days, seconds) {
        (0, seconds) => format!("{seconds}s"),
        (days, 0) => format!("{days}d"),
        (days, seconds) => format!("{days}d{seconds}s"),
    }
}
