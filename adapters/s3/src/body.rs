//! A payload as the body of a request: sent as it is, with its length, as often as the SDK tries.

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use futures::Stream;
use http_body::{Body, Frame, SizeHint};
use sealift::{Payload, PayloadStream};
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

/// When the body of a request was given out to its end: of the attempt that is under way.
#[derive(Debug, Clone)]
pub(crate) struct Sent(Arc<watch::Sender<Option<Instant>>>);

impl Sent {
    pub(crate) fn not_yet() -> Self {
        Sent(Arc::new(watch::Sender::new(None)))
    }

    fn set(&self, remaining: u64) {
        self.0.send_replace((remaining == 0).then(Instant::now));
    }

    /// Ends when the body has been given out, and since then `limit` has passed without another attempt.
    pub(crate) async fn and_then_nothing_for(&self, limit: Duration) {
        let mut sent = self.0.subscribe();
        loop {
            let at = *sent.borrow_and_update();
            // The sender lives in `self`, so `changed` does not fail.
            let changed = sent.changed();
            match at {
                None => drop(changed.await),
                Some(at) => tokio::select! {
                    biased;
                    _ = changed => {}
                    () = sleep_until(at + limit) => return,
                },
            }
        }
    }
}

/// The body that sends `payload`, and tells `sent`.
pub(crate) fn body(payload: &Payload, sent: &Sent) -> ByteStream {
    let (payload, sent) = (payload.clone(), sent.clone());
    ByteStream::new(SdkBody::retryable(move || {
        sent.set(payload.byte_count());
        SdkBody::from_body_1_x(PayloadBody { stream: payload.stream(), piece: Bytes::new(), sent: sent.clone() })
    }))
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
            this.sent.set(0);
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
    use sealift::{Checksum, ChecksumAlgorithm};

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

    #[tokio::test]
    async fn pieces_are_small_and_make_up_the_payload() {
        let (long, sent) = (vec![7; PIECE * 2 + 1], Sent::not_yet());
        let payload = payload(&[b"", &long, b"", b"end"]);
        let mut body = PayloadBody { stream: payload.stream(), piece: Bytes::new(), sent: sent.clone() };
        assert_eq!(body.size_hint().exact(), Some(payload.byte_count()));
        assert!(!body.is_end_stream() && sent.0.borrow().is_none());
        let pieces = read(&mut body).await;
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE, PIECE, 1, 3]);
        assert_eq!(pieces.concat(), [&long[..], b"end"].concat());
        assert!(body.is_end_stream() && sent.0.borrow().is_some());
    }

    #[tokio::test]
    async fn the_wait_for_an_answer_begins_when_all_is_sent_and_anew_with_another_attempt() {
        let (sent, limit) = (Sent::not_yet(), Duration::from_millis(300));
        let begun = Instant::now();
        let waits = tokio::spawn({
            let sent = sent.clone();
            async move { sent.and_then_nothing_for(limit).await }
        });
        for remaining in [0, 1, 0] {
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!waits.is_finished());
            sent.set(remaining);
        }
        waits.await.expect("ended");
        assert!(begun.elapsed() >= Duration::from_millis(900));
    }

    #[tokio::test]
    async fn an_empty_body_is_sent_from_the_start() {
        let sent = Sent::not_yet();
        let _request = body(&payload(&[]), &sent);
        assert!(sent.0.borrow().is_some());
    }
}
