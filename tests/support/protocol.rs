//! An account of the requests that a client makes of uploads, which is stricter about them than the services are: a part
//! sent twice with other content, a completion that names what was never stored, and anything after an abort are misuse.

use crate::proxy::Head;
use bytes::Bytes;
use hyper::StatusCode;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a request does to an upload or an object, as a cloud's file reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole object is stored.
    Put,
    /// A part is stored.
    Part {
        /// Of this upload.
        upload: String,
        /// Which; sent again, it has to hold the same.
        part: String,
    },
    /// The parts become an object.
    Complete {
        /// Of this upload.
        upload: String,
        /// These.
        parts: Vec<String>,
    },
    /// The upload is given up.
    Abort {
        /// This one.
        upload: String,
    },
}

/// Reads a request.
pub type Reading = fn(&Head<'_>, &Bytes) -> Option<Event>;

/// The account.
#[derive(Debug, Clone)]
pub struct Account {
    read: Reading,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    now: u64,
    contents: BTreeMap<(String, String), u64>,
    stored: BTreeSet<(String, String)>,
    /// When the first abort of each upload was answered with a success.
    aborted: BTreeMap<String, u64>,
    commits: usize,
    misuse: Vec<String>,
}

/// When a request arrived, by the account's own clock.
#[derive(Debug, Clone, Copy)]
pub struct Arrival(u64);

impl Account {
    /// An account of requests that `read` understands.
    pub fn new(read: Reading) -> Self {
        Account { read, state: Arc::default() }
    }

    /// How many objects the server has committed.
    pub fn commits(&self) -> usize {
        self.state().commits
    }

    /// What the client did that it must not do.
    pub fn misuse(&self) -> Vec<String> {
        self.state().misuse.clone()
    }

    /// A request begins.
    pub(crate) fn arrived(&self) -> Arrival {
        Arrival(self.state().tick())
    }

    /// All of a request is there, and it goes to the server.
    pub(crate) fn asked(&self, head: &Head<'_>, body: &Bytes, arrival: Arrival) -> Option<Event> {
        let event = (self.read)(head, body)?;
        self.state().ask(&event, body, arrival);
        Some(event)
    }

    /// The server has answered it.
    pub(crate) fn answered(&self, event: Event, status: StatusCode) {
        // Google answers 499 to an abort that was done.
        let done = status.is_success() || (status.as_u16() == 499 && matches!(event, Event::Abort { .. }));
        if !done {
            return;
        }
        let mut state = self.state();
        match event {
            Event::Put | Event::Complete { .. } => state.commits += 1,
            Event::Part { upload, part } => {
                state.stored.insert((upload, part));
            }
            Event::Abort { upload } => {
                let now = state.tick();
                state.aborted.entry(upload).or_insert(now);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn ask(&mut self, event: &Event, body: &Bytes, Arrival(arrived): Arrival) {
        match event {
            Event::Part { upload, part } => {
                let content = hash(body);
                let named = (upload.clone(), part.clone());
                if *self.contents.entry(named).or_insert(content) != content {
                    self.misuse.push(format!("part {part} was sent twice with other content"));
                }
                self.nothing_after_an_abort(upload, arrived, "a part");
            }
            Event::Complete { upload, parts } => {
                for part in parts {
                    if !self.stored.contains(&(upload.clone(), part.clone())) {
                        self.misuse.push(format!("a completion names part {part}, which was not stored"));
                    }
                }
                self.nothing_after_an_abort(upload, arrived, "a completion");
            }
            Event::Put | Event::Abort { .. } => {}
        }
    }

    fn nothing_after_an_abort(&mut self, upload: &str, arrived: u64, what: &str) {
        if self.aborted.get(upload).is_some_and(|aborted| *aborted < arrived) {
            self.misuse.push(format!("{what} was begun after the abort"));
        }
    }
}

fn hash(body: &Bytes) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}
