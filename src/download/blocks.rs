//! A stream that Sealift wrote: its blocks found by their heads, decompressed at the same time, delivered in order. Each is
//! checked before it is delivered, so what comes damaged can be asked for again: from the first block on that is not
//! delivered.

use super::buffers::Buffers;
use super::ranges::READS;
use super::stored::{More, Stored};
use crate::codec::Compressor;
use crate::codec::compressor::Unpacking;
use crate::codec::head::{Format, Head};
use crate::codec::unpack::{Packed, Unpacked, gzip_plain_len};
use crate::error::{Error, ErrorKind, Result};
use crate::passing::Passing;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// The blocks of one stream.
pub(super) struct Blocks {
    stored: Stored,
    format: Format,
    compressor: Arc<Compressor>,
    buffers: Buffers,
    under_way: VecDeque<UnderWay>,
    ahead: Ahead,
    /// How much plain data has been delivered.
    plain: u64,
    /// Where in the object the blocks end that have been delivered.
    delivered: u64,
    damage: Option<Damage>,
}

/// What comes next of a stream.
pub(super) enum Next {
    Block(Unpacked),
    /// Its end, where everything was checked.
    End(Then),
}

/// What comes behind a stream that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Something, of which nothing was taken.
    More,
}

/// A block that is being decompressed, and where in the object it lies.
struct UnderWay {
    at: u64,
    end: u64,
    unpacking: Unpacking,
}

/// Damage at one place, and how often that was read.
struct Damage {
    at: u64,
    times: u32,
    since: Instant,
}

/// How far the stream has been cut.
enum Ahead {
    /// A block comes next, or the end.
    Head,
    /// A block comes next, of this length, with this much plain data if that is known.
    Block { stored: usize, plain: Option<usize> },
    /// The mark of the end, which states the plain length, has been cut off.
    Marked { plain: u64 },
    /// All was checked but the plain length.
    Ended { plain: u64, then: Then },
    /// To be told when what came before was delivered.
    Failed(Error),
}

impl Blocks {
    pub(super) fn new(stored: Stored, format: Format, compressor: Arc<Compressor>, buffers: Buffers) -> Self {
        let (under_way, delivered) = (VecDeque::new(), stored.at());
        Blocks { stored, format, compressor, buffers, under_way, ahead: Ahead::Head, plain: 0, delivered, damage: None }
    }

