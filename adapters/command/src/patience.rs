//! How long a command may keep us waiting.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// A time limit on standing still, not on the whole: it begins anew whenever the command has moved, and does not run
/// while nobody waits for it.
#[derive(Debug)]
pub(crate) enum Patience {
    Endless,
    Limited { limit: Duration, timer: Pin<Box<Sleep>>, waiting: Waiting },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    No,
    Yes,
}

impl Patience {
    /// Needs a runtime when there is a limit.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        match limit {
            None => Patience::Endless,
            Some(limit) => Patience::Limited { limit, timer: Box::pin(sleep(limit)), waiting: Waiting::No },
        }
    }

    /// The command has moved.
    pub(crate) fn renew(&mut self) {
        if let Patience::Limited { waiting, .. } = self {
            *waiting = Waiting::No;
        }
    }

    /// Called when the command keeps us waiting: ready with the limit once it has done so for that long.
    pub(crate) fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Patience::Limited { limit, timer, waiting } = self else { return Poll::Pending };
        if *waiting == Waiting::No {
            timer.as_mut().reset(Instant::now() + *limit);
            *waiting = Waiting::Yes;
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(*limit)
    }
}
