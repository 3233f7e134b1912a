//! What is known of the attempts of one request that can leave something: an account that outlives the future that sends
//! them, since a future can be dropped at any moment and the service goes on.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The account of one request's attempts. An adapter [`begin`](Self::begin)s each attempt here before it sends it, and
/// says how it was answered. Cheap to clone; clones share the account.
///
/// ```
/// use sealift::Attempts;
///
/// let attempts = Attempts::default();
/// let first = attempts.begin();
/// first.sent(); // all of it is out; the answer never comes
/// let second = attempts.begin();
/// second.sent();
/// second.refused();
/// assert_eq!(attempts.effect().unanswered, 1);
/// assert!(attempts.effect().is_possible());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Attempts(Arc<Mutex<Vec<Attempt>>>);

/// One attempt. Until [`sent`](Self::sent) is said the service cannot act on it; from then on it counts as unanswered
/// until one of the other three is said. Cheap to clone; clones are the same attempt.
#[derive(Debug, Clone)]
pub struct Attempt(Arc<AtomicU8>);

/// What a request may have done, or may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// Attempts that were sent and not answered: each may take effect at any moment from now on.
    pub unanswered: usize,
    /// Attempts that are over, with an answer that does not tell whether they took effect.
    pub unclear: usize,
    /// Attempts that the service says it carried out.
    pub applied: usize,
}

const PREPARED: u8 = 0;
const SENT: u8 = 1;
const REFUSED: u8 = 2;
const UNCLEAR: u8 = 3;
const APPLIED: u8 = 4;

impl Attempts {
    /// A new attempt, of which nothing is sent yet.
    pub fn begin(&self) -> Attempt {
        let attempt = Attempt(Arc::new(AtomicU8::new(PREPARED)));
        self.attempts().push(attempt.clone());
        attempt
    }

    /// What all attempts together may have done.
    pub fn effect(&self) -> Effect {
        let mut effect = Effect::default();
        for attempt in self.attempts().iter() {
            match attempt.0.load(Ordering::SeqCst) {
                SENT => effect.unanswered += 1,
                UNCLEAR => effect.unclear += 1,
                APPLIED => effect.applied += 1,
                _ => {}
            }
        }
        effect
    }

    fn attempts(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// Its last byte has been handed to the connection: from now on the service may act on it.
    pub fn sent(&self) {
        // Not after a verdict: an answer can come before the last byte is out.
        let _ = self.0.compare_exchange(PREPARED, SENT, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// It did nothing and will do nothing: the service refused it, or there was no connection to send it on.
    pub fn refused(&self) {
        self.0.store(REFUSED, Ordering::SeqCst);
    }

    /// It was answered, so it does nothing any more, and the answer does not tell what it did: an internal error, or a
    /// success that cannot be read.
    pub fn unclear(&self) {
        self.0.store(UNCLEAR, Ordering::SeqCst);
    }

    /// The service says that it was carried out.
    pub fn applied(&self) {
        self.0.store(APPLIED, Ordering::SeqCst);
    }
}

impl Effect {
    /// Whether the request may have done something, or may still.
    pub fn is_possible(self) -> bool {
        self.unanswered + self.unclear + self.applied > 0
    }

    /// Whether it may still do something: a look that finds nothing proves nothing then.
    pub fn is_pending(self) -> bool {
        self.unanswered > 0
    }

    /// The same once nothing of it can take effect any more.
    pub(crate) fn over(self) -> Self {
        Effect { unanswered: 0, unclear: self.unclear + self.unanswered, ..self }
    }

    /// The same after what one attempt made was found, and is gone again: an attempt besides it may make it anew.
    pub(crate) fn may_repeat(self) -> bool {
        self.is_pending() && self.unanswered + self.unclear + self.applied > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_in_whole_can_take_effect() {
        let attempts = Attempts::default();
        let attempt = attempts.begin();
        assert!(!attempts.effect().is_possible());
        attempt.sent();
        assert!(attempts.effect().is_pending());
        attempt.refused();
        assert_eq!(attempts.effect(), Effect::default());
        // The last byte of a body that was refused early.
        attempt.sent();
        assert_eq!(attempts.effect(), Effect::default());
    }

    #[test]
    fn what_was_found_may_come_again_only_from_another_attempt() {
        let attempts = Attempts::default();
        attempts.begin().sent();
        assert!(attempts.effect().is_pending() && !attempts.effect().may_repeat());
        attempts.begin().applied();
        assert!(attempts.effect().may_repeat());
        assert_eq!(attempts.effect(), Effect { unanswered: 1, unclear: 0, applied: 1 });
    }
}
