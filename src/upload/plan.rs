//! What an upload is to do, decided before its first byte.

use crate::activity::Counts;
use crate::budget::BLOCK;
use crate::codec::compressor::Compressor;
use crate::name::Key;
use crate::object::CommitOptions;
use crate::object_store::ObjectStore;
use crate::part_policy::PartPolicy;
use crate::retrying::RetryingStore;
use crate::shutdown::Shutdown;
use crate::upload::window::Window;
use std::sync::Arc;

/// What an upload takes beside its data, in bytes: its tasks, its request and its connection, as measured with hundreds of small
/// files at a time. With little memory it is what keeps those from being too many.
pub(super) const UPKEEP: u64 = 64 << 10;

/// Everything an upload needs to know from its start.
pub(crate) struct Plan {
    pub(crate) store: Arc<RetryingStore>,
    pub(crate) key: Key,
    pub(crate) options: CommitOptions,
    pub(crate) compressor: Arc<Compressor>,
    pub(crate) shutdown: Arc<Shutdown>,
    pub(crate) window: Arc<Window>,
    pub(crate) budget_total: u64,
    pub(crate) counts: Arc<Counts>,
}

impl Plan {
    /// The object's URL.
    pub(super) fn location(&self) -> String {
        super::commit::store_location(&*self.store, &self.key)
    }

    /// How the stream is cut into parts.
    pub(super) fn part_policy(&self) -> PartPolicy {
        self.store.part_policy().within(self.budget_total)
    }

    /// The largest part kept in memory: see [`memory_part`].
    pub(super) fn memory_part(&self) -> u64 {
        memory_part(&self.part_policy(), self.budget_total)
    }

    /// The upload's seat: see [`seat_size`].
    pub(super) fn seat_size(&self) -> u64 {
        seat_size(self.store.part_policy(), self.budget_total)
    }
}

/// The largest part kept in memory: the first size, unless a fifth of the budget is less.
fn memory_part(policy: &PartPolicy, budget: u64) -> u64 {
    let first = policy.first_part();
    if first <= budget / 5 { first } else { 0 }
}

/// What an upload may hold without being able to give anything back by itself (see `budget`): a part that is not full, a
/// block being filled, and one that waits, and its upkeep. At most a fifth of the budget and a little more than 2 MiB, so the
/// smallest budget has room for two.
pub(crate) fn seat_size(policy: PartPolicy, budget: u64) -> u64 {
    memory_part(&policy.within(budget), budget) + 2 * BLOCK as u64 + UPKEEP
}
