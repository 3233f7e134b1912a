//! `sealift drill`: what it says was restored was, by what it says; what is damaged is found; and nothing of it stays, however
//! it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod archives;
mod endings;
#[path = "../copy/scene.rs"]
#[allow(dead_code)]
mod ends;
mod objects;
#[path = "../verify/scene.rs"]
#[allow(dead_code)]
mod sites;

use crate::ends::End;
use sealift_tests::cli::{self, run, run_with_input};
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

/// `sealift drill` of all that an end has, into `into`, with these arguments behind.
fn drill(of: &impl End, into: &Path, arguments: &[&str]) -> Command {
    let (whole, into) = (of.whole(), into.display().to_string());
    let mut command = cli::command([&["drill", &whole, "--into", &into], arguments].concat());
    command.envs(of.environment());
    command
}

/// Stores an object as Sealift does, compressed.
async fn put(end: &impl End, name: &str, data: &[u8]) {
    let url = format!("{}/{name}", end.whole());
    let mut command = cli::command(["put", &url, "--codec=gzip"]);
    command.envs(end.environment());
    run_with_input(command, data).await.expect_code(0);
}

/// Changes a byte in the middle of what is stored.
async fn damage(end: &impl End, name: &str) {
    let mut stored = end.load(name).await.expect("there");
    let middle = stored.len() / 2;
    stored[middle] ^= 1;
    end.store(name, stored).await;
}

/// A folder to restore into.
fn into() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// What is in a folder.
fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
}

/// What `sealift sweep` says of a folder.
async fn swept(folder: &Path, arguments: &[&str]) -> String {
    let url = format!("file://{}", folder.display());
    run(cli::command([&["sweep", &url], arguments].concat())).await.expect_code(0).text()
}
