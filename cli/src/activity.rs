//! What the buckets of this command do, all together: each that is opened is told here. For progress and metrics.

use sealift::{Activity, ActivitySnapshot, Bucket};
use std::sync::{Mutex, PoisonError};

/// Those that were opened. A command opens a few.
static OPENED: Mutex<Vec<Activity>> = Mutex::new(Vec::new());

/// Counts what `bucket` does, from here on and before.
pub(crate) fn count(bucket: &Bucket) {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(bucket.activity());
}

/// What all of them have done, and are doing.
pub(crate) fn snapshot() -> ActivitySnapshot {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Activity::snapshot).sum()
}
