//! When an upload is to stop, and what that means for a request that has been sent already.

use super::uploader::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::shutdown::ANSWER_LIMIT;
use crate::work::Work;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The reasons to stop: the sink is gone, gives this upload up, or everything is to stop.
pub(super) struct Stop {
    outcome: oneshot::Sender<Outcome>,
    work: Arc<Work>,
    everything: CancellationToken,
}

/// The answer to a request that is not cut off when the upload is to stop, since only its answer tells what to remove.
pub(super) enum Answer<T> {
    InTime(T),
    /// It came after the order to stop, within the limit.
    AfterStop(T, Error),
    /// It did not come within the limit.
    Never(Error),
}

impl Stop {
    pub(super) fn new(outcome: oneshot::Sender<Outcome>, work: Arc<Work>, everything: CancellationToken) -> Self {
        Stop { outcome, work, everything }
    }

    pub(super) fn into_outcome(self) -> oneshot::Sender<Outcome> {
        self.outcome
    }

    /// Waits for the order to stop. Cancel-safe.
    pub(super) async fn requested(&mut self) -> Error {
        tokio::select! {
            () = self.outcome.closed() => self.given_up(),
            () = self.work.stopped() => match self.everything.is_cancelled() {
                true => self.error("it was asked to stop"),
                false => self.given_up(),
            },
        }
    }

    /// The error when the sink was dropped or gave the object up.
    pub(super) fn given_up(&self) -> Error {
        self.error("the writer was given up before it was shut down")
    }

    fn error(&self, reason: &'static str) -> Error {
        Error::new(ErrorKind::Cancelled, "upload", self.work.location(), reason)
    }

    /// Awaits `request`, and on the order to stop for [`ANSWER_LIMIT`] more.
    pub(super) async fn answer<T>(&mut self, request: impl Future<Output = T>) -> Answer<T> {
        let mut request = pin!(request);
        let stopped = tokio::select! {
            biased;
            answer = &mut request => return Answer::InTime(answer),
            stopped = self.requested() => stopped,
        };
        match timeout(ANSWER_LIMIT, request).await {
            Ok(answer) => Answer::AfterStop(answer, stopped),
            Err(_) => Answer::Never(stopped),
        }
    }
}

impl<T> Answer<T> {
    /// The answer if it came before any order to stop.
    pub(super) fn before_stop(self) -> Result<T> {
        match self {
            Answer::InTime(answer) => Ok(answer),
            Answer::AfterStop(_, stopped) | Answer::Never(stopped) => Err(stopped),
        }
    }
}
