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
use tokio::process::{Child, ChildStdin, Command};

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub(crate) fn on(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.env("SEALIFT_STORAGE", format!("file://{}", folder.display()));
    command
}

/// Every file below `folder`.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
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
pub(crate) async fn put_under_way(folder: &Path, mut put: Command) -> (Child, ChildStdin) {
    let mut child = put.stdin(Stdio::piped()).spawn().expect("starts");
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
    let (child, _stdin) = put_under_way(folder.path(), on(folder.path(), &["put", "file"])).await;
    kill_process(Pid::from_raw(child.id().expect("running") as i32).expect("a pid"), Signal::TERM).expect("sent");
    end(child).await.expect_code(143);
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn the_leftovers_of_a_kill_are_swept_and_what_is_alive_is_kept() {
    let folder = folder();
    let sweep = ["sweep", "--older-than", "0s", "--yes"];
    let (mut child, stdin) = put_under_way(folder.path(), on(folder.path(), &["put", "file"])).await;
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

/// In a folder, nothing keeps a checksum of what is stored as it is.
#[tokio::test]
async fn a_read_says_what_has_checked_it() {
    let folder = folder();
    run_with_input(on(folder.path(), &["put", "plain"]), b"data").await.expect_code(0);
    run_with_input(on(folder.path(), &["put", "packed", "--codec=gzip"]), b"data").await.expect_code(0);
    let (out, required) = (folder.path().join("out"), "--require-checksum");
    let to_out = ["get", "plain", "-o", out.to_str().expect("UTF-8")];

    let told = run(on(folder.path(), &["get", "plain"])).await.expect_code(0).stderr;
    assert!(told.contains("only its size was checked") && !told.contains("verified"), "{told}");
    let told = run(on(folder.path(), &[&to_out[..], &["--json"]].concat())).await.expect_code(0).stderr;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let nothing = serde_json::json!({ "service_checksum": false, "kept_checksum": false, "content_checksums": false });
    assert_eq!(told["verified"], nothing);

    std::fs::remove_file(&out).expect("it was there");
    let refused = run(on(folder.path(), &[&to_out[..], &[required]].concat())).await.expect_code(7).stderr;
    assert!(refused.contains("out was not written") && !refused.contains("verified"), "{refused}");
    let names: Vec<_> =
        files(folder.path()).iter().filter_map(|path| path.file_name().map(ToOwned::to_owned)).collect();
    assert!(names.len() == 2 && !out.exists(), "{names:?}");
    let refused = run(on(folder.path(), &["get", "plain", required])).await.expect_code(7);
    assert_eq!(refused.stdout, b"data");
    assert!(refused.stderr.contains("nothing has checked it"), "{}", refused.stderr);

    let packed = run(on(folder.path(), &["get", "packed", "--codec=gzip", required])).await.expect_code(0);
    assert_eq!(packed.stdout, b"data");
    assert!(packed.stderr.contains("verified by the checksums in the stream"), "{}", packed.stderr);
}

#[tokio::test]
async fn what_failed_says_that_nothing_was_stored_since_nothing_was() {
    let folder = folder();
    run_with_input(on(folder.path(), &["put", "old"]), b"old").await.expect_code(0);
    for (arguments, code) in [
        (&["put", "file"][..], 9),
        (&["run", "file", "--", "true"], 9),
        (&["run", "file", "--", "false"], 8),
        (&["run", "file", "--", "no-such-program"], 8),
        (&["put", "old", "--if-absent"], 5),
    ] {
        let said = run(on(folder.path(), arguments)).await.expect_code(code).stderr;
        assert!(said.contains("; nothing was stored"), "{said}");
    }
    assert_eq!(files(folder.path()), [folder.path().join("old")]);
}

#[tokio::test]
async fn a_move_and_a_removal() {
    let folder = folder();
    run_with_input(on(folder.path(), &["put", "a"]), b"data").await.expect_code(0);
    let moved = run(on(folder.path(), &["mv", "a", "b/c"])).await.expect_code(0).text();
    assert!(moved.starts_with("moved file://"), "{moved}");
    assert_eq!(files(folder.path()), [folder.path().join("b/c")]);
    let missing = run(on(folder.path(), &["mv", "a", "d"])).await.expect_code(3).stderr;
    assert!(!missing.contains("stored"), "{missing}");
    run(on(folder.path(), &["rm", "b/c"])).await.expect_code(0);
    assert!(files(folder.path()).is_empty());
}
