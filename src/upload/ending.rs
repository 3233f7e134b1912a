//! How an upload ends: everything removed after a failure, or the object delivered to the sink, and taken back where nobody
//! is there to hear of it.

use super::sealed::Sealed;
use super::stop::Stop;
use super::uploader::{Delivery, Uploader};
use crate::attempts::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::existence::{Existence, Ours};
use crate::left_behind::LeftBehind;
use crate::shutdown::{ANSWER_LIMIT, within_abort_limit};
use crate::work::{Stage, left_of};
use futures::stream::FuturesOrdered;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::timeout;

impl Uploader {
    /// Removes everything after `error`, on a time limit of its own. `Ok` when the commit turns out to have taken
    /// effect after all, and nothing speaks against it.
    pub(super) async fn clean_up(&mut self, error: Error) -> Result<Ours> {
        self.inbox.close();
        while self.inbox.try_recv().is_ok() {}
        self.encoding = FuturesOrdered::new();
        self.ready.clear();
        if self.upload.as_ref().is_some_and(|upload| upload.parts_may_come_late()) {
            let answered = async { while self.in_flight.join_next().await.is_some() {} };
            let _ = timeout(ANSWER_LIMIT, answered).await;
        }
        self.in_flight.shutdown().await;
        let location = self.plan.location();
        let wanted = !matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Corrupt);
        let removed = within_abort_limit("abort", &location, async { Ok(self.remove(&error, wanted).await) }).await;
        match removed {
            Ok(Existence::Ours(ours)) if wanted => Ok(*ours),
            Ok(existence) => Err(existence.after(error, &location)),
            Err(late) => {
                let left = self.work.leaves().into_iter().map(|left| left.because(late.reason().to_owned()));
                Err(error.with_left_behind(left))
            }
        }
    }

    async fn remove(&self, error: &Error, wanted: bool) -> Existence {
        let stage = match &*self.work.stage() {
            Stage::Parts(upload) => (Some(Arc::clone(upload)), Effect::default()),
            Stage::CompleteSent(upload, attempts) => (Some(Arc::clone(upload)), attempts.effect()),
            Stage::PutSent(attempts) => (None, attempts.effect()),
            // Nothing was begun, or the error says what may have been.
            Stage::Nothing | Stage::Starting(_) | Stage::Committed | Stage::Leaves(_) => return Existence::Nothing,
        };
        let (upload, mut effect) = stage;
        let mut left = Vec::new();
        if let Some(upload) = upload {
            match upload.abort().await {
                // No completion can take effect any more, so the look is the last word.
                Ok(()) => effect = effect.over(),
                Err(failed) if failed.left_behind().is_empty() => {
                    left.push(left_of(&*upload, &self.plan.location()).because(failed.reason().to_owned()));
                }
                Err(failed) => left.extend_from_slice(failed.left_behind()),
            }
        }
        // Not before: an abort may have settled what was open.
        left.extend(self.left_beside());
        let existence = match wanted {
            false => self.commit().take_back(effect).await,
            true => match self.commit().settle(Err(error.clone()), effect).await {
                Ok(ours) => Existence::Ours(Box::new(ours)),
                Err(failed) => failed.existence,
            },
        };
        match existence {
            Existence::Ours(ours) => Existence::Ours(ours),
            Existence::Nothing => Existence::of(left),
            Existence::Perhaps(object) => Existence::Perhaps(object.into_iter().chain(left).collect()),
        }
    }

    /// Tells the sink, and takes the object back if nobody is there to hear of it.
    pub(super) async fn deliver(self, ours: Ours, stop: Stop) {
        let effect = self.work.stage().committed();
        self.work.set(Stage::Committed);
        let (accept, mut accepted) = oneshot::channel();
        let (refused, otherwise) = self.plan.shutdown.channel();
        let delivery = Delivery { sealed: self.sealed(ours), accept, otherwise };
        let delivered = stop.into_outcome().send(Ok(delivery)).is_ok();
        let heard = delivered
            && tokio::select! {
                answer = &mut accepted => answer.is_ok(),
                () = self.work.stopped() => {
                    accepted.close();
                    accepted.try_recv().is_ok()
                }
            };
        if !heard {
            let error = self.take_back(effect).await;
            if let Err(error) = refused.send(error) {
                self.plan.shutdown.keep_unheard(error);
            }
        }
        self.work.set(Stage::Nothing);
    }

    /// `effect` is of all attempts to commit: by one that was not answered the object may come anew.
    async fn take_back(&self, mut effect: Effect) -> Error {
        let location = self.plan.location();
        let taken = async {
            if let Some(upload) = self.upload.as_ref().filter(|_| effect.is_pending())
                && upload.abort().await.is_ok()
            {
                effect = effect.over();
            }
            Ok(self.commit().take_back(effect).await)
        };
        let error = Error::new(
            ErrorKind::Cancelled,
            "upload",
            &location,
            "it was given up in the moment in which it was committed",
        );
        let error = error.with_left_behind(self.left_beside());
        match within_abort_limit("take back", &location, taken).await {
            Ok(existence) => existence.after(error, &location),
            Err(late) => error.with_left_behind([LeftBehind::object(&location).because(late.reason().to_owned())]),
        }
    }

    /// Other uploads that the start of this one may have left: however it ends.
    fn left_beside(&self) -> Vec<LeftBehind> {
        self.upload.as_ref().map(|upload| upload.left_beside()).unwrap_or_default()
    }

    fn sealed(&self, Ours { committed, confirmed }: Ours) -> Sealed {
        let beside = self.left_beside();
        Sealed {
            location: self.plan.location(),
            bytes_in: self.bytes_in,
            bytes_stored: self.whole.byte_count(),
            parts: self.parts,
            checksum: self.whole.to_string(),
            confirmed,
            etag: committed.etag,
            version: committed.version,
            elapsed: self.started.elapsed(),
            left_behind: committed.left_behind.into_iter().chain(beside).collect(),
        }
    }
}
