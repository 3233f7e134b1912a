//! Signals. The first asks the command to stop and clean up; a second ends the process at once, after saying what
//! is being left.

use sealift::Bucket;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, OnceLock};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A signal that asks to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    HangUp,
}

impl Signal {
    /// 128 + the signal's number, as shells report a process that died of it.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Signal::HangUp => 129,
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
            Signal::HangUp => "SIGHUP",
        })
    }
}

/// Whether, and by what, the process was asked to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    first: Arc<OnceLock<Signal>>,
    token: CancellationToken,
    bucket: Arc<OnceLock<Bucket>>,
}

impl Interrupt {
    /// Begins to listen. From here on signals no longer end the process by themselves.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminates = signal(SignalKind::terminate())?;
        let mut hang_ups = signal(SignalKind::hangup())?;
        let interrupt = Interrupt::default();
        let shared = interrupt.clone();
        // Ends with the process: it has nothing to clean up.
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    Some(()) = interrupts.recv() => Signal::Interrupt,
                    Some(()) = terminates.recv() => Signal::Terminate,
                    Some(()) = hang_ups.recv() => Signal::HangUp,
                    else => return,
                };
                shared.note(signal);
            }
        });
        Ok(interrupt)
    }

    /// The bucket whose uploads a second signal names.
    pub(crate) fn watch(&self, bucket: &Bucket) {
        let _ = self.bucket.set(bucket.clone());
    }

    /// Waits for the first signal. Cancel-safe.
    pub(crate) async fn requested(&self) -> Signal {
        self.token.cancelled().await;
        self.first.get().copied().unwrap_or(Signal::Terminate)
    }

    fn note(&self, signal: Signal) {
        let mut stderr = std::io::stderr();
        match self.first.set(signal) {
            Ok(()) => {
                let _ = writeln!(stderr, "sealift: {signal}: stopping and cleaning up; once more to leave at once");
                self.token.cancel();
            }
            Err(_) => {
                let under_way = self.bucket.get().map(Bucket::under_way).unwrap_or_default();
                for upload in &under_way {
                    let _ = writeln!(stderr, "sealift: left behind: {upload}");
                }
                std::process::exit(i32::from(signal.exit_code()));
            }
        }
    }
}
