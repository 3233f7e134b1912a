//! One command as its reader or writer sees it: its end, its last words, its time limit, and the error it ends in.

use crate::config::CommandName;
use crate::group::{Ended, GroupEnd, How};
use crate::patience::Patience;
use crate::stderr::{Last, Secrets, keep_last};
use crate::supervisor::{KillOnDrop, Supervisor};
use futures::FutureExt;
use futures::future::BoxFuture;
use sealift::{Error, ErrorKind, Result};
use std::fmt;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a pipe may stay open after all of a command's group has ended: only what has left the group holds it then.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Which command this is, and about what: for messages.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) command: CommandName,
    /// A handle or a name.
    pub(crate) about: String,
}

impl Call {
    /// An error of this call.
    pub(crate) fn error(&self, kind: ErrorKind, reason: impl Into<String>) -> Error {
        Error::new(kind, format!("run {} for", self.command), &self.about, reason)
    }
}

/// A command under way. Dropping it kills the command's group; whoever holds pipes to it drops them afterwards.
pub(crate) struct Running {
    kill: KillOnDrop,
    call: Call,
    supervisor: Supervisor,
    end: End,
    patience: Patience,
}

enum End {
    /// Reads the standard error meanwhile, so it must be polled for the command not to stand still.
    Awaited(BoxFuture<'static, Known>),
    Known(Known),
}

/// Why a command was killed.
#[derive(Debug)]
pub(crate) enum Cause {
    StoodStill(Duration),
    Pipe(io::Error),
}

#[derive(Debug, Clone)]
struct Known {
    ended: Ended,
    last_words: String,
}

impl Running {
    /// Needs a runtime.
    pub(crate) fn new(
        call: Call,
        kill: KillOnDrop,
        ended: oneshot::Receiver<Ended>,
        stderr: PipeReader,
        secrets: Secrets,
        supervisor: Supervisor,
        limit: Option<Duration>,
    ) -> io::Result<Self> {
        let stderr = pipe::Receiver::from_owned_fd(OwnedFd::from(stderr))?;
        let name = call.command;
        let end = async move {
            let mut last = Last::default();
            let ended = {
                let what = name.to_string();
                let mut drain = pin!(keep_last(stderr, &what, &secrets, &mut last));
                let mut ended = ended;
                tokio::select! {
                    ended = &mut ended => {
                        let _ = timeout(LAST_WORDS, drain).await;
                        ended
                    }
                    () = &mut drain => ended.await,
                }
            };
            // Not sent only if the supervisor panicked; how the command ended is not known then.
            let ended = ended.unwrap_or(Ended { how: How::Unknown, group: GroupEnd::Left });
            Known { ended, last_words: last.joined() }
        };
        Ok(Running { kill, call, supervisor, end: End::Awaited(end.boxed()), patience: Patience::new(limit) })
    }

    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// Kills the group now. Its end comes with [`poll_success`](Self::poll_success).
    pub(crate) fn kill(&self) {
        self.kill.now();
    }

    /// Lets the command's input end when our end of it is closed.
    pub(crate) fn let_input_end(&self) {
        self.kill.let_input_end();
    }

    /// The command has taken or given something.
    pub(crate) fn moved(&mut self) {
        self.patience.renew();
    }

    /// Ready when the command and its group have ended: with an error unless it was a success. Can be polled again.
    pub(crate) fn poll_success(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let End::Awaited(end) = &mut self.end {
            self.end = End::Known(ready!(end.as_mut().poll(cx)));
        }
        match &self.end {
            End::Known(known) => Poll::Ready(self.judge(known)),
            End::Awaited(_) => Poll::Pending,
        }
    }

    /// Called when the command keeps us waiting: ready once it has done so for too long.
    pub(crate) fn poll_out_of_patience(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        self.patience.poll_out(cx).map(Cause::StoodStill)
    }

    /// The error of a command that was killed for `cause`, once it has ended.
    pub(crate) fn explain(&self, cause: &Cause) -> Error {
        match cause {
            Cause::Pipe(error) => Error::io("talk to the command for", &self.call.about, io::Error::from(error.kind())),
            Cause::StoodStill(limit) => {
                let reason = format!("it stood still for {} s and was killed{}", limit.as_secs_f64(), self.said());
                let hint = "look at what it waits for, or raise its limit under `time_limits`";
                self.call.error(ErrorKind::TimedOut, reason).with_hint(hint)
            }
        }
    }

    /// Its last words, as the end of a sentence.
    fn said(&self) -> String {
        match &self.end {
            End::Known(known) if !known.last_words.is_empty() => format!(", saying: {}", known.last_words),
            _ => String::new(),
        }
    }

    fn judge(&self, known: &Known) -> Result<()> {
        let Ended { how, group } = known.ended;
        let said = self.said();
        let failed = |kind, what: String| Err(self.call.error(kind, format!("{what}{said}")));
        match (how, group) {
            (How::Exited(0), GroupEnd::Clean) => Ok(()),
            _ if !self.supervisor.is_open() => failed(ErrorKind::Cancelled, "it was asked to stop".into()),
            (How::Exited(0), _) => failed(
                ErrorKind::Service,
                "it exited with 0 and left processes running, which were killed: what they did is not known".into(),
            )
            .map_err(|error| error.with_hint("let the command wait for what it starts (`wait`)")),
            (_, GroupEnd::Left) => failed(ErrorKind::Service, format!("{how}, and some of its processes do not end")),
            (How::Exited(code @ (126 | 127)), _) => failed(ErrorKind::Service, format!("it exited with status {code}"))
                .map_err(|error| error.with_hint("a program that it calls was not found or cannot be run: see PATH")),
            _ => failed(ErrorKind::Service, how.to_string())
                .map_err(|error| error.with_hint("correct this command of the configuration, or what it says")),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            How::Exited(code) => write!(f, "it exited with status {code}"),
            How::Killed(signal) => write!(f, "it was killed by signal {signal}"),
            How::Unknown => f.write_str("how it ended is not known"),
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("call", &self.call).finish_non_exhaustive()
    }
}
