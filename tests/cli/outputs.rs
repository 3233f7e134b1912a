//! Where `get -o` writes: what is there keeps what it is, and what is new is as the umask has it.

use crate::incompressible;
use crate::local_fs::{files, folder, on};
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{self, end, run, run_with_input};
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::time::timeout;

const DATA: &[u8] = b"what was stored";

/// A storage with `file`, and a folder to write to.
async fn stored() -> (TempDir, TempDir) {
    let storage = folder();
    run_with_input(on(storage.path(), &["put", "file"]), DATA).await.expect_code(0);
    (storage, folder())
}

fn get(storage: &TempDir, output: &Path) -> Command {
    on(storage.path(), &["get", "file", "-o", output.to_str().expect("UTF-8")])
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").mode() & 0o7777
}

fn named_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(made.success());
}

#[tokio::test]
async fn a_new_file_is_as_the_umask_has_it() {
    let (storage, out) = stored().await;
    for (umask, expected) in [("022", 0o644), ("027", 0o640), ("077", 0o600)] {
        let path = out.path().join(umask);
        let mut command = cli::command_of("bash");
        command.args(["-c", &format!("umask {umask}; exec \"$0\" get file -o \"$1\"")]).arg(cli::sealift()).arg(&path);
        command.env("SEALIFT_STORAGE", format!("file://{}", storage.path().display()));
        run(command).await.expect_code(0);
        assert_eq!(format!("{:o}", mode(&path)), format!("{expected:o}"));
        assert_eq!(fs::read(&path).expect("there"), DATA);
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_keeps_its_mode_and_its_owner() {
    let (storage, out) = stored().await;
    let path = out.path().join("file");
    fs::write(&path, "old").expect("written");
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&path, Some(1234), Some(4321)).expect("root may");
    } else {
        println!("SKIPPED: that the owner is kept, which only root can show");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o604)).expect("ours");
    let before = fs::metadata(&path).expect("there");
    run(get(&storage, &path)).await.expect_code(0);
    let after = fs::metadata(&path).expect("there");
    assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
    assert_ne!(after.ino(), before.ino(), "replaced in one step");
    assert_eq!(fs::read(&path).expect("there"), DATA);
}

#[tokio::test]
async fn links_are_followed_and_stay() {
    let (storage, out) = stored().await;
    fs::create_dir(out.path().join("real")).expect("made");
    let target = out.path().join("real/file");
    // By way of another, relative, and to what is not there yet.
    symlink("real/file", out.path().join("near")).expect("made");
    symlink(out.path().join("near"), out.path().join("far")).expect("made");
    for _ in ["new", "replaced"] {
        run(get(&storage, &out.path().join("far"))).await.expect_code(0);
        for link in ["near", "far"] {
            assert!(fs::symlink_metadata(out.path().join(link)).expect("there").is_symlink(), "{link}");
        }
        assert_eq!(fs::read(&target).expect("there"), DATA);
        fs::write(&target, "older and longer than what is stored").expect("written");
    }
    symlink("round", out.path().join("round")).expect("made");
    let said = run(get(&storage, &out.path().join("round"))).await.expect_code(1).stderr;
    assert!(said.contains("too many links"), "{said}");
}

#[tokio::test]
async fn a_named_pipe_is_written_through_and_stays() {
    let (storage, out) = stored().await;
    let path = out.path().join("pipe");
    named_pipe(&path);
    symlink("pipe", out.path().join("link")).expect("made");
    for name in ["pipe", "link"] {
        // Opened for both, so that it neither waits for a writer nor ends before one has come.
        let mut reader = pipe::OpenOptions::new().read_write(true).open_receiver(&path).expect("a pipe");
        let reading = async {
            let mut read = vec![0; DATA.len()];
            reader.read_exact(&mut read).await.expect("read");
            read
        };
        let both = async { tokio::join!(run(get(&storage, &out.path().join(name))), reading) };
        let (ended, read) = timeout(Duration::from_secs(60), both).await.expect("both end");
        ended.expect_code(0);
        assert_eq!(read, DATA);
        assert!(fs::symlink_metadata(&path).expect("there").file_type().is_fifo());
        assert_eq!(fs::read_dir(out.path()).expect("a folder").count(), 2, "nothing beside");
    }
}

