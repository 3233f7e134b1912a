//! `sealift compact` on a folder, on S3 and through a command adapter: by the original's rules, held against a reader of
//! the tests' own, killed at every step, and beside others.
// It is test code: a panic is how it says that something is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod at_once;
mod kills;
mod reader;
mod refusals;
mod rules;
mod scene;
mod stops;
