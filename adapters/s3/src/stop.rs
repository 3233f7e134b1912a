//! A copy that is to stop. A request that was sent before the order to stop came: its answer tells more surely than anything else what there is
//! to remove, so it gets a moment.

use sealift::{Error, ErrorKind, Result, Work};
use std::time::Duration;
use tokio::time::sleep;

/// The time to answer that a request gets once its work is to stop.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// How a request was answered.
pub(crate) enum Answer<T> {
    InTime(T),
    /// The order to stop came before.
    AfterStop(T),
    /// It was not, within [`ANSWER_LIMIT`] of the order to stop.
    Never,
}

/// The answer to a `request` of `work`.
pub(crate) async fn answer<T>(work: &Work, request: impl Future<Output = T>) -> Answer<T> {
    tokio::pin!(request);
    tokio::select! {
        biased;
        answer = &mut request => return Answer::InTime(answer),
        () = work.stopped() => {}
    }
    tokio::select! {
        biased;
        answer = &mut request => Answer::AfterStop(answer),
        () = sleep(ANSWER_LIMIT) => Answer::Never,
    }
}

/// What `look` says, which leaves nothing, unless the order to stop comes before.
pub(crate) async fn unless_stopped<T>(work: &Work, look: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        () = work.stopped() => Err(stopped(work.location())),
        said = look => said,
    }
}

/// The error of a copy that was told to stop.
pub(crate) fn stopped(location: &str) -> Error {
    Error::new(ErrorKind::Cancelled, "copy", location, "it was asked to stop")
}
