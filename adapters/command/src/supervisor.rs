//! The threads that own commands: one a command, from its start to the end of its group. They need no runtime, so a
//! command ends and is reaped also when the runtime that wanted it is shutting down.

use crate::group::{self, Ended, Group, Script, Started, Stdin};
use std::collections::BTreeMap;
use std::io::{self, PipeReader};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

/// All commands of one storage. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supervisor(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Counts threads, not tasks.
    threads: TaskTracker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    next: u64,
    groups: BTreeMap<u64, Arc<Group>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Closed,
}

/// A command under way, for whoever uses it. Dropping it kills the command's group before it closes the pipes.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) kill: KillOnDrop,
    pub(crate) stdin: Stdin,
    pub(crate) stdout: PipeReader,
    pub(crate) stderr: PipeReader,
    /// Sent when the whole group has ended and is reaped.
    pub(crate) ended: oneshot::Receiver<Ended>,
}

/// Kills a group when it is dropped. Does nothing to a group that has ended.
#[derive(Debug)]
pub(crate) struct KillOnDrop(Arc<Group>);

impl KillOnDrop {
    /// Kills the group now. Never blocks.
    pub(crate) fn now(&self) {
        self.0.kill();
    }

    /// Lets the command's input end when our end of it is closed.
    pub(crate) fn let_input_end(&self) {
        self.0.release();
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.kill();
    }
}

impl Supervisor {
    /// Starts a command on a thread of its own. Cancel-safe: a command whose start nobody waits for any more is killed.
    pub(crate) async fn start(&self, script: Script) -> io::Result<Process> {
        let (answer, started) = oneshot::channel();
        // Counted before it is asked: a `close` either waits for this thread, or is seen here.
        let (supervisor, token) = (self.clone(), self.0.threads.token());
        if !self.is_open() {
            return Err(io::Error::other("the storage was closed"));
        }
        std::thread::Builder::new().name("sealift-command".into()).spawn(move || {
            supervisor.supervise(script, answer);
            drop(token);
        })?;
        started.await.unwrap_or_else(|_| Err(io::Error::other("the thread that starts commands panicked")))
    }

    fn supervise(&self, script: Script, answer: oneshot::Sender<io::Result<Process>>) {
        let Started { group, command, stdin, stdout, stderr } = match group::start(script) {
            Ok(started) => started,
            Err(error) => {
                let _ = answer.send(Err(error));
                return;
            }
        };
        let group = Arc::new(group);
        let number = self.register(&group);
        let (tell, ended) = oneshot::channel();
        let kill = KillOnDrop(Arc::clone(&group));
        // Not received, it comes back and is dropped, which kills.
        drop(answer.send(Ok(Process { kill, stdin, stdout, stderr, ended })));
        let end = group.wait(command);
        // Told first, so that nothing is under way when it is no longer listed.
        let _ = tell.send(end);
        self.state().groups.remove(&number);
    }

    fn register(&self, group: &Arc<Group>) -> u64 {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.groups.insert(number, Arc::clone(group));
        if state.phase == Phase::Closed {
            group.kill();
        }
        number
    }

    /// How many commands are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.state().groups.len()
    }

    /// Whether commands are still to be started.
    pub(crate) fn is_open(&self) -> bool {
        self.state().phase == Phase::Open
    }

    /// Kills everything under way, and waits until all of it has ended. Nothing is to be started afterwards.
    /// Cancel-safe: call it again to go on waiting.
    pub(crate) async fn close(&self) {
        {
            let mut state = self.state();
            state.phase = Phase::Closed;
            for group in state.groups.values() {
                group.kill();
            }
        }
        self.0.threads.close();
        self.0.threads.wait().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
