//! One upload by a session: its parts in series into one session, what does not fill a quantum held back for the next.

use crate::client::Client;
use crate::faults::Fault;
use crate::pieces::Piece;
use crate::session::{Ending, Known, Session};
use async_trait::async_trait;
use bytes::Bytes;
use sealift::{
    Attempts, Checksum, CommitOptions, Committed, Effect, Error, ErrorKind, LeftBehind, PartReceipt, Payload, Result,
    Upload,
};
use std::borrow::Cow;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What becomes of a session that is not finished.
const REMEDY: &str = "nothing of it can be seen, and the service drops it after a week";

/// One upload. Parts come in order and one at a time. What failed in passing can be sent again. A part whose future is dropped
/// ends it: only an abort can follow.
#[derive(Debug)]
pub(crate) struct GcsUpload {
    client: Client,
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
    /// Something is on its way, or was and has failed for good or been dropped.
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
    known: Known,
}

impl GcsUpload {
    /// Starts one.
    pub(crate) async fn start(
        client: &Client,
        key: &str,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Self> {
        let started = Session::start(client, key, options, attempts).await;
        let session = started.map_err(|fault| client.failed("start an upload of", key, fault))?;
        let state = Mutex::new(State::Open(Taken { next: 1, stored: 0, held: Bytes::new(), known: Known::Stands }));
        let (client, key, id) = (client.clone(), key.to_owned(), options.token.to_string());
        Ok(GcsUpload { client, key, session, id, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the state to send something, so that nothing else is sent meanwhile.
    fn take(&self, operation: &str, wanted: Option<u32>) -> Result<Taken> {
        let refused = |reason: String| {
            Err(Error::new(ErrorKind::Service, operation.to_owned(), self.client.location(&self.key), reason))
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

    fn failed(&self, operation: impl Into<Cow<'static, str>>, fault: Fault) -> Error {
        self.client.failed(operation, &self.key, fault)
    }

    /// The same of what was to follow `taken`: if it may pass, it can be sent again.
    fn failed_after(&self, taken: Taken, operation: impl Into<Cow<'static, str>>, fault: Fault) -> Error {
        let error = self.failed(operation, fault);
        if error.passing().is_some() {
            self.put_back(State::Open(taken));
        }
        error
    }
}

/// The sessions that attempts to start one may have left beside the one that is known.
pub(crate) fn lost_starts(client: &Client, key: &str, effect: Effect) -> Vec<LeftBehind> {
    let Effect { unanswered, unclear, .. } = effect;
    let lost = LeftBehind::unknown_upload(client.location(key)).with_remedy(REMEDY);
    match unanswered + unclear {
        0 => Vec::new(),
        _ => vec![lost.because("its start was not answered so that it could be read")],
    }
}

#[async_trait]
impl Upload for GcsUpload {
    fn id(&self) -> &str {
        &self.id
    }

    fn remedy(&self) -> &'static str {
        REMEDY
    }

    fn is_serial(&self) -> bool {
        true
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let operation = format!("upload part {number} of");
        let mut taken = self.take(&operation, Some(number))?;
        let checksum = payload.checksum();
        let piece = Piece { start: taken.stored, held: taken.held.clone(), payload: Some(payload) };
        let end = piece.whole_end();
        if end > piece.start {
            let sent = self.session.send(&self.client, &piece, end, Ending::More, &mut taken.known).await;
            if let Err(fault) = sent {
                return Err(self.failed_after(taken, operation, fault));
            }
        }
        let held = piece.remainder().await;
        let held = held.map_err(|error| Error::io(operation, self.client.location(&self.key), error))?;
        self.put_back(State::Open(Taken { next: number + 1, stored: end, held, known: Known::Stands }));
        Ok(PartReceipt::new(number, format!("up to byte {}", piece.end()), checksum))
    }

    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let operation = "complete the upload of";
        let mut taken = self.take(operation, None)?;
        let last = Piece { start: taken.stored, held: taken.held.clone(), payload: None };
        let end = last.end();
        if parts.len() as u32 != taken.next - 1 || whole.byte_count() != end {
            let reason = format!(
                "{} parts of {} bytes are to make it, and {} of {end} bytes were uploaded",
                parts.len(),
                whole.byte_count(),
                taken.next - 1
            );
            return Err(Error::new(ErrorKind::Corrupt, operation, self.client.location(&self.key), reason));
        }
        let ending = Ending::Last(whole, attempts);
        let made = self.session.send(&self.client, &last, end, ending, &mut taken.known).await;
        let committed = made.and_then(|made| match made {
            Some(resource) => resource.committed(whole),
            None => Err(Fault::Unexpected("the session ended without an object".to_owned())),
        });
        match committed {
            Ok(committed) => {
                self.put_back(State::Completed);
                Ok(committed)
            }
            Err(fault) => Err(self.failed_after(taken, operation, fault)),
        }
    }

    /// Also after a part or a completion whose future was dropped: when this returns, nothing that is still on its way
    /// can make the object appear.
    async fn abort(&self) -> Result<()> {
        if matches!(mem::replace(&mut *self.state(), State::Aborted), State::Completed) {
            return Ok(());
        }
        self.session.cancel(&self.client).await.map_err(|fault| self.failed("abort the upload of", fault))
    }
}
