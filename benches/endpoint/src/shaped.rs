//! A connection that carries so many bytes a second and no more, in each direction.

use std::io;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How much time's worth of bytes may pass at once. Timers have a grain of a millisecond.
const GRAIN: Duration = Duration::from_millis(5);

/// A connection with or without a limit. What the kernel's buffers take at once beyond it still has to come through
/// here before it is answered.
pub(crate) struct Shaped {
    stream: TcpStream,
    reads: Option<Pace>,
    writes: Option<Pace>,
}

impl Shaped {
    pub(crate) fn new(stream: TcpStream, rate: Option<NonZeroU64>) -> Self {
        Shaped { stream, reads: rate.map(Pace::new), writes: rate.map(Pace::new) }
    }
}

/// One direction.
struct Pace {
    rate: u64,
    /// When the next bytes may pass.
    next: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Pace {
    fn new(rate: NonZeroU64) -> Self {
        Pace { rate: rate.get(), next: Instant::now(), timer: Box::pin(sleep_until(Instant::now())) }
    }

    /// Ready with how many bytes may pass now.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.next > Instant::now() {
            self.timer.as_mut().reset(self.next);
            ready!(self.timer.as_mut().poll(cx));
        }
        let grain = self.rate as u128 * GRAIN.as_micros() / 1_000_000;
        Poll::Ready((grain as usize).max(1))
    }

    fn passed(&mut self, count: usize) {
        // A timer that came late is made up for; a pause of the other side is not.
        let earliest = Instant::now().checked_sub(GRAIN).unwrap_or(self.next);
        let cost = Duration::from_nanos((count as u128 * 1_000_000_000 / self.rate as u128) as u64);
        self.next = self.next.max(earliest) + cost;
    }
}

impl AsyncRead for Shaped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(pace) = &mut this.reads else { return Pin::new(&mut this.stream).poll_read(cx, buf) };
        let may = ready!(pace.poll(cx)).min(buf.remaining());
        let mut limited = ReadBuf::new(buf.initialize_unfilled_to(may));
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut limited))?;
        let count = limited.filled().len();
        buf.advance(count);
        pace.passed(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Shaped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(pace) = &mut this.writes else { return Pin::new(&mut this.stream).poll_write(cx, bytes) };
        let may = ready!(pace.poll(cx)).min(bytes.len());
        let count = ready!(Pin::new(&mut this.stream).poll_write(cx, &bytes[..may]))?;
        pace.passed(count);
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
        if self.writes.is_none() {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
