//! What all buckets of this process did, for whoever shows it: one process is one command.

use sealift::{Activity, ActivitySnapshot, Bucket};
use std::sync::{Mutex, PoisonError};

static OPENED: Mutex<Vec<Activity>> = Mutex::new(Vec::new());

/// Has what `bucket` does be told too.
pub(super) fn add(bucket: &Bucket) {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(bucket.activity());
}

/// What all buckets that were opened have done up to now.
pub(crate) fn activity() -> ActivitySnapshot {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Activity::snapshot).sum()
}
