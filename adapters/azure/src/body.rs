//! A payload as the body of a request: sent as it is, from the start with each attempt.

use azure_core::Result;
use azure_core::http::Body;
use azure_core::stream::SeekableStream;
use bytes::Bytes;
use futures::{AsyncRead, Stream};
use sealift::{Payload, PayloadStream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The body that sends `payload`.
pub(crate) fn body(payload: &Payload) -> Body {
    match payload.byte_count() {
        0 => Body::Bytes(Bytes::new()),
        _ => Body::SeekableStream(Box::new(PayloadBody::of(payload.clone()))),
    }
}

#[derive(Debug)]
struct PayloadBody {
    payload: Payload,
    stream: PayloadStream,
    /// What came from the stream and is not given out yet.
    piece: Bytes,
}

impl PayloadBody {
    fn of(payload: Payload) -> Self {
        PayloadBody { stream: payload.stream(), payload, piece: Bytes::new() }
    }
}

impl Clone for PayloadBody {
    /// From the start: the transport sends a clone with each attempt.
    fn clone(&self) -> Self {
        PayloadBody::of(self.payload.clone())
    }
}

#[async_trait::async_trait]
impl SeekableStream for PayloadBody {
    async fn reset(&mut self) -> Result<()> {
        *self = self.clone();
        Ok(())
    }

    fn len(&self) -> Option<u64> {
        Some(self.payload.byte_count())
    }
}

impl AsyncRead for PayloadBody {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        while this.piece.is_empty() {
            match ready!(Pin::new(&mut this.stream).poll_next(cx)) {
                Some(bytes) => this.piece = bytes?,
                None => return Poll::Ready(Ok(0)),
            }
        }
        let piece = this.piece.split_to(this.piece.len().min(buffer.len()));
        buffer[..piece.len()].copy_from_slice(&piece);
        Poll::Ready(Ok(piece.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use sealift::{Checksum, ChecksumAlgorithm};

    #[tokio::test]
    async fn every_attempt_begins_at_the_start() {
        let long = vec![7; 100_000];
        let segments: [&[u8]; 4] = [b"", &long, b"", b"end"];
        let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &segments.concat());
        let payload = Payload::from_segments(segments.map(Bytes::copy_from_slice).to_vec(), checksum);
        let body = body(&payload);
        assert_eq!(body.len(), Some(100_003));
        for _ in 0..2 {
            let Body::SeekableStream(attempt) = body.clone() else { panic!("a stream") };
            let pieces: Vec<Bytes> = attempt.try_collect().await.expect("read");
            assert!(pieces.concat() == segments.concat());
        }
    }
}
