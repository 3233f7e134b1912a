//! What is known of one thing that may have to be removed again: the requests that make it, and how often it was removed.

use sealift::Attempts;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The account of one thing, which goes on when what works on it is done again. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    /// The requests that make it.
    pub(crate) attempts: Attempts,
    removed: Arc<AtomicUsize>,
}

impl Trace {
    /// It was there, and is removed. One request made it: of several that were carried out before, the last is seen.
    pub(crate) fn removed(&self) {
        if self.open() > 0 {
            self.removed.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How many requests may have made it, or may still, of which nothing was removed.
    pub(crate) fn open(&self) -> usize {
        let effect = self.attempts.effect();
        let possible = effect.unanswered + effect.unclear + effect.applied;
        possible.saturating_sub(self.removed.load(Ordering::SeqCst))
    }

    /// How many requests may still make it. What was seen and removed was made by one of them, or by one that was answered.
    pub(crate) fn late(&self) -> usize {
        self.attempts.effect().unanswered.min(self.open())
    }

    /// Whether the service has said that it made it, and it was not removed since.
    pub(crate) fn is_there(&self) -> bool {
        self.attempts.effect().applied > self.removed.load(Ordering::SeqCst)
    }
}

/// The accounts by name of what is done again by somebody who keeps none. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces(Arc<Mutex<HashMap<String, Trace>>>);

impl Traces {
    /// The account of `name`, as it was left.
    pub(crate) fn of(&self, name: &str) -> Trace {
        self.all().entry(name.to_owned()).or_default().clone()
    }

    /// Ends the account of `name`: all is said.
    pub(crate) fn forget(&self, name: &str) {
        self.all().remove(name);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Trace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_taken_off_what_may_come() {
        let trace = Trace::default();
        trace.removed();
        trace.attempts.begin().sent();
        assert_eq!((trace.open(), trace.late(), trace.is_there()), (1, 1, false), "another's was removed");
        trace.attempts.begin().applied();
        assert_eq!((trace.open(), trace.late(), trace.is_there()), (2, 1, true));
        trace.removed();
        assert_eq!((trace.open(), trace.late(), trace.is_there()), (1, 1, false), "the first may still come");
        trace.removed();
        assert_eq!((trace.open(), trace.late()), (0, 0));
    }
}
