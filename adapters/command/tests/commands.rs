//! What commands do, and what becomes of it. That nothing is left running is tested from outside, in `tests/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use sealift::{BackupHandle, BackupStorage, Error, ErrorKind, FileHandle, FileWriter, ShellSafeName};
use sealift_command::{CommandConfig, CommandStorage};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// A storage in `$FOLDER` whose `create_for_write` ends in `store`, with these further lines of YAML.
fn storage(folder: &TempDir, store: &str, more: &str) -> CommandStorage {
    let yaml = format!(
        r#"
env_vars:
  - key: FOLDER
    value: {folder:?}
  - key: A_TOKEN
    value: a-secret-value
  - key: FILE_NAME
    value: overridden
commands:
  create_backup: 'echo "$BACKUP_NAME  "'
  create_for_write: |
    FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"
    echo "$FILE_HANDLE"; exec 1>&-
    mkdir -p "$FOLDER/$BACKUP_HANDLE"
    {store}
  open_for_read: 'gzip -cd < "$FOLDER/$FILE_HANDLE"'
  save_metadata_line: 'mkdir -p "$FOLDER/metadata"; gzip -c > "$FOLDER/metadata/$FILE_NAME"'
  list_metadata_files: 'cd "$FOLDER"; ls -1 metadata 2>/dev/null | sed "s#^#metadata/#"'
{more}
"#,
        folder = folder.path()
    );
    CommandStorage::new(CommandConfig::from_yaml(&yaml, "test").expect("valid"))
}

const STORE: &str = r#"gzip -c > "$FOLDER/$FILE_HANDLE""#;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn name(name: &str) -> ShellSafeName {
    name.parse().expect("a name")
}

async fn open(storage: &CommandStorage) -> sealift::Result<(FileHandle, FileWriter)> {
    let backup: BackupHandle = "backup".parse().expect("a handle");
    storage.create_for_write(&backup, &name("file")).await
}

async fn written(storage: &CommandStorage, data: &[u8]) -> Result<FileHandle, Error> {
    let (handle, mut writer) = open(storage).await?;
    let ours = |error: std::io::Error| Error::from_io(&error).expect("ours").clone();
    writer.write_all(data).await.map_err(ours)?;
    writer.shutdown().await.map_err(ours)?;
    writer.shutdown().await.expect("once more");
    writer.write_all(b"x").await.expect_err("nothing after the end");
    Ok(handle)
}

