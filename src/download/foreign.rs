//! What other tools wrote: gzip and zstd without Sealift's marks, also behind a stream of Sealift's, decompressed from the
//! start to the end on one compression thread at a time. Meanwhile the next ranges come, and the blocks before are read.

use super::buffers::Buffers;
use super::members::Members;
use super::stored::{More, Stored};
use super::turns::{End, Exchange, SMALLEST, Turn, short_turn, turn};
use crate::budget::BLOCK;
use crate::codec::Compressor;
use crate::codec::compressor::panicked;
use crate::codec::head::Format;
use crate::codec::unpack::Unpacked;
use crate::error::{Error, ErrorKind, Result};
use crate::passing::Passing;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// With up to so many stored bytes, handing over takes longer than the turn.
const SMALL: usize = SMALLEST / 4;
/// Buffers that lie ready for a turn that goes on: while it fills one more, the reader has time to bring the next.
const READY: usize = 2;

/// The plain data of one stream.
pub(super) struct Foreign {
    stored: Stored,
    format: Format,
    compressor: Arc<Compressor>,
    buffers: Buffers,
    exchange: Arc<Exchange>,
    state: State,
}

enum State {
    Idle(Box<Members>),
    Turn(oneshot::Receiver<Turn>),
    Ended,
    Failed(Error),
}

impl Foreign {
    pub(super) fn new(stored: Stored, format: Format, compressor: Arc<Compressor>, buffers: Buffers) -> Self {
        let state = State::Idle(Box::new(Members::new(format)));
        Foreign { stored, format, compressor, buffers, exchange: Arc::default(), state }
    }

    /// The next plain data; `None` after the last, when everything was checked.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Unpacked>>> {
        loop {
            if let Err(error) = self.go_on(cx) {
                self.state = State::Failed(error);
            }
            if let Poll::Ready(block) = self.exchange.poll_filled(cx) {
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

    /// Brings what has come, and memory, to the turn that is under way, or starts one if there is something to do.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<()> {
        match &self.state {
            State::Idle(_) => self.bring_stored(cx)?,
            State::Turn(_) => {
                self.bring_stored(cx)?;
                self.stored.is_in_work();
                return self.bring_free(cx, READY);
            }
            State::Ended | State::Failed(_) => return Ok(()),
        }
        let count = self.left();
        let (_, whole) = self.exchange.stored();
        // A small turn is taken here, and the block before is read first.
        if (count == 0 && !whole) || (count <= SMALL && self.exchange.has_filled()) {
            return Ok(());
        }
        self.bring_free(cx, if count > BLOCK / 4 { READY } else { 1 })?;
        if self.exchange.free() == 0 {
            return Ok(());
        }
        let State::Idle(members) = mem::replace(&mut self.state, State::Ended) else { return Ok(()) };
        if count <= SMALL {
            self.take(short_turn(members, &self.exchange));
        } else {
            let exchange = Arc::downgrade(&self.exchange);
            self.state = State::Turn(self.compressor.run(move || turn(members, &exchange)));
        }
        Ok(())
    }

    fn bring_stored(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.stored.ask();
        loop {
            while let Some(piece) = self.stored.take_piece() {
                self.exchange.put_stored(piece);
            }
            match self.stored.poll_more(cx)? {
                Poll::Ready(More::Came) => {}
                Poll::Ready(More::Ended) => break self.exchange.put_end(),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Brings memory until `count` buffers are free, or there is no more.
    fn bring_free(&mut self, cx: &mut Context<'_>, count: usize) -> Result<()> {
        while self.exchange.free() < count {
            let Poll::Ready(Some(buffer)) = self.buffers.poll_take(cx)? else { return Ok(()) };
            self.exchange.put_free(buffer);
        }
        Ok(())
    }

    fn take(&mut self, turn: Turn) {
        let Turn { members, end } = turn;
        self.state = State::Idle(members);
        let read_to = self.stored.at() - self.left() as u64;
        match end {
            End::Paused => {}
            End::Ended => self.state = State::Ended,
            End::Failed(error) => self.state = State::Failed(self.failed(read_to, &error)),
        }
    }

    /// How many stored bytes came that are not decompressed, between turns.
    fn left(&mut self) -> usize {
        let (stored, _) = self.exchange.stored();
        match &mut self.state {
            State::Idle(members) => stored + members.feed().waiting(),
            State::Turn(_) | State::Ended | State::Failed(_) => stored,
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
