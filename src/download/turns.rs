//! Turns on a compression thread in which a stream that others wrote is decompressed, and what passes between them and the
//! reader meanwhile: stored bytes and memory one way, plain blocks the other. A turn goes on from block to block as long
//! as there is something to do and memory for it, so its thread has not to be woken for each. Neither side ever waits for
//! the other: a turn without more to do ends, and the reader starts the next.

use super::members::{Feed, Members};
use crate::budget::BLOCK;
use crate::codec::unpack::{Buffer, Unpacked};
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use tokio::io::ReadBuf;

/// The least memory for plain data that a block is given.
pub(super) const SMALLEST: usize = 32 * 1024;
/// How many blocks a turn fills at most, about 40 ms of work: there may be more streams than threads.
const BLOCKS: usize = 16;

/// What passes between a reader and its turns. The reader's places in the budget bound all of it.
#[derive(Default)]
pub(super) struct Exchange(Mutex<Counter>);

#[derive(Default)]
struct Counter {
    stored: VecDeque<Bytes>,
    /// Whether nothing more of it is to come.
    whole: bool,
    free: Vec<Buffer>,
    filled: VecDeque<Unpacked>,
    /// Who waits for the next that is filled.
    reader: Option<Waker>,
}

/// What a turn left.
pub(super) struct Turn {
    pub(super) members: Box<Members>,
    pub(super) end: End,
}

pub(super) enum End {
    /// What had come is used up, there was no memory, or others have their turn.
    Paused,
    /// The stream is at its end.
    Ended,
    Failed(io::Error),
}

/// The reader's side.
impl Exchange {
    pub(super) fn put_stored(&self, piece: Bytes) {
        self.counter().stored.push_back(piece);
    }

    /// Nothing more is to come.
    pub(super) fn put_end(&self) {
        self.counter().whole = true;
    }

    pub(super) fn put_free(&self, buffer: Buffer) {
        self.counter().free.push(buffer);
    }

    /// How many buffers no turn has taken yet.
    pub(super) fn free(&self) -> usize {
        self.counter().free.len()
    }

    /// How many stored bytes no turn has taken yet, and whether they are the last.
    pub(super) fn stored(&self) -> (usize, bool) {
        let counter = self.counter();
        (counter.stored.iter().map(Bytes::len).sum(), counter.whole)
    }