#[tokio::test]
async fn there_and_back() {
    let (folder, data) = (folder(), vec![7; 3 << 20]);
    let storage = storage(&folder, STORE, "");
    assert_eq!(storage.create_backup(&name("backup")).await.expect("created").as_ref(), "backup");
    let handle = written(&storage, &data).await.expect("stored");
    assert_eq!(handle.as_ref(), "backup/file");
    let mut back = Vec::new();
    storage.open_for_read(&handle).await.expect("open").read_to_end(&mut back).await.expect("read");
    assert!(back == data);
    assert!(storage.list_metadata_files().await.expect_err("ls fails under pipefail").to_string().contains("status"));
    let line = "{}".parse().expect("a line");
    let meta = storage.save_metadata_lines(&name("b.meta"), &[line]).await.expect("saved");
    assert_eq!(meta.as_ref(), "metadata/b.meta");
    assert_eq!(storage.list_metadata_files().await.expect("listed"), [meta]);
    storage.close().await;
    assert_eq!(storage.create_backup(&name("abc")).await.expect_err("closed").kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn a_command_that_fails_says_how_and_why() {
    let folder = folder();
    for (store, expected) in [
        ("cat >/dev/null; echo 'disk full' >&2; exit 3", "status 3, saying: disk full"),
        ("cat >/dev/null; kill -TERM $$", "signal 15"),
        ("echo $NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE"),
        ("false | cat", "status 1"),
        ("no-such-program", "see PATH"),
        ("head -c 10 >/dev/null", "has not read"),
        ("sleep 1000 & cat >/dev/null", "left processes running"),
        ("cat >/dev/null; echo \"it is a-secret-value\" >&2; exit 1", "it is ***"),
    ] {
        let storage = storage(&folder, store, "");
        let error = written(&storage, &[1; 200_000]).await.expect_err(store);
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains("create_for_write") && text.contains("backup/file"), "{text}");
        storage.close().await;
    }
}

#[tokio::test]
async fn a_command_that_puts_out_no_handle_is_an_error() {
    let folder = folder();
    for (create, expected) in
        [("exec 1>&-; cat >/dev/null", "no handle"), ("echo 'no space' >&2; exit 4", "status 4, saying: no space")]
    {
        let yaml = format!(
            "commands: {{create_backup: a, create_for_write: {create:?}, open_for_read: a, save_metadata_line: a, list_metadata_files: a}}"
        );
        let storage = CommandStorage::new(CommandConfig::from_yaml(&yaml, "test").expect("valid"));
        let error = open(&storage).await.err().expect("no handle");
        assert!(error.to_string().contains(expected), "{error}");
        storage.close().await;
    }
    drop(folder);
}

#[tokio::test]
async fn a_read_that_fails_is_an_error_at_its_end() {
    let folder = folder();
    let storage = storage(&folder, STORE, "");
    let handle = written(&storage, &[1; 100_000]).await.expect("stored");
    let path = folder.path().join("backup/file");
    let stored = std::fs::read(&path).expect("stored");
    std::fs::write(&path, &stored[..stored.len() - 1]).expect("written");
    for handle in [handle, "backup/none".parse().expect("a handle")] {
        let mut reader = storage.open_for_read(&handle).await.expect("open");
        let error = reader.read_to_end(&mut Vec::new()).await.expect_err("incomplete");
        let again = reader.read(&mut [0; 10]).await.expect_err("still");
        for error in [error, again] {
            assert!(error.to_string().contains("status 1, saying: "), "{error}");
        }
    }
    storage.close().await;
}

#[tokio::test]
async fn a_command_that_stands_still_is_killed_in_time() {
    let folder = folder();
    let limits = "time_limits: {create_for_write: 300ms, open_for_read: 300ms}";
    let slow_end = "cat >/dev/null; echo waiting >&2; sleep 1000";
    for (store, when) in [("sleep 1000", "writing"), (slow_end, "ending")] {
        let storage = storage(&folder, store, limits);
        let started = Instant::now();
        let error = written(&storage, &[1; 200_000]).await.expect_err(when);
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(error.to_string().contains("0.3 s") && error.to_string().contains("time_limits"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5));
        storage.close().await;
    }
    // Slow, but it moves: two seconds in all, and never still for one.
    let slow = "for n in 1 2 3 4 5 6 7 8 9 10; do head -c 65536 >/dev/null; sleep 0.2; done";
    let storage = storage(&folder, slow, "time_limits: {create_for_write: 1s}");
    written(&storage, &[1; 10 * 65536]).await.expect("stored");
    storage.close().await;
}

#[tokio::test]
async fn closing_ends_what_is_held() {
    let folder = folder();
    let storage = storage(&folder, STORE, "");
    let (_, mut writer) = open(&storage).await.expect("open");
    writer.write_all(&[1; 100_000]).await.expect("written");
    timeout(Duration::from_secs(10), storage.close()).await.expect("closed");
    let error = writer.shutdown().await.expect_err("killed");
    assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::Cancelled, "{error}");
}

/// More on its standard error than a pipe holds, while nothing else happens.
#[tokio::test]
async fn a_command_that_talks_a_lot_is_heard() {
    let folder = folder();
    let storage = storage(&folder, "head -c 1000000 /dev/zero | tr '\\0' x >&2; cat >/dev/null", "");
    written(&storage, b"data").await.expect("stored");
    storage.close().await;
}
