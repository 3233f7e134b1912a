//! How often something was tried again, and why.

use crate::error::{Error, ErrorKind};
use crate::passing::Passing;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why something was tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryCause {
    /// The service asked to slow down.
    Throttled,
    /// The service failed, or its answer could not be used.
    Service,
    /// There was no connection, or it was lost.
    Connection,
    /// No answer came in time.
    NoAnswer,
    /// What came was not what is stored.
    Damaged,
    /// The credentials were not taken, and were renewed.
    Credentials,
    /// Anything else that may pass.
    Other,
}

impl RetryCause {
    /// All of them.
    pub const ALL: [RetryCause; 7] = [
        RetryCause::Throttled,
        RetryCause::Service,
        RetryCause::Connection,
        RetryCause::NoAnswer,
        RetryCause::Damaged,
        RetryCause::Credentials,
        RetryCause::Other,
    ];

    /// Why what failed by `error` is tried again.
    pub(crate) fn of(error: &Error) -> Self {
        match (error.passing(), error.kind()) {
            (Some(Passing::Busy { .. }), _) => RetryCause::Throttled,
            (_, ErrorKind::Unreachable) => RetryCause::Connection,
            (_, ErrorKind::TimedOut) => RetryCause::NoAnswer,
            (_, ErrorKind::Denied) => RetryCause::Credentials,
            (_, ErrorKind::Corrupt) => RetryCause::Damaged,
            (_, ErrorKind::Service) => RetryCause::Service,
            _ => RetryCause::Other,
        }
    }

    /// One word for it, such as `throttled` or `no_answer`: for labels.
    pub fn word(self) -> &'static str {
        match self {
            RetryCause::Throttled => "throttled",
            RetryCause::Service => "service",
            RetryCause::Connection => "connection",
            RetryCause::NoAnswer => "no_answer",
            RetryCause::Damaged => "damaged",
            RetryCause::Credentials => "credentials",
            RetryCause::Other => "other",
        }
    }
}

/// How often something was tried again, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retries([u64; RetryCause::ALL.len()]);

impl Retries {
    /// How often because of this.
    pub fn by(&self, cause: RetryCause) -> u64 {
        self.0[cause as usize]
    }

    /// How often in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each cause with how often.
    pub fn iter(&self) -> impl Iterator<Item = (RetryCause, u64)> + '_ {
        RetryCause::ALL.into_iter().map(|cause| (cause, self.by(cause)))
    }
}

impl AddAssign for Retries {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(all, one)| *all += one);
    }
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; RetryCause::ALL.len()]);

impl Counts {
    pub(super) fn add(&self, cause: RetryCause) {
        self.0[cause as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Retries {
        Retries(std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed)))
    }
}