    /// The next block; without one, the caller is woken when there is.
    pub(super) fn poll_filled(&self, cx: &mut Context<'_>) -> Poll<Unpacked> {
        let mut counter = self.counter();
        match counter.filled.pop_front() {
            Some(block) => Poll::Ready(block),
            None => {
                counter.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn has_filled(&self) -> bool {
        !self.counter().filled.is_empty()
    }

    fn counter(&self) -> MutexGuard<'_, Counter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turns' side.
impl Exchange {
    /// Gives `feed` what has come, and returns memory for the next block if there is something to do.
    fn take(&self, feed: &mut Feed) -> Option<Buffer> {
        let mut counter = self.counter();
        feed.pieces.append(&mut counter.stored);
        feed.whole = counter.whole;
        match feed.waiting() > 0 || feed.whole {
            true => counter.free.pop(),
            false => None,
        }
    }

    fn put_filled(&self, block: Unpacked) {
        let mut counter = self.counter();
        if block.data().is_empty() {
            return counter.free.push(block.into_buffer());
        }
        counter.filled.push_back(block);
        let reader = counter.reader.take();
        drop(counter);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// Decompresses what the reader brings, until there is nothing to do, or the reader has gone.
pub(super) fn turn(mut members: Box<Members>, exchange: &Weak<Exchange>) -> Turn {
    for _ in 0..BLOCKS {
        let Some(exchange) = exchange.upgrade() else { break };
        let Some(buffer) = exchange.take(members.feed()) else { break };
        // What will come of so much, at four times its length.
        let len = members.feed().waiting().saturating_mul(4).clamp(SMALLEST, BLOCK);
        match fill(&mut members, buffer, len, &exchange) {
            End::Paused => {}
            end => return Turn { members, end },
        }
    }
    Turn { members, end: End::Paused }
}

/// The same for one short block, of what the reader has brought.
pub(super) fn short_turn(mut members: Box<Members>, exchange: &Arc<Exchange>) -> Turn {
    let end = match exchange.take(members.feed()) {
        Some(buffer) => fill(&mut members, buffer, SMALLEST, exchange),
        None => End::Paused,
    };
    Turn { members, end }
}

/// Fills one block of up to `len` bytes, as far as what has come goes.
fn fill(members: &mut Members, mut buffer: Buffer, len: usize, exchange: &Exchange) -> End {
    // What it waits for comes by the exchange.
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
    exchange.put_filled(buffer.filled(count));
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::codec::head::Format;
    use crate::stream_tests::data;
    use std::task::Wake;

    const MIB: usize = 1 << 20;

    fn member(plain: &[u8]) -> Vec<u8> {
        let mut engine = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
        let mut member = vec![0; engine.gzip_compress_bound(plain.len())];
        let len = engine.gzip_compress(plain, &mut member).expect("compressed");
        member.truncate(len);
        member
    }

    async fn exchange(stored: Vec<u8>, buffers: usize) -> Arc<Exchange> {
        let (exchange, budget) = (Arc::new(Exchange::default()), Budget::new(Budget::DEFAULT).expect("valid"));
        exchange.put_stored(stored.into());
        for _ in 0..buffers {
            exchange.put_free(Buffer::new(budget.bytes(BLOCK as u64).await.expect("free")));
        }
        exchange
    }

    fn members() -> Box<Members> {
        Box::new(Members::new(Format::Gzip))
    }

    fn next(exchange: &Exchange) -> Option<Unpacked> {
        match exchange.poll_filled(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(block) => Some(block),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn a_turn_goes_on_as_long_as_there_is_memory_and_the_next_goes_on_from_there() {
        let data = data(5 * MIB + 7);
        let exchange = exchange(member(&data), 2).await;
        exchange.put_end();
        let (mut read, mut turns, mut left) = (Vec::new(), Vec::new(), members());
        loop {
            let Turn { members, end } = turn(left, &Arc::downgrade(&exchange));
            left = members;
            let mut blocks = 0;
            while let Some(block) = next(&exchange) {
                read.extend_from_slice(block.data());
                exchange.put_free(block.into_buffer());
                blocks += 1;
            }
            turns.push(blocks);
            match end {
                End::Paused => assert!(turns.len() < 9, "{turns:?}"),
                End::Ended => break,
                End::Failed(error) => panic!("{error}"),
            }
        }
        assert!(read == data);
        assert_eq!(turns, [2, 2, 2], "the last with what is left");
        assert_eq!(exchange.free(), 2, "nothing is kept");
    }

    #[tokio::test]
    async fn what_comes_meanwhile_is_taken_and_the_reader_is_woken() {
        struct Brings(Arc<Exchange>, Mutex<Option<Bytes>>);
        impl Wake for Brings {
            fn wake(self: Arc<Self>) {
                let rest = self.1.lock().expect("sound").take();
                self.0.put_stored(rest.expect("woken once"));
                self.0.put_end();
            }
        }
        let data = data(3 * MIB);
        let (mut first, mut exchanged) = (member(&data), Vec::new());
        let rest = Bytes::from(first.split_off(first.len() / 2));
        let exchange = exchange(first, 8).await;
        let reader = Waker::from(Arc::new(Brings(Arc::clone(&exchange), Mutex::new(Some(rest)))));
        assert!(exchange.poll_filled(&mut Context::from_waker(&reader)).is_pending());
        let Turn { end, .. } = turn(members(), &Arc::downgrade(&exchange));
        assert!(matches!(end, End::Ended), "in the same turn");
        while let Some(block) = next(&exchange) {
            exchanged.extend_from_slice(block.data());
        }
        assert!(exchanged == data);
    }

    #[tokio::test]
    async fn a_turn_ends_for_others_and_when_the_reader_has_gone() {
        let data = data(40 * MIB);
        let exchange = exchange(member(&data), BLOCKS + 3).await;
        let Turn { members, end } = turn(members(), &Arc::downgrade(&exchange));
        assert!(matches!(end, End::Paused));
        assert_eq!(std::iter::from_fn(|| next(&exchange)).count(), BLOCKS);
        let gone = Arc::downgrade(&exchange);
        drop(exchange);
        let Turn { end, .. } = turn(members, &gone);
        assert!(matches!(end, End::Paused));
    }
}
