//! Signals and the deadline. The first of them asks the command to stop and clean up; a signal after that ends the process
//! at once, after saying what is being left.
//!
//! A SIGINT or SIGHUP that was ignored when the process was started stays ignored: that is how `nohup` and a shell's
//! `trap '' INT` say that the work is to go on. Linux tells which are (/proc/self/status); elsewhere it is not known,
//! and they stop the command. SIGTERM always does, so that there is a way.
//!
//! A SIGHUP is how a terminal that goes away says so. Under a service manager there is none, and who sends it means that the
//! configuration is to be read again, which no command does: it is refused, in words, and the work goes on.

use crate::service::notify;
use crate::stderr::{self, Severity};
use sd_notify::NotifyState;
use sealift::LeftBehind;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{self, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A signal that asks to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    HangUp,
}

impl Signal {
    fn kind(self) -> SignalKind {
        match self {
            Signal::HangUp => SignalKind::hangup(),
            Signal::Interrupt => SignalKind::interrupt(),
            Signal::Terminate => SignalKind::terminate(),
        }
    }

    /// 128 + the signal's number, as shells report a process that died of it.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Signal::HangUp => 129,
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        }
    }

    /// What comes in of it; `None` if it stays ignored.
    fn listen(self, ignored: u64) -> std::io::Result<Option<unix::Signal>> {
        let bit = 1 << (self.kind().as_raw_value() - 1);
        match self != Signal::Terminate && ignored & bit != 0 {
            true => Ok(None),
            false => signal(self.kind()).map(Some),
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

/// Why the command is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Signal(Signal),
    /// The time that the whole command had is over.
    Deadline(Duration),
}

impl Stop {
    /// As the shells' `timeout` does, and for a signal as they do themselves.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Stop::Signal(signal) => signal.exit_code(),
            Stop::Deadline(_) => 124,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Signal(signal) => write!(f, "{signal}"),
            Stop::Deadline(after) => write!(f, "the deadline of {} s", after.as_secs_f64()),
        }
    }
}

/// Whether, and by what, the process was asked to stop; and what it would leave if it ended at once. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    first: Arc<OnceLock<Stop>>,
    token: CancellationToken,
    watched: Arc<Mutex<Watched>>,
}

#[derive(Default)]
struct Watched {
    next: u64,
    leaves: BTreeMap<u64, Leaves>,
}

/// Says what would be left now.
pub(crate) type Leaves = Box<dyn Fn() -> Vec<LeftBehind> + Send>;

/// For as long as it lives, a second signal names what is being left.
#[derive(Debug)]
pub(crate) struct Watch {
    watched: Arc<Mutex<Watched>>,
    id: u64,
}

impl Interrupt {
    /// Begins to listen. From here on signals no longer end the process by themselves, and the command has the time that
    /// `deadline` says.
    pub(crate) fn listen(deadline: Option<Duration>) -> std::io::Result<Self> {
        let ignored = ignored();
        let mut interrupts = Signal::Interrupt.listen(ignored)?;
        let mut terminates = Signal::Terminate.listen(ignored)?;
        let mut hang_ups = Signal::HangUp.listen(ignored)?;
        let hang_up = HangUp::of_this_process();
        let interrupt = Interrupt::default();
        let shared = interrupt.clone();
        // Ends with the process: it has nothing to clean up.
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    Some(()) = next(&mut interrupts) => Signal::Interrupt,
                    Some(()) = next(&mut terminates) => Signal::Terminate,
                    Some(()) = next(&mut hang_ups) => Signal::HangUp,
                    else => return,
                };
                match (signal, hang_up) {
                    (Signal::HangUp, HangUp::Refused) => refuse_hang_up(),
                    (signal, _) => shared.note(signal),
                }
            }
        });
        if let Some(deadline) = deadline {
            let shared = interrupt.clone();
            // Ends with the process too.
            tokio::spawn(async move {
                tokio::time::sleep(deadline).await;
                shared.stop(Stop::Deadline(deadline));
            });
        }
        Ok(interrupt)
    }

    /// Has a second signal name what `leaves` says then, for as long as the result lives.
    pub(crate) fn watch(&self, leaves: impl Fn() -> Vec<LeftBehind> + Send + 'static) -> Watch {
        self.insert(&mut lock(&self.watched), Box::new(leaves))
    }

    /// The same of what `begin` begins. A second signal waits for it, so that nothing is begun and not watched.
    pub(crate) fn watch_from<T, E>(&self, begin: impl FnOnce() -> Result<(T, Leaves), E>) -> Result<(T, Watch), E> {
        let mut watched = lock(&self.watched);
        let (begun, leaves) = begin()?;
        Ok((begun, self.insert(&mut watched, leaves)))
    }

    fn insert(&self, watched: &mut Watched, leaves: Leaves) -> Watch {
        let id = watched.next;
        watched.next += 1;
        watched.leaves.insert(id, leaves);
        Watch { watched: Arc::clone(&self.watched), id }
    }

    /// Waits until the command is to stop. Cancel-safe.
    pub(crate) async fn requested(&self) -> Stop {
        self.token.cancelled().await;
        self.first.get().copied().unwrap_or(Stop::Signal(Signal::Terminate))
    }

    /// Why the command is to stop, if it is.
    pub(crate) fn received(&self) -> Option<Stop> {
        self.first.get().copied()
    }

    fn note(&self, signal: Signal) {
        if self.stop(Stop::Signal(signal)) == Asked::First {
            return;
        }
        for left in lock(&self.watched).leaves.values().flat_map(|leaves| leaves()) {
            stderr::last_word(&format!("sealift: left behind: {left}"));
        }
        std::process::exit(i32::from(signal.exit_code()));
    }

    fn stop(&self, stop: Stop) -> Asked {
        if self.first.set(stop).is_err() {
            return Asked::Again;
        }
        let leave = match stop {
            Stop::Signal(_) => "once more",
            Stop::Deadline(_) => "a signal",
        };
        let said = format!("sealift: {stop}: stopping and cleaning up; {leave} to leave at once");
        stderr::say(Severity::Notice, &said);
        notify::send(&[NotifyState::Stopping, NotifyState::Status(&format!("{stop}: stopping and cleaning up"))]);
        self.token.cancel();
        Asked::First
    }
}

/// What a SIGHUP does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HangUp {
    /// It says that the terminal is gone, and stops the command.
    Stops,
    /// It is told that there is nothing to read again.
    Refused,
}

impl HangUp {
    /// Shells of a desktop have a service manager's variables too, and a terminal.
    fn of_this_process() -> Self {
        let managed = ["NOTIFY_SOCKET", "INVOCATION_ID"].iter().any(|name| std::env::var_os(name).is_some());
        match managed && std::fs::File::open("/dev/tty").is_err() {
            true => HangUp::Refused,
            false => HangUp::Stops,
        }
    }
}

fn refuse_hang_up() {
    stderr::say(
        Severity::Warning,
        "sealift: SIGHUP: refused, and the work goes on: nothing is read again while a command runs; restart the service for a \
         changed configuration",
    );
}

/// Whether the command was asked to stop before.
#[derive(PartialEq, Eq)]
enum Asked {
    First,
    Again,
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.watched).leaves.remove(&self.id);
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("leaves", &self.leaves.len()).finish()
    }
}

fn lock(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next of a signal; never of one that stays ignored.
async fn next(signals: &mut Option<unix::Signal>) -> Option<()> {
    match signals {
        Some(signals) => signals.recv().await,
        None => std::future::pending().await,
    }
}

/// The signals that this process ignores, the first in the lowest bit; none where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
