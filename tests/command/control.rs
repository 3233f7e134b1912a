//! The control: an adapter made in the way that leaks. It holds a child process, closes the child's input at shutdown and
//! waits for it, and does nothing when it is dropped. Tests show the damage on it that they then look for in ours.

use futures::FutureExt;
use futures::future::BoxFuture;
use sealift_command::CommandConfig;
use std::io;
use std::pin::Pin;
use std::process::{Output, Stdio};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::process::{Child, Command};

pub(crate) enum NaiveWriter {
    Writing(Box<Child>),
    Joining(BoxFuture<'static, io::Result<Output>>),
}

/// Runs `script` with these variables until it has closed its standard output, and gives it what is written.
pub(crate) async fn create_for_write(script: &str, variables: &[(&str, String)]) -> NaiveWriter {
    let mut child = Command::new("bash")
        .args(["-c", &format!("set -o nounset -o errexit -o pipefail; {script}")])
        .envs(variables.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash");
    let mut handle = String::new();
    child.stdout.as_mut().expect("a pipe").read_to_string(&mut handle).await.expect("a handle");
    NaiveWriter::Writing(Box::new(child))
}

/// The same with the `create_for_write` of a configuration.
pub(crate) async fn naive_session(
    yaml: &str,
    environment: &[(String, String)],
    backup: &str,
    file: &str,
) -> NaiveWriter {
    let config = CommandConfig::from_yaml(yaml, "test").expect("a configuration");
    let ours = config.env_vars.iter().map(|variable| (variable.key.as_str(), variable.value.clone()));
    let theirs = environment.iter().map(|(key, value)| (key.as_str(), value.clone()));
    let parameters = [("BACKUP_HANDLE", backup.to_owned()), ("FILE_NAME", file.to_owned())];
    let variables: Vec<_> = ours.chain(theirs).chain(parameters).collect();
    create_for_write(&config.commands.create_for_write, &variables).await
}

impl AsyncWrite for NaiveWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            NaiveWriter::Writing(child) => Pin::new(child.stdin.as_mut().expect("a pipe")).poll_write(cx, data),
            NaiveWriter::Joining(_) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let nothing = NaiveWriter::Joining(std::future::pending().boxed());
            match std::mem::replace(&mut *self, nothing) {
                // This closes its input first.
                NaiveWriter::Writing(child) => *self = NaiveWriter::Joining(child.wait_with_output().boxed()),
                NaiveWriter::Joining(mut join) => {
                    let joined = join.as_mut().poll(cx);
                    *self = NaiveWriter::Joining(join);
                    return Poll::Ready(match ready!(joined)?.status {
                        status if status.success() => Ok(()),
                        status => Err(io::Error::other(status.to_string())),
                    });
                }
            }
        }
    }
}
