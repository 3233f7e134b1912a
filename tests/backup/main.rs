//! `sealift backup` from outside: a test node, real storage, real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod archives;
mod continuously;
mod covers;
mod headway;
mod kills;
mod known;
mod memory;
mod once;
mod query;
mod quiet;
mod scene;
mod sites;
mod verify;
