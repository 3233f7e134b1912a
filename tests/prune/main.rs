//! `sealift prune` and `sealift sweep --aptos` on every kind of storage: what stays, held against a reader of the tests' own
//! that follows the original's rules; killed at every step; beside others.
// It is test code: a panic is how it says that something is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod archives;
mod beside;
mod kills;
mod objects;
mod plain;
mod scene;
mod sweeps;
