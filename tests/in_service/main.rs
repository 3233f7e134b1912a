//! `sealift` as a service, from outside: what the service manager hears, what signals do under it, what is served and written
//! of metrics, and the files in deploy/.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod collector;
mod deploy;
mod hang_up;
mod look;
mod manager;
mod metrics;
mod notify;
mod scene;
mod watching;
