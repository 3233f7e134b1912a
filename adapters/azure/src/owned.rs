//! The programs that give tokens (`az`, `azd`), as processes of ours: when a token is not awaited any more, they end with
//! all that they have started.

use azure_identity::Executor;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::io;
use std::process::{Output, Stdio};
use tokio::process::Command;

/// Runs a program in a process group of its own, which is killed if its output is not awaited to the end.
#[derive(Debug)]
pub(crate) struct Owned;

#[async_trait::async_trait]
impl Executor for Owned {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        let output = child.wait_with_output().await;
        group.0 = None;
        output
    }
}

/// A process group that still runs.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended just now.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
