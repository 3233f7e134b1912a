//! The command line on storage behind shell commands: the same promise, and nothing left running, however it ends.

use crate::{bucket, incompressible};
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{self, end, run, run_with_input};
use sealift_tests::cloud::Cloud;
use sealift_tests::eventually::eventually;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

/// A folder with a configuration that stores into it, like a cloud's tool: what it has when its input ends.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = format!(
        r#"
env_vars: [{{key: FOLDER, value: {:?}}}]
commands:
  create_backup: 'echo "$BACKUP_NAME"'
  create_for_write: |
    echo "$BACKUP_HANDLE/$FILE_NAME"; exec 1>&-
    mkdir -p "$FOLDER/$BACKUP_HANDLE"
    gzip -c | (cat > "$FOLDER/.$FILE_NAME"; mv "$FOLDER/.$FILE_NAME" "$FOLDER/$BACKUP_HANDLE/$FILE_NAME")
  open_for_read: 'gzip -cd "$FOLDER/$FILE_HANDLE"'
  save_metadata_line: 'mkdir -p "$FOLDER/metadata"; gzip -c > "$FOLDER/metadata/$FILE_NAME"'
  list_metadata_files: 'echo metadata/a.meta; echo metadata/b.meta'
"#,
        folder.path()
    );
    std::fs::write(folder.path().join("config.yaml"), yaml).expect("written");
    folder
}

fn on(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = cli::command(arguments);
    command.arg("--storage=command-adapter").arg("--command-adapter-config").arg(folder.join("config.yaml"));
    command
}

fn stored(folder: &Path, name: &str) -> bool {
    folder.join(name).exists()
}

/// Processes whose environment names the folder: the commands, wherever they are by now.
fn commands_of(folder: &Path) -> usize {
    let mark = format!("FOLDER={}", folder.display());
    let processes = std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let environment = std::fs::read(entry.ok()?.path().join("environ")).ok()?;
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()).then_some(())
    });
    processes.count()
}