    /// What was stored behind it, and the memory for that.
    pub(super) fn into_rest(self) -> (Stored, Buffers, Arc<Compressor>, Format) {
        (self.stored, self.buffers, self.compressor, self.format)
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next>> {
        loop {
            let error = match ready!(self.poll_once(cx)) {
                Err(error) if error.passing().is_some() => error,
                done => return Poll::Ready(done),
            };
            self.read_again(error)?;
        }
    }

    /// Goes back to what is damaged, or returns the error if that was read often enough.
    fn read_again(&mut self, error: Error) -> Result<()> {
        let at = self.delivered;
        let damage = match self.damage.take() {
            Some(Damage { at: before, times, since }) if before == at => Damage { at, times: times + 1, since },
            _ => Damage { at, times: 1, since: Instant::now() },
        };
        if damage.times == READS {
            return Err(error.after_attempts(READS, damage.since.elapsed()));
        }
        self.stored.read_again(&error);
        self.damage = Some(damage);
        // Their memory is free as soon as a thread drops it.
        self.buffers.lose(self.under_way.len());
        self.under_way.clear();
        self.stored.go_back_to(at);
        self.ahead = Ahead::Head;
        Ok(())
    }

    fn poll_once(&mut self, cx: &mut Context<'_>) -> Poll<Result<Next>> {
        loop {
            let cut = self.poll_cut(cx);
            let Some(next) = self.under_way.front_mut() else {
                ready!(cut);
                return Poll::Ready(self.end().map(Next::End));
            };
            let (at, end) = (next.at, next.end);
            let unpacked = ready!(Pin::new(&mut next.unpacking).poll(cx)).map_err(|error| self.damaged(at, error))?;
            self.under_way.pop_front();
            self.delivered = end;
            self.stored.keep_from(end);
            self.plain += unpacked.data().len() as u64;
            // A block of nothing is not the end.
            match unpacked.data().is_empty() {
                true => self.buffers.give_back(unpacked.into_buffer()),
                false => return Poll::Ready(Ok(Next::Block(unpacked))),
            }
        }
    }

    /// Takes a block back that was read.
    pub(super) fn give_back(&mut self, block: Unpacked) {
        self.buffers.give_back(block.into_buffer());
    }

    /// Cuts off blocks and has them decompressed, as many as there is memory for. Ready when there is nothing more to
    /// cut. Pending without a block under way, it is woken by a request or by memory: blocks that are delivered have
    /// given their buffers back by then, and the ranges of all others too, so the next range has its place.
    fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.ahead = match &self.ahead {
                Ahead::Ended { .. } | Ahead::Failed(_) => return Poll::Ready(()),
                Ahead::Head => ready!(self.poll_head(cx)),
                Ahead::Block { stored, plain } => {
                    let (stored, plain) = (*stored, *plain);
                    ready!(self.poll_block(cx, stored, plain))
                }
                Ahead::Marked { plain } => {
                    let plain = *plain;
                    match ready!(self.stored.poll_have(cx, 1)) {
                        Ok(More::Ended) => Ok(Ahead::Ended { plain, then: Then::Nothing }),
                        Ok(More::Came) => Ok(Ahead::Ended { plain, then: Then::More }),
                        Err(error) => Err(error),
                    }
                }
            }
            .unwrap_or_else(Ahead::Failed);
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ahead>> {
        let (head, len) = loop {
            let (head, len) = self.stored.head();
            if len == head.len() || ready!(self.stored.poll_have(cx, len + 1))? == More::Ended {
                break (head, len);
            }
        };
        Poll::Ready(match self.format.head(&head[..len]) {
            Some(Head::Block { stored, plain }) => Ok(Ahead::Block { stored, plain }),
            Some(Head::End { stored, plain }) => {
                self.stored.take(stored);
                Ok(Ahead::Marked { plain })
            }
            None if len < head.len() => Err(self.wrong("it is cut off: the mark that ends it is missing")),
            None => Err(self.wrong("there is no block of Sealift's, though there are some before")),
        })
    }

    fn poll_block(&mut self, cx: &mut Context<'_>, len: usize, plain: Option<usize>) -> Poll<Result<Ahead>> {
        if ready!(self.stored.poll_have(cx, len))? == More::Ended {
            return Poll::Ready(Err(
                self.wrong("it is cut off: the block that begins there is longer than what is left")
            ));
        }
        let Some(buffer) = ready!(self.buffers.poll_take(cx))? else {
            return Poll::Pending;
        };
        let at = self.stored.at();
        let pieces = self.stored.take(len);
        let Some(plain) = plain.or_else(|| gzip_plain_len(last_four(&pieces))) else {
            self.buffers.give_back(buffer);
            return Poll::Ready(Err(self.wrong_at(at, "the block says that it holds more than a block does")));
        };
        let packed = Packed { format: self.format, pieces, plain, buffer };
        self.under_way.push_back(UnderWay { at, end: at + len as u64, unpacking: self.compressor.unpack(packed) });
        self.stored.ask();
        Poll::Ready(Ok(Ahead::Head))
    }

    /// What comes after the last block.
    fn end(&mut self) -> Result<Then> {
        match &self.ahead {
            Ahead::Failed(error) => Err(error.clone()),
            Ahead::Ended { plain, then } if *plain == self.plain => Ok(*then),
            Ahead::Ended { plain, .. } => {
                Err(self.wrong(&format!("{} bytes came out, and {plain} were written", self.plain)))
            }
            Ahead::Head | Ahead::Block { .. } | Ahead::Marked { .. } => Err(self.wrong("it was not read to its end")),
        }
    }

    fn damaged(&self, at: u64, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Corrupt => self.wrong_at(at, error.reason()),
            _ => error,
        }
    }

    fn wrong(&self, reason: &str) -> Error {
        self.wrong_at(self.stored.at(), reason)
    }

    /// The error for what came damaged, perhaps only on its way.
    fn wrong_at(&self, at: u64, reason: &str) -> Error {
        let reason = format!("{} block at byte {at}: {reason}", self.format.name());
        self.stored.corrupt(reason).with_passing(Passing::Unlikely)
    }
}

/// The last four bytes; zeros before them if there are fewer.
fn last_four(pieces: &[bytes::Bytes]) -> [u8; 4] {
    let mut last = [0; 4];
    let bytes = pieces.iter().rev().flat_map(|piece| piece.iter().rev());
    last.iter_mut().rev().zip(bytes).for_each(|(to, from)| *to = *from);
    last
}
