//! What is tried again, for how long, and the pauses between: the one place that decides it.

use crate::error::Error;
use crate::passing::Passing;
use std::time::Duration;
use tokio::time::Instant;

/// The pauses double from this; half of each is chosen by chance, so that those who failed together do not come back
/// together.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Up to this while the service cannot be reached or fails: an outage that ends is noticed within it.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Up to this while it is too busy: S3 needs a while to spread a bucket over more machines (AWS, "Optimizing Amazon S3
/// performance").
const LONGEST_BUSY_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a service can ask for: it is not obeyed for a day.
const LONGEST_ASKED: Duration = Duration::from_secs(60);
/// How often something is tried again that is not likely to pass.
const UNLIKELY: u32 = 4;

/// For how long what fails in passing is tried again.
///
/// ```
/// use sealift::RetryPolicy;
/// use std::time::Duration;
///
/// assert_eq!(RetryPolicy::default().give_up_after(), Duration::from_secs(300));
/// // For somebody who waits at a terminal:
/// let impatient = RetryPolicy::new(Duration::from_secs(10));
/// # let _ = impatient;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    give_up_after: Duration,
}

impl RetryPolicy {
    /// The time after which an outage is given up by default: 5 minutes.
    pub const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

    /// Each request is given up when it has failed for `give_up_after`, counted from the start of its first attempt that
    /// failed. An attempt under way then comes to its own end. With [`Duration::ZERO`] nothing is tried again.
    pub const fn new(give_up_after: Duration) -> Self {
        RetryPolicy { give_up_after }
    }

    /// The time after which an outage is given up.
    pub const fn give_up_after(self) -> Duration {
        self.give_up_after
    }

    /// The same, for at most `limit`.
    pub(crate) fn at_most(self, limit: Duration) -> Self {
        RetryPolicy { give_up_after: self.give_up_after.min(limit) }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy::new(RetryPolicy::GIVE_UP_AFTER)
    }
}

/// The attempts of one request that have failed so far.
#[derive(Debug)]
pub(super) struct Failures {
    policy: RetryPolicy,
    since: Option<Instant>,
    times: u32,
    unlikely: u32,
}

impl Failures {
    pub(super) fn new(policy: RetryPolicy) -> Self {
        Failures { policy, since: None, times: 0, unlikely: 0 }
    }

    /// After an attempt that began at `began` and failed by `error`: the pause before the next, if there is to be one.
    pub(super) fn pause(&mut self, began: Instant, error: &Error) -> Option<Duration> {
        let since = *self.since.get_or_insert(began);
        self.times += 1;
        let passing = error.passing()?;
        let left = (since + self.policy.give_up_after).checked_duration_since(Instant::now());
        let left = left.filter(|left| !left.is_zero())?;
        let (longest, asked) = match passing {
            Passing::Outage => (LONGEST_PAUSE, None),
            Passing::Busy { asked } => (LONGEST_BUSY_PAUSE, asked),
            Passing::Unlikely => {
                self.unlikely += 1;
                if self.unlikely > UNLIKELY {
                    return None;
                }
                (LONGEST_PAUSE, None)
            }
        };
        let doubled = FIRST_PAUSE.saturating_mul(1 << (self.times - 1).min(20)).min(longest);
        let own = doubled.mul_f64(1.0 - rand::random::<f64>() / 2.0);
        // The last attempt is made when the time is over, and not a pause before.
        Some(own.max(asked.unwrap_or_default().min(LONGEST_ASKED)).min(left))
    }

    /// For how long it has failed.
    pub(super) fn lasting(&self) -> Duration {
        self.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// `error` as the last word: how often it was tried, and for how long.
    pub(super) fn last(&self, error: Error) -> Error {
        match self.times {
            0 | 1 => error,
            times => error.after_attempts(times, self.lasting()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn failed(passing: Passing) -> Error {
        Error::new(ErrorKind::Service, "put", "s3://b/k", "503").with_passing(passing)
    }

    /// The pauses before each further attempt, where every attempt fails at once.
    async fn pauses(policy: RetryPolicy, passing: Passing) -> Vec<Duration> {
        let (mut failures, mut pauses) = (Failures::new(policy), Vec::new());
        while let Some(pause) = failures.pause(Instant::now(), &failed(passing)) {
            pauses.push(pause);
            tokio::time::sleep(pause).await;
        }
        pauses
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_tried_to_the_end_of_the_time() {
        let pauses = pauses(RetryPolicy::default(), Passing::Outage).await;
        let whole: Duration = pauses.iter().sum();
        assert!(whole.abs_diff(RetryPolicy::GIVE_UP_AFTER) < Duration::from_secs(1), "{whole:?}");
        assert!(pauses[0] <= FIRST_PAUSE && pauses[0] >= FIRST_PAUSE / 2);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE) && pauses.len() > 30, "{pauses:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_service_can_ask_for_longer_but_not_for_a_day() {
        let asked = |seconds| Passing::Busy { asked: Some(Duration::from_secs(seconds)) };
        assert_eq!(pauses(RetryPolicy::default(), asked(86_400)).await, [LONGEST_ASKED; 5]);
        assert_eq!(pauses(RetryPolicy::default(), asked(20)).await[0], Duration::from_secs(20));
        let unasked = pauses(RetryPolicy::default(), Passing::Busy { asked: None }).await;
        assert!(unasked.iter().any(|pause| *pause > LONGEST_PAUSE), "{unasked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_likely_to_pass_is_tried_a_few_times() {
        assert_eq!(pauses(RetryPolicy::default(), Passing::Unlikely).await.len(), UNLIKELY as usize);
        assert!(pauses(RetryPolicy::new(Duration::ZERO), Passing::Outage).await.is_empty());
        let mut failures = Failures::new(RetryPolicy::default());
        let refused = Error::new(ErrorKind::Denied, "put", "s3://b/k", "403");
        assert_eq!(failures.pause(Instant::now(), &refused), None);
        assert_eq!(failures.last(refused).reason(), "403", "it was tried once");
    }
}