#[tokio::test]
async fn files_are_stored_and_come_back() {
    let folder = folder();
    let data = incompressible(3 << 20);
    let put = run_with_input(on(folder.path(), &["put", "backup/file", "--json"]), &data).await.expect_code(0).json();
    assert_eq!((&put["location"], &put["bytes_in"]), (&"backup/file".into(), &data.len().into()));
    let get = run(on(folder.path(), &["get", "backup/file"])).await.expect_code(0);
    assert!(get.stdout == data);
    let ls = run(on(folder.path(), &["ls", "metadata/"])).await.expect_code(0);
    assert_eq!(ls.text(), "metadata/a.meta\nmetadata/b.meta\n");
    let mut by_run = cli::command(["run", "backup/by-run"]);
    by_run.arg("--command-adapter-config").arg(folder.path().join("config.yaml")).args(["--", "printf", "hello"]);
    run(by_run).await.expect_code(0);
    assert_eq!(run(on(folder.path(), &["get", "backup/by-run"])).await.expect_code(0).stdout, b"hello");
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let folder = folder();
    for (arguments, expected) in [
        (vec!["stat", "a/bcd"], "put, run, get, ls, verify, doctor, backup, compact and drill --aptos"),
        (vec!["put", "file"], "BACKUP/FILE"),
        (vec!["put", "backup/file", "--if-absent"], "--if-absent"),
        (vec!["put", "backup/a b"], "a-z"),
    ] {
        let ended = run_with_input(on(folder.path(), &arguments), b"x").await.expect_code(2);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    let mut none = cli::command(["put", "backup/file", "--storage=command-adapter"]);
    none.stdin(Stdio::null());
    assert!(run(none).await.expect_code(2).stderr.contains("--command-adapter-config FILE"));
    let mut missing = cli::command(["get", "backup/file", "--command-adapter-config", "/no/such/file"]);
    missing.stdin(Stdio::null());
    assert!(run(missing).await.expect_code(2).stderr.contains("/no/such/file"));
    let failed = run(on(folder.path(), &["get", "backup/none"])).await.expect_code(1);
    assert!(failed.stderr.contains("open_for_read") && failed.stderr.contains("backup/none"), "{}", failed.stderr);
    run_with_input(on(folder.path(), &["put", "backup/file"]), b"").await.expect_code(9);
    assert!(!stored(folder.path(), "backup/file"));
}

#[tokio::test]
async fn a_producer_that_fails_stores_nothing() {
    let folder = folder();
    let mut command = cli::command(["run", "backup/file"]);
    command.arg("--command-adapter-config").arg(folder.path().join("config.yaml"));
    command.args(["--", "bash", "-c", "head -c 3000000 /dev/urandom; exit 3"]);
    run(command).await.expect_code(8);
    assert!(!stored(folder.path(), "backup/file"));
    assert_eq!(commands_of(folder.path()), 0);
}

/// A `put` whose command has a part of the data, and that waits for more.
async fn put_under_way(folder: &Path) -> (Child, ChildStdin) {
    let mut child = on(folder, &["put", "backup/file"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&incompressible(2 << 20)).await.expect("taken");
    eventually("the command has some", Duration::from_secs(20), async || {
        match folder.join(".file").metadata().is_ok_and(|file| file.len() > 0) {
            true => Ok(()),
            false => Err("nothing yet".into()),
        }
    })
    .await;
    (child, stdin)
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().expect("running") as i32).expect("a pid")
}

#[tokio::test]
async fn a_signal_ends_the_command_before_its_input() {
    let folder = folder();
    let (child, stdin) = put_under_way(folder.path()).await;
    kill_process(pid(&child), Signal::TERM).expect("sent");
    end(child).await.expect_code(143);
    assert_eq!(commands_of(folder.path()), 0);
    assert!(!stored(folder.path(), "backup/file"));
    drop(stdin);
}

#[tokio::test]
async fn a_signal_ends_a_command_that_does_not_end() {
    let folder = folder();
    let config = folder.path().join("config.yaml");
    let yaml = std::fs::read_to_string(&config).expect("written");
    std::fs::write(&config, yaml.replace("gzip -c |", "cat >/dev/null; : > \"$FOLDER/.file\"; sleep 1000 |"))
        .expect("written");
    let mut child = on(folder.path(), &["put", "backup/file"]).stdin(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("a pipe").write_all(b"data").await.expect("taken");
    let mark = folder.path().join(".file");
    eventually("the command has all", Duration::from_secs(20), async || match mark.exists() {
        true => Ok(()),
        false => Err("not yet".into()),
    })
    .await;
    kill_process(pid(&child), Signal::INT).expect("sent");
    let ended = end(child).await.expect_code(130);
    assert!(ended.stderr.contains("whole, or not there"), "{}", ended.stderr);
    assert_eq!(commands_of(folder.path()), 0);
}

/// Nothing of ours can act any more: the group's leader does.
#[tokio::test]
async fn a_kill_takes_the_command_along() {
    for signals in [[Signal::KILL].as_slice(), [Signal::STOP, Signal::KILL].as_slice()] {
        let folder = folder();
        let (mut child, stdin) = put_under_way(folder.path()).await;
        for signal in signals {
            kill_process(pid(&child), *signal).expect("sent");
        }
        child.wait().await.expect("killed");
        eventually("its commands are gone", Duration::from_secs(10), async || match commands_of(folder.path()) {
            0 => Ok(()),
            some => Err(format!("{some}")),
        })
        .await;
        assert!(!stored(folder.path(), "backup/file"), "a truncated file");
        drop(stdin);
    }
}

/// A command that commits the moment its input ends, as fast as a shell can: only if the input does not end before the
/// command is killed, it never does.
#[tokio::test]
async fn a_kill_never_ends_the_input() {
    let folder = folder();
    let config = folder.path().join("config.yaml");
    let yaml = std::fs::read_to_string(&config).expect("written");
    let (head, tail) = (yaml.find("    gzip -c |").expect("there"), yaml.find("  open_for_read").expect("there"));
    let commit = "    read -r line; : > \"$FOLDER/.file\"; while read -r line; do :; done; : > \"$FOLDER/$BACKUP_HANDLE/$FILE_NAME\"\n";
    std::fs::write(&config, format!("{}{commit}{}", &yaml[..head], &yaml[tail..])).expect("written");
    for _ in 0..40 {
        let mut child = on(folder.path(), &["put", "backup/file"]).stdin(Stdio::piped()).spawn().expect("starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(b"a line\n").await.expect("taken");
        let mark = folder.path().join(".file");
        eventually("the command has the line", Duration::from_secs(20), async || match mark.exists() {
            true => Ok(()),
            false => Err("not yet".into()),
        })
        .await;
        std::fs::remove_file(&mark).expect("removed");
        child.kill().await.expect("killed");
        eventually("its commands are gone", Duration::from_secs(10), async || match commands_of(folder.path()) {
            0 => Ok(()),
            some => Err(format!("{some}")),
        })
        .await;
        assert!(!stored(folder.path(), "backup/file"), "a truncated file");
    }
}

/// What `storage import` says is what `put` understands, and it leads to the same place.
#[tokio::test(flavor = "multi_thread")]
async fn imported_options_lead_to_the_same_place() {
    let remote = bucket().await;
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.yaml");
    let yaml = r#"
env_vars: [{key: BUCKET, value: the-bucket/deep}, {key: SUB_DIR, value: e1}]
commands:
  create_backup: 'echo "$BACKUP_NAME"'
  create_for_write: |
    FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"; echo "$FILE_HANDLE"; exec 1>&-
    gzip -c | aws s3 cp - "s3://$BUCKET/$SUB_DIR/$FILE_HANDLE"
  open_for_read: 'aws s3 cp "s3://$BUCKET/$SUB_DIR/$FILE_HANDLE" - | gzip -cd'
  save_metadata_line: 'gzip -c | aws s3 cp - "s3://$BUCKET/$SUB_DIR/metadata/$FILE_NAME"'
  list_metadata_files: 'aws s3 ls "s3://$BUCKET/$SUB_DIR/metadata/"'
"#;
    std::fs::write(&config, yaml.replace("the-bucket", &remote.name)).expect("written");
    let import = run(cli::command(["storage", "import", config.to_str().expect("UTF-8")])).await.expect_code(0);
    let flags: Vec<&str> = std::str::from_utf8(&import.stdout).expect("UTF-8").split_whitespace().collect();
    let mut put = cli::command(["put", "backup/file"]);
    put.args(flags).env("AWS_ENDPOINT_URL", remote.endpoint());
    run_with_input(put, b"data").await.expect_code(0);
    assert_eq!(remote.objects().await, ["deep/e1/backup/file"]);
    std::fs::write(&config, yaml.replace("gzip -c |", "zstd |")).expect("written");
    let ended = run(cli::command(["storage", "import", config.to_str().expect("UTF-8")])).await.expect_code(2);
    assert!(ended.stderr.contains("zstd") && ended.stderr.contains("command-adapter"), "{}", ended.stderr);
}
