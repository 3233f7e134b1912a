//! A run of an object's bytes on its way into a session: what was held back, then a payload, from any byte on.

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use sealift::{Payload, PayloadStream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// All pieces but the last are multiples of this (Google, "Perform resumable uploads": "multiples of 256 KB").
pub(crate) const QUANTUM: u64 = 256 << 10;

/// Bytes of an object, beginning at its byte `start`. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) held: Bytes,
    pub(crate) payload: Option<Payload>,
}

impl Piece {
    /// Where it ends in the object.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.held.len() as u64 + self.payload.as_ref().map_or(0, Payload::byte_count)
    }

    /// Where its last whole quantum ends in the object; `start` is the end of one.
    pub(crate) fn whole_end(&self) -> u64 {
        self.end() - (self.end() - self.start) % QUANTUM
    }

    /// Its bytes from the object's byte `from` up to `to`, as they lie in memory.
    pub(crate) fn bytes(&self, from: u64, to: u64) -> BoxStream<'static, io::Result<Bytes>> {
        let payload = self.payload.as_ref().map(Payload::stream);
        Run { held: Some(self.held.clone()), payload, skip: from - self.start, left: to - from }.boxed()
    }

    /// Its bytes after the last whole quantum, copied: what is held must not keep larger buffers from being given back.
    pub(crate) async fn remainder(&self) -> io::Result<Bytes> {
        let (from, to) = (self.whole_end(), self.end());
        let mut remainder = BytesMut::with_capacity((to - from) as usize);
        if from < to {
            let mut bytes = self.bytes(from, to);
            while let Some(bytes) = bytes.try_next().await? {
                remainder.extend_from_slice(&bytes);
            }
        }
        Ok(remainder.freeze())
    }
}

struct Run {
    held: Option<Bytes>,
    payload: Option<PayloadStream>,
    skip: u64,
    left: u64,
}

impl Stream for Run {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.left > 0 {
            let next = match (this.held.take(), &mut this.payload) {
                (Some(held), _) => Some(Ok(held)),
                (None, Some(payload)) => ready!(Pin::new(payload).poll_next(cx)),
                (None, None) => None,
            };
            let mut bytes = match next {
                Some(Ok(bytes)) => bytes,
                Some(Err(error)) => {
                    this.left = 0;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.left = 0;
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
            };
            let skipped = this.skip.min(bytes.len() as u64);
            this.skip -= skipped;
            let _ = bytes.split_to(skipped as usize);
            bytes.truncate(this.left.min(bytes.len() as u64) as usize);
            this.left -= bytes.len() as u64;
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealift::{Checksum, ChecksumAlgorithm};

    #[tokio::test]
    async fn any_run_of_a_piece_is_its_bytes() {
        let whole: Vec<u8> = (0..700_000u32).map(|i| (i * 7 % 251) as u8).collect();
        let (held, rest) = whole.split_at(1_000);
        let checksum = Checksum::of(ChecksumAlgorithm::Crc32c, rest);
        let payload = Payload::from_segments(rest.chunks(99_999).map(Bytes::copy_from_slice).collect(), checksum);
        let piece = Piece { start: QUANTUM, held: Bytes::copy_from_slice(held), payload: Some(payload) };
        assert_eq!((piece.end(), piece.whole_end()), (QUANTUM + 700_000, 3 * QUANTUM));
        for (from, to) in [(0, 700_000), (0, 999), (0, 1_001), (999, 1_001), (1_000, 101_000), (524_288, 700_000)] {
            let bytes: Vec<Bytes> = piece.bytes(QUANTUM + from, QUANTUM + to).try_collect().await.expect("read");
            assert!(bytes.concat() == whole[from as usize..to as usize], "{from}..{to}");
        }
        assert!(piece.remainder().await.expect("read") == whole[2 * QUANTUM as usize..]);
    }
}
