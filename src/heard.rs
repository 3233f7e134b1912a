//! Telling an owner who may go away in any moment. A value that was sent counts as heard only when it was taken: an error
//! that is dropped before that is kept, since it may name what is left.

use crate::error::{Error, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;

/// What may hold an error that somebody has to hear.
pub(crate) trait Message {
    /// The error, if it is one.
    fn into_error(self) -> Option<Error>;
}

impl Message for Error {
    fn into_error(self) -> Option<Error> {
        Some(self)
    }
}

impl<T> Message for Result<T> {
    fn into_error(self) -> Option<Error> {
        self.err()
    }
}

/// The errors that left something and that nobody took. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unheard(Arc<Mutex<Vec<Error>>>);

impl Unheard {
    /// A oneshot whose errors are kept here where nobody takes them.
    pub(crate) fn channel<M: Message>(&self) -> (oneshot::Sender<M>, Heard<M>) {
        let (sender, receiver) = oneshot::channel();
        (sender, Heard { receiver, unheard: self.clone() })
    }

    /// Keeps an error, if it left something.
    pub(crate) fn keep(&self, error: Error) {
        if !error.left_behind().is_empty() {
            self.errors().push(error);
        }
    }

    /// Those that are kept.
    pub(crate) fn errors(&self) -> MutexGuard<'_, Vec<Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiving end of a oneshot. Sending to it fails once it is dropped, and what was sent before is kept.
#[derive(Debug)]
pub(crate) struct Heard<M: Message> {
    receiver: oneshot::Receiver<M>,
    unheard: Unheard,
}

impl<M: Message> Future for Heard<M> {
    type Output = Result<M, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx)
    }
}

impl<M: Message> Drop for Heard<M> {
    fn drop(&mut self) {
        // First, so that nothing can be sent between the look and the end.
        self.receiver.close();
        if let Some(error) = self.receiver.try_recv().ok().and_then(Message::into_error) {
            self.unheard.keep(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::left_behind::LeftBehind;

    #[tokio::test]
    async fn an_error_that_was_sent_and_not_taken_is_kept() {
        let left = [LeftBehind::object("s3://b/k")];
        let error = Error::new(ErrorKind::Service, "move", "s3://b/k", "told to").with_left_behind(left);
        let unheard = Unheard::default();
        let (tell, told) = unheard.channel::<Result<()>>();
        tell.send(Err(error.clone())).expect("somebody listens");
        drop(told);
        let (tell, told) = unheard.channel::<Result<()>>();
        tell.send(Err(error)).expect("somebody listens");
        told.await.expect("sent").expect_err("the error");
        assert_eq!(unheard.errors().len(), 1, "the first, and not the one that was taken");
    }
}
