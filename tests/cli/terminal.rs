//! What a process inherits from who starts it: signals that are to be ignored, and a terminal. And a producer that
//! outlives a second signal.

use crate::local_fs::{files, folder, on, put_under_way};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use sealift_tests::cli::{self, Ended, end, run};
use sealift_tests::process::process_exists;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

/// `sealift` in `folder`, started by a shell that ignores `signals`.
fn ignoring(signals: &str, folder: &Path, arguments: &[&str]) -> Command {
    // Whatever this process ignores, as what a script has in the background does.
    let mut command = cli::command_of("env");
    command
        .args(["--default-signal=INT,HUP", "bash", "-c", &format!("trap '' {signals}; exec \"$0\" \"$@\"")])
        .arg(cli::sealift())
        .args(arguments);
    command.env("SEALIFT_STORAGE", format!("file://{}", folder.display()));
    command
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().expect("running") as i32).expect("a pid")
}

/// The line of `stderr` that has `part`.
async fn line_with(stderr: &mut BufReader<ChildStderr>, part: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(stderr.read_line(&mut line).await.expect("read") > 0, "{part} was not said");
        if line.contains(part) {
            return line;
        }
    }
}

#[tokio::test]
async fn what_was_ignored_at_the_start_stays_ignored() {
    let folder = folder();
    let (child, stdin) = put_under_way(folder.path(), ignoring("INT HUP", folder.path(), &["put", "file"])).await;
    for signal in [Signal::INT, Signal::HUP] {
        kill_process(pid(&child), signal).expect("sent");
    }
    drop(stdin);
    let ended = end(child).await.expect_code(0);
    assert!(!ended.stderr.contains("stopping"), "{}", ended.stderr);
    assert_eq!(files(folder.path()), [folder.path().join("file")]);
}

#[tokio::test]
async fn only_what_was_ignored_is() {
    let folder = folder();
    let (child, _stdin) = put_under_way(folder.path(), ignoring("INT", folder.path(), &["put", "file"])).await;
    kill_process(pid(&child), Signal::INT).expect("sent");
    kill_process(pid(&child), Signal::HUP).expect("sent");
    let ended = end(child).await.expect_code(129);
    assert!(!ended.stderr.contains("SIGINT") && ended.stderr.contains("SIGHUP"), "{}", ended.stderr);
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_producer_ignores_it_too() {
    let folder = folder();
    let producer = ["run", "file", "--", "bash", "-c", "kill -INT $$; kill -HUP $$; echo alive"];
    run(ignoring("INT HUP", folder.path(), &producer)).await.expect_code(0);
    assert_eq!(std::fs::read(folder.path().join("file")).expect("stored"), b"alive\n");
    run(on(folder.path(), &producer)).await.expect_code(8);
}

/// `sealift` in `folder`, on a terminal of its own.
async fn on_a_terminal(folder: &Path, arguments: &[&str]) -> Ended {
    const SPAWN: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut command = cli::command_of("python3");
    command.args(["-c", SPAWN]).arg(cli::sealift()).args(arguments);
    command.env("SEALIFT_STORAGE", format!("file://{}", folder.display()));
    timeout(Duration::from_secs(30), run(command)).await.expect("it ends")
}

#[tokio::test]
async fn a_producer_that_asks_the_terminal_is_a_failure_that_says_so() {
    // Read from it, and turn its echo off, as those do who ask for a password.
    for asks in ["read -r password < /dev/tty; echo data", "stty -echo < /dev/tty; echo data"] {
        let folder = folder();
        let ended = on_a_terminal(folder.path(), &["run", "file", "--", "bash", "-c", asks]).await.expect_code(8);
        let said = ended.text();
        assert!(said.contains("the producer bash asked for the terminal"), "{said}");
        assert!(said.contains("nothing was stored") && said.contains("sealift put"), "{said}");
        assert!(files(folder.path()).is_empty());
    }
    // One that is stopped otherwise is only waited for.
    let folder = folder();
    let stopped = "{ kill -STOP $$; sleep 0.3; kill -CONT $$; } & wait; echo data";
    on_a_terminal(folder.path(), &["run", "file", "--", "bash", "-c", stopped]).await.expect_code(0);
    assert_eq!(std::fs::read(folder.path().join("file")).expect("stored"), b"data\n");
}

#[tokio::test]
async fn a_second_signal_names_the_producer_that_survives() {
    let folder = folder();
    let script = "trap '' TERM; echo pid $$ >&2; while :; do sleep 1000; done";
    let mut command = on(folder.path(), &["run", "file", "--", "bash", "-c", script]);
    let mut child = command.stdin(Stdio::null()).spawn().expect("starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let line = line_with(&mut stderr, "pid ").await;
    let producer: i32 = line.trim().trim_start_matches("pid ").parse().expect("a number");
    kill_process(pid(&child), Signal::TERM).expect("sent");
    line_with(&mut stderr, "once more to leave at once").await;
    kill_process(pid(&child), Signal::TERM).expect("sent");
    assert_eq!(child.wait().await.expect("ended").code(), Some(143));
    assert!(process_exists(producer as u32), "it ignores what ends others");
    kill_process_group(Pid::from_raw(producer).expect("a pid"), Signal::KILL).expect("killed");
    let mut said = String::new();
    stderr.read_to_string(&mut said).await.expect("read");
    let named = format!("left behind: the process bash, process group {producer} (`kill -- -{producer}` ends it)");
    assert!(said.contains(&named), "{said}");
}
