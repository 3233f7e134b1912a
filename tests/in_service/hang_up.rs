//! A SIGHUP: from a terminal that goes away it stops a command, from who wants a service to read its configuration again it is
//! refused.

use crate::manager::Manager;
use crate::scene::{HANGS, continuously, end, node, signal, stop};
use rustix::process::Signal;
use sealift_tests::cli::{self, run};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

/// Waits for a line on standard error that has `part`.
async fn until_said(child: &mut Child, part: &str) {
    let mut lines = BufReader::new(child.stderr.as_mut().expect("a pipe")).lines();
    let found = async {
        let mut all = String::new();
        while let Some(line) = lines.next_line().await.expect("read") {
            if line.contains(part) {
                return;
            }
            all.push_str(&line);
        }
        panic!("{part} was not said: {all}");
    };
    timeout(HANGS, found).await.expect("it is said");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_refuses_it_and_goes_on() {
    let (manager, node, folder) = (Manager::at_a_path(), node().await, tempfile::tempdir().expect("a folder"));
    let mut command = continuously(&node.endpoint(), folder.path());
    manager.starts(&mut command);
    // As systemd starts it: with no terminal.
    let mut child = session_of_its_own(command).spawn().expect("sealift starts");
    manager.until("it is ready", |line| line == "READY=1").await;
    signal(&child, Signal::HUP);
    until_said(&mut child, "SIGHUP: refused, and the work goes on").await;
    node.set_chain(crate::scene::chain(4));
    manager.until("it goes on", |line| line.contains("epoch endings to 4")).await;
    stop(child).await.expect_code(0);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_service_manager_refuses_it_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = cli::command(["put", "name", "--storage=local-fs", "--local-fs-dir"]);
    command.arg(folder.path()).env("INVOCATION_ID", "0123456789abcdef");
    let mut child = session_of_its_own(command).stdin(Stdio::piped()).spawn().expect("sealift starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // More than a pipe holds: it reads, so it listens for signals.
    stdin.write_all(&vec![b'x'; 1 << 20]).await.expect("written");
    signal(&child, Signal::HUP);
    until_said(&mut child, "SIGHUP: refused").await;
    drop(stdin);
    end(child).await.expect_code(0);
    assert_eq!(std::fs::read(folder.path().join("name")).expect("stored").len(), 1 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_manager_it_stops_the_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = cli::command(["put", "name", "--storage=local-fs", "--local-fs-dir"]);
    command.arg(folder.path());
    let mut child = session_of_its_own(command).stdin(Stdio::piped()).spawn().expect("sealift starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(&vec![b'x'; 1 << 20]).await.expect("written");
    signal(&child, Signal::HUP);
    end(child).await.expect_code(129);
}

/// A shell of a desktop was started by a service manager too, and has its variables.
#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_it_stops_the_command_whatever_the_environment_says() {
    const SPAWN: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = cli::command_of("python3");
    // The pipe stays open, so that its end is not the input's; a process whose SIGHUP is caught listens for it.
    let script = "mkfifo pipe; exec 3<>pipe; env --default-signal=HUP \"$0\" put name <pipe & \
        until [[ $(awk '/SigCgt/ { print $2 }' /proc/$!/status) =~ [13579bdf]$ ]]; do sleep 0.05; done; \
        kill -HUP $!; wait $!";
    command.args(["-c", SPAWN, "bash", "-c", script]).arg(cli::sealift()).env("INVOCATION_ID", "0123456789abcdef");
    command.current_dir(folder.path());
    command.env("SEALIFT_STORAGE", format!("file://{}", folder.path().join("stored").display()));
    run(command).await.expect_code(129);
}

/// The command without the terminal that the tests may have.
fn session_of_its_own(command: tokio::process::Command) -> tokio::process::Command {
    let mut own = cli::command_of("setsid");
    let command = command.as_std();
    own.arg("--wait").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        own.env(name, value);
    }
    own
}
