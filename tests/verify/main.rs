//! `sealift verify` from outside: archives that a backup made, on real storage, and what is done to them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod archives;
mod examples;
mod mutations;
mod plain;
mod recorded;
mod scene;
mod shards;
