//! The promise, on S3 and in this process: each way in which a write can fail, with its fault injected between the
//! adapter and a real server, and nothing left afterwards. The tests of this file count descriptors and threads of
//! the whole process, so they run one at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod aborts;
mod lost_replies;
mod refusals;
mod scene;
