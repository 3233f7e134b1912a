//! The sample configurations of the command adapter, as they stand in the repository, with real tools against real
//! storage. Only the values of their variables are the tests' own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod local_folder;
mod s3;
mod sample;
mod secrets;
