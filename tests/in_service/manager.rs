//! A service manager's end of the notify protocol: a datagram socket.

use crate::scene::HANGS;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// What a command tells its manager comes in here.
pub(crate) struct Manager {
    socket: tokio::net::UnixDatagram,
    address: String,
    _folder: Option<TempDir>,
}

impl Manager {
    /// At a path.
    pub(crate) fn at_a_path() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("bound");
        Manager::new(socket, path.to_str().expect("UTF-8").to_owned(), Some(folder))
    }

    /// In the abstract namespace, as a container's.
    pub(crate) fn abstract_one() -> Self {
        let name = format!("sealift-test/{:016x}", rand::random::<u64>());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).expect("a name")).expect("bound");
        Manager::new(socket, format!("@{name}"), None)
    }

    fn new(socket: UnixDatagram, address: String, folder: Option<TempDir>) -> Self {
        socket.set_nonblocking(true).expect("set");
        let socket = tokio::net::UnixDatagram::from_std(socket).expect("registered");
        Manager { socket, address, _folder: folder }
    }

    /// The command as the manager would start it.
    pub(crate) fn starts(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", &self.address);
    }

    /// The next message, within `time`.
    pub(crate) async fn message_within(&self, time: Duration) -> Option<String> {
        let mut message = vec![0; 64 << 10];
        let length = timeout(time, self.socket.recv(&mut message)).await.ok()?.expect("received");
        Some(String::from_utf8(message[..length].to_vec()).expect("UTF-8"))
    }

    /// All messages up to one with a line for which `wanted` holds.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let (until, mut messages) = (Instant::now() + HANGS, Vec::new());
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Some(message) = self.message_within(left).await else { panic!("{what} did not come: {messages:#?}") };
            let found = message.lines().any(&wanted);
            messages.push(message);
            if found {
                return messages;
            }
        }
    }
}
