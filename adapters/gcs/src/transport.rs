//! The client for the JSON API: one request, with its credentials, its time limits and its answer. No retries here.

use crate::credentials::Renewable;
use crate::faults::{Fault, Refusal, root_cause};
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::{HeaderMap, Method};
use reqwest::{Body, Url};
use sealift::SlowDowns;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// An endpoint that cannot be connected to is given up within this time, with the connect timeout that
/// [`GcsOptions`](crate::GcsOptions) has by default: four attempts of 5 s and the pauses between them. Reading alone may
/// take twice the stall timeout instead: Google's SDK has no limit on connecting.
pub const UNREACHABLE_WITHIN: Duration = Duration::from_secs(30);

/// The time to connect, per attempt, by default.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How long nothing may move, by default.
pub(crate) const STANDSTILL: Duration = Duration::from_secs(60);

/// The client: rustls, connections kept, no redirects (the service sends none, and 308 means something else here).
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    pub(crate) credentials: Renewable,
    pub(crate) standstill: Duration,
    pub(crate) slow_downs: SlowDowns,
}

/// One request.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Outgoing,
    /// How long nothing may move.
    pub(crate) standstill: Duration,
}

/// What is sent with it.
pub(crate) enum Outgoing {
    Nothing,
    Json(Vec<u8>),
    /// So many bytes.
    Bytes(u64, BoxStream<'static, io::Result<Bytes>>),
}

/// An answer, of any status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// This as the error it is.
    pub(crate) fn refused(&self) -> Fault {
        Fault::Refused(Refusal::new(self.status, &self.headers, &self.body))
    }

    /// This, unless it is an error.
    pub(crate) fn success(self) -> Result<Answer, Fault> {
        match self.status {
            200..=299 => Ok(self),
            _ => Err(self.refused()),
        }
    }
}

impl Http {
    pub(crate) fn new(connect: Duration, standstill: Duration, credentials: Renewable) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(connect)
            .tcp_nodelay(true)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Http { client, credentials, standstill, slow_downs: SlowDowns::default() })
    }

    pub(crate) fn call(&self, method: Method, url: Url) -> Call {
        Call { method, url, headers: Vec::new(), body: Outgoing::Nothing, standstill: self.standstill }
    }

    /// Sends `call` once. Cancel-safe as far as anything is that the service may have got already.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, Fault> {
        let mut sending = self.client.request(call.method, call.url).headers(self.credentials.for_request().await?);
        for (name, value) in call.headers {
            sending = sending.header(name, value);
        }
        let moved = watch::Sender::new(Some(Instant::now()));
        let mut stands = Standstill { moved: moved.subscribe(), connect: call.standstill, standstill: call.standstill };
        sending = match call.body {
            Outgoing::Nothing => sending.header("content-length", "0"),
            Outgoing::Json(json) => sending.header("content-type", "application/json; charset=UTF-8").body(json),
            Outgoing::Bytes(length, stream) => {
                sending.header("content-length", length).body(Body::wrap_stream(Watched { stream, moved }))
            }
        };
        let answer = tokio::select! {
            biased;
            answer = sending.send() => answer.map_err(failed)?,
            fault = stands.still() => return Err(fault),
        };
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let (mut pieces, mut body) = (answer.bytes_stream(), BytesMut::new());
        loop {
            match timeout(call.standstill, pieces.next()).await {
                Ok(Some(piece)) => body.extend_from_slice(&piece.map_err(failed)?),
                Ok(None) => return Ok(Answer { status, headers, body: body.freeze() }),
                Err(_) => return Err(Fault::Stalled(call.standstill)),
            }
        }
    }
}

/// Without the URL, which may be a session's.
fn failed(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let cause = root_cause(&error);
    match error.is_connect() {
        true => Fault::NoConnection(cause),
        false if error.is_builder() => Fault::Unexpected(format!("the request cannot be made: {cause}")),
        false => Fault::Broken(cause),
    }
}

/// A body that says when a piece of it is taken.
struct Watched {
    stream: BoxStream<'static, io::Result<Bytes>>,
    moved: watch::Sender<Option<Instant>>,
}

impl Stream for Watched {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(self.stream.poll_next_unpin(cx));
        self.moved.send_replace(Some(Instant::now()));
        Poll::Ready(piece)
    }
}

/// When the body of a request was last taken from; nothing until then, where nobody else limits the time to connect.
pub(crate) struct Standstill {
    pub(crate) moved: watch::Receiver<Option<Instant>>,
    pub(crate) connect: Duration,
    pub(crate) standstill: Duration,
}

impl Standstill {
    /// Ends when nothing has moved for too long.
    pub(crate) async fn still(&mut self) -> Fault {
        let begun = Instant::now();
        loop {
            let last = *self.moved.borrow_and_update();
            let until = last.map_or(begun + self.connect, |last| last + self.standstill);
            tokio::select! {
                Ok(()) = self.moved.changed() => {}
                () = sleep_until(until) => {
                    return match last {
                        Some(_) => Fault::Stalled(self.standstill),
                        None => Fault::NoConnection(format!("no connection within {} s", self.connect.as_secs_f32())),
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_body_that_moves_takes_as_long_as_it_takes() {
        let (moved, begun) = (watch::Sender::new(None), Instant::now());
        let mut stands = Standstill { moved: moved.subscribe(), connect: CONNECT, standstill: LIMIT };
        let mover = tokio::spawn(async move {
            for _ in 0..10 {
                moved.send_replace(Some(Instant::now()));
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
            }
        });
        let fault = stands.still().await;
        mover.await.expect("ended");
        assert!(matches!(fault, Fault::Stalled(_)), "{fault:?}");
        assert_eq!(begun.elapsed(), (LIMIT - Duration::from_secs(1)) * 9 + LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_asks_for_has_no_connection() {
        let (moved, begun) = (watch::Sender::new(None), Instant::now());
        let mut stands = Standstill { moved: moved.subscribe(), connect: CONNECT, standstill: LIMIT };
        let fault = stands.still().await;
        assert!(matches!(fault, Fault::NoConnection(_)), "{fault:?}");
        assert_eq!(begun.elapsed(), CONNECT);
    }
}
