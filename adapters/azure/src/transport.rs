//! The HTTP client, and how long requests may take. The SDK's own client gives up any request whose answer has not begun
//! after 60 s, the time to send its body included, and any connection only after 20 s; its errors show URLs.

use crate::answers::{ANSWER_BODY, Asked, ERROR_BODY, odd, settle};
use crate::clock::ServiceClock;
use crate::errors::Stalled;
use azure_core::Error;
use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::request::Request;
use azure_core::http::response::PinnedStream;
use azure_core::http::{AsyncRawResponse, Body, Context};
use azure_core::stream::{BytesStream, SeekableStream};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use sealift::{Attempt, Attempts, SlowDowns};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// The time to connect, by default.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How long nothing may move: no byte of the body taken, no byte of the answer come. After the body is sent this is the
/// time to answer; the service itself gives 60 s to the longest, Put Block List (Microsoft, "Timeouts for Blob storage").
const STANDSTILL: Duration = Duration::from_secs(75);

/// The transport: rustls, connections kept, no redirects (the service sends none).
#[derive(Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    clock: ServiceClock,
    slow_downs: SlowDowns,
}

impl Http {
    pub(crate) fn new(connect: Duration, clock: ServiceClock, slow_downs: SlowDowns) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(connect)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Http { client, clock, slow_downs })
    }
}

#[async_trait::async_trait]
impl Policy for Http {
    /// Sends it once. Where the call's context has an account ([`Attempts`]), it is told there.
    async fn send(&self, ctx: &Context, request: &mut Request, _: &[Arc<dyn Policy>]) -> PolicyResult {
        let attempt = ctx.value::<Attempts>().map(Attempts::begin);
        let answer = match self.exchange(request, attempt.as_ref()).await {
            Ok(answer) => answer,
            Err(error) => {
                if let (SdkKind::Connection, Some(attempt)) = (error.kind(), &attempt) {
                    attempt.refused();
                }
                return Err(error);
            }
        };
        let (status, headers) = (answer.status().as_u16(), headers(answer.headers()));
        self.clock.read(&headers);
        self.slow_downs.see(status);
        let (asked, body) = (Asked::by(request), body_of(answer));
        if asked.streams(status) {
            return Ok(AsyncRawResponse::new(status.into(), headers, body));
        }
        let success = (200..300).contains(&status);
        let body = match success {
            true => whole(body).await,
            false => Ok(beginning(body).await),
        };
        let checked = match &body {
            Ok(body) if success => asked.check(status, &headers, body).map_err(|why| Error::new(SdkKind::Other, why)),
            _ => Ok(()),
        };
        if let Some(attempt) = &attempt {
            let code = headers.get_optional_str(&HeaderName::from_static("x-ms-error-code"));
            settle(attempt, status, code, body.is_ok() && checked.is_ok());
        }
        checked?;
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, body?))
    }
}

impl Http {
    /// Sends the request, and waits for the head of its answer.
    async fn exchange(&self, request: &Request, attempt: Option<&Attempt>) -> azure_core::Result<reqwest::Response> {
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes());
        let method = method.map_err(|error| Error::new(SdkKind::Other, error))?;
        let mut sending = self.client.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            sending = sending.header(name.as_str(), value.as_str());
        }
        let moved = watch::Sender::new(Instant::now());
        let mut stands = Standstill(moved.subscribe());
        let stream: Box<dyn SeekableStream> = match request.body().clone() {
            Body::Bytes(bytes) => Box::new(BytesStream::new(bytes)),
            Body::SeekableStream(stream) => stream,
        };
        match stream.len() {
            Some(0) => {
                if let Some(attempt) = attempt {
                    attempt.sent();
                }
            }
            length => {
                // Known lengths are told, also where the SDK does not.
                let told = request.headers().get_optional_str(&HeaderName::from_static("content-length")).is_some();
                if let (Some(length), false) = (length, told) {
                    sending = sending.header("content-length", length);
                }
                let watched = Watched { stream, left: length, moved, attempt: attempt.cloned() };
                sending = sending.body(reqwest::Body::wrap_stream(watched));
            }
        }
        tokio::select! {
            biased;
            answer = sending.send() => answer.map_err(failed),
            () = stands.still() => Err(Error::new(SdkKind::Io, Stalled(STANDSTILL))),
        }
    }
}

