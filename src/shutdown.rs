//! Ending well: who owns the work under way, the request to stop it, and waiting until the last of it has ended. What an
//! upload does is `upload`'s.

use crate::activity::Counts;
use crate::error::{Error, ErrorKind, Result};
use crate::heard::{Heard, Message, Unheard};
use crate::retry::{Retry, RetryPolicy};
use crate::work::{Stage, UnderWay, Work};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The time an abort may take, of its own, whatever it was that failed before.
pub(crate) const ABORT_LIMIT: Duration = Duration::from_secs(30);

/// The time that a request already sent (start, put, complete) gets to answer once the upload is to stop, before it
/// is given up and looked for. Not zero, since an answer tells more surely than a look.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The work of one [`Bucket`](crate::Bucket).
#[derive(Debug)]
pub(crate) struct Shutdown {
    stop: CancellationToken,
    retry: Retry,
    tasks: TaskTracker,
    unheard: Unheard,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    under_way: BTreeMap<u64, Arc<Work>>,
}

impl Shutdown {
    /// Nothing is under way; what fails in passing is tried again by `policy`, and counted in `counts`.
    pub(crate) fn new(policy: RetryPolicy, counts: Arc<Counts>) -> Self {
        let stop = CancellationToken::new();
        let retry = Retry::new(policy, stop.clone()).counted(counts);
        Shutdown { stop, retry, tasks: TaskTracker::new(), unheard: Unheard::default(), state: Mutex::default() }
    }

    /// How requests are tried again until everything is to stop.
    pub(crate) fn retry(&self) -> &Retry {
        &self.retry
    }

    /// Fires when everything is to stop.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The tasks that own work.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// A piece of work on the object at `location`, listed as under way for as long as the result lives.
    pub(crate) fn register(self: &Arc<Self>, location: String) -> Registered {
        let work = Arc::new(Work::until(location, self.stop.child_token(), self.retry.clone()));
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.under_way.insert(id, Arc::clone(&work));
        Registered { shutdown: Arc::clone(self), work, id }
    }

    /// Runs what `begin` makes in a task of its own, and returns what came of it. Once everything is to stop, it has
    /// [`ANSWER_LIMIT`] and [`ABORT_LIMIT`] to end. A failure that nobody waits for any more is kept if it left something.
    ///
    /// # Cancel safety
    /// The work goes on when the future is dropped.
    pub(crate) async fn own<T, F>(
        self: &Arc<Self>,
        operation: &'static str,
        location: String,
        begin: impl FnOnce(Arc<Work>) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let registered = self.register(location);
        let work = Arc::clone(&registered);
        let (tell, told) = self.channel();
        self.tasks.spawn(async move {
            let late = async {
                registered.stopped().await;
                sleep(ANSWER_LIMIT + ABORT_LIMIT).await;
            };
            let done = tokio::select! {
                done = begin(Arc::clone(&registered)) => done,
                () = late => {
                    let reason = "it was asked to stop, and did not end in time";
                    let error = Error::new(ErrorKind::TimedOut, operation, registered.location(), reason);
                    Err(error.with_left_behind(registered.leaves()))
                }
            };
            // Its error says what is left.
            registered.set(Stage::Nothing);
            if let Err(Err(error)) = tell.send(done) {
                registered.shutdown.keep_unheard(error);
            }
        });
        told.await.unwrap_or_else(|_| Err(runtime_gone(operation, &work)))
    }

    /// Keeps an error that nobody waits for any more and that left something, so that closing can tell of it.
    pub(crate) fn keep_unheard(&self, error: Error) {
        self.unheard.keep(error);
    }

    /// A oneshot whose errors closing tells where nobody takes them.
    pub(crate) fn channel<M: Message>(&self) -> (oneshot::Sender<M>, Heard<M>) {
        self.unheard.channel()
    }

    /// What is under way now, and what ended with its runtime and has not been told by [`close`](Self::close) yet.
    pub(crate) fn under_way(&self) -> Vec<UnderWay> {
        let state = self.state();
        let live = state.under_way.values().map(|work| work.under_way());
        let unheard = self.unheard.errors();
        let ended = unheard.iter().map(|error| UnderWay {
            location: error.location().to_owned(),
            may_leave: error.left_behind().to_vec(),
            has_ended: true,
        });
        live.chain(ended).collect()
    }

    /// Stops what is under way, waits until all of it has ended, and returns the errors that nobody heard. Cancel-safe.
    pub(crate) async fn close(&self) -> Vec<Error> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        std::mem::take(&mut *self.unheard.errors())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shutdown {
    /// The last of the bucket goes, and nobody has asked: the log is the last place to say it.
    fn drop(&mut self) {
        for error in &*self.unheard.errors() {
            tracing::error!("{error}");
        }
    }
}

/// A piece of work on the list of those under way. What it may still leave when this is dropped, since its task was killed
/// with its runtime, is kept for [`Shutdown::close`].
#[derive(Debug)]
pub(crate) struct Registered {
    shutdown: Arc<Shutdown>,
    work: Arc<Work>,
    id: u64,
}

impl Deref for Registered {
    type Target = Arc<Work>;

    fn deref(&self) -> &Arc<Work> {
        &self.work
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shutdown.state().under_way.remove(&self.id);
        self.shutdown.keep_unheard(runtime_gone("upload", &self.work));
    }
}

/// The error of work whose runtime ended under it: it names what it may have left.
pub(crate) fn runtime_gone(operation: &'static str, work: &Work) -> Error {
    let reason = "the runtime that did it has shut down";
    Error::new(ErrorKind::Cancelled, operation, work.location(), reason)
        .with_left_behind(work.leaves())
        .with_hint("close the bucket before the runtime ends")
}

/// `work` within [`ABORT_LIMIT`], or an error of `operation`.
pub(crate) async fn within_abort_limit<T>(
    operation: &'static str,
    location: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match timeout(ABORT_LIMIT, work).await {
        Ok(done) => done,
        Err(_) => {
            let reason = format!("it did not end within {} seconds", ABORT_LIMIT.as_secs());
            Err(Error::new(ErrorKind::TimedOut, operation, location, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::left_behind::LeftBehind;

    #[tokio::test]
    async fn work_that_ends_in_the_moment_in_which_its_owner_goes_is_told_when_closing() {
        let left = [LeftBehind::object("s3://b/k")];
        let error = Error::new(ErrorKind::Service, "move", "s3://b/k", "told to").with_left_behind(left);
        let shutdown = Arc::new(Shutdown::new(RetryPolicy::default(), Arc::default()));
        {
            let mut moved = Box::pin(shutdown.own::<(), _>("move", "s3://b/k".into(), |_| async { Err(error) }));
            assert!(futures::poll!(&mut moved).is_pending());
            shutdown.tasks().close();
            shutdown.tasks().wait().await;
            // It has been sent by now, and the owner goes without a look.
        }
        assert_eq!(shutdown.close().await.len(), 1);
    }
}
