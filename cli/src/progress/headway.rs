//! What a command tells of its own work: how many objects are done, and how much there is in all.

use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Objects of which the same is done, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Objects {
    /// What was done with them: "stored", "copied".
    pub(crate) done: &'static str,
    pub(crate) count: u64,
    /// How many were left as they are.
    pub(crate) there_already: u64,
}

/// How many bytes there are in all, and how what is done of them is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// So many will be taken in.
    In(u64),
    /// So many are stored of what is read.
    Read(u64),
    /// So many of so many are done.
    Done { done: u64, all: u64 },
}

/// What was told last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Headway {
    pub(super) objects: Option<Objects>,
    pub(super) whole: Option<Whole>,
    /// When it was told first how much there is.
    pub(super) since: Option<Instant>,
}

static NOW: Mutex<Headway> = Mutex::new(Headway { objects: None, whole: None, since: None });

/// So many objects are done.
pub(crate) fn objects(objects: Objects) {
    NOW.lock().unwrap_or_else(PoisonError::into_inner).objects = Some(objects);
}

/// So much there is.
pub(crate) fn whole(whole: Whole) {
    let mut now = NOW.lock().unwrap_or_else(PoisonError::into_inner);
    now.whole = Some(whole);
    now.since.get_or_insert_with(Instant::now);
}

pub(super) fn now() -> Headway {
    *NOW.lock().unwrap_or_else(PoisonError::into_inner)
}
