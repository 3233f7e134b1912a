//! The writer's end: an `AsyncWrite` that fills blocks and hands them to the uploader.

use super::plan::{Plan, UPKEEP};
use super::sealed::Sealed;
use super::uploader::{self, Command, Delivery, Line, Outcome};
use crate::activity::Stream;
use crate::budget::{BLOCK, Block, Budget, Held, closed, units};
use crate::error::{Error, ErrorKind, Result};
use crate::heard::Heard;
use crate::shutdown::runtime_gone;
use crate::work::Work;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio_util::sync::{PollSemaphore, PollSender};

/// A writer whose object becomes visible through a successful `shutdown()` (or [`seal`](Sink::seal)), and through
/// nothing else.
///
/// - `write` exerts backpressure: it waits while the memory budget is used up or the uploads are behind.
/// - [`pour`](Sink::pour) takes an input that blocks, such as a file, with a copy less.
/// - `flush` does nothing: before the commit there is nothing to be had.
/// - `shutdown` returns `Ok` only when the object is committed; [`Sealed::confirmed`] says how that is known. It can be
///   polled again after its future was dropped.
/// - Dropping the sink at any earlier moment, also during `shutdown`, aborts: parts in flight are stopped, what they
///   stored is removed, and an object whose commit was already under way is taken back, unless it may have replaced
///   another that cannot be brought back: then it stays, whole, and is named.
///   [`Bucket::close`](crate::Bucket::close) waits for that and names what is left; [`abort`](Sink::abort) does it here.
/// - The first error is final and every later call returns it. It is returned when the abort has ended.
///
/// A sink takes a place in the memory budget with its first byte. One task that writes to more sinks in turn than the
/// budget has places for (about one per 10 MiB, half as many while something is read) waits for itself; give each sink
/// a task, or raise the budget. A short one whose length is known takes that and 64 KiB.
///
/// ```
/// use sealift::{Bucket, Budget, Codec, Compressor, ErrorKind, IfExists};
/// use std::sync::Arc;
/// use tokio::io::AsyncWriteExt;
///
/// # #[cfg(feature = "memory")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = sealift::MemoryStore::new();
/// # let bucket = Bucket::new(store, Arc::new(Compressor::new(Codec::Plain, None)?), Budget::new(Budget::DEFAULT)?);
/// let key = "db/monday".parse()?;
/// let mut sink = bucket.create(&key, IfExists::Fail)?;
/// sink.write_all(b"some ro").await?;
/// drop(sink); // or an error on the way: nothing was committed, and nothing is left
///
/// let mut sink = bucket.create(&key, IfExists::Fail)?;
/// sink.write_all(b"some rows").await?;
/// let sealed = sink.seal().await?; // from here on it is there, whole
/// assert_eq!((sealed.bytes_in, sealed.parts), (9, 1));
///
/// let again = bucket.create(&key, IfExists::Fail)?.seal().await;
/// assert_eq!(again.expect_err("it is there").kind(), ErrorKind::AlreadyExists);
/// # bucket.close().await.map_err(|errors| format!("left behind: {errors:?}"))?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "memory"))]
/// # fn main() {}
/// ```
pub struct Sink {
    pub(super) phase: Phase,
    pub(super) length: Length,
    pub(super) accepted: u64,
    outcome: Heard<Outcome>,
    work: Arc<Work>,
    commands: PollSender<Command>,
    budget: Budget,
    seat_size: u32,
    seat: Seat,
    bytes: PollSemaphore,
    pub(super) stream: Stream,
}

/// How many bytes a sink takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// As many as come.
    Unknown,
    /// Just so many.
    Exactly(u64),
}

impl Length {
    /// How many may follow `accepted`.
    pub(super) fn room(self, accepted: u64) -> u64 {
        match self {
            Length::Unknown => u64::MAX,
            Length::Exactly(length) => length.saturating_sub(accepted),
        }
    }
}

pub(super) enum Phase {
    /// No block is open.
    Between,
    /// A block is open.
    Filling(Block),
    /// The open block is on the thread that reads into it.
    Lent,
    /// The end was announced; the uploader commits.
    Finishing,
    /// It was committed in the moment in which everything was asked to stop; this tells what became of it.
    Refused(Heard<Error>),
    /// The sink was used wrongly, and the uploader removes what there is.
    GivingUp(Error),
    Sealed(Sealed),
    Failed(Error),
}

