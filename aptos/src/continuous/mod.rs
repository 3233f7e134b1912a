//! Backups that go on by themselves: the node is watched, and what is due is backed up. What is due is told by `rules`,
//! what is there already by [`Known`].
//!
//! Epoch endings come first, and only when all are there does a new position of the node reach the other two kinds, so
//! that an archive always holds the epoch endings that its snapshots and transactions are verified by. A backup that
//! fails is made again after a pause, from where it was; so it is with a node that does not answer.
//!
//! Several may work on one archive: see the backups' own notes on two runs at once. What others make known is gone past
//! as far as it adjoins; up to what lies further on, all is backed up first.

mod rules;

use crate::backup::{BackedUp, Backups};
use crate::client::DbState;
use crate::failure::Pause;
use crate::known::{After, Known};
use sealift::{Error, ErrorKind, Result};
use std::convert::Infallible;
use std::future::pending;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// What is backed up how often.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// A state snapshot is taken each time so many epochs have ended: 1, as aptos-db-tool (24 before).
    pub state_snapshot_interval_epochs: u64,
    /// So many transactions are one backup: 1,000,000, as aptos-db-tool (100,000 before).
    pub transaction_batch_size: u64,
    /// How long the end of an epoch waits for the batch that it is in: 24 h. Then what there is of the batch up to there
    /// is backed up, so that the snapshots up to there can be restored. The next batch ends where it would have. It is
    /// counted from when this process has first seen that end. None waits for ever, as aptos-db-tool.
    pub transaction_max_age: Option<Duration>,
    /// How often the node is asked for its position: every second, as aptos-db-tool.
    pub poll: Duration,
    /// The longest pause between two questions to a node that does not answer. Pauses double from [`poll`](Self::poll).
    pub longest_poll: Duration,
    /// The pause after a backup that failed. It doubles up to [`longest_pause`](Self::longest_pause).
    pub first_pause: Duration,
    /// The longest pause after a backup that failed.
    pub longest_pause: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule {
            state_snapshot_interval_epochs: 1,
            transaction_batch_size: 1_000_000,
            transaction_max_age: Some(Duration::from_secs(24 * 60 * 60)),
            poll: Duration::from_secs(1),
            longest_poll: Duration::from_secs(60),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
        }
    }
}

/// Where a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The epoch that is open.
    epoch: u64,
    committed_version: u64,
}

/// A position of the node up to which all epoch endings are backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WithEpochs {
    node: Position,
    /// The version that ends the last epoch that has ended.
    ended: Option<u64>,
}

/// A kind of backup that goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The ledger infos that end epochs.
    EpochEndings,
    /// The state at the end of an epoch.
    StateSnapshots,
    /// Transactions, batch by batch.
    Transactions,
}

impl Kind {
    /// All of them, in the order in which they are due.
    pub const ALL: [Kind; 3] = [Kind::EpochEndings, Kind::StateSnapshots, Kind::Transactions];
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::EpochEndings => "epoch endings",
            Kind::StateSnapshots => "state snapshots",
            Kind::Transactions => "transactions",
        })
    }
}

/// What happens in backups that go on by themselves.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The node has said how far it is.
    Node {
        /// The epoch that is open.
        epoch: u64,
        /// The last version committed.
        committed_version: u64,
    },
    /// The archive has a kind up to there, whoever has made it: an epoch, or of transactions a version.
    Archive(Kind, Option<u64>),
    /// It is looked for what is due of a kind, and that is backed up.
    Began(Kind),
    /// A backup was made, in this time. Another may be due.
    Made(Kind, &'a BackedUp, Duration),
    /// Nothing is due of a kind before the node is further on, or an epoch's end has waited for its batch as long as it may.
    CaughtUp(Kind),
    /// A backup has failed, and is made again after a pause.
    Failed {
        /// Of which kind it was.
        kind: Kind,
        /// Why.
        error: &'a Error,
        /// How long the pause is.
        again_in: Duration,
    },
}

/// Backups that go on until they are dropped.
#[derive(Debug, Clone)]
pub struct Continuous {
    backups: Backups,
    schedule: Schedule,
    told: Told,
}

/// Who hears of what happens.
#[derive(Clone)]
struct Told(Arc<Hear>);

type Hear = dyn Fn(Event<'_>) + Send + Sync;

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told")
    }
}

/// How one step of a kind of backup ended.
enum Step {
    /// A backup was made, and another may be due.
    Made(BackedUp),
    /// Somebody else has made it meanwhile, and another may be due.
    MadeByAnother,
    /// Nothing is due before the node is further on, or before this time.
    NothingDue { before: Option<Instant> },
}

impl Step {
    /// Nothing is due before the node is further on.
    const WAIT: Step = Step::NothingDue { before: None };
}

/// The end of an epoch that waits for the batch that it is in.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// The last version that is backed up.
    after: Option<u64>,
    since: Instant,
}

