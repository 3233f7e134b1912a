//! The command that `run` starts: its own process group, its standard output, and making sure that nothing of it is
//! left running.
//!
//! A group of its own is in the terminal's background. Who asks the terminal there for a password is stopped by the
//! kernel and would wait for ever, so that is noticed and is a failure.

use crate::failure::{Cause, Failure};
use crate::interrupt::{Interrupt, Leaves, Watch};
use crate::trust::environment_before;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid};
use sealift::LeftBehind;
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, ChildStdout, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::timeout;

/// What a producer gets between SIGTERM and SIGKILL, and then until it has to be gone.
const GRACE: Duration = Duration::from_secs(2);

/// A running producer. [`stop`](Producer::stop) it on every path on which it was not seen to exit.
#[derive(Debug)]
pub(crate) struct Producer {
    child: Child,
    group: Group,
    /// Comes when a child has been stopped, among others.
    children: unix::Signal,
    _watch: Watch,
}

/// A producer's process group.
#[derive(Debug, Clone)]
struct Group {
    /// The program. Only that is ever named: arguments may hold secrets.
    name: String,
    leader: Pid,
}

impl Producer {
    /// Starts `command` in a process group of its own, without a shell. Standard input and error are passed on.
    pub(crate) fn start(command: &[OsString], interrupt: &Interrupt) -> Result<(Self, ChildStdout), Failure> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| Failure::usage("run: there is no command after --"))?;
        let name = program.to_string_lossy().into_owned();
        let not_started = |why: &str| {
            let hint = "check the name and PATH; a pipeline needs a shell: -- bash -o pipefail -c '…'";
            failed(format!("start the producer {name}: {why}; {hint}"))
        };
        let children = unix::signal(SignalKind::child()).map_err(|error| not_started(&error.to_string()))?;
        let mut command = Command::new(program);
        if let Some((variable, before, marker)) = environment_before() {
            command.env_remove(marker);
            match before {
                Some(before) => command.env(variable, before),
                None => command.env_remove(variable),
            };
        }
        command.args(arguments).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
        let ((mut child, group), watch) = interrupt.watch_from(|| {
            let child = command.spawn().map_err(|error| not_started(&error.to_string()))?;
            let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
            let leader = leader.ok_or_else(|| not_started("it has no process id"))?;
            let group = Group { name: name.clone(), leader };
            let watched = group.clone();
            let leaves = move || watched.alive().then(|| watched.left()).into_iter().collect();
            Ok::<_, Failure>(((child, group), Box::new(leaves) as Leaves))
        })?;
        let stdout = child.stdout.take().ok_or_else(|| not_started("it has no standard output"))?;
        Ok((Producer { child, group, children, _watch: watch }, stdout))
    }

    /// Waits until it exits; a failure unless with 0, and when it asks for the terminal. Cancel-safe.
    pub(crate) async fn success(&mut self) -> Result<(), Failure> {
        let name = &self.group.name;
        tokio::select! {
            ended = self.child.wait() => match ended {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => Err(failed(format!("the producer {name} {}", how(status)))),
                Err(error) => Err(failed(format!("wait for the producer {name}: {error}"))),
            },
            () = self.group.asks_for_terminal(&mut self.children) => Err(failed(format!(
                "the producer {name} asked for the terminal, which it does not have under run: give it its password by a \
                 file or the environment, or pipe it into `sealift put`"
            ))),
        }
    }

    /// Ends the whole process group, first by asking, and reaps the producer. Says what is left of it.
    pub(crate) async fn stop(mut self) -> Option<LeftBehind> {
        self.group.signal(Signal::TERM);
        // What is stopped takes no other signal.
        self.group.signal(Signal::CONT);
        if timeout(GRACE, self.group_gone()).await.is_ok() {
            return None;
        }
        self.group.signal(Signal::KILL);
        let reaped = timeout(GRACE, self.child.wait()).await.is_ok();
        (!reaped).then(|| self.group.left().because("it was killed, and has not ended"))
    }

    /// Waits until the group has no process left. Members other than the producer are not our children, so no event
    /// tells of their end.
    async fn group_gone(&mut self) {
        let _ = self.child.wait().await;
        while self.group.alive() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Group {
    fn signal(&self, signal: Signal) {
        // It may be gone already, which is what is wanted.
        let _ = kill_process_group(self.leader, signal);
    }

    fn alive(&self) -> bool {
        test_kill_process_group(self.leader).is_ok()
    }

    fn left(&self) -> LeftBehind {
        let Group { name, leader } = self;
        LeftBehind::process(format!("{name}, process group {leader}"))
            .with_remedy(format!("`kill -- -{leader}` ends it"))
    }

    /// Waits until the group was stopped since one of it has read from the terminal or has changed it. Cancel-safe.
    async fn asks_for_terminal(&self, children: &mut unix::Signal) {
        while !self.is_stopped_by_terminal() {
            if children.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The kernel stops all of a group, so its leader tells.
    fn is_stopped_by_terminal(&self) -> bool {
        // Only looked at: the end of the process is awaited elsewhere.
        let look = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let stopped = waitid(WaitId::Pid(self.leader), look).ok().flatten();
        let by = stopped.and_then(|status| status.stopping_signal());
        by.is_some_and(|by| by == Signal::TTIN.as_raw() || by == Signal::TTOU.as_raw())
    }
}

fn failed(text: String) -> Failure {
    Failure::new(Cause::Producer(text))
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => format!("ended with {status}"),
    }
}