/// The sink's place in the budget.
enum Seat {
    /// Not needed yet, or waited for.
    Wanted(PollSemaphore),
    /// Taken from the first byte until the end is announced.
    Taken(#[expect(dead_code, reason = "a place is held, not used")] Held),
}

/// Opens a sink and starts its uploader on the current runtime.
pub(crate) fn open(plan: Plan, length: Length, budget: &Budget) -> Sink {
    // What is short holds no more than itself and its upkeep.
    let seat_size = units(plan.seat_size().min(length.room(0).saturating_add(UPKEEP)));
    let stream = Stream::written(&plan.counts);
    let Line { commands, outcome, work } = uploader::spawn(plan, stream.codec());
    Sink {
        phase: Phase::Between,
        length,
        accepted: 0,
        outcome,
        work,
        commands: PollSender::new(commands),
        budget: budget.clone(),
        seat_size,
        seat: Seat::Wanted(budget.poll_writer_seats()),
        bytes: budget.poll_bytes(),
        stream,
    }
}

impl Sink {
    /// Shuts down and says what was sealed.
    ///
    /// # Errors
    /// As `shutdown()`: the object does not exist then. Dropping the future aborts.
    pub async fn seal(mut self) -> Result<Sealed> {
        poll_fn(|cx| self.poll_seal(cx)).await
    }

    /// Gives the object up and returns when nothing of it is left.
    ///
    /// # Errors
    /// When something is left; the error names it.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the abort.
    pub async fn abort(mut self) -> Result<()> {
        let error = match std::mem::replace(&mut self.phase, Phase::Finishing) {
            Phase::Sealed(_) => return Err(misuse("it was sealed before")),
            Phase::Failed(error) => error,
            Phase::Refused(otherwise) => otherwise.await.unwrap_or_else(|_| runtime_gone("upload", &self.work)),
            Phase::Between | Phase::Filling(_) | Phase::Lent | Phase::Finishing | Phase::GivingUp(_) => {
                self.work.give_up();
                self.ended().await
            }
        };
        match error.left_behind().is_empty() {
            true => Ok(()),
            false => Err(error),
        }
    }

    /// Waits for the end of an upload that is given up.
    async fn ended(self) -> Error {
        let Sink { outcome, work, .. } = self;
        let ended = match outcome.await {
            Ok(Err(error)) => Some(error),
            Ok(Ok(Delivery { accept, otherwise, .. })) => {
                drop(accept);
                otherwise.await.ok()
            }
            Err(_) => None,
        };
        ended.unwrap_or_else(|| runtime_gone("upload", &work))
    }

