//! The memory that all open files share. Two counts keep it bounded without deadlock:
//!
//! - *bytes*: every buffer holds its size from here for as long as it exists, wherever it has gone;
//! - *seats*: a file takes a seat before its first buffer. A seat is as large as what the file may hold without being
//!   able to give anything back by itself: for a writer a part that is not full yet and two blocks; for a reader two
//!   ranges, over which a stored block may lie, and the block's plain data. All seats together fit into the budget, so
//!   whoever has a seat gets its bytes, at the latest when parts under way have arrived.
//!
//! What a reader holds waits for the reader's owner, so it never holds more than its seat. To read further ahead all
//! the same, it may have some of the writers' seats when nobody waits for them (a *spare*), and keeps them to its end.
//! Half of the writers' seats can never become spares. That is more than the largest seat of a writer, so there is
//! always one that goes on.
//!
//! Readers and writers have seats apart from one another, so that tasks that copy (each holds a reader's seat and then
//! wants a writer's) do not wait for each other in a circle.

mod blocks;

pub(crate) use blocks::{BLOCK, Block};

use crate::error::{Error, ErrorKind, Result};
use blocks::IdleBlocks;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::PollSemaphore;

/// Semaphores count in `u32`; in units of a kibibyte that is 4 TiB.
const UNIT: u64 = 1024;
/// One part in so many is for readers.
const READERS_SHARE: usize = 4;
/// How long a reader is waited for while nobody reads from any other.
const SEAT_LIMIT: Duration = Duration::from_secs(60);

/// A memory limit in bytes, shared by all files that were opened with it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budget {
    total: u64,
    bytes: Arc<Semaphore>,
    idle: Arc<IdleBlocks>,
    writer_seats: Arc<Semaphore>,
    reader_seats: Arc<Semaphore>,
    /// How much of the writers' seats readers may have.
    spares: Arc<Semaphore>,
    reading: Reading,
}

/// How often something was taken from any of the readers. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading(Arc<AtomicU64>);

