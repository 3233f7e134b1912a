//! Ending well: which uploads are under way, the request to stop them, and waiting until the last is completed or
//! aborted. Uploads themselves are `upload`'s.

use crate::error::Error;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The time an abort may take, of its own, whatever it was that failed before.
pub(crate) const ABORT_LIMIT: Duration = Duration::from_secs(30);

/// The time that a request already sent (start, put, complete) gets to answer once the upload is to stop, before it
/// is given up and looked for. Not zero, since an answer tells more surely than a look.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The uploads of one [`Bucket`](crate::Bucket).
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    stop: CancellationToken,
    tasks: TaskTracker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    under_way: BTreeMap<u64, String>,
    unheard: Vec<Error>,
}

impl Shutdown {
    /// Fires when everything is to stop.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The tasks that own uploads.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Lists an upload as under way for as long as the result lives.
    pub(crate) fn register(self: &Arc<Self>, what: String) -> UnderWay {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.under_way.insert(id, what);
        UnderWay { shutdown: Arc::clone(self), id }
    }

    /// Keeps an error that nobody waits for any more, so that closing can tell of it.
    pub(crate) fn keep_unheard(&self, error: Error) {
        tracing::error!("{error}");
        self.state().unheard.push(error);
    }

    /// What is under way now.
    pub(crate) fn under_way(&self) -> Vec<String> {
        self.state().under_way.values().cloned().collect()
    }

    /// Stops what is under way, waits until all of it is completed or aborted, and returns the errors that nobody
    /// heard. Cancel-safe.
    pub(crate) async fn close(&self) -> Vec<Error> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        std::mem::take(&mut self.state().unheard)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upload on the list of those under way.
#[derive(Debug)]
pub(crate) struct UnderWay {
    shutdown: Arc<Shutdown>,
    id: u64,
}

impl UnderWay {
    /// Says more of the upload, such as its id.
    pub(crate) fn describe(&self, what: String) {
        self.shutdown.state().under_way.insert(self.id, what);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.shutdown.state().under_way.remove(&self.id);
    }
}
