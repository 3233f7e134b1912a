//! Memory for blocks of plain data: made when first needed, then used again and again.

use crate::budget::{BLOCK, Budget, closed, units};
use crate::codec::unpack::Buffer;
use crate::error::Result;
use std::task::{Context, Poll, ready};
use tokio_util::sync::PollSemaphore;

/// The buffers of one reader.
pub(super) struct Buffers {
    free: Vec<Buffer>,
    /// How many more may be made.
    unmade: usize,
    memory: PollSemaphore,
    budget: Budget,
}

impl Buffers {
    /// Up to `limit` buffers, for which the reader has a place in the budget.
    pub(super) fn new(limit: usize, budget: &Budget) -> Self {
        Buffers { free: Vec::new(), unmade: limit, memory: budget.poll_bytes(), budget: budget.clone() }
    }

    /// A buffer; `None` while all are in use.
    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Buffer>>> {
        if self.free.is_empty() && self.unmade > 0 {
            let held = ready!(self.memory.poll_acquire_many(cx, units(BLOCK as u64))).ok_or_else(closed)?;
            self.budget.make_room();
            self.unmade -= 1;
            self.free.push(Buffer::new(held));
        }
        Poll::Ready(Ok(self.free.pop()))
    }

    /// So many will not be given back; others may be made when their memory is free.
    pub(super) fn lose(&mut self, count: usize) {
        self.unmade += count;
    }

    pub(super) fn give_back(&mut self, buffer: Buffer) {
        self.free.push(buffer);
    }
}
