//! gzip and zstd as others write them: members or frames, one after the other, decompressed by `async-compression` from
//! what has come, which never waits.

use crate::codec::head::Format;
use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// How far back zstd may look: 8 MiB, which RFC 8878 (3.1.1.1.2) asks of a decoder, and which levels up to 19 keep to.
/// It is memory beside the budget.
const WINDOW_LOG_MAX: u32 = 23;

/// The members or frames of a stream, one after the other.
pub(super) struct Members {
    format: Format,
    decoder: Decoder,
    place: Place,
}

enum Place {
    /// A member or the end comes next; or, after gzip, zeros up to the end.
    Between,
    Inside,
    /// Tapes and block devices fill their last block with zeros, which `gzip -d` passes over.
    Padding,
}

impl Members {
    pub(super) fn new(format: Format) -> Self {
        Members { format, decoder: Decoder::new(format, Feed::default()), place: Place::Between }
    }

    /// What it reads from.
    pub(super) fn feed(&mut self) -> &mut Feed {
        self.decoder.feed()
    }

    /// Reads plain data; nothing of it at the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            self.place = match self.place {
                Place::Between => match ready!(self.decoder.feed().next()) {
                    None => return Poll::Ready(Ok(())),
                    Some(0) if self.format == Format::Gzip => Place::Padding,
                    Some(_) => {
                        self.decoder = Decoder::new(self.format, mem::take(self.decoder.feed()));
                        Place::Inside
                    }
                },
                Place::Inside => {
                    let before = out.filled().len();
                    ready!(self.decoder.poll_read(cx, out))?;
                    if out.filled().len() > before {
                        return Poll::Ready(Ok(()));
                    }
                    Place::Between
                }
                Place::Padding => match ready!(self.decoder.feed().next()) {
                    None => return Poll::Ready(Ok(())),
                    Some(0) => {
                        self.decoder.feed().pass_zeros();
                        Place::Padding
                    }
                    Some(_) => return Poll::Ready(Err(io::Error::other("something else follows zeros"))),
                },
            }
        }
    }
}

/// Of one member or frame. It reads nothing behind it.
enum Decoder {
    Gzip(GzipDecoder<Feed>),
    Zstd(ZstdDecoder<Feed>),
}

impl Decoder {
    fn new(format: Format, feed: Feed) -> Self {
        match format {
            Format::Gzip => Decoder::Gzip(GzipDecoder::new(feed)),
            Format::Zstd => {
                let window = DParameter::window_log_max(WINDOW_LOG_MAX);
                Decoder::Zstd(ZstdDecoder::with_params(feed, &[window]))
            }
        }
    }

    fn feed(&mut self) -> &mut Feed {
        match self {
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.get_mut(),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Decoder::Gzip(decoder) => Pin::new(decoder).poll_read(cx, out),
            Decoder::Zstd(decoder) => Pin::new(decoder).poll_read(cx, out),
        }
    }
}

/// What a decoder was given and has not read. Pending where more is to come, in a later turn.
#[derive(Default)]
pub(super) struct Feed {
    pub(super) pieces: VecDeque<Bytes>,
    /// Whether nothing more is to come.
    pub(super) whole: bool,
}

impl Feed {
    /// How many bytes are left of what it was given.
    pub(super) fn waiting(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// The next byte, which stays; `None` at the end.
    fn next(&self) -> Poll<Option<u8>> {
        match self.pieces.iter().find_map(|piece| piece.first()) {
            Some(next) => Poll::Ready(Some(*next)),
            None if self.whole => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Takes the zeros that come next.
    fn pass_zeros(&mut self) {
        while let Some(piece) = self.pieces.front_mut() {
            let zeros = piece.iter().take_while(|byte| **byte == 0).count();
            piece.advance(zeros);
            match piece.is_empty() {
                true => self.pieces.pop_front(),
                false => return,
            };
        }
    }
}

impl AsyncRead for Feed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let piece = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = piece.len().min(out.remaining());
        out.put_slice(&piece[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Feed {
    fn poll_fill_buf(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        match this.pieces.front() {
            Some(piece) => Poll::Ready(Ok(piece)),
            None if this.whole => Poll::Ready(Ok(&[])),
            None => Poll::Pending,
        }
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        if let Some(piece) = self.pieces.front_mut() {
            piece.advance(count);
            // Its memory is what the next range waits for.
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}