/// Which transactions are due.
enum Due {
    Now(RangeInclusive<u64>),
    /// None before the node is further on, or before this time.
    Later(Option<Instant>),
}

impl Continuous {
    /// Continuous `backups`; `told` hears of what happens. It must not block.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when an interval or a batch is zero.
    pub fn new(
        backups: Backups,
        schedule: Schedule,
        told: impl Fn(Event<'_>) + Send + Sync + 'static,
    ) -> Result<Continuous> {
        for (what, value) in [
            ("the interval of state snapshots", schedule.state_snapshot_interval_epochs),
            ("the batch of transactions", schedule.transaction_batch_size),
        ] {
            if value == 0 {
                let error = Error::new(ErrorKind::InvalidConfig, "use", what, "it is zero");
                return Err(error.with_hint("give 1 or more"));
            }
        }
        Ok(Continuous { backups, schedule, told: Told(Arc::new(told)) })
    }

    /// Backs up what `known` does not have and what comes, for ever. What goes wrong is logged, and tried again.
    ///
    /// Cancel-safe: dropping it stops the backups under way, as dropping them does, and their sealed chunks are used
    /// when they are made again.
    pub async fn run(&self, known: &Known) -> Infallible {
        let beside = Continuous { backups: self.backups.clone().beside(known.clone()), ..self.clone() };
        let (node, of_node) = watch::channel(None);
        let (with_epochs, of_epochs) = watch::channel(None);
        let (never, ..) = tokio::join!(
            beside.watch_node(&node),
            beside.epoch_endings(known.last_epoch_ending(), of_node, &with_epochs),
            beside.state_snapshots(known.last_snapshot_epoch(), of_epochs.clone()),
            beside.transactions(known.last_version(), known.gaps(), of_epochs),
        );
        never
    }

    fn tell(&self, event: Event<'_>) {
        (self.told.0)(event);
    }

    async fn watch_node(&self, position: &watch::Sender<Option<Position>>) -> Infallible {
        let Schedule { poll, longest_poll, .. } = self.schedule;
        let mut pause = Pause::new(poll, longest_poll);
        loop {
            let wait = match self.backups.client().db_state_now().await {
                Ok(DbState::At { epoch, committed_version }) => {
                    let now = Some(Position { epoch, committed_version });
                    self.tell(Event::Node { epoch, committed_version });
                    position.send_if_modified(|known| std::mem::replace(known, now) != now);
                    pause.reset();
                    poll
                }
                Ok(DbState::Empty) => {
                    let wait = pause.next();
                    tracing::warn!("the node has no ledger yet; asking again in {wait:?}");
                    wait
                }
                Err(error) => {
                    let wait = pause.next();
                    tracing::warn!("asking again in {wait:?}: {error}");
                    wait
                }
            };
            sleep(wait).await;
        }
    }

    /// `last` is the last epoch whose ending there is, and the version that ends it.
    async fn epoch_endings(
        &self,
        mut last: Option<(u64, u64)>,
        node: watch::Receiver<Option<Position>>,
        with_epochs: &watch::Sender<Option<WithEpochs>>,
    ) -> Infallible {
        let step = async |node| {
            self.tell(Event::Archive(Kind::EpochEndings, last.map(|(epoch, _)| epoch)));
            let Some(epoch) = rules::next_epoch(last.map(|(epoch, _)| epoch), node) else {
                with_epochs.send_replace(Some(WithEpochs { node, ended: last.map(|(_, version)| version) }));
                return Ok(Step::WAIT);
            };
            match self.backups.epoch_ending(epoch, epoch + 1).await {
                Ok(made) => {
                    last = Some((epoch, made.last_version));
                    Ok(Step::Made(made))
                }
                Err(error) => self.unless_made(error, Known::epoch_endings_following, &mut last).await,
            }
        };
        self.go_on(Kind::EpochEndings, node, step).await
    }

    async fn state_snapshots(&self, mut last: Option<u64>, node: watch::Receiver<Option<WithEpochs>>) -> Infallible {
        // Where transactions may wait for ever, so may snapshots: that is told once. Others wait no longer than is allowed.
        let mut untold = self.schedule.transaction_max_age.is_none();
        let step = async |WithEpochs { node, .. }| {
            let interval = self.schedule.state_snapshot_interval_epochs;
            self.tell(Event::Archive(Kind::StateSnapshots, last));
            let Some(epoch) = rules::next_snapshot(last, node, interval) else { return Ok(Step::WAIT) };
            match self.backups.make_state_snapshot(epoch).await {
                Ok(made) => {
                    untold = untold && !self.backups.tell_snapshot_ahead().await;
                    last = Some(epoch);
                    Ok(Step::Made(made))
                }
                Err(error) => self.unless_made(error, |known, _| known.last_snapshot_epoch(), &mut last).await,
            }
        };
        self.go_on(Kind::StateSnapshots, node, step).await
    }

    /// `gaps` were told at the start.
    async fn transactions(
        &self,
        mut last: Option<u64>,
        mut gaps: Vec<String>,
        node: watch::Receiver<Option<WithEpochs>>,
    ) -> Infallible {
        let mut waiting = None;
        let step = async |at| {
            self.tell(Event::Archive(Kind::Transactions, last));
            if let Due::Later(before) = self.transactions_due(last, at, &mut waiting) {
                return Ok(Step::NothingDue { before });
            }
            // Others may have made a part of a batch known, which is not to be overlapped.
            let after = self.backups.of_known_by_now(|known| Some(known.versions_after(last))).await?;
            let (following, next) = match after {
                Some(After { following, next, gaps_before }) => {
                    gaps_before.iter().filter(|gap| !gaps.contains(gap)).for_each(|gap| tracing::warn!("{gap}"));
                    gaps = gaps_before;
                    (following, next)
                }
                None => (last, None),
            };
            last = following;
            let versions = match self.transactions_due(last, at, &mut waiting) {
                Due::Now(versions) => rules::up_to(versions, next),
                Due::Later(before) => return Ok(Step::NothingDue { before }),
            };
            let count = (versions.end() - versions.start()).saturating_add(1);
            match self.backups.transactions(*versions.start(), count).await {
                Ok(made) => {
                    last = Some(*versions.end());
                    Ok(Step::Made(made))
                }
                Err(error) => {
                    if self.has_waited(waiting) {
                        self.backups.tell_snapshot_ahead().await;
                    }
                    self.unless_made(error, |known, last| known.versions_after(last).following, &mut last).await
                }
            }
        };
        self.go_on(Kind::Transactions, node, step).await
    }

    /// What becomes of an error: when it says that a line is in the way, and that line takes the archive beyond `last`,
    /// there is nothing left to do. Another tool may work on the same archive.
    async fn unless_made<T: Copy + Ord>(
        &self,
        error: Error,
        of: impl FnOnce(&Known, Option<T>) -> Option<T>,
        last: &mut Option<T>,
    ) -> Result<Step> {
        if error.kind() != ErrorKind::AlreadyExists {
            return Err(error);
        }
        match self.backups.of_known_by_now(|known| of(known, *last)).await? {
            by_now if by_now > *last => {
                tracing::info!("{error}");
                *last = by_now;
                Ok(Step::MadeByAnother)
            }
            _ => Err(error),
        }
    }

    /// The next batch, or a part of it once the end of an epoch has waited for it long enough.
    fn transactions_due(&self, last: Option<u64>, at: WithEpochs, waiting: &mut Option<Waiting>) -> Due {
        if let Some(versions) = rules::next_transactions(last, at.node, self.schedule.transaction_batch_size) {
            return Due::Now(versions);
        }
        let Some(part) = rules::part_of_batch(last, at.ended) else {
            *waiting = None;
            return Due::Later(None);
        };
        // What comes after another version begins to wait then.
        let since = waiting.filter(|waiting| waiting.after == last).map_or_else(Instant::now, |waiting| waiting.since);
        *waiting = Some(Waiting { after: last, since });
        match self.has_waited(*waiting) {
            true => Due::Now(part),
            false => Due::Later(self.schedule.transaction_max_age.and_then(|age| since.checked_add(age))),
        }
    }

    /// Whether the end of an epoch has waited as long as it may.
    fn has_waited(&self, waiting: Option<Waiting>) -> bool {
        let until =
            waiting.zip(self.schedule.transaction_max_age).and_then(|(waiting, age)| waiting.since.checked_add(age));
        until.is_some_and(|until| until <= Instant::now())
    }

    /// Takes one step after the other, each from the node's latest position.
    async fn go_on<P: Copy>(
        &self,
        kind: Kind,
        mut node: watch::Receiver<Option<P>>,
        mut step: impl AsyncFnMut(P) -> Result<Step>,
    ) -> Infallible {
        let mut pause = Pause::new(self.schedule.first_pause, self.schedule.longest_pause);
        loop {
            let (position, started) = (*node.borrow_and_update(), Instant::now());
            let done = match position {
                Some(position) => {
                    self.tell(Event::Began(kind));
                    step(position).await
                }
                None => Ok(Step::WAIT),
            };
            match done {
                Ok(Step::Made(backup)) => {
                    self.tell(Event::Made(kind, &backup, started.elapsed()));
                    pause.reset();
                }
                Ok(Step::MadeByAnother) => pause.reset(),
                Ok(Step::NothingDue { before }) => {
                    if position.is_some() {
                        self.tell(Event::CaughtUp(kind));
                    }
                    tokio::select! {
                        // The sender lives as long as this does.
                        _ = node.changed() => {}
                        () = until(before) => {}
                    }
                }
                Err(error) => {
                    let wait = pause.next();
                    self.tell(Event::Failed { kind, error: &error, again_in: wait });
                    tracing::warn!("the backup of {kind} failed and is made again in {wait:?}: {error}");
                    sleep(wait).await;
                }
            }
        }
    }
}

/// Waits until then; for ever where there is no such time.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
