//! The HTTP client, and how long requests may take. The SDK's own client gives up any request whose answer has not begun
//! after 60 s, the time to send its body included, and any connection only after 20 s an attempt; its errors show URLs.

use crate::errors::Stalled;
use azure_core::Error;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::request::Request;
use azure_core::http::response::PinnedStream;
use azure_core::http::{AsyncRawResponse, Body, Context, ExponentialRetryOptions, RetryOptions};
use azure_core::stream::SeekableStream;
use azure_core::time::parse_rfc7231;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use sealift::SlowDowns;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, ready};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// An endpoint that cannot be connected to is given up within this time, with the connect timeout that
/// [`AzureOptions`](crate::AzureOptions) has by default: four attempts of 5 s and the pauses between them.
pub const UNREACHABLE_WITHIN: Duration = Duration::from_secs(30);

/// The time to connect, per attempt, by default.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How long nothing may move: no byte of the body taken, no byte of the answer come. After the body is sent this is the
/// time to answer; the service itself gives 60 s to the longest, Put Block List (Microsoft, "Timeouts for Blob storage").
const STANDSTILL: Duration = Duration::from_secs(75);

/// Tried again three times: Put Block and what is read always may be, a commit is settled by its token.
pub(crate) fn retries() -> RetryOptions {
    RetryOptions::exponential(ExponentialRetryOptions {
        initial_delay: azure_core::time::Duration::milliseconds(200),
        max_retries: 3,
        max_total_elapsed: azure_core::time::Duration::hours(24),
        max_delay: azure_core::time::Duration::seconds(2),
    })
}

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
    async fn send(&self, _: &Context, request: &mut Request, _: &[Arc<dyn Policy>]) -> PolicyResult {
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes());
        let method = method.map_err(|error| Error::new(ErrorKind::Other, error))?;
        let mut sending = self.client.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            sending = sending.header(name.as_str(), value.as_str());
        }
        let moved = watch::Sender::new(Instant::now());
        let mut stands = Standstill(moved.subscribe());
        sending = match request.body().clone() {
            Body::Bytes(bytes) if bytes.is_empty() => sending,
            Body::Bytes(bytes) => sending.body(bytes),
            Body::SeekableStream(stream) => sending.body(reqwest::Body::wrap_stream(Watched { stream, moved })),
        };
        let answer = tokio::select! {
            biased;
            answer = sending.send() => answer.map_err(failed)?,
            () = stands.still() => return Err(Error::new(ErrorKind::Io, Stalled(STANDSTILL))),
        };
        let headers = headers(answer.headers());
        self.clock.read(&headers);
        let (status, body) = (answer.status().as_u16(), Box::pin(answer.bytes_stream()));
        self.slow_downs.see(status);
        let body: PinnedStream = Box::pin(futures::stream::unfold(body, async |mut body| {
            let bytes = match timeout(STANDSTILL, body.next()).await {
                Ok(bytes) => bytes?.map_err(failed),
                Err(_) => Err(Error::new(ErrorKind::Io, Stalled(STANDSTILL))),
            };
            Some((bytes, body))
        }));
        Ok(AsyncRawResponse::new(status.into(), headers, body))
    }
}

/// Without the URL, which may hold a signature.
fn failed(error: reqwest::Error) -> Error {
    let kind = match error.is_connect() {
        true => ErrorKind::Connection,
        false if error.is_builder() => ErrorKind::Other,
        false => ErrorKind::Io,
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

/// A body that says when a piece of it is taken.
struct Watched {
    stream: Box<dyn SeekableStream>,
    moved: watch::Sender<Instant>,
}

impl Stream for Watched {
    type Item = azure_core::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(Pin::new(&mut *self.stream).poll_next(cx));
        self.moved.send_replace(Instant::now());
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

/// The service's clock: this machine's may be wrong, and other machines staged blocks by it too.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceClock(Arc<Mutex<Option<(SystemTime, Instant)>>>);

impl ServiceClock {
    /// The time at the service; of this machine as long as the service has not told it.
    pub(crate) fn now(&self) -> SystemTime {
        let told = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.map_or_else(SystemTime::now, |(time, at)| time + at.elapsed())
    }

    fn read(&self, headers: &Headers) {
        let date = headers.get_optional_str(&HeaderName::from_static("date"));
        if let Some(time) = date.and_then(|date| parse_rfc7231(date).ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((time.into(), Instant::now()));
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

    #[test]
    fn the_service_tells_the_time() {
        let (clock, mut headers) = (ServiceClock::default(), Headers::new());
        headers.insert("date", "Fri, 26 Jun 2015 23:39:12 GMT");
        clock.read(&headers);
        let told = SystemTime::UNIX_EPOCH + Duration::from_secs(1_435_361_952);
        assert!(clock.now().duration_since(told).expect("later") < Duration::from_secs(60));
    }
}
