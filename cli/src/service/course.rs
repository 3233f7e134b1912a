//! Where continuous backups stand: what was made, what is due, and whether anything moves. One value that the service manager,
//! /healthz and the metrics are told from.

use sealift_aptos::{Event, Kind, Known};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Where they stand, kept up to date by who hears of what happens. Shared by reference.
#[derive(Debug)]
pub(crate) struct Course {
    stalled_after: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Now,
    /// When something last moved, or happened.
    moved: Instant,
    /// By what number it was seen to move.
    seen: u64,
    /// When the work's task was last alive.
    looked: Instant,
}

/// Where they stand now.
#[derive(Debug, Clone)]
pub(crate) struct Now {
    /// The open epoch and the last version of the node, once it has answered.
    pub(crate) node: Option<(u64, u64)>,
    /// The last epoch whose ending is backed up.
    pub(crate) epoch_ending: Option<u64>,
    /// The epoch of the last snapshot.
    pub(crate) snapshot_epoch: Option<u64>,
    /// The last version that is backed up.
    pub(crate) version: Option<u64>,
    /// How many gaps there were in the archive at the start.
    pub(crate) gaps: usize,
    /// What each kind does.
    pub(crate) kinds: BTreeMap<Kind, Phase>,
    /// How many backups of each kind were made, and how many failed.
    pub(crate) made: BTreeMap<Kind, u64>,
    pub(crate) failed: BTreeMap<Kind, u64>,
    /// When a backup was last tried.
    pub(crate) attempt: Option<SystemTime>,
    /// When a backup was last made, or nothing was due.
    pub(crate) success: Option<SystemTime>,
    /// When the work's task was last alive.
    pub(crate) heartbeat: SystemTime,
    /// For how long nothing has moved, where that is too long.
    pub(crate) stalled: Option<Duration>,
}

/// What a kind of backup does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for the node's first answer, or for the epoch endings.
    Waiting,
    AtWork,
    CaughtUp,
    /// The last has failed, for this reason, and is made again.
    Failed(String),
}

/// Whether all is well.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    /// It is not, for this reason.
    Ill(String),
}

impl Course {
    /// Of backups that begin with what is `known`.
    pub(crate) fn new(known: &Known, stalled_after: Duration) -> Self {
        let none = || Kind::ALL.into_iter().map(|kind| (kind, 0)).collect();
        let now = Now {
            node: None,
            epoch_ending: known.last_epoch(),
            snapshot_epoch: known.last_snapshot_epoch(),
            version: known.last_version(),
            gaps: known.gaps().len(),
            kinds: Kind::ALL.into_iter().map(|kind| (kind, Phase::Waiting)).collect(),
            made: none(),
            failed: none(),
            attempt: None,
            success: None,
            heartbeat: SystemTime::now(),
            stalled: None,
        };
        let started = Instant::now();
        Course { stalled_after, state: Mutex::new(State { now, moved: started, seen: 0, looked: started }) }
    }

    /// Takes in what has happened.
    pub(crate) fn hear(&self, event: &Event<'_>) {
        let mut state = self.state();
        // That the node answers a question is no headway of any backup.
        if !matches!(event, Event::Node { .. }) {
            state.moved = Instant::now();
        }
        state.now.hear(event);
    }

    /// Notes that the work's task is alive, and whether bytes have moved since it last was.
    pub(crate) fn look(&self, seen: u64) {
        let mut state = self.state();
        (state.looked, state.now.heartbeat) = (Instant::now(), SystemTime::now());
        if state.seen != seen {
            (state.seen, state.moved) = (seen, state.looked);
        }
    }

    /// Where they stand.
    pub(crate) fn now(&self) -> Now {
        let state = self.state();
        // Who has nothing to do does not stand still, as long as somebody looks whether there is.
        let since = if state.now.is_at_work() { state.moved.min(state.looked) } else { state.looked };
        let stalled = Some(since.elapsed()).filter(|still| *still >= self.stalled_after);
        Now { stalled, ..state.now.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Node { epoch, committed_version } => {
                self.node = Some((*epoch, *committed_version));
                if self.has_caught_up() {
                    self.success = Some(SystemTime::now());
                }
            }
            Event::Archive(Kind::EpochEndings, last) => self.epoch_ending = *last,
            Event::Archive(Kind::StateSnapshots, last) => self.snapshot_epoch = *last,
            Event::Archive(Kind::Transactions, last) => self.version = *last,
            Event::Began(kind) => self.set(*kind, Phase::AtWork),
            Event::Made(kind, ..) => {
                *self.made.entry(*kind).or_default() += 1;
                self.success = Some(SystemTime::now());
                self.attempt = self.success;
            }
            Event::CaughtUp(kind) => self.set(*kind, Phase::CaughtUp),
            Event::Failed { kind, error, .. } => {
                *self.failed.entry(*kind).or_default() += 1;
                self.attempt = Some(SystemTime::now());
                self.set(*kind, Phase::Failed(error.to_string()));
            }
            _ => {}
        }
    }

    /// Whether nothing hangs.
    pub(crate) fn moves(&self) -> Health {
        match self.stalled {
            Some(still) => Health::Ill(format!("nothing has moved for {} s", still.as_secs())),
            None => Health::Well,
        }
    }

    fn set(&mut self, kind: Kind, phase: Phase) {
        self.kinds.insert(kind, phase);
    }

    fn is_at_work(&self) -> bool {
        self.kinds.values().any(|phase| *phase == Phase::AtWork)
    }

    /// Whether nothing is due.
    pub(crate) fn has_caught_up(&self) -> bool {
        self.kinds.values().all(|phase| *phase == Phase::CaughtUp)
    }

    /// Whether all is well, when no success may be older than `within`; counted from `started` before the first.
    pub(crate) fn health(&self, within: Option<Duration>, started: SystemTime) -> Health {
        if self.stalled.is_some() {
            return self.moves();
        }
        if self.node.is_none() {
            return Health::Ill("the node has not answered yet".to_owned());
        }
        let last = self.success.unwrap_or(started);
        match (within, last.elapsed()) {
            (Some(within), Ok(ago)) if ago > within => {
                Health::Ill(format!("the last success was {} s ago", ago.as_secs()))
            }
            _ => Health::Well,
        }
    }
}

/// One line, without times that change by themselves.
impl fmt::Display for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |kind: &Kind, phase: &Phase| match phase {
            Phase::AtWork => Some(format!("{kind} are backed up")),
            Phase::Failed(why) => Some(format!("{kind} failed and are tried again: {why}")),
            Phase::Waiting | Phase::CaughtUp => None,
        };
        let does: Vec<_> = self.kinds.iter().filter_map(|(kind, phase)| of(kind, phase)).collect();
        match (self.stalled, self.node) {
            (Some(_), _) => f.write_str("stands still: nothing has moved for too long")?,
            (None, None) => f.write_str("waits for the node")?,
            (None, Some(_)) if does.is_empty() => f.write_str("nothing is due")?,
            (None, Some(_)) => f.write_str(&does.join("; "))?,
        }
        let number = |number: Option<u64>| number.map_or("none".to_owned(), |number| number.to_string());
        write!(
            f,
            "; archive: epoch endings to {}, snapshot of epoch {}, transactions to {}",
            number(self.epoch_ending),
            number(self.snapshot_epoch),
            number(self.version)
        )?;
        match self.node {
            Some((epoch, version)) => write!(f, "; node: epoch {epoch}, version {version}"),
            None => Ok(()),
        }
    }
}