/// The body of an answer, which may stand still for [`STANDSTILL`] at most.
fn body_of(answer: reqwest::Response) -> PinnedStream {
    Box::pin(futures::stream::unfold(Box::pin(answer.bytes_stream()), async |mut body| {
        let bytes = match timeout(STANDSTILL, body.next()).await {
            Ok(bytes) => bytes?.map_err(failed),
            Err(_) => Err(Error::new(SdkKind::Io, Stalled(STANDSTILL))),
        };
        Some((bytes, body))
    }))
}

/// All of a body, which must not be longer than [`ANSWER_BODY`].
async fn whole(mut body: PinnedStream) -> azure_core::Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(bytes) = body.next().await {
        let bytes = bytes?;
        if whole.len() + bytes.len() > ANSWER_BODY {
            let reason = format!("it is longer than {} MiB", ANSWER_BODY >> 20);
            return Err(odd(reason));
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole.freeze())
}

/// The first [`ERROR_BODY`] bytes of a body, or what came of them: the status says enough.
async fn beginning(mut body: PinnedStream) -> Bytes {
    let mut beginning = BytesMut::new();
    while let Some(Ok(bytes)) = body.next().await {
        let room = ERROR_BODY - beginning.len();
        beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() >= room {
            break;
        }
    }
    beginning.freeze()
}

/// Without the URL, which may hold a signature.
fn failed(error: reqwest::Error) -> Error {
    let kind = match error.is_connect() {
        true => SdkKind::Connection,
        false if error.is_builder() => SdkKind::Other,
        false => SdkKind::Io,
    };
    Error::new(kind, error.without_url())
}

fn headers(headers: &reqwest::header::HeaderMap) -> Headers {
    let mut all = Headers::new();
    for (name, value) in headers {
        if let Ok(value) = value.to_str() {
            all.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
        }
    }
    all
}

/// A body that says when a piece of it is taken, and when the last is.
struct Watched {
    stream: Box<dyn SeekableStream>,
    /// The bytes that are not taken yet, if their number is known.
    left: Option<u64>,
    moved: watch::Sender<Instant>,
    attempt: Option<Attempt>,
}

impl Stream for Watched {
    type Item = azure_core::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(Pin::new(&mut *self.stream).poll_next(cx));
        self.moved.send_replace(Instant::now());
        let last = match &piece {
            Some(Ok(bytes)) => {
                self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                self.left == Some(0)
            }
            Some(Err(_)) => false,
            None => self.left.is_none(),
        };
        if let (true, Some(attempt)) = (last, &self.attempt) {
            attempt.sent();
        }
        Poll::Ready(piece)
    }
}

/// When the body of a request was last taken from; its start, if it has none.
struct Standstill(watch::Receiver<Instant>);

impl Standstill {
    /// Ends when nothing has moved for [`STANDSTILL`].
    async fn still(&mut self) {
        loop {
            let until = *self.0.borrow_and_update() + STANDSTILL;
            tokio::select! {
                Ok(()) = self.0.changed() => {}
                () = sleep_until(until) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_moves_takes_as_long_as_it_takes() {
        let moved = watch::Sender::new(Instant::now());
        let (mut stands, begun) = (Standstill(moved.subscribe()), Instant::now());
        let mover = tokio::spawn(async move {
            for _ in 0..10 {
                tokio::time::sleep(STANDSTILL - Duration::from_secs(1)).await;
                moved.send_replace(Instant::now());
            }
        });
        stands.still().await;
        mover.await.expect("ended");
        assert_eq!(begun.elapsed(), (STANDSTILL - Duration::from_secs(1)) * 10 + STANDSTILL);
    }
}
