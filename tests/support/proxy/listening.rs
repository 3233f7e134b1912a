//! Whether anybody listens: a proxy that is down refuses connections, as a server that is restarted does.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long a port may still be open after it was closed.
const LATE: Duration = Duration::from_secs(20);

/// The port of a proxy.
#[derive(Debug)]
pub(super) struct Listening {
    address: SocketAddr,
    wanted: watch::Sender<bool>,
    is: watch::Sender<bool>,
}

impl Listening {
    pub(super) fn at(address: SocketAddr) -> Self {
        Listening { address, wanted: watch::channel(true).0, is: watch::channel(true).0 }
    }

    /// Returns when a connection was tried and refused.
    pub(super) async fn go_down(&self) {
        self.wanted.send_replace(false);
        self.is.subscribe().wait_for(|is| !is).await.expect("it lives");
        // A process that this one is starting has the listener too, until it is another program.
        let begun = Instant::now();
        loop {
            match TcpStream::connect(self.address).await.map(drop) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
                other => assert!(begun.elapsed() < LATE, "nobody is to listen: {other:?}"),
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) async fn go_up(&self) {
        self.wanted.send_replace(true);
        self.is.subscribe().wait_for(|is| *is).await.expect("it lives");
    }

    /// Gives each connection to `connected` until `stop`.
    pub(super) async fn accept(&self, listener: TcpListener, stop: &CancellationToken, connected: impl Fn(TcpStream)) {
        let mut wanted = self.wanted.subscribe();
        // What was wanted before this began counts too.
        wanted.mark_changed();
        let mut port = Port::Open(listener);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = wanted.changed() => {
                    changed.expect("it lives");
                    let up = *wanted.borrow_and_update();
                    port = match (up, port) {
                        (true, Port::Held(socket)) => Port::Open(socket.listen(BACKLOG).expect("its port")),
                        (false, Port::Open(listener)) => {
                            let held = held(self.address);
                            drop(listener);
                            Port::Held(held)
                        }
                        (_, port) => port,
                    };
                    self.is.send_replace(up);
                }
                Ok((stream, _)) = next(&port) => connected(stream),
            }
        }
    }
}

/// Connections that may wait to be taken.
const BACKLOG: u32 = 1024;

/// The port, which is nobody else's while nobody listens: another proxy on it would answer.
enum Port {
    Open(TcpListener),
    Held(TcpSocket),
}

/// A port for what listens, which is nobody else's: it may be had twice only after that is certain.
pub(super) fn open() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    socket.set_reuseport(true).expect("for the one that holds it");
    socket.listen(BACKLOG).expect("its port")
}

/// A port on which nobody listens. It may be had beside the listener that has it, so that there is no moment in which it
/// is free: another test's server would be given it, and answer.
fn held(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("connections of before may linger");
    socket.set_reuseport(true).expect("two of this process");
    socket.bind(address).expect("its port");
    socket
}

async fn next(port: &Port) -> io::Result<(TcpStream, SocketAddr)> {
    match port {
        Port::Open(listener) => listener.accept().await,
        Port::Held(_) => std::future::pending().await,
    }
}
