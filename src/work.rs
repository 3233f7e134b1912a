//! A piece of work that can leave something: where it is, and so what it would leave if it ended now. Whoever asks (the
//! list of what is under way, a second signal, the end of a runtime) is told from this one state.

use crate::attempts::{Attempts, Effect};
use crate::error::Result;
use crate::left_behind::LeftBehind;
use crate::object_store::Upload;
use crate::retry::{Retry, RetryPolicy};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// A piece of work that can leave something, as those see it who do it. Its owner is the
/// [`Bucket`](crate::Bucket) that began it.
#[derive(Debug)]
pub struct Work {
    location: String,
    stop: CancellationToken,
    retry: Retry,
    stage: Mutex<Stage>,
}

/// How far a piece of work is, as far as it matters to what it may leave.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Nothing was sent that could leave anything, or nothing is left.
    Nothing,
    /// The start of an upload was sent.
    Starting(Attempts),
    /// An upload is open.
    Parts(Arc<dyn Upload>),
    /// A whole object was sent.
    PutSent(Attempts),
    /// The completion of an upload was sent.
    CompleteSent(Arc<dyn Upload>, Attempts),
    /// The object is committed, and its owner has not been told.
    Committed,
    /// An adapter's own work, which says so itself.
    Leaves(Vec<LeftBehind>),
}

/// A piece of work under way, for a person; or one that has ended and left something of which nobody has been told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnderWay {
    /// The object it is about, as a URL without credentials.
    pub location: String,
    /// What it would leave if the process ended now; empty while nothing can exist.
    pub may_leave: Vec<LeftBehind>,
    /// Whether it has ended: what it left stays until [`Bucket::close`](crate::Bucket::close) tells of it.
    pub has_ended: bool,
}

impl Work {
    /// A piece of work on the object at `location` that nobody else knows of; it is never asked to stop. For calling an
    /// adapter by itself.
    pub fn new(location: impl Into<String>) -> Self {
        Work::until(location.into(), CancellationToken::new(), Retry::default())
    }

    /// The same, with its steps tried again by `policy`.
    #[must_use]
    pub fn with_retry_policy(self, policy: RetryPolicy) -> Self {
        Work { retry: Retry::new(policy, self.stop.clone()), ..self }
    }

    pub(crate) fn until(location: String, stop: CancellationToken, retry: Retry) -> Self {
        Work { location, stop, retry, stage: Mutex::new(Stage::Nothing) }
    }

    /// A part of this work on the object at `location`, which stops with it.
    pub(crate) fn beside(&self, location: String) -> Self {
        Work::until(location, self.stop.child_token(), self.retry.clone())
    }

    /// The object it is about.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Waits for the order to stop.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Does one step of the work until it succeeds or fails for good, as a [`RetryPolicy`](crate::RetryPolicy) has it. For
    /// adapters, whose work has many steps, of which each may fail in passing.
    ///
    /// # Errors
    /// The last one of `step`.
    ///
    /// # Cancel safety
    /// As `step`'s.
    pub async fn retry<T, F: Future<Output = Result<T>> + Send>(&self, step: impl FnMut() -> F + Send) -> Result<T> {
        self.retry.run(step).await
    }

    /// The same for a step that removes something after a failure: it has less time, and goes on when everything is to stop.
    ///
    /// # Errors
    /// The last one of `step`.
    ///
    /// # Cancel safety
    /// As `step`'s.
    pub async fn retry_cleaning<T, F: Future<Output = Result<T>> + Send>(
        &self,
        step: impl FnMut() -> F + Send,
    ) -> Result<T> {
        self.retry.cleaning().run(step).await
    }

    /// Orders it to stop, and nothing else.
    pub(crate) fn give_up(&self) {
        self.stop.cancel();
    }

    /// Whether the order to stop has come.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Says what the work would leave if it ended now, in place of what was said before. Nothing, once all is removed.
    pub fn may_leave(&self, left: impl IntoIterator<Item = LeftBehind>) {
        self.set(Stage::Leaves(left.into_iter().collect()));
    }

    /// What it would leave if it ended now.
    pub fn leaves(&self) -> Vec<LeftBehind> {
        self.stage().may_leave(&self.location)
    }

    pub(crate) fn set(&self, stage: Stage) {
        *self.stage() = stage;
    }

    pub(crate) fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn under_way(&self) -> UnderWay {
        UnderWay { location: self.location.clone(), may_leave: self.leaves(), has_ended: false }
    }
}

impl Stage {
    fn may_leave(&self, location: &str) -> Vec<LeftBehind> {
        let beside = match self {
            Stage::Parts(upload) | Stage::CompleteSent(upload, _) => upload.left_beside(),
            _ => Vec::new(),
        };
        self.of_its_own(location).into_iter().chain(beside).collect()
    }

    /// What the attempts of a commit that was taken have done, and may still do.
    pub(crate) fn committed(&self) -> Effect {
        let effect = match self {
            Stage::PutSent(attempts) | Stage::CompleteSent(_, attempts) => attempts.effect(),
            _ => Effect::default(),
        };
        Effect { applied: effect.applied.max(1), ..effect }
    }

    fn of_its_own(&self, location: &str) -> Vec<LeftBehind> {
        let object = || LeftBehind::object(location);
        match self {
            Stage::Nothing => Vec::new(),
            Stage::Starting(attempts) if attempts.effect().is_possible() => {
                vec![LeftBehind::unknown_upload(location).because("its start was not answered")]
            }
            Stage::Parts(upload) => vec![left_of(&**upload, location)],
            Stage::PutSent(attempts) if attempts.effect().is_possible() => {
                vec![object().perhaps().because("it was sent, and the answer is open")]
            }
            Stage::CompleteSent(upload, attempts) if attempts.effect().is_possible() => vec![
                object().perhaps().because("its completion was sent, and the answer is open"),
                left_of(&**upload, location).perhaps(),
            ],
            Stage::CompleteSent(upload, _) => vec![left_of(&**upload, location)],
            Stage::Starting(_) | Stage::PutSent(_) => Vec::new(),
            Stage::Committed => vec![object()],
            Stage::Leaves(left) => left.clone(),
        }
    }
}

/// What an upload leaves that is neither completed nor aborted.
pub(crate) fn left_of(upload: &dyn Upload, location: &str) -> LeftBehind {
    LeftBehind::upload(location, upload.id()).with_remedy(upload.remedy())
}

impl fmt::Display for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.may_leave.is_empty() {
            return write!(f, "nothing of {}", self.location);
        }
        for (index, left) in self.may_leave.iter().enumerate() {
            write!(f, "{}{left}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
