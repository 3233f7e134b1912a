//! A payload as the body of a request: sent as it is, with its length.

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use futures::Stream;
use http_body::{Body, Frame, SizeHint};
use sealift::{Attempt, Payload, PayloadStream};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The largest piece given out at once. The SDK takes a connection for stalled that asks for no data for a while, and it
/// asks for none while it sends a piece, so pieces must be small. They share the payload's memory.
const PIECE: usize = 64 << 10;

/// How much of one attempt's request has been given out: all of it, and when, or not yet. Also tells the account of
/// attempts. Clones are of the same attempt.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    at: Arc<watch::Sender<Option<Instant>>>,
    attempt: Attempt,
}

impl Sent {
    pub(crate) fn of(attempt: Attempt) -> Self {
        Sent { at: Arc::new(watch::Sender::new(None)), attempt }
    }

    /// All of it is given out, or will be as soon as there is a connection.
    pub(crate) fn all(&self) {
        self.at.send_replace(Some(Instant::now()));
        self.attempt.sent();
    }

    pub(crate) fn in_whole(&self) -> bool {
        self.at.borrow().is_some()
    }

    /// Ends when all has been given out, and `limit` has passed since.
    pub(crate) async fn in_whole_for(&self, limit: Duration) {
        let mut given_out = self.at.subscribe();
        // The sender lives in `self`, so the wait does not fail.
        let at = given_out.wait_for(Option::is_some).await.ok().and_then(|at| *at);
        sleep_until(at.unwrap_or_else(Instant::now) + limit).await;
    }
}

/// The body that sends `payload`, once, and tells `sent`.
pub(crate) fn body(payload: &Payload, sent: &Sent) -> ByteStream {
    if payload.byte_count() == 0 {
        sent.all();
    }
    let body = PayloadBody { stream: payload.stream(), piece: Bytes::new(), sent: sent.clone() };
    ByteStream::new(SdkBody::from_body_1_x(body))
}

struct PayloadBody {
    stream: PayloadStream,
    /// What came from the stream and is not given out yet.
    piece: Bytes,
    sent: Sent,
}

impl PayloadBody {
    fn remaining(&self) -> u64 {
        self.stream.remaining() + self.piece.len() as u64
    }
}

impl Body for PayloadBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        while this.piece.is_empty() {
            match ready!(Pin::new(&mut this.stream).poll_next(cx)) {
                Some(Ok(bytes)) => this.piece = bytes,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let piece = this.piece.split_to(this.piece.len().min(PIECE));
        if this.remaining() == 0 {
            this.sent.all();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealift::{Attempts, Checksum, ChecksumAlgorithm};

    fn payload(segments: &[&[u8]]) -> Payload {
        let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &segments.concat());
        Payload::from_segments(segments.iter().map(|segment| Bytes::copy_from_slice(segment)).collect(), checksum)
    }

    async fn read(body: &mut PayloadBody) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            pieces.push(frame.expect("read").into_data().expect("data"));
        }
        pieces
    }

    fn attempt() -> (Attempts, Sent) {
        let attempts = Attempts::default();
        let sent = Sent::of(attempts.begin());
        (attempts, sent)
    }

    #[tokio::test]
    async fn pieces_are_small_and_make_up_the_payload() {
        let (long, (attempts, sent)) = (vec![7; PIECE * 2 + 1], attempt());
        let payload = payload(&[b"", &long, b"", b"end"]);
        let mut body = PayloadBody { stream: payload.stream(), piece: Bytes::new(), sent: sent.clone() };
        assert_eq!(body.size_hint().exact(), Some(payload.byte_count()));
        assert!(!body.is_end_stream() && !sent.in_whole() && !attempts.effect().is_possible());
        let pieces = read(&mut body).await;
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE, PIECE, 1, 3]);
        assert_eq!(pieces.concat(), [&long[..], b"end"].concat());
        assert!(body.is_end_stream() && sent.in_whole() && attempts.effect().is_pending());
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_for_an_answer_begins_when_all_is_sent() {
        let ((_, sent), limit) = (attempt(), Duration::from_secs(60));
        let begun = Instant::now();
        let waits = tokio::spawn({
            let sent = sent.clone();
            async move { sent.in_whole_for(limit).await }
        });
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(!waits.is_finished());
        sent.all();
        waits.await.expect("ended");
        assert_eq!(begun.elapsed().as_secs(), 160);
    }

    #[tokio::test]
    async fn an_empty_body_is_sent_from_the_start() {
        let (attempts, sent) = attempt();
        let _request = body(&payload(&[]), &sent);
        assert!(sent.in_whole() && attempts.effect().is_pending());
    }
}
