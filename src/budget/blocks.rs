//! Blocks of plain data with the memory they hold, and the memory of those that are gone, for the next ones. New memory costs
//! the kernel a twentieth of zstd's time, and blocks that come and go between larger buffers leave an allocator with gaps that
//! are in no budget.

use super::{Held, UNIT, units};
use bytes::Bytes;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// How much plain data is compressed at a time, in bytes. Larger blocks compress no better with DEFLATE's window of
/// 32 KiB, and would only hold more memory. A reader takes no larger ones.
pub(crate) const BLOCK: usize = 1 << 20;

/// A block of plain data, or what was made of one, with the memory it holds.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) data: Vec<u8>,
    held: Option<Held>,
    /// Where the memory of a whole one goes back to.
    home: Option<Arc<IdleBlocks>>,
}

impl Block {
    /// So many bytes of the memory it holds, which its data does not need.
    pub(crate) fn split_off(&mut self, bytes: u64) -> Option<Held> {
        self.held.as_mut()?.split(units(bytes) as usize)
    }

    /// The data as it is. The last clone or slice of it gives the memory back.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    /// `stored`, which was made of this block, holding of its memory what it needs. The rest is free.
    pub(crate) fn replaced_by(mut self, stored: Vec<u8>) -> Bytes {
        let needed = units(stored.capacity() as u64) as usize;
        let held = self.held.as_mut().and_then(|held| held.split(needed.min(held.num_permits())));
        Block { data: stored, held, home: None }.into_bytes()
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let Some(home) = self.home.take() else { return };
        let data = take(&mut self.data);
        // What is not used again is gone before others may have its memory.
        let whole = (data.capacity() == BLOCK).then_some(data);
        drop(self.held.take());
        home.keep(whole);
    }
}

/// The memory of blocks that are gone. It is never more than what is free in the budget, so that both fit into it. With the blocks
/// in use it is no more than were in use at once, which a service that takes them in turns slow and fast will want again;
/// and when none is in use, nothing stays.
#[derive(Debug)]
pub(super) struct IdleBlocks {
    blocks: Mutex<Blocks>,
    /// The budget's bytes.
    bytes: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Blocks {
    idle: Vec<Vec<u8>>,
    in_use: usize,
    /// Since none was.
    most_in_use: usize,
}

impl IdleBlocks {
    pub(super) fn new(bytes: &Arc<Semaphore>) -> Self {
        IdleBlocks { blocks: Mutex::default(), bytes: Arc::clone(bytes) }
    }

    /// An empty block with room for `size` bytes, at most [`BLOCK`], for which `held` is held.
    pub(super) fn block(self: &Arc<Self>, size: usize, held: Held) -> Block {
        if size != BLOCK {
            self.make_room();
            return Block { data: Vec::with_capacity(size), held: Some(held), home: None };
        }
        let mut blocks = self.blocks();
        blocks.in_use += 1;
        blocks.most_in_use = blocks.most_in_use.max(blocks.in_use);
        let kept = blocks.idle.pop();
        drop(blocks);
        self.make_room();
        let data = kept.unwrap_or_else(|| Vec::with_capacity(size));
        Block { data, held: Some(held), home: Some(Arc::clone(self)) }
    }

    /// A block has given its bytes back, and its memory if that is still a whole one's.
    fn keep(&self, whole: Option<Vec<u8>>) {
        let mut blocks = self.blocks();
        blocks.in_use -= 1;
        if blocks.in_use == 0 {
            blocks.most_in_use = 0;
        }
        if let Some(mut data) = whole {
            data.clear();
            blocks.idle.push(data);
        }
        drop(blocks);
        self.make_room();
    }

    /// Gives memory back where there is more than there may be: something else has taken it, or all is done.
    pub(super) fn make_room(&self) {
        let mut blocks = self.blocks();
        let free = self.bytes.available_permits() / (BLOCK / UNIT as usize);
        let most = free.min(blocks.most_in_use - blocks.in_use).min(blocks.idle.len());
        let surplus = blocks.idle.split_off(most);
        drop(blocks);
        // To the allocator, without the lock.
        drop(surplus);
    }

    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.blocks().idle.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::*;

    async fn block(budget: &Budget) -> Block {
        let held = budget.bytes(BLOCK as u64).await.expect("free");
        budget.block(BLOCK, held)
    }

    #[tokio::test]
    async fn what_is_idle_and_what_is_in_use_are_within_the_budget_and_nothing_stays() {
        let budget = Budget::new(Budget::MIN).expect("valid");
        let mut blocks = Vec::new();
        for _ in 0..12 {
            blocks.push(block(&budget).await.into_bytes());
        }
        blocks.truncate(8);
        assert_eq!(budget.idle.count(), 4);
        // Another kind of memory takes more than was free beside them.
        let other = budget.bytes(6 << 20).await.expect("free");
        assert_eq!(budget.idle.count(), 2);
        drop(other);
        let again = block(&budget).await;
        assert_eq!((budget.idle.count(), again.data.capacity(), again.data.len()), (1, BLOCK, 0));
        drop((blocks, again));
        assert_eq!(budget.idle.count(), 0);
    }

    #[tokio::test]
    async fn what_was_in_use_at_once_is_used_again() {
        let budget = Budget::new(Budget::MIN).expect("valid");
        let mut blocks = Vec::new();
        for _ in 0..6 {
            blocks.push(block(&budget).await);
        }
        let first = blocks.remove(0);
        let places: Vec<_> = blocks.iter().map(|block| block.data.as_ptr()).collect();
        drop(blocks);
        assert_eq!(budget.idle.count(), 5, "more than is in use");
        for _ in 0..5 {
            assert!(places.contains(&block(&budget).await.data.as_ptr()));
        }
        drop(first);
        assert_eq!(budget.idle.count(), 0);
    }

    #[tokio::test]
    async fn what_is_made_of_a_block_holds_what_it_needs() {
        let budget = Budget::new(Budget::MIN).expect("valid");
        let free = || budget.bytes.available_permits() as u64 * UNIT;
        let small = block(&budget).await.replaced_by(vec![7; 100 << 10]);
        assert_eq!(free(), Budget::MIN - (100 << 10));
        // More than the block: nothing more is held than it had.
        let large = block(&budget).await.replaced_by(vec![7; 2 << 20]);
        assert_eq!(free(), Budget::MIN - (100 << 10) - (1 << 20));
        let rest = small.slice(10..);
        drop((small, large));
        assert_eq!(free(), Budget::MIN - (100 << 10));
        drop(rest);
        assert_eq!((free(), budget.idle.count()), (Budget::MIN, 0));
    }
}
