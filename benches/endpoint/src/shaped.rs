//! A network that carries so many bytes a second and no more, in each direction: each connection, and all together.

use std::io;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How much time's worth of bytes may pass at once. Timers have a grain of a millisecond.
const GRAIN: Duration = Duration::from_millis(5);

/// What connections may carry.
pub(crate) struct Network {
    rate: Option<NonZeroU64>,
    all_reads: Option<Pace>,
    all_writes: Option<Pace>,
}

impl Network {
    /// In bytes a second: `rate` is of each connection, `total` of all of them.
    pub(crate) fn new(rate: Option<NonZeroU64>, total: Option<NonZeroU64>) -> Self {
        Network { rate, all_reads: total.map(Pace::new), all_writes: total.map(Pace::new) }
    }

    /// A connection of it.
    pub(crate) fn carries(&self, stream: TcpStream) -> Shaped {
        let paces = |all: &Option<Pace>| Paces([self.rate.map(Pace::new), all.as_ref().map(Pace::shared)]);
        Shaped { stream, reads: paces(&self.all_reads), writes: paces(&self.all_writes) }
    }
}

/// A connection with or without limits. What the kernel's buffers take at once beyond them still has to come through
/// here before it is answered.
pub(crate) struct Shaped {
    stream: TcpStream,
    reads: Paces,
    writes: Paces,
}

/// The limits of one direction: the connection's, and that of all.
struct Paces([Option<Pace>; 2]);

impl Paces {
    fn are_none(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Ready with how many bytes may pass now.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let mut may = usize::MAX;
        for pace in self.0.iter_mut().flatten() {
            may = may.min(ready!(pace.poll(cx)));
        }
        Poll::Ready(may)
    }

    fn passed(&mut self, count: usize) {
        self.0.iter_mut().flatten().for_each(|pace| pace.passed(count));
    }
}

/// One limit.
struct Pace {
    rate: u64,
    /// When the next bytes may pass.
    next: Arc<Mutex<Instant>>,
    timer: Pin<Box<Sleep>>,
}

impl Pace {
    fn new(rate: NonZeroU64) -> Self {
        let now = Instant::now();
        Pace { rate: rate.get(), next: Arc::new(Mutex::new(now)), timer: Box::pin(sleep_until(now)) }
    }

    /// The same limit, for another connection.
    fn shared(&self) -> Self {
        Pace { rate: self.rate, next: Arc::clone(&self.next), timer: Box::pin(sleep_until(Instant::now())) }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        loop {
            let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
            if next <= Instant::now() {
                break;
            }
            self.timer.as_mut().reset(next);
            ready!(self.timer.as_mut().poll(cx));
            // Another connection may have been sooner.
        }
        let grain = self.rate as u128 * GRAIN.as_micros() / 1_000_000;
        Poll::Ready((grain as usize).max(1))
    }

    fn passed(&mut self, count: usize) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        // A timer that came late is made up for; a pause of the other side is not.
        let earliest = Instant::now().checked_sub(GRAIN).unwrap_or(*next);
        let cost = Duration::from_nanos((count as u128 * 1_000_000_000 / self.rate as u128) as u64);
        *next = (*next).max(earliest) + cost;
    }
}

impl AsyncRead for Shaped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.reads.are_none() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let may = ready!(this.reads.poll(cx)).min(buf.remaining());
        let mut limited = ReadBuf::new(buf.initialize_unfilled_to(may));
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut limited))?;
        let count = limited.filled().len();
        buf.advance(count);
        this.reads.passed(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Shaped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.writes.are_none() {
            return Pin::new(&mut this.stream).poll_write(cx, bytes);
        }
        let may = ready!(this.writes.poll(cx)).min(bytes.len());
        let count = ready!(Pin::new(&mut this.stream).poll_write(cx, &bytes[..may]))?;
        this.writes.passed(count);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.writes.are_none() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
