//! The command that `run` starts: its own process group, its standard output, and making sure that nothing of it is
//! left running.

use crate::failure::Failure;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// What a producer gets between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// A running producer. [`stop`](Producer::stop) it on every path on which it was not seen to exit.
#[derive(Debug)]
pub(crate) struct Producer {
    child: Child,
    name: String,
    group: Option<Pid>,
}

impl Producer {
    /// Starts `command` in a process group of its own, without a shell. Standard input and error are passed on.
    pub(crate) fn start(command: &[OsString]) -> Result<(Self, ChildStdout), Failure> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| Failure::Usage("run: there is no command after --".into()))?;
        // Only the program is ever named: arguments may hold secrets.
        let name = program.to_string_lossy().into_owned();
        let started =
            Command::new(program).args(arguments).stdout(Stdio::piped()).process_group(0).kill_on_drop(true).spawn();
        let mut child = started.map_err(|error| {
            let hint = "check the name and PATH; a pipeline needs a shell: -- bash -o pipefail -c '…'";
            Failure::Producer(format!("start the producer {name}: {error}; nothing was stored; {hint}"))
        })?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        match child.stdout.take() {
            Some(stdout) => Ok((Producer { child, name, group }, stdout)),
            None => Err(Failure::Producer(format!("the producer {name} has no standard output"))),
        }
    }

    /// Waits until it exits; a failure unless with 0. Cancel-safe.
    pub(crate) async fn success(&mut self) -> Result<(), Failure> {
        match self.child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                Err(Failure::Producer(format!("the producer {} {}; nothing was stored", self.name, how(status))))
            }
            Err(error) => {
                Err(Failure::Producer(format!("wait for the producer {}: {error}; nothing was stored", self.name)))
            }
        }
    }

    /// Ends the whole process group, first by asking, and reaps the producer.
    pub(crate) async fn stop(mut self) {
        self.signal_group(Signal::TERM);
        if timeout(GRACE, self.group_gone()).await.is_err() {
            self.signal_group(Signal::KILL);
        }
        let _ = self.child.wait().await;
    }

    fn signal_group(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may be gone already, which is what is wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits until the group has no process left. Members other than the producer are not our children, so no event
    /// tells of their end.
    async fn group_gone(&mut self) {
        let _ = self.child.wait().await;
        while self.group.is_some_and(|group| test_kill_process_group(group).is_ok()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => format!("ended with {status}"),
    }
}
