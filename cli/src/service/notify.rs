//! The service manager's notify protocol, sd_notify(3). The states and their form are of the crate `sd-notify`; the socket is
//! ours, since the crate's reaches none in the abstract namespace, and waits for a manager that does not read.

use sd_notify::NotifyState;
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Once;

/// Tells the service manager, if one listens. Never waits: a message for which its queue has no room is lost, and the next
/// one says more.
pub(crate) fn send(states: &[NotifyState<'_>]) {
    static TOLD: Once = Once::new();
    let Some(address) = std::env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()) else { return };
    match send_to(address.as_bytes(), states) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => TOLD.call_once(|| {
            tracing::warn!("NOTIFY_SOCKET={}: the service manager cannot be told: {error}", address.display());
        }),
        Ok(()) | Err(_) => {}
    }
}

fn send_to(address: &[u8], states: &[NotifyState<'_>]) -> io::Result<()> {
    let mut message = String::new();
    for state in states {
        // A line is a state: one that came with a line's end would be two.
        let _ = writeln!(message, "{}", state.to_string().replace(['\n', '\r'], " "));
    }
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message.as_bytes(), &parse(address)?).map(drop)
}

/// A path, or with `@` in front a name in the abstract namespace.
fn parse(address: &[u8]) -> io::Result<SocketAddr> {
    match address.split_first() {
        #[cfg(target_os = "linux")]
        Some((b'@', name)) => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name),
        Some((b'/', _)) => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(address)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no path of a socket")),
    }
}
