//! What can go wrong with a request: which failures may pass when the same is asked again, and the pauses between.

use crate::client::ClientOptions;
use reqwest::StatusCode;
use sealift::{Error, ErrorKind, Result};
use std::error::Error as StdError;
use std::time::Duration;
use tokio::time::sleep;

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Asking again may help.
    Passing(Error),
    /// Asking again brings the same.
    Final(Error),
}

/// No connection, or one that was cut before the answer's end.
pub(crate) fn by_http(operation: String, url: &str, error: reqwest::Error) -> Failure {
    let (reason, hint) = match error.is_connect() {
        true => ("no connection", "check the address, and that the node runs with its backup service on"),
        false => (
            "the connection was cut before the answer's end",
            "the node's log says why: it may not have got there yet, or have pruned it",
        ),
    };
    let reason = format!("{reason}: {}", innermost(&error));
    let error = Error::new(ErrorKind::Unreachable, operation, url, reason).with_hint(hint).with_source(error);
    Failure::Passing(error)
}

/// An answer that is no success.
pub(crate) fn refused(operation: String, url: String, status: StatusCode) -> Failure {
    let error = |kind, hint| Error::new(kind, operation, url, format!("the node answered {status}")).with_hint(hint);
    match status {
        StatusCode::NOT_FOUND => Failure::Final(error(
            ErrorKind::Service,
            "check that this node's version has the endpoint, and the address",
        )),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Failure::Passing(error(ErrorKind::Service, "ask for less at a time"))
        }
        status if status.is_server_error() => Failure::Passing(error(
            ErrorKind::Service,
            "the node's log says why: it may not have got there yet, or have pruned it",
        )),
        _ => Failure::Final(error(ErrorKind::Service, "check that the address is that of a node's backup service")),
    }
}

/// The last cause in the chain, which says what the outer ones only wrap.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Pauses that double.
#[derive(Debug)]
pub(crate) struct Pause {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Pause {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Pause { first, next: first, longest }
    }

    /// How long to wait now.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
        self.next = pause.saturating_mul(2);
        pause
    }

    /// What fails next is a failure of its own.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// The attempts at one thing.
#[derive(Debug)]
pub(crate) struct Tries {
    failed: u32,
    attempts: u32,
    pause: Pause,
}

impl Tries {
    pub(crate) fn new(options: &ClientOptions) -> Self {
        let pause = Pause::new(options.first_pause, options.longest_pause);
        Tries { failed: 0, attempts: options.attempts, pause }
    }

    /// After a failure: waits and returns when to try again, or returns the error when that is of no use.
    pub(crate) async fn pause(&mut self, failure: Failure) -> Result<()> {
        let error = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Passing(error) => error,
        };
        self.failed += 1;
        if self.failed >= self.attempts {
            return Err(error);
        }
        // Less up to a half by chance, so that many requests that failed together do not come back together.
        let pause = self.pause.next().mul_f64(1.0 - rand::random::<f64>() / 2.0);
        tracing::warn!("trying again in {} ms: {error}", pause.as_millis());
        sleep(pause).await;
        Ok(())
    }

    /// There was headway: what fails next is a failure of its own.
    pub(crate) fn headway(&mut self) {
        self.failed = 0;
        self.pause.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn passing() -> Failure {
        Failure::Passing(Error::new(ErrorKind::Unreachable, "read", "x", "cut"))
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let mut pause = Pause::new(Duration::from_secs(1), Duration::from_secs(5));
        let seconds = |pause: &mut Pause| std::array::from_fn::<_, 5, _>(|_| pause.next().as_secs());
        assert_eq!(seconds(&mut pause), [1, 2, 4, 5, 5]);
        pause.reset();
        assert_eq!(seconds(&mut pause), [1, 2, 4, 5, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end() {
        let mut tries = Tries::new(&ClientOptions::default());
        let begun = Instant::now();
        for _ in 1..ClientOptions::default().attempts {
            tries.pause(passing()).await.expect("another");
        }
        assert!((Duration::from_secs(3)..Duration::from_secs(9)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        tries.pause(passing()).await.expect_err("the last");
        tries.headway();
        tries.pause(passing()).await.expect("a new beginning");
    }

    #[tokio::test]
    async fn what_is_final_is_not_tried_again() {
        let error = Error::new(ErrorKind::Corrupt, "read", "x", "wrong");
        Tries::new(&ClientOptions::default()).pause(Failure::Final(error)).await.expect_err("final");
    }

    #[test]
    fn a_busy_node_is_asked_again_and_a_wrong_one_is_not() {
        let by_status =
            |status: u16| refused("read".into(), "x".into(), StatusCode::from_u16(status).expect("a status"));
        assert!([408, 429, 500, 502, 503].into_iter().all(|status| matches!(by_status(status), Failure::Passing(_))));
        assert!([301, 400, 403, 404].into_iter().all(|status| matches!(by_status(status), Failure::Final(_))));
    }
}
