//! Bodies: passed on, made here, and changed on the way.

use super::Error;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use std::time::Duration;

pub(super) type Body = BoxBody<Bytes, Error>;

pub(super) fn streamed(body: Incoming) -> Body {
    body.map_err(Error::from).boxed()
}

pub(super) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// A body that does not tell its length, so that a header may tell another.
pub(super) fn unmeasured(bytes: Bytes) -> Body {
    let pieces = futures::stream::iter([Ok::<_, Error>(Frame::data(bytes))]);
    BodyExt::boxed(StreamBody::new(pieces))
}

/// The body with each piece of data put through `change`.
pub(super) fn changed(
    body: Body,
    mut change: impl FnMut(Bytes) -> Result<Bytes, Error> + Send + Sync + 'static,
) -> Body {
    let frames = BodyStream::new(body).and_then(move |frame| {
        let changed = match frame.into_data() {
            Ok(data) => change(data).map(Frame::data),
            Err(other) => Ok(other),
        };
        std::future::ready(changed)
    });
    BodyExt::boxed(StreamBody::new(frames))
}

/// The first `bytes` of the body one by one with a pause before each, and then the rest.
pub(super) fn dripping(whole: Bytes, bytes: usize, pause: Duration) -> Body {
    let mut rest = whole;
    let first = rest.split_to(bytes.min(rest.len()));
    let drops = (0..first.len()).map(move |at| first.slice(at..=at));
    let drops = futures::stream::iter(drops).then(move |drop| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, Error>(Frame::data(drop))
    });
    let rest = futures::stream::iter([Ok::<_, Error>(Frame::data(rest))]);
    BodyExt::boxed(StreamBody::new(drops.chain(rest)))
}

/// All of a body.
pub(super) async fn collected<B>(body: B) -> Result<Bytes, Error>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Error>,
{
    Ok(body.collect().await.map_err(Into::into)?.to_bytes())
}
