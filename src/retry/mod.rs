//! Going on after what passes: one policy over all adapters and calls. An adapter sends once, and says of an error whether
//! it may pass ([`Passing`](crate::Passing)); it is tried again here, for `retrying`, which decorates the store, and for
//! `work`.

mod policy;

pub use policy::RetryPolicy;

use crate::activity::{Counts, RetryCause};
use crate::error::{Error, Result};
use policy::Failures;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The time for what is removed or looked at after a failure, which has had its own time: less than the limit of an abort.
const CLEANING: Duration = Duration::from_secs(20);
/// How long a request fails before it is worth a word, and the time between two words of one store.
const WORTH_A_WORD: Duration = Duration::from_secs(2);
const BETWEEN_WORDS: Duration = Duration::from_secs(15);

/// Tries requests again by one policy, until everything is to stop. Clones share what was said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Retry {
    policy: RetryPolicy,
    stop: CancellationToken,
    /// When something was last said of it.
    said: Arc<Mutex<Option<Instant>>>,
    counts: Arc<Counts>,
}

impl Retry {
    /// By `policy`; when `stop` is cancelled, nothing is tried again.
    pub(crate) fn new(policy: RetryPolicy, stop: CancellationToken) -> Self {
        Retry { policy, stop, ..Retry::default() }
    }

    /// The same, counted there.
    pub(crate) fn counted(self, counts: Arc<Counts>) -> Self {
        Retry { counts, ..self }
    }

    /// Where it is counted.
    pub(crate) fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// For what cleans up: it has less time, and goes on when everything is to stop.
    pub(crate) fn cleaning(&self) -> Self {
        Retry { policy: self.policy.at_most(CLEANING), stop: CancellationToken::new(), ..self.clone() }
    }

    /// The same with less time for each request, where that is more than `limit`.
    pub(crate) fn at_most(&self, limit: Duration) -> Self {
        Retry { policy: self.policy.at_most(limit), ..self.clone() }
    }

    /// Does `once` until it succeeds, or fails for good, or for longer than the policy allows. Cancel-safe as far as
    /// `once` is.
    pub(crate) async fn run<T, F: Future<Output = Result<T>>>(&self, mut once: impl FnMut() -> F) -> Result<T> {
        let mut failures = Failures::new(self.policy);
        loop {
            let began = Instant::now();
            let error = match once().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let Some(pause) = failures.pause(began, &error) else { return Err(failures.last(error)) };
            self.say(&failures, &error);
            tokio::select! {
                () = sleep(pause) => self.counts.tried_again(RetryCause::of(&error)),
                () = self.stop.cancelled() => return Err(failures.last(error)),
            }
        }
    }

    /// Many requests fail at once in an outage, and one word is enough.
    fn say(&self, failures: &Failures, error: &Error) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.lasting() < WORTH_A_WORD || said.is_some_and(|said| said.elapsed() < BETWEEN_WORDS) {
            tracing::debug!("trying again: {error}");
            return;
        }
        *said = Some(Instant::now());
        let (lasting, limit) = (failures.lasting().as_secs(), self.policy.give_up_after().as_secs());
        tracing::warn!("{error}; trying again, for {lasting} s so far and {limit} s at most");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::passing::Passing;
    use std::cell::Cell;

    fn outage() -> Error {
        Error::new(ErrorKind::Unreachable, "put", "s3://b/k", "no route").with_passing(Passing::Outage)
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_waited_out() {
        let begun = Instant::now();
        let retry = Retry::default();
        let answer = retry.run(async || match begun.elapsed() {
            time if time < Duration::from_secs(240) => Err(outage()),
            _ => Ok(7),
        });
        assert_eq!(answer.await.expect("it came back"), 7);
        assert!(begun.elapsed() < Duration::from_secs(250), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_end_says_how_often_and_how_long() {
        let times = Cell::new(0);
        let retry = Retry::default();
        let failed = retry.run(async || {
            times.set(times.get() + 1);
            Err::<(), _>(outage())
        });
        let error = failed.await.expect_err("it lasts");
        assert!(error.reason().contains(&format!("tried {} times in 300 s", times.get())), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_to_stop_ends_a_pause_at_once_and_not_what_cleans_up() {
        let stop = CancellationToken::new();
        let retry = Retry::new(RetryPolicy::default(), stop.clone());
        stop.cancel();
        let begun = Instant::now();
        retry.run(async || Err::<(), _>(outage())).await.expect_err("stopped");
        assert_eq!(begun.elapsed(), Duration::ZERO);
        retry.cleaning().run(async || Err::<(), _>(outage())).await.expect_err("it lasts");
        assert_eq!(begun.elapsed().as_secs(), CLEANING.as_secs());
    }
}
