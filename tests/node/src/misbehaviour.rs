//! What the node does wrong when told to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The paths of the backup service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `db_state`
    DbState,
    /// `epoch_ending_ledger_infos/{start}/{end}`
    EpochEndings,
    /// `transactions/{start}/{count}`
    Transactions,
    /// `transaction_range_proof/{first}/{last}`
    TransactionRangeProof,
    /// `state_item_count/{version}`
    StateItemCount,
    /// `state_snapshot_chunk/{version}/{start}/{limit}`
    StateChunk,
    /// `state_snapshot/{version}`
    StateSnapshot,
    /// `state_range_proof/{version}/{key}`
    StateRangeProof,
    /// `state_root_proof/{version}`
    StateRootProof,
}

impl Endpoint {
    /// The endpoint with this name in the path.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "db_state" => Endpoint::DbState,
            "epoch_ending_ledger_infos" => Endpoint::EpochEndings,
            "transactions" => Endpoint::Transactions,
            "transaction_range_proof" => Endpoint::TransactionRangeProof,
            "state_item_count" => Endpoint::StateItemCount,
            "state_snapshot_chunk" => Endpoint::StateChunk,
            "state_snapshot" => Endpoint::StateSnapshot,
            "state_range_proof" => Endpoint::StateRangeProof,
            "state_root_proof" => Endpoint::StateRootProof,
            _ => return None,
        })
    }
}

/// Which requests a misbehaviour is for.
#[derive(Clone)]
pub struct Match {
    is: Predicate,
    skip: usize,
    times: usize,
}

type Predicate = Arc<dyn Fn(&str) -> bool + Send + Sync>;

impl Match {
    /// Every request of whose path, without the first `/`, `is` holds.
    pub fn new(is: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Match { is: Arc::new(is), skip: 0, times: usize::MAX }
    }

    /// Every request.
    pub fn any() -> Self {
        Match::new(|_| true)
    }

    /// Every request to this endpoint.
    pub fn endpoint(endpoint: Endpoint) -> Self {
        Match::new(move |path| Endpoint::named(path.split('/').next().unwrap_or_default()) == Some(endpoint))
    }

    /// The request with exactly this path, such as `transactions/0/10`.
    pub fn path(path: impl Into<String>) -> Self {
        let wanted = path.into();
        Match::new(move |path| path == wanted)
    }

    /// One of so many of them: the first, and then each that comes so many later.
    pub fn one_in(self, count: usize) -> Self {
        let (is, seen) = (self.is, AtomicUsize::new(0));
        let is = move |path: &str| is(path) && seen.fetch_add(1, Ordering::SeqCst).is_multiple_of(count);
        Match { is: Arc::new(is), ..self }
    }

    /// Not the first `skip` of them.
    pub fn after(self, skip: usize) -> Self {
        Match { skip, ..self }
    }

    /// Only `times` of them, the first ones or those after the skipped ones.
    pub fn times(self, times: usize) -> Self {
        Match { times, ..self }
    }
}

/// What is done to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misbehaviour {
    /// The connection is aborted after so many bytes of the body.
    Cut {
        /// The bytes that are sent; a body that is not longer is cut at its end.
        after_bytes: usize,
    },
    /// Nothing is answered, until released or until the client goes; then the answer follows.
    Silence,
    /// The body stops after so many bytes, until released or until the client goes; then the rest follows.
    Stall {
        /// The bytes that are sent before.
        after_bytes: usize,
    },
    /// An error is answered.
    Status(u16),
    /// The last records are missing, and the body ends as if all were well. Bodies of other kinds stay whole.
    ShortCount {
        /// How many are missing.
        missing: usize,
    },
    /// Ledger infos say that they are of the epoch after theirs. Other bodies stay as they are.
    WrongEpoch,
    /// The first record announces 4 GiB. Bodies of other kinds stay as they are.
    OversizedRecord,
}

pub(crate) struct Rule {
    matches: Match,
    seen: AtomicUsize,
    pub(crate) misbehaviour: Misbehaviour,
    fired: watch::Sender<usize>,
    pub(crate) released: CancellationToken,
}

impl Rule {
    pub(crate) fn new(matches: Match, misbehaviour: Misbehaviour) -> Self {
        let (fired, released) = (watch::channel(0).0, CancellationToken::new());
        Rule { matches, seen: AtomicUsize::new(0), misbehaviour, fired, released }
    }

    /// Whether it is for this request. Asking counts, so that concurrent requests do not share one time.
    pub(crate) fn takes(&self, path: &str) -> bool {
        let Match { is, skip, times } = &self.matches;
        is(path) && (*skip..skip.saturating_add(*times)).contains(&self.seen.fetch_add(1, Ordering::SeqCst))
    }

    pub(crate) fn fire(&self) {
        self.fired.send_modify(|fired| *fired += 1);
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fired = *self.fired.borrow();
        f.debug_struct("Rule").field("misbehaviour", &self.misbehaviour).field("fired", &fired).finish_non_exhaustive()
    }
}

/// A misbehaviour that was set up.
#[derive(Debug, Clone)]
pub struct MisbehaviourHandle(pub(crate) Arc<Rule>);

impl MisbehaviourHandle {
    /// How often it has been done, or at least begun.
    pub fn fired(&self) -> usize {
        *self.0.fired.borrow()
    }

    /// Waits until it has been done `count` times.
    pub async fn wait_fired(&self, count: usize) {
        self.0.fired.subscribe().wait_for(|fired| *fired >= count).await.expect("the rule lives");
    }

    /// Lets go of what is held, now and from now on.
    pub fn release(&self) {
        self.0.released.cancel();
    }
}
