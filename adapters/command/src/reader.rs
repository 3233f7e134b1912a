//! A command that gives a file back.

use crate::running::{Cause, Running};
use sealift::Error;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;

/// Reads a command's standard output. End of file is returned only when the command has exited with 0; everything else
/// is an error, and what was read before it must not be used. Dropped before, the command's whole group is killed.
#[derive(Debug)]
pub(crate) struct CommandReader {
    running: Running,
    stdout: pipe::Receiver,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Reading,
    /// The output has ended; the command has not yet.
    Ending,
    /// The group was killed for this reason; it is waited for.
    Failing(Cause),
    Ended,
    Failed(Error),
}

impl CommandReader {
    /// Needs a runtime.
    pub(crate) fn new(running: Running, stdout: PipeReader) -> io::Result<Self> {
        let stdout = pipe::Receiver::from_owned_fd(OwnedFd::from(stdout))?;
        Ok(CommandReader { running, stdout, phase: Phase::Reading })
    }

    fn fail(&mut self, cause: Cause) {
        self.running.kill();
        self.phase = Phase::Failing(cause);
    }

    fn poll_data(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &mut self.phase {
                Phase::Reading => match poll_output(&mut self.running, &mut self.stdout, cx, buf) {
                    Poll::Ready(Ok(Output::Some)) => return Poll::Ready(Ok(())),
                    Poll::Ready(Ok(Output::End)) => self.phase = Phase::Ending,
                    Poll::Ready(Err(cause)) => self.fail(cause),
                    Poll::Pending => return Poll::Pending,
                },
                Phase::Ending => match self.running.poll_success(cx) {
                    Poll::Ready(Ok(())) => self.phase = Phase::Ended,
                    Poll::Ready(Err(error)) => self.phase = Phase::Failed(error),
                    Poll::Pending => {
                        let cause = ready!(self.running.poll_out_of_patience(cx));
                        self.fail(cause);
                    }
                },
                Phase::Failing(cause) => {
                    let _ = ready!(self.running.poll_success(cx));
                    self.phase = Phase::Failed(self.running.explain(cause));
                }
                Phase::Ended => return Poll::Ready(Ok(())),
                Phase::Failed(error) => return Poll::Ready(Err(error.clone())),
            }
        }
    }
}

/// What a look at a command's output found.
pub(crate) enum Output {
    Some,
    End,
}

/// Reads what a command has put out, within its time limit.
pub(crate) fn poll_output(
    running: &mut Running,
    stdout: &mut pipe::Receiver,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<Result<Output, Cause>> {
    // For its standard error. How it ended counts when its output has.
    let _ = running.poll_success(cx);
    let before = buf.filled().len();
    match Pin::new(stdout).poll_read(cx, buf) {
        Poll::Ready(Ok(())) => {
            running.moved();
            let output = if buf.filled().len() == before { Output::End } else { Output::Some };
            Poll::Ready(Ok(output))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(Cause::Pipe(error))),
        Poll::Pending => Poll::Ready(Err(ready!(running.poll_out_of_patience(cx)))),
    }
}

impl AsyncRead for CommandReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match buf.remaining() {
            0 => Poll::Ready(Ok(())),
            _ => self.poll_data(cx, buf).map_err(Error::into_io),
        }
    }
}