    /// What was sealed, once `shutdown()` has returned `Ok`.
    pub fn sealed(&self) -> Option<&Sealed> {
        match &self.phase {
            Phase::Sealed(sealed) => Some(sealed),
            _ => None,
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize>> {
        let room = ready!(self.poll_room(cx))?;
        let taken = data.len().min(room);
        if let Phase::Filling(block) = &mut self.phase {
            block.data.extend_from_slice(&data[..taken]);
            self.accepted += taken as u64;
            self.stream.took(taken);
        }
        Poll::Ready(Ok(taken))
    }

    /// Ready when a block is open that has room, with the number of bytes it has room for.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize>> {
        let room = self.poll_open_block(cx);
        match &room {
            Poll::Pending => self.stream.is_held(),
            Poll::Ready(Ok(_)) => self.stream.is_free(),
            Poll::Ready(Err(_)) => self.stream.end(),
        }
        room
    }

    fn poll_open_block(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize>> {
        loop {
            if let Poll::Ready(error) = self.poll_failed(cx) {
                return Poll::Ready(Err(error));
            }
            match &mut self.phase {
                Phase::Between if self.length.room(self.accepted) == 0 => {
                    let reason = format!("more than the {} bytes that were announced came", self.accepted);
                    self.give_up(not_as_announced(reason));
                }
                Phase::Between => {
                    ready!(self.poll_seat(cx))?;
                    let size = self.length.room(self.accepted).min(BLOCK as u64);
                    let upkeep = if self.accepted == 0 { UPKEEP } else { 0 };
                    let held = ready!(self.bytes.poll_acquire_many(cx, units(size + upkeep))).ok_or_else(closed)?;
                    self.phase = Phase::Filling(self.budget.block(size as usize, held));
                }
                Phase::Filling(block) if block.data.len() < BLOCK && self.length.room(self.accepted) > 0 => {
                    let room = (BLOCK - block.data.len()) as u64;
                    return Poll::Ready(Ok(room.min(self.length.room(self.accepted)) as usize));
                }
                Phase::Filling(_) => ready!(self.poll_send_block(cx))?,
                Phase::Lent => self.give_up(broken_off()),
                Phase::Finishing | Phase::Refused(_) | Phase::Sealed(_) => {
                    return Poll::Ready(Err(misuse("shutdown was begun, nothing more can be written")));
                }
                // `poll_failed` is ready, or waits.
                Phase::GivingUp(_) => return Poll::Pending,
                Phase::Failed(error) => return Poll::Ready(Err(error.clone())),
            }
        }
    }

    fn poll_seat(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Seat::Wanted(seats) = &mut self.seat {
            self.seat = Seat::Taken(ready!(seats.poll_acquire_many(cx, self.seat_size)).ok_or_else(closed)?);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_seal(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sealed>> {
        let sealed = self.poll_sealed(cx);
        match &sealed {
            Poll::Pending => self.stream.is_held(),
            Poll::Ready(_) => self.stream.end(),
        }
        sealed
    }

    fn poll_sealed(&mut self, cx: &mut Context<'_>) -> Poll<Result<Sealed>> {
        loop {
            if let Poll::Ready(error) = self.poll_failed(cx) {
                return Poll::Ready(Err(error));
            }
            match &mut self.phase {
                Phase::Filling(_) => ready!(self.poll_send_block(cx))?,
                Phase::Lent => self.give_up(broken_off()),
                Phase::Between if matches!(self.length, Length::Exactly(length) if self.accepted < length) => {
                    let missing = self.length.room(self.accepted);
                    let reason = format!("{missing} bytes fewer came than were announced");
                    self.give_up(not_as_announced(reason));
                }
                Phase::Between => {
                    ready!(self.poll_send(cx, || Command::Finish))?;
                    self.phase = Phase::Finishing;
                    // What is still held leaves by itself now: the place is free for others.
                    self.seat = Seat::Wanted(self.budget.poll_writer_seats());
                }
                Phase::Finishing => {
                    self.phase = match ready!(Pin::new(&mut self.outcome).poll(cx)) {
                        Ok(Ok(Delivery { sealed, accept, otherwise })) => match accept.send(()) {
                            Ok(()) => {
                                self.stream.is_sealed();
                                Phase::Sealed(sealed)
                            }
                            Err(()) => Phase::Refused(otherwise),
                        },
                        Ok(Err(error)) => Phase::Failed(error),
                        Err(_) => Phase::Failed(runtime_gone("upload", &self.work)),
                    };
                }
                Phase::Refused(otherwise) => {
                    let told = ready!(Pin::new(otherwise).poll(cx));
                    self.phase = Phase::Failed(told.unwrap_or_else(|_| runtime_gone("upload", &self.work)));
                }
                Phase::GivingUp(_) => return Poll::Pending,
                Phase::Sealed(sealed) => return Poll::Ready(Ok(sealed.clone())),
                Phase::Failed(error) => return Poll::Ready(Err(error.clone())),
            }
        }
    }

    /// Hands the open block over.
    fn poll_send_block(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if ready!(self.commands.poll_reserve(cx)).is_err() {
            return self.poll_failed(cx).map(Err);
        }
        match std::mem::replace(&mut self.phase, Phase::Between) {
            Phase::Filling(block) => self.poll_send(cx, || Command::Block(block)),
            other => {
                self.phase = other;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Sends a command as soon as the uploader has room for it.
    fn poll_send(&mut self, cx: &mut Context<'_>, command: impl FnOnce() -> Command) -> Poll<Result<()>> {
        if ready!(self.commands.poll_reserve(cx)).is_ok() && self.commands.send_item(command()).is_ok() {
            return Poll::Ready(Ok(()));
        }
        // The uploader takes nothing more: it failed, and says why when it has cleaned up.
        self.poll_failed(cx).map(Err)
    }

    /// Tells the uploader to remove what there is, because of `why`.
    fn give_up(&mut self, why: Error) {
        self.commands.close();
        self.phase = Phase::GivingUp(why);
    }

    /// Ready when the uploader has ended before the end was announced, which is a failure.
    pub(super) fn poll_failed(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        match &self.phase {
            Phase::Between | Phase::Filling(_) | Phase::Lent | Phase::GivingUp(_) => {}
            Phase::Finishing | Phase::Refused(_) | Phase::Sealed(_) => return Poll::Pending,
            Phase::Failed(error) => return Poll::Ready(error.clone()),
        }
        let ended = match ready!(Pin::new(&mut self.outcome).poll(cx)) {
            Ok(Err(error)) => error,
            Ok(Ok(_)) => misuse("the uploader ended early"),
            Err(_) => runtime_gone("upload", &self.work),
        };
        let error = match &self.phase {
            Phase::GivingUp(why) => why.clone().with_left_behind(ended.left_behind().iter().cloned()),
            _ => ended,
        };
        self.phase = Phase::Failed(error.clone());
        Poll::Ready(error)
    }
}

fn misuse(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "write to", "the sink", reason)
}

fn broken_off() -> Error {
    misuse("a `pour` into it was dropped, so something is missing")
}

fn not_as_announced(reason: String) -> Error {
    Error::new(ErrorKind::Changed, "write to", "the sink", reason)
        .with_hint("look whether the source was changed meanwhile")
}

impl AsyncWrite for Sink {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match data.is_empty() {
            true => Poll::Ready(Ok(0)),
            false => self.poll_fill(cx, data).map_err(Error::into_io),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_failed(cx) {
            Poll::Ready(error) => Poll::Ready(Err(error.into_io())),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_seal(cx).map_ok(drop).map_err(Error::into_io)
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::Between | Phase::Filling(_) | Phase::Lent => "writing",
            Phase::Finishing | Phase::Refused(_) => "finishing",
            Phase::GivingUp(_) => "giving up",
            Phase::Sealed(_) => "sealed",
            Phase::Failed(_) => "failed",
        };
        f.debug_struct("Sink").field("phase", &phase).finish_non_exhaustive()
    }
}
