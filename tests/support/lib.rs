//! What the tests share: a proxy that injects faults, the clouds as their emulators show them, the command as a child
//! process, facts about processes, the account of what a test leaves, data.
// It is test code: a panic is how it says that something is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asking;
pub mod azure;
pub mod cli;
pub mod cloud;
pub mod data;
pub mod gcs;
pub mod gcs_parts;
pub mod mix;
pub mod original;
pub mod patience;
pub mod promise;
pub mod protocol;
pub mod proxy;
pub mod s3;

pub use sealift_conformance::{eventually, leaks, process};

/// README.md, whose Rust has to compile. It is of two crates, so neither of them can have it as its test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
