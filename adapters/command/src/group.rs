//! The processes of one command: their group, its leader, and its end. System calls only; nothing here knows the runtime.
//! What waits, waits on the supervisor's thread.

use crate::members::any_runs;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, test_kill_process_group, waitid, waitpgid,
};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Waits for a word. When its input ends without one, this process has died, and nobody else would end the group.
const LEADER: &str = "read -r word || kill -KILL 0";

/// How long processes that a command left running after it succeeded may take to end. A shell does not wait for the
/// processes of `>(…)`, and those may be the ones that store.
const STRAGGLERS: Duration = Duration::from_secs(10);
/// How long the end of killed processes is waited for. They end at once unless they hang in the kernel.
const KILLED: Duration = Duration::from_secs(5);
/// The longest pause between two looks at processes that are not our children, of whose end no event tells.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// What to run.
#[derive(Debug)]
pub(crate) struct Script {
    /// For `bash -c`.
    pub(crate) text: String,
    /// Added to this process's environment.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) input: Input,
}

/// What a command's standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nothing: it ends at once.
    Nothing,
    /// A pipe.
    Piped,
}

/// A command that runs, and our ends of its pipes.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) group: Group,
    pub(crate) command: Pid,
    pub(crate) stdin: Stdin,
    pub(crate) stdout: PipeReader,
    pub(crate) stderr: PipeReader,
}

/// Our end of a command's standard input.
#[derive(Debug)]
pub(crate) enum Stdin {
    Nothing,
    Piped {
        writer: PipeWriter,
        /// The command's end once more: tells afterwards what was never read.
        unread: PipeReader,
    },
}

/// A process group. Its leader is reaped last, so the group's number stays its own until then.
#[derive(Debug)]
pub(crate) struct Group {
    id: Pid,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// The leader waits for a word in this pipe.
    Watched(PipeWriter),
    /// The leader was given the word and ends.
    Released,
    /// All processes have ended. The number may be another group's by now.
    Gone,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Exited(i32),
    Killed(i32),
    /// Somebody else in this process has reaped it.
    Unknown,
}

/// How a command and its group ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) how: How,
    pub(crate) group: GroupEnd,
}

/// How the rest of a group ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupEnd {
    /// It is gone.
    Clean,
    /// Processes ran on after the command had succeeded, and were killed.
    StragglersKilled,
    /// Killed processes have not ended.
    Left,
}

/// Starts a command in a new group. Blocks for as long as starting two processes takes.
pub(crate) fn start(script: Script) -> io::Result<Started> {
    let (stdout, their_stdout) = io::pipe()?;
    let (stderr, their_stderr) = io::pipe()?;
    let (stdin, their_stdin, held_open) = match script.input {
        Input::Nothing => (Stdin::Nothing, Stdio::null(), Stdio::null()),
        Input::Piped => {
            let (reader, writer) = io::pipe()?;
            let (unread, held_open) = (reader.try_clone()?, writer.try_clone()?);
            (Stdin::Piped { writer, unread }, reader.into(), held_open.into())
        }
    };
    let group = start_leader(held_open)?;
    let started = Command::new("bash")
        .arg("-c")
        .arg(script.text)
        .envs(script.environment)
        .stdin(their_stdin)
        .stdout(their_stdout)
        .stderr(their_stderr)
        .process_group(group.id.as_raw_nonzero().get())
        .spawn();
    match started.and_then(|child| pid(&child)) {
        Ok(command) => Ok(Started { group, command, stdin, stdout, stderr }),
        Err(error) => {
            group.kill();
            group.gone_within(KILLED);
            Err(error)
        }
    }
}

/// The leader holds the command's input open as its own standard output.
fn start_leader(held_open: Stdio) -> io::Result<Group> {
    let (control, word) = io::pipe()?;
    let leader = Command::new("/bin/sh")
        .args(["-c", LEADER, "sealift-leader"])
        .env_clear()
        .stdin(control)
        .stdout(held_open)
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    Ok(Group { id: pid(&leader)?, state: Mutex::new(State::Watched(word)) })
}

fn pid(child: &Child) -> io::Result<Pid> {
    let raw = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    raw.ok_or_else(|| io::Error::other("the system gave a process no usable number"))
}

impl Group {
    /// Kills all its processes, if any is left. They are stopped first, so that none of them sees another die.
    /// Never blocks.
    pub(crate) fn kill(&self) {
        let state = self.state();
        if !matches!(*state, State::Gone) {
            for signal in [Signal::STOP, Signal::KILL] {
                let _ = kill_process_group(self.id, signal);
            }
        }
    }

    /// Sends the leader away: from here on the command's input ends when our end of it does. Never blocks, since the
    /// pipe is empty.
    pub(crate) fn release(&self) {
        let mut state = self.state();
        if let State::Watched(word) = &mut *state {
            let _ = word.write_all(b"\n");
            *state = State::Released;
        }
    }

    /// Waits until the command has ended, and then until its whole group has.
    pub(crate) fn wait(&self, command: Pid) -> Ended {
        let how = wait_unreaped(command);
        if how == How::Exited(0) {
            self.release();
            if self.gone_within(STRAGGLERS) {
                return Ended { how, group: GroupEnd::Clean };
            }
        }
        self.kill();
        wait_unreaped(self.id);
        // Once more, for what was forked meanwhile; the number is still the group's own.
        self.kill();
        let gone = self.gone_within(KILLED);
        *self.state() = State::Gone;
        let group = match (gone, how) {
            (false, _) => GroupEnd::Left,
            (true, How::Exited(0)) => GroupEnd::StragglersKilled,
            (true, _) => GroupEnd::Clean,
        };
        Ended { how, group }
    }

    /// Reaps its processes until none is left, for so long.
    fn gone_within(&self, limit: Duration) -> bool {
        let started = Instant::now();
        let mut pause = Duration::from_micros(500);
        loop {
            {
                // Locked, so that nobody signals between the last process's end and our knowing of it.
                let mut state = self.state();
                self.reap();
                let gone = test_kill_process_group(self.id) == Err(Errno::SRCH) || !any_runs(self.id);
                if gone {
                    // What has died since we reaped.
                    self.reap();
                    *state = State::Gone;
                    return true;
                }
            }
            if started.elapsed() > limit {
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Reaps the dead among ours, which are also those that the system made ours because we are its first process, or a
    /// subreaper.
    fn reap(&self) {
        while let Ok(Some(_)) = waitpgid(self.id, WaitOptions::NOHANG) {}
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of a child of ours, and leaves it unreaped.
fn wait_unreaped(child: Pid) -> How {
    let ended = retry_on_intr(|| waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
    let Ok(Some(status)) = ended else { return How::Unknown };
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => How::Exited(code),
        (None, Some(signal)) => How::Killed(signal),
        (None, None) => How::Unknown,
    }
}