#[tokio::test]
async fn a_dash_and_what_the_system_calls_standard_output_are_it() {
    let (storage, out) = stored().await;
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let ended = run(on(storage.path(), &["get", "file", "-o", name])).await.expect_code(0);
        assert_eq!(ended.stdout, DATA, "{name}");
        // Into a file that is appended to, which a rename would take away.
        let log = out.path().join("log");
        fs::write(&log, "before ").expect("written");
        let mut command = on(storage.path(), &["get", "file", "-o", name]);
        command.stdout(Stdio::from(fs::OpenOptions::new().append(true).open(&log).expect("opened")));
        let status = command.status().await.expect("it ends");
        assert!(status.success());
        assert_eq!(fs::read(&log).expect("there"), [b"before ", DATA].concat(), "{name}");
    }
    assert!(!Path::new("-").exists());
}

#[tokio::test]
async fn a_folder_is_refused_before_anything_is_read() {
    let (storage, out) = stored().await;
    let (folder, missing) = (out.path().to_owned(), out.path().join("none/file"));
    for (path, says) in
        [(folder.clone(), "it is a folder"), (folder.join("new/"), "it is a folder"), (missing, "there is no folder")]
    {
        // An object that is not there shows what was looked at first.
        let command = on(storage.path(), &["get", "no-such-object", "-o", path.to_str().expect("UTF-8")]);
        let said = run(command).await.expect_code(2).stderr;
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(files(out.path()), Vec::<std::path::PathBuf>::new());
}

/// A `get` that is killed in the middle leaves a file that says whose it is, is not listed, and that `sweep` removes.
#[tokio::test]
async fn what_a_killed_read_left_is_swept() {
    let (storage, out) = (folder(), folder());
    let data = incompressible(30 << 20);
    run_with_input(on(storage.path(), &["put", "large"]), &data).await.expect_code(0);
    fs::write(out.path().join("kept"), "not ours").expect("written");
    let path = out.path().join("deep/file");
    fs::create_dir(out.path().join("deep")).expect("made");
    let killed = kill_in_the_middle(&storage, &path).await;
    assert!(killed, "it was quicker than the signal in each of many tries");

    let listed = run(on(out.path(), &["ls", "--names"])).await.expect_code(0).text();
    assert_eq!(listed, "kept\n");
    let young = run(on(out.path(), &["sweep", "--yes"])).await.expect_code(0);
    assert_eq!(files(out.path()).len(), 2, "it is too young: {}", young.text());
    run(on(out.path(), &["sweep", "--older-than=0s", "--yes"])).await.expect_code(0);
    assert_eq!(files(out.path()), [out.path().join("kept")]);
    assert!(out.path().join("deep").is_dir(), "folders are not ours");
}

/// Kills a `get` as soon as its temporary file is there. Whether it was before its end.
async fn kill_in_the_middle(storage: &TempDir, path: &Path) -> bool {
    let folder = path.parent().expect("a folder");
    for _ in 0..20 {
        let child = on(storage.path(), &["get", "large", "-o", path.to_str().expect("UTF-8")]).spawn().expect("starts");
        let pid = Pid::from_raw(child.id().expect("running") as i32).expect("a pid");
        while fs::read_dir(folder).expect("a folder").next().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        kill_process(pid, Signal::KILL).expect("sent");
        end(child).await;
        match path.exists() {
            true => fs::remove_file(path).expect("there"),
            false => return true,
        }
    }
    false
}

/// `/dev/full` is a disk without room. A reader that has gone has read what it wanted.
#[tokio::test]
async fn what_cannot_be_told_is_a_failure_that_says_what_was_done() {
    let (storage, _out) = stored().await;
    for arguments in [
        &["ls"][..],
        &["ls", "--json"],
        &["ls", "--names"],
        &["stat", "file"],
        &["sweep"],
        &["put", "new", "--json"],
        &["mv", "file", "moved"],
        &["command-config", "--storage=s3-native", "--bucket=b"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("there");
        let mut command = on(storage.path(), arguments);
        command.stdout(Stdio::from(full));
        let ended = run_with_input(command, b"data").await;
        let is_silent = arguments == ["sweep"];
        assert_eq!(ended.code, Some(if is_silent { 0 } else { 1 }), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.contains("it was done, and standard output could not be written"), !is_silent);
    }
    assert_eq!(files(storage.path()).len(), 2, "both were done");
    let mut gone = on(storage.path(), &["ls"]).stdout(Stdio::piped()).spawn().expect("starts");
    drop(gone.stdout.take());
    assert_eq!(gone.wait().await.expect("ended").code(), Some(0));
}
