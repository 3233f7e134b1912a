//! The three backups against a scripted node over real sockets, into a folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod beside;
mod continuing;
mod continuous;
mod faults;
mod node;
mod pruned;
mod records;
mod scene;
mod sites;
mod storage;
mod whole;