impl Reading {
    /// A reader's owner has taken something.
    pub(crate) fn went_on(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The largest seat of a reader, in bytes: the readers' share of the smallest budget.
pub(crate) const READER_SEAT: u64 = Budget::MIN / READERS_SHARE as u64;

/// Memory held from a [`Budget`]; given back when dropped.
pub(crate) type Held = OwnedSemaphorePermit;

/// A writer's seat that a reader has.
#[derive(Debug)]
#[expect(dead_code, reason = "held, not used")]
pub(crate) struct Spare(Held, Held);

impl Budget {
    /// Enough for most: 64 MiB.
    pub const DEFAULT: u64 = 64 << 20;
    /// The smallest budget: 16 MiB.
    pub const MIN: u64 = 16 << 20;
    /// The largest budget: 1 TiB.
    pub const MAX: u64 = 1 << 40;

    /// A budget of `bytes`. What it covers is the data of all open files; the program itself, its connections and
    /// its compressors' state (a few MiB a thread, more at high levels of zstd) come on top.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] below [`Budget::MIN`] or above [`Budget::MAX`].
    pub fn new(bytes: u64) -> Result<Self> {
        if !(Self::MIN..=Self::MAX).contains(&bytes) {
            let reason = format!("{bytes} bytes is outside of 16 MiB to 1 TiB");
            return Err(Error::new(ErrorKind::InvalidConfig, "set up", "the memory budget", reason));
        }
        let units = (bytes / UNIT) as usize;
        let readers = units / READERS_SHARE;
        let writers = units - readers;
        let total = bytes;
        let bytes = Arc::new(Semaphore::new(units));
        Ok(Budget {
            total,
            idle: Arc::new(IdleBlocks::new(&bytes)),
            bytes,
            writer_seats: Arc::new(Semaphore::new(writers)),
            reader_seats: Arc::new(Semaphore::new(readers)),
            spares: Arc::new(Semaphore::new(writers / 2)),
            reading: Reading::default(),
        })
    }

    /// The limit in bytes.
    pub fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn poll_bytes(&self) -> PollSemaphore {
        PollSemaphore::new(Arc::clone(&self.bytes))
    }

    pub(crate) fn poll_writer_seats(&self) -> PollSemaphore {
        PollSemaphore::new(Arc::clone(&self.writer_seats))
    }

    /// How many writers' seats of `bytes` there are in all.
    pub(crate) fn writer_seats_of(&self, bytes: u64) -> usize {
        let units_in_all = (self.total / UNIT) as usize;
        (units_in_all - units_in_all / READERS_SHARE) / units(bytes).max(1) as usize
    }

    /// How many readers' seats of the largest size there are in all.
    pub(crate) fn reader_seats(&self) -> usize {
        (self.total / READERS_SHARE as u64 / READER_SEAT) as usize
    }

    /// How many bytes of seats there are for readers.
    pub(crate) fn readers_share(&self) -> u64 {
        self.total / READERS_SHARE as u64
    }

    pub(crate) fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Waits for a reader's seat of `bytes`, at most [`READER_SEAT`]: as long as anything is read, and then for
    /// [`SEAT_LIMIT`]. A task that holds all seats and waits for one more would wait for itself. Cancel-safe.
    pub(crate) async fn reader_seat(&self, bytes: u64) -> Result<Held> {
        let mut seat = pin!(Arc::clone(&self.reader_seats).acquire_many_owned(units(bytes)));
        loop {
            let before = self.reading.count();
            match timeout(SEAT_LIMIT, &mut seat).await {
                Ok(permit) => return permit.map_err(|_| closed()),
                Err(_) if self.reading.count() > before => {}
                Err(_) => {
                    let reason = format!(
                        "its {} places for readers are taken, and nothing was read for {} seconds",
                        self.reader_seats(),
                        SEAT_LIMIT.as_secs()
                    );
                    return Err(Error::new(ErrorKind::TimedOut, "open a reader in", "the memory budget", reason)
                        .with_hint("read one to its end or drop one first, give each a task, or raise the budget"));
                }
            }
        }
    }

    /// A reader's seat of `bytes`, if one is free now and nobody waits for it.
    pub(crate) fn try_reader_seat(&self, bytes: u64) -> Option<Held> {
        Arc::clone(&self.reader_seats).try_acquire_many_owned(units(bytes)).ok()
    }

    /// `bytes` of the writers' seats for a reader that has a seat, or is short, if they are free now.
    pub(crate) fn try_spare(&self, bytes: u64) -> Option<Spare> {
        let spare = Arc::clone(&self.spares).try_acquire_many_owned(units(bytes)).ok()?;
        let seat = Arc::clone(&self.writer_seats).try_acquire_many_owned(units(bytes)).ok()?;
        Some(Spare(spare, seat))
    }

    /// Waits for memory. The caller has a seat for it. Cancel-safe.
    pub(crate) async fn bytes(&self, bytes: u64) -> Result<Held> {
        let permit = Arc::clone(&self.bytes).acquire_many_owned(units(bytes)).await;
        self.idle.make_room();
        permit.map_err(|_| closed())
    }

    /// To be called when memory was taken by [`poll_bytes`](Self::poll_bytes) for anything but a block.
    pub(crate) fn make_room(&self) {
        self.idle.make_room();
    }

    /// An empty block with room for `size` bytes, at most [`BLOCK`], for which `held` is held.
    pub(crate) fn block(&self, size: usize, held: Held) -> Block {
        self.idle.block(size, held)
    }
}

/// The number of units that cover `bytes`.
pub(crate) fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// The semaphores of a budget are never closed; this is for the type only.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Cancelled, "wait for", "the memory budget", "it was closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    #[tokio::test]
    async fn readers_leave_half_of_the_writers_seats() {
        let budget = Budget::new(Budget::MIN).expect("valid");
        let seats = || budget.writer_seats.available_permits() as u64 * UNIT;
        assert_eq!(seats(), 12 << 20);
        let spares: Vec<Spare> = std::iter::from_fn(|| budget.try_spare(1 << 20)).collect();
        assert_eq!((spares.len(), seats()), (6, 6 << 20));
        drop(spares);
        // Nor is anything taken that a writer waits for.
        let most = budget.poll_writer_seats().clone_inner().acquire_many_owned(units(11 << 20)).await.expect("free");
        let mut waiting = budget.poll_writer_seats();
        let pending =
            std::future::poll_fn(|cx| Poll::Ready(waiting.poll_acquire_many(cx, units(2 << 20)).is_pending()));
        assert!(pending.await && budget.try_spare(1 << 20).is_none());
        drop(most);
    }

    #[test]
    fn limits() {
        assert!(Budget::new(1).is_err());
        assert!(Budget::new(u64::MAX).is_err());
        assert_eq!(Budget::new(Budget::DEFAULT).expect("valid").total(), Budget::DEFAULT);
    }
}
