//! What an upload is to do, decided before its first byte.

use crate::codec::compressor::{BLOCK, Compressor};
use crate::name::Key;
use crate::object::{CommitOptions, ObjectStore};
use crate::shutdown::Shutdown;
use std::sync::Arc;

/// Everything an upload needs to know from its start.
pub(crate) struct Plan {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) key: Key,
    pub(crate) options: CommitOptions,
    pub(crate) compressor: Arc<Compressor>,
    pub(crate) shutdown: Arc<Shutdown>,
    pub(crate) budget_total: u64,
}

impl Plan {
    /// The object's URL.
    pub(super) fn location(&self) -> String {
        super::commit::store_location(&*self.store, &self.key)
    }

    /// The largest part kept in memory: the first size, unless an eighth of the budget is less.
    pub(super) fn memory_part(&self) -> u64 {
        let first = self.store.part_policy().first_part();
        if first <= self.budget_total / 8 { first } else { 0 }
    }

    /// What this upload may hold without being able to give anything back by itself (see `budget`): a part that is
    /// not full, a block being filled, and one that waits. At most an eighth of the budget and 2 MiB,
    /// so the smallest budget has room for three.
    pub(super) fn seat_size(&self) -> u64 {
        self.memory_part() + 2 * BLOCK as u64
    }
}
