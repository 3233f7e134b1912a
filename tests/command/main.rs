//! The command adapter from outside: real bash, gzip and aws, real processes and signals. The tests count what is left
//! in the whole process, so they run one at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod control;
mod interop;
mod leak;
mod scene;
mod thousands;
