//! What a test leaves in this process: children, zombies among them, descriptors, threads.

use crate::eventually::eventually;
use crate::process::{children_of, open_descriptors, threads};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Runs a test when no other of this binary runs, since counts are of the whole process. Runtimes have descriptors and
/// threads too, so they are made one at a time.
pub fn in_turn(test: impl Future<Output = ()>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let no_children = eventually("nothing that an earlier test started runs", Duration::from_secs(20), async || {
        match children_of(std::process::id()) {
            children if children.is_empty() => Ok(()),
            children => Err(format!("{children:?}")),
        }
    });
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        // What ends during this test would be missed at its end.
        no_children.await;
        test.await;
    });
}

/// What there is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Open descriptors.
    pub descriptors: usize,
    /// Descendants, zombies included.
    pub children: usize,
    /// Threads, without the test harness's and the runtime's.
    pub threads: usize,
}

impl Counts {
    /// As it is now.
    pub fn now() -> Self {
        let children = children_of(std::process::id()).len();
        Counts { descriptors: open_descriptors().len(), children, threads: threads() }
    }

    /// Asserts that there is nothing more than there was. Waits for what ends in its own time, such as connections
    /// that the SDK closes in tasks of its own.
    pub async fn assert_as_before(self) {
        eventually("this process is as before", Duration::from_secs(20), async || match Counts::now() {
            now if now.descriptors <= self.descriptors
                && now.children == self.children
                && now.threads <= self.threads =>
            {
                Ok(())
            }
            now => {
                let mut children = children_of(std::process::id());
                children.truncate(10);
                Err(format!("{now:?}, before {self:?}: {children:?} {:?}", open_descriptors()))
            }
        })
        .await;
    }
}
