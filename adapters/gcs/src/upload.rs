//! One upload: its parts in series into one session, what does not fill a quantum held back for the next.

use crate::faults::Fault;
use crate::pieces::Piece;
use crate::session::{Ending, Session};
use crate::store::GcsStore;
use async_trait::async_trait;
use bytes::Bytes;
use sealift::{
    Attempts, Checksum, CommitOptions, Committed, Error, ErrorKind, Key, PartReceipt, Payload, Result, Upload,
};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One upload. Parts come in order and one at a time. A part whose future is dropped ends it: only an abort can follow.
#[derive(Debug)]
pub(crate) struct GcsUpload {
    store: GcsStore,
    key: String,
    session: Session,
    /// The token: the session's own name must not be shown.
    id: String,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Waiting for the next part or the end.
    Open(Taken),
    /// Something is on its way, or was and has failed or been dropped.
    Sending,
    Completed,
    Aborted,
}

/// What was taken so far.
#[derive(Debug)]
struct Taken {
    /// The number of the next part.
    next: u32,
    /// The bytes that are stored: whole quanta.
    stored: u64,
    held: Bytes,
}

impl GcsUpload {
    pub(crate) async fn start(store: &GcsStore, key: &Key, options: &CommitOptions) -> Result<Self> {
        let key = key.as_ref();
        let started = Session::start(store, key, options).await;
        let session = started.map_err(|fault| store.failed("start an upload of", key, fault))?;
        let state = Mutex::new(State::Open(Taken { next: 1, stored: 0, held: Bytes::new() }));
        Ok(GcsUpload { store: store.clone(), key: key.to_owned(), session, id: options.token.to_string(), state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the state to send something, so that nothing else is sent meanwhile.
    fn take(&self, operation: &str, wanted: Option<u32>) -> Result<Taken> {
        let refused = |reason: String| {
            Err(Error::new(ErrorKind::Service, operation.to_owned(), self.store.location(&self.key), reason))
        };
        let mut state = self.state();
        match mem::replace(&mut *state, State::Sending) {
            State::Open(taken) if wanted.is_none_or(|wanted| wanted == taken.next) => Ok(taken),
            other => {
                let reason = match &other {
                    State::Open(taken) => format!("the next part is {}: they go into one stream", taken.next),
                    State::Sending => "another part is under way, or one has failed".to_owned(),
                    State::Completed => "the upload is completed".to_owned(),
                    State::Aborted => "the upload was aborted".to_owned(),
                };
                *state = other;
                refused(reason)
            }
        }
    }

    /// Gives it back, unless the upload was aborted meanwhile.
    fn put_back(&self, next: State) {
        let mut state = self.state();
        if matches!(*state, State::Sending) {
            *state = next;
        }
    }

    fn failed(&self, operation: impl Into<std::borrow::Cow<'static, str>>, fault: Fault) -> Error {
        self.store.failed(operation, &self.key, fault)
    }
}

#[async_trait]
impl Upload for GcsUpload {
    fn id(&self) -> &str {
        &self.id
    }

    fn remedy(&self) -> &'static str {
        "nothing of it can be seen, and the service drops it after a week"
    }

    /// Parts are taken in order and one at a time, as the policy says.
    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let operation = format!("upload part {number} of");
        let taken = self.take(&operation, Some(number))?;
        let checksum = payload.checksum();
        let piece = Piece { start: taken.stored, held: taken.held, payload: Some(payload) };
        let end = piece.whole_end();
        if end > piece.start {
            let sent = self.session.send(&self.store, &piece, end, Ending::More).await;
            sent.map_err(|fault| self.failed(operation.clone(), fault))?;
        }
        let held = piece.remainder().await;
        let held = held.map_err(|error| Error::io(operation, self.store.location(&self.key), error))?;
        self.put_back(State::Open(Taken { next: number + 1, stored: end, held }));
        Ok(PartReceipt { number, tag: format!("up to byte {}", piece.end()), checksum })
    }

    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let operation = "complete the upload of";
        let taken = self.take(operation, None)?;
        let last = Piece { start: taken.stored, held: taken.held, payload: None };
        let end = last.end();
        if parts.len() as u32 != taken.next - 1 || whole.byte_count() != end {
            let reason = format!(
                "{} parts of {} bytes are to make it, and {} of {end} bytes were uploaded",
                parts.len(),
                whole.byte_count(),
                taken.next - 1
            );
            return Err(Error::new(ErrorKind::Corrupt, operation, self.store.location(&self.key), reason));
        }
        let attempt = attempts.begin();
        attempt.sent();
        let made = self.session.send(&self.store, &last, end, Ending::Whole(whole)).await;
        let committed = made.and_then(|made| match made {
            Some(resource) => resource.committed(whole),
            None => Err(Fault::Unexpected("the session ended without an object".to_owned())),
        });
        let committed = committed.map_err(|fault| self.failed(operation, fault))?;
        self.put_back(State::Completed);
        attempt.applied();
        Ok(committed)
    }

    /// Also after a part or a completion whose future was dropped: when this returns, nothing that is still on its way
    /// can make the object appear.
    async fn abort(&self) -> Result<()> {
        if matches!(mem::replace(&mut *self.state(), State::Aborted), State::Completed) {
            return Ok(());
        }
        self.session.cancel(&self.store).await.map_err(|fault| self.failed("abort the upload of", fault))
    }
}
