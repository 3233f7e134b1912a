//! What other tools wrote: gzip and zstd without Sealift's marks, also behind a stream of Sealift's, decompressed from the
//! start to the end by `async-compression`, in turns on a compression thread. A turn fills one block from what has come;
//! meanwhile the next ranges come, and the block before is read. Neither a turn nor its thread ever waits.

use super::buffers::Buffers;
use super::stored::{More, Stored};
use crate::budget::BLOCK;
use crate::codec::Compressor;
use crate::codec::compressor::panicked;
use crate::codec::head::Format;
use crate::codec::unpack::{Buffer, Unpacked};
use crate::error::{Error, ErrorKind, Result};
use crate::passing::Passing;
use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};
use tokio::sync::oneshot;

/// How far back zstd may look: 8 MiB, which RFC 8878 (3.1.1.1.2) asks of a decoder, and which levels up to 19 keep to.
/// It is memory beside the budget.
const WINDOW_LOG_MAX: u32 = 23;
/// The least memory for plain data in a turn.
const SMALLEST_TURN: usize = 32 * 1024;
/// With up to so many stored bytes and the smallest turn, handing over takes longer than the turn.
const SMALL: usize = SMALLEST_TURN / 4;

/// The plain data of one stream.
pub(super) struct Foreign {
    stored: Stored,
    format: Format,
    compressor: Arc<Compressor>,
    buffers: Buffers,
    state: State,
    /// A block that the last turn gave.
    block: Option<Unpacked>,
}

enum State {
    Idle(Box<Members>),
    Turn(oneshot::Receiver<Turn>),
    Ended,
    Failed(Error),
}

/// What came of a turn.
struct Turn {
    members: Box<Members>,
    block: Unpacked,
    end: End,
}

enum End {
    /// The block is full, or what had come is used up.
    Paused,
    /// The stream is at its end.
    Ended,
    Failed(io::Error),
}

impl Foreign {
    pub(super) fn new(stored: Stored, format: Format, compressor: Arc<Compressor>, buffers: Buffers) -> Self {
        let state = State::Idle(Box::new(Members::new(format)));
        Foreign { stored, format, compressor, buffers, state, block: None }
    }

    /// The next plain data; `None` after the last, when everything was checked.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Unpacked>>> {
        loop {
            if let Err(error) = self.start(cx) {
                self.state = State::Failed(error);
            }
            if let Some(block) = self.block.take() {
                return Poll::Ready(Ok(Some(block)));
            }
            match &mut self.state {
                // Woken by a range or by memory.
                State::Idle(_) => return Poll::Pending,
                State::Turn(turn) => {
                    let turn = ready!(Pin::new(turn).poll(cx)).map_err(|_| panicked())?;
                    self.take(turn);
                }
                State::Ended => return Poll::Ready(Ok(None)),
                State::Failed(error) => return Poll::Ready(Err(error.clone())),
            }
        }
    }

    /// Takes a block back that was read.
    pub(super) fn give_back(&mut self, block: Unpacked) {
        self.buffers.give_back(block.into_buffer());
    }

    /// Starts a turn if there is something to do and memory for it.
    fn start(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.stored.ask();
        let State::Idle(members) = &mut self.state else { return Ok(()) };
        let feed = members.decoder.feed();
        loop {
            feed.pieces.extend(std::iter::from_fn(|| self.stored.take_piece()));
            match self.stored.poll_more(cx)? {
                Poll::Ready(More::Came) => {}
                Poll::Ready(More::Ended) => break feed.whole = true,
                Poll::Pending => break,
            }
        }
        let count = feed.waiting();
        // A small turn is taken here, and there is room for one block.
        if (count == 0 && !feed.whole) || (count <= SMALL && self.block.is_some()) {
            return Ok(());
        }
        let Poll::Ready(Some(buffer)) = self.buffers.poll_take(cx)? else { return Ok(()) };
        let State::Idle(members) = mem::replace(&mut self.state, State::Ended) else { return Ok(()) };
        if count <= SMALL {
            self.take(turn(members, buffer, SMALLEST_TURN));
        } else {
            let len = count.saturating_mul(4).min(BLOCK);
            self.state = State::Turn(self.compressor.run(move || turn(members, buffer, len)));
        }
        Ok(())
    }

    fn take(&mut self, turn: Turn) {
        let Turn { mut members, block, end } = turn;
        let left = members.decoder.feed().waiting() as u64;
        let read_to = self.stored.at() - left;
        self.state = match end {
            End::Paused => State::Idle(members),
            End::Ended => State::Ended,
            End::Failed(error) => State::Failed(self.failed(read_to, &error)),
        };
        match block.data().is_empty() {
            true => self.buffers.give_back(block.into_buffer()),
            false => self.block = Some(block),
        }
    }

    fn failed(&self, at: u64, error: &io::Error) -> Error {
        let name = self.format.name();
        if self.format == Format::Zstd && error.to_string().contains("too much memory") {
            let reason =
                format!("zstd frame before byte {at}: it looks back further than 8 MiB, which takes too much memory");
            return self
                .stored
                .failed(ErrorKind::InvalidConfig, reason)
                .with_hint("read it as it is (--codec none) and decompress it with `zstd -d --long=31`");
        }
        let reason = format!("its {name} data is damaged or incomplete at or before byte {at} ({error})");
        self.stored.corrupt(reason).with_passing(Passing::Unlikely)
    }
}

/// Decompresses what was fed, until `len` bytes have come out or nothing more does.
fn turn(mut members: Box<Members>, mut buffer: Buffer, len: usize) -> Turn {
    // What it waits for cannot come before the turn has ended.
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = ReadBuf::new(buffer.first(len));
    let end = loop {
        let before = out.filled().len();
        match members.poll_read(&mut cx, &mut out) {
            Poll::Ready(Ok(())) if out.filled().len() == before => break End::Ended,
            Poll::Ready(Ok(())) if out.remaining() == 0 => break End::Paused,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => break End::Failed(error),
            Poll::Pending => break End::Paused,
        }
    };
    let count = out.filled().len();
    Turn { members, block: buffer.filled(count), end }
}

/// The members or frames of a stream, one after the other.
struct Members {
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
    fn new(format: Format) -> Self {
        Members { format, decoder: Decoder::new(format, Feed::default()), place: Place::Between }
    }

    /// Reads plain data; nothing of it at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
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
struct Feed {
    pieces: VecDeque<Bytes>,
    /// Whether nothing more is to come.
    whole: bool,
}

impl Feed {
    fn waiting(&self) -> usize {
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
