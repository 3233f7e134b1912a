//! `sealift copy`: what it says was copied is there, byte by byte; what it could not prove it says; and a run that broke off is
//! finished by the next.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod aptos;
mod archive_kills;
#[path = "../verify/scene.rs"]
#[allow(dead_code)]
mod archives;
mod faults;
mod kills;
mod scene;
mod syncing;
mod ways;
