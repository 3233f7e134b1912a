//! How often a service has asked to slow down: counted where its answers come in, looked at where parts are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count for [`ObjectStore::slow_downs`](crate::ObjectStore::slow_downs). Cheap to clone; clones share the count.
#[derive(Debug, Clone, Default)]
pub struct SlowDowns(Arc<AtomicU64>);

impl SlowDowns {
    /// Takes the status of an HTTP answer into account: 429 (RFC 6585, "Too Many Requests") and 503 (RFC 9110, "Service
    /// Unavailable", which object stores send to clients that ask too much) are requests to slow down.
    pub fn see(&self, status: u16) {
        if matches!(status, 429 | 503) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The count so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
