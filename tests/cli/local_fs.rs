//! The same promise in a local folder.

use crate::incompressible;
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{self, end, run, run_with_input};
use sealift_tests::eventually::eventually;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn on(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.env("SEALIFT_STORAGE", format!("file://{}", folder.display()));
    command
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files
}

#[tokio::test]
async fn files_are_plain_and_come_back() {
    let folder = folder();
    let data = incompressible(20 << 20);
    let put = run_with_input(on(folder.path(), &["put", "a/b/file", "--json"]), &data).await.expect_code(0);
    assert_eq!(put.json()["bytes_stored"], data.len());
    assert_eq!(files(folder.path()), [folder.path().join("a/b/file")]);
    assert!(std::fs::read(folder.path().join("a/b/file")).expect("there") == data);
    let get = run(on(folder.path(), &["get", "a/b/file"])).await.expect_code(0);
    assert!(get.stdout == data);
    let listed = run(on(folder.path(), &["ls"])).await.expect_code(0).text();
    assert!(listed.trim_end().ends_with("a/b/file"), "{listed}");
    run(on(folder.path(), &["rm", "a/b/file"])).await.expect_code(0);
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_producer_that_fails_leaves_no_file() {
    let folder = folder();
    let producer = ["run", "file", "--", "bash", "-c", "head -c 20000000 /dev/urandom; exit 1"];
    run(on(folder.path(), &producer)).await.expect_code(8);
    assert!(files(folder.path()).is_empty());
}

/// A `put` that has written a temporary file and waits for more.
async fn put_under_way(folder: &Path) -> (tokio::process::Child, tokio::process::ChildStdin) {
    let mut child = on(folder, &["put", "file"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&incompressible(40 << 20)).await.expect("taken");
    eventually("there is a temporary file", Duration::from_secs(20), async || {
        match files(folder).iter().any(|file| file.metadata().is_ok_and(|file| file.len() > 0)) {
            true => Ok(()),
            false => Err("none".into()),
        }
    })
    .await;
    (child, stdin)
}

#[tokio::test]
async fn a_signal_removes_the_temporary_file() {
    let folder = folder();
    let (child, _stdin) = put_under_way(folder.path()).await;
    kill_process(Pid::from_raw(child.id().expect("running") as i32).expect("a pid"), Signal::TERM).expect("sent");
    end(child).await.expect_code(143);
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn the_leftovers_of_a_kill_are_swept_and_what_is_alive_is_kept() {
    let folder = folder();
    let sweep = ["sweep", "--older-than", "0s", "--yes"];
    let (mut child, stdin) = put_under_way(folder.path()).await;
    run(on(folder.path(), &sweep)).await.expect_code(0);
    assert_eq!(files(folder.path()).len(), 1, "it is alive");
    child.kill().await.expect("killed");
    drop(stdin);
    assert_eq!(files(folder.path()).len(), 1, "it was left");
    let young = run(on(folder.path(), &["sweep"])).await.expect_code(0);
    assert_eq!(young.text(), "", "younger than a day");
    let listed = run(on(folder.path(), &["sweep", "--older-than", "0s"])).await.expect_code(0).text();
    assert!(listed.starts_with("found: file "), "{listed}");
    run(on(folder.path(), &sweep)).await.expect_code(0);
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn an_existing_file_is_kept_when_asked() {
    let folder = folder();
    run_with_input(on(folder.path(), &["put", "file"]), b"old").await.expect_code(0);
    run_with_input(on(folder.path(), &["put", "file", "--if-absent"]), b"new").await.expect_code(5);
    assert_eq!(std::fs::read(folder.path().join("file")).expect("kept"), b"old");
    run_with_input(on(folder.path(), &["put", "file"]), b"new").await.expect_code(0);
    assert_eq!(std::fs::read(folder.path().join("file")).expect("there"), b"new");
}

#[tokio::test]
async fn a_whole_url_names_the_file() {
    let folder = folder();
    let url = format!("file://{}/x/file", folder.path().display());
    run_with_input(cli::command(["put", &url]), b"x").await.expect_code(0);
    assert_eq!(files(folder.path()), [folder.path().join("x/file")]);
    let ls = run(cli::command(["ls", &format!("file://{}", folder.path().display())])).await.expect_code(0);
    assert!(ls.text().trim_end().ends_with("x/file"));
}
