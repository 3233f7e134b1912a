//! The client for the JSON and the XML API: one request, with its credentials, its time limits and its answer.

use crate::credentials::Renewable;
use crate::faults::{Fault, root_cause};
use crate::refusal::{Refusal, is_page, shortened};
use crate::renewal::Generation;
use crate::xml::Document;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::{HeaderMap, Method};
use reqwest::{Body, Url};
use sealift::{Attempt, SlowDowns};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// How long an answer may take from its first byte to its last: they are short.
const ANSWER_WITHIN: Duration = Duration::from_secs(300);
/// The longest answer that is read: many times a full page of a listing.
const LONGEST_ANSWER: usize = 64 << 20;
/// What is read of an answer that is an error.
const LONGEST_ERROR: usize = 1 << 20;

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
    /// Where it is said that the last byte is out.
    pub(crate) attempt: Option<Attempt>,
}

/// What is sent with it.
pub(crate) enum Outgoing {
    Nothing,
    Json(Vec<u8>),
    Xml(Vec<u8>),
    /// So many bytes.
    Bytes(u64, BoxStream<'static, io::Result<Bytes>>),
}

/// An answer, of any status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The token that the request was sent with.
    used: Generation,
}

impl Answer {
    /// This as the error it is.
    pub(crate) fn refused(&self) -> Fault {
        Fault::Refused(Refusal::new(self.status, &self.headers, &self.body).sent_with(self.used))
    }

    /// This, unless it is an error.
    pub(crate) fn success(self) -> Result<Answer, Fault> {
        match self.status {
            200..=299 => Ok(self),
            _ => Err(self.refused()),
        }
    }

    /// Nothing, as the answer to a removal is.
    pub(crate) fn empty(self) -> Result<(), Fault> {
        match self.body.trim_ascii().is_empty() {
            true => Ok(()),
            false => Err(Fault::Unexpected("there is content where there should be none".to_owned())),
        }
    }

    /// The document of the XML API that it is, unless there is an error inside.
    pub(crate) fn document(&self) -> Result<Document, Fault> {
        match Document::parse(&self.body) {
            Ok(Document::Error(told)) => Err(Fault::Refused(Refusal::inside(self.status, &self.headers, told))),
            Ok(document) => Ok(document),
            Err(error) => Err(Fault::Unexpected(format!("its XML is not what was asked for: {}", shortened(&error)))),
        }
    }

    /// The value of a header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// When it was sent, by the service's clock, if it tells.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        let date = self.header("date")?;
        SystemTime::try_from(jiff::fmt::rfc2822::parse(date).ok()?.timestamp()).ok()
    }

    /// Whether it is a web page, which the service does not send.
    pub(crate) fn is_page(&self) -> bool {
        is_page(&self.body)
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
        Call { method, url, headers: Vec::new(), body: Outgoing::Nothing, standstill: self.standstill, attempt: None }
    }

    /// Sends `call` once. Cancel-safe as far as anything is that the service may have got already.
    pub(crate) async fn send(&self, mut call: Call) -> Result<Answer, Fault> {
        let (authorisation, used) = self.credentials.for_request().await?;
        let mut sending = self.client.request(call.method, call.url).headers(authorisation);
        for (name, value) in call.headers {
            sending = sending.header(name, value);
        }
        let moved = watch::Sender::new(Some(Instant::now()));
        let mut stands = Standstill { moved: moved.subscribe(), connect: call.standstill, standstill: call.standstill };
        sending = match call.body {
            Outgoing::Nothing => sending.header("content-length", "0"),
            Outgoing::Json(json) => sending.header("content-type", "application/json; charset=UTF-8").body(json),
            Outgoing::Xml(xml) => sending.header("content-type", "application/xml").body(xml),
            Outgoing::Bytes(length, stream) => {
                let watched = Watched { stream, left: length, moved, attempt: call.attempt.take() };
                sending.header("content-length", length).body(Body::wrap_stream(watched))
            }
        };
        // What has no body of its own, or one that goes at once.
        if let Some(attempt) = call.attempt {
            attempt.sent();
        }
        let answer = tokio::select! {
            biased;
            answer = sending.send() => answer.map_err(failed)?,
            fault = stands.still() => return Err(fault),
        };
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let reading = read_body(status, answer.bytes_stream().boxed(), call.standstill);
        match timeout(ANSWER_WITHIN, reading).await {
            Ok(body) => Ok(Answer { status, headers, body: body?, used }),
            Err(_) => Err(Fault::Unexpected(format!("it did not end within {} s", ANSWER_WITHIN.as_secs()))),
        }
    }
}

/// The body of an answer: of an error not more than is worth reading, of a success all of it or none.
async fn read_body(
    status: u16,
    mut pieces: BoxStream<'static, reqwest::Result<Bytes>>,
    standstill: Duration,
) -> Result<Bytes, Fault> {
    let mut body = BytesMut::new();
    let is_success = (200..300).contains(&status);
    let longest = if is_success { LONGEST_ANSWER } else { LONGEST_ERROR };
    loop {
        let piece = match timeout(standstill, pieces.next()).await {
            Ok(Some(piece)) => piece.map_err(failed)?,
            Ok(None) => return Ok(body.freeze()),
            Err(_) => return Err(Fault::Stalled(standstill)),
        };
        if body.len() + piece.len() <= longest {
            body.extend_from_slice(&piece);
        } else if is_success {
            return Err(Fault::Unexpected(format!("it has more than {longest} bytes")));
        } else {
            return Ok(body.freeze());
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
    /// The bytes that are not taken yet.
    left: u64,
    attempt: Option<Attempt>,
    moved: watch::Sender<Option<Instant>>,
}

impl Stream for Watched {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(self.stream.poll_next_unpin(cx));
        self.moved.send_replace(Some(Instant::now()));
        if let Some(Ok(bytes)) = &piece {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        if let (0, Some(attempt)) = (self.left, &self.attempt) {
            attempt.sent();
        }
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
    use crate::options::CONNECT;

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
