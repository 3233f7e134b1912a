//! A command that stores what is written to it.

use crate::running::{Cause, Running};
use rustix::io::ioctl_fionread;
use sealift::{Error, ErrorKind};
use std::io::{self, PipeReader, PipeWriter};
use std::mem;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::net::unix::pipe;

/// Writes to a command's standard input. The file exists from the moment `shutdown()` has returned `Ok`: the command has
/// read every byte, and exited with 0. Dropped or failed before, its whole group is killed while its input is still open.
#[derive(Debug)]
pub(crate) struct CommandWriter {
    running: Running,
    phase: Phase,
    /// The command's end of the pipe: tells afterwards what it has not read.
    unread: PipeReader,
}

#[derive(Debug)]
enum Phase {
    Writing(pipe::Sender),
    /// The end of the input was announced.
    Ending,
    /// The group was killed for this reason, and is waited for. Until then the input stays as it was.
    Failing {
        cause: Cause,
        _input: Input,
    },
    Stored,
    Failed(Error),
}

#[derive(Debug)]
enum Input {
    Open(#[expect(dead_code, reason = "held open, not used")] pipe::Sender),
    Ended,
}

impl CommandWriter {
    /// Needs a runtime.
    pub(crate) fn new(running: Running, stdin: PipeWriter, unread: PipeReader) -> io::Result<Self> {
        let stdin = pipe::Sender::from_owned_fd(OwnedFd::from(stdin))?;
        Ok(CommandWriter { running, phase: Phase::Writing(stdin), unread })
    }

    pub(crate) fn running(&mut self) -> &mut Running {
        &mut self.running
    }

    fn fail(&mut self, cause: Cause) {
        self.running.kill();
        let input = match mem::replace(&mut self.phase, Phase::Ending) {
            Phase::Writing(stdin) => Input::Open(stdin),
            _ => Input::Ended,
        };
        self.phase = Phase::Failing { cause, _input: input };
    }

    /// Waits for the end of the command, whatever it is, and settles what it means.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = ready!(self.running.poll_success(cx));
        let ended = ended.and_then(|()| self.all_was_read());
        self.phase = match (mem::replace(&mut self.phase, Phase::Stored), ended) {
            (Phase::Failing { cause, .. }, _) => Phase::Failed(self.running.explain(&cause)),
            (_, Err(error)) => Phase::Failed(error),
            (_, Ok(())) => Phase::Stored,
        };
        Poll::Ready(())
    }

    fn all_was_read(&self) -> Result<(), Error> {
        match ioctl_fionread(&self.unread) {
            Ok(0) => Ok(()),
            Ok(left) => Err(self.not_all_read(format!("{left} bytes and more"))),
            Err(error) => Err(Error::io("look at the pipe of", &self.running.call().about, error.into())),
        }
    }

    fn not_all_read(&self, what: impl std::fmt::Display) -> Error {
        let reason = format!("it exited with 0 and has not read {what} of what was written, so that is not stored");
        self.running.call().error(ErrorKind::Corrupt, reason).with_hint("let the command read its input to the end")
    }

    fn poll_data(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize, Error>> {
        loop {
            match &mut self.phase {
                Phase::Writing(stdin) => {
                    let ended = self.running.poll_success(cx);
                    if let Poll::Ready(ended) = ended {
                        let error = ended.err().unwrap_or_else(|| self.not_all_read("the last"));
                        self.phase = Phase::Failed(error);
                        continue;
                    }
                    match Pin::new(stdin).poll_write(cx, data) {
                        Poll::Ready(Ok(count)) => {
                            self.running.moved();
                            return Poll::Ready(Ok(count));
                        }
                        Poll::Ready(Err(error)) => self.fail(Cause::Pipe(error)),
                        Poll::Pending => {
                            let cause = ready!(self.running.poll_out_of_patience(cx));
                            self.fail(cause);
                        }
                    }
                }
                Phase::Failing { .. } => ready!(self.poll_end(cx)),
                Phase::Ending | Phase::Stored => {
                    let reason = "shutdown was begun, nothing more can be written";
                    return Poll::Ready(Err(self.running.call().error(ErrorKind::InvalidConfig, reason)));
                }
                Phase::Failed(error) => return Poll::Ready(Err(error.clone())),
            }
        }
    }

    fn poll_stored(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &mut self.phase {
                Phase::Writing(_) => {
                    // The leader's hold on the pipe goes, and then ours, which is the end of the input.
                    self.running.let_input_end();
                    self.phase = Phase::Ending;
                }
                Phase::Ending => {
                    if self.poll_end(cx).is_pending() {
                        let cause = ready!(self.running.poll_out_of_patience(cx));
                        self.fail(cause);
                    }
                }
                Phase::Failing { .. } => ready!(self.poll_end(cx)),
                Phase::Stored => return Poll::Ready(Ok(())),
                Phase::Failed(error) => return Poll::Ready(Err(error.clone())),
            }
        }
    }
}

impl Drop for CommandWriter {
    /// Before the pipe is closed.
    fn drop(&mut self) {
        self.running.kill();
    }
}

impl AsyncWrite for CommandWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match data.is_empty() {
            true => Poll::Ready(Ok(0)),
            false => self.poll_data(cx, data).map_err(Error::into_io),
        }
    }

    /// Nothing is kept back here, and what the command keeps back it does not say.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.phase {
            Phase::Failed(error) => Poll::Ready(Err(error.clone().into_io())),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Its future may be dropped and taken up again. Dropping the writer after it was begun kills the command, which may
    /// have stored the whole object by then, but never a part of it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_stored(cx).map_err(Error::into_io)
    }
}
