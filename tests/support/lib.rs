//! What the tests share: a proxy that injects faults, the emulator's view of a bucket, the command as a child process,
//! facts about processes, the account of what a test leaves, data.
// It is test code: a panic is how it says that something is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod cli;
pub mod data;
pub mod eventually;
pub mod leaks;
pub mod process;
pub mod proxy;
pub mod s3;
