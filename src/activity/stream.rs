//! What an open stream waits for. Its owner's end says whether the owner is held up, its other end whether the codec has
//! something to do; what both say together is one state, so that its changes add up whoever makes them.

use super::Counts;
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a stream waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitsFor {
    /// Whoever writes to a sink.
    Source,
    /// Compression, or decompression.
    Codec,
    /// The service.
    Service,
    /// Whoever reads from a reader.
    Target,
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WaitsFor::Source => "the source",
            WaitsFor::Codec => "compression",
            WaitsFor::Service => "the service",
            WaitsFor::Target => "the target",
        })
    }
}

/// How many of the open streams wait for what. A stream that is fast waits for this and for that in turn: look several
/// times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// Sinks to which nothing is being written: the source is slow, or has nothing yet.
    pub source: u64,
    /// Streams whose next bytes are being compressed or decompressed.
    pub codec: u64,
    /// Streams whose owners are held up by the service.
    pub service: u64,
    /// Readers from which nothing is being read.
    pub target: u64,
}

impl Waiting {
    /// How many streams are open.
    pub fn total(&self) -> u64 {
        self.source + self.codec + self.service + self.target
    }
}

impl AddAssign for Waiting {
    fn add_assign(&mut self, other: Self) {
        self.source += other.source;
        self.codec += other.codec;
        self.service += other.service;
        self.target += other.target;
    }
}

#[derive(Debug, Default)]
pub(super) struct Gauges {
    source: AtomicU64,
    codec: AtomicU64,
    service: AtomicU64,
    target: AtomicU64,
}

impl Gauges {
    fn of(&self, what: WaitsFor) -> &AtomicU64 {
        match what {
            WaitsFor::Source => &self.source,
            WaitsFor::Codec => &self.codec,
            WaitsFor::Service => &self.service,
            WaitsFor::Target => &self.target,
        }
    }

    pub(super) fn snapshot(&self) -> Waiting {
        let of = |what| self.of(what).load(Ordering::Relaxed);
        Waiting {
            source: of(WaitsFor::Source),
            codec: of(WaitsFor::Codec),
            service: of(WaitsFor::Service),
            target: of(WaitsFor::Target),
        }
    }
}

/// A stream is read, and not written.
const READ: u8 = 1;
/// Its owner is held up.
const HELD: u8 = 2;
/// The codec has something to do.
const CODEC: u8 = 4;
/// It is at its end.
const ENDED: u8 = 8;

/// What a stream in this state waits for.
fn waits_for(state: u8) -> Option<WaitsFor> {
    match (state & ENDED != 0, state & HELD != 0, state & CODEC != 0, state & READ != 0) {
        (true, ..) => None,
        (false, false, _, false) => Some(WaitsFor::Source),
        (false, false, _, true) => Some(WaitsFor::Target),
        (false, true, true, _) => Some(WaitsFor::Codec),
        (false, true, false, _) => Some(WaitsFor::Service),
    }
}

#[derive(Debug)]
struct State {
    bits: AtomicU8,
    counts: Arc<Counts>,
}

impl State {
    fn begin(bits: u8, counts: &Arc<Counts>) -> Arc<Self> {
        let state = State { bits: AtomicU8::new(bits), counts: Arc::clone(counts) };
        state.moved(ENDED, bits);
        Arc::new(state)
    }

    /// Each change of the bits is one step, so those of the gauges add up. Nobody else changes this bit, and most calls
    /// change nothing.
    fn set(&self, bit: u8) {
        if self.bits.load(Ordering::Relaxed) & bit == 0 {
            let before = self.bits.fetch_or(bit, Ordering::Relaxed);
            self.moved(before, before | bit);
        }
    }

    fn clear(&self, bit: u8) {
        if self.bits.load(Ordering::Relaxed) & bit != 0 {
            let before = self.bits.fetch_and(!bit, Ordering::Relaxed);
            self.moved(before, before & !bit);
        }
    }

    fn moved(&self, before: u8, after: u8) {
        let (before, after) = (waits_for(before), waits_for(after));
        if before == after {
            return;
        }
        if let Some(after) = after {
            self.counts.waiting.of(after).fetch_add(1, Ordering::Relaxed);
        }
        if let Some(before) = before {
            self.counts.waiting.of(before).fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The end of a stream at which its owner is: a sink, or a reader. It counts for as long as this lives.
#[derive(Debug)]
pub(crate) struct Stream(Arc<State>);

impl Stream {
    /// A stream into the service.
    pub(crate) fn written(counts: &Arc<Counts>) -> Self {
        Stream(State::begin(0, counts))
    }

    /// A stream from the service.
    pub(crate) fn read(counts: &Arc<Counts>) -> Self {
        Stream(State::begin(READ, counts))
    }

    /// The other end, for who compresses or decompresses.
    pub(crate) fn codec(&self) -> Codec {
        Codec(Arc::clone(&self.0))
    }

    /// The owner has to wait.
    pub(crate) fn is_held(&self) {
        self.0.set(HELD);
    }

    /// The owner can go on.
    pub(crate) fn is_free(&self) {
        self.0.clear(HELD);
    }

    /// So many bytes were accepted.
    pub(crate) fn took(&self, bytes: usize) {
        self.0.counts.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes were handed on.
    pub(crate) fn gave(&self, bytes: usize) {
        self.0.counts.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// It is sealed, and its owner knows.
    pub(crate) fn is_sealed(&self) {
        self.0.counts.objects_sealed.fetch_add(1, Ordering::Relaxed);
        self.end();
    }

    /// Nothing is waited for any more.
    pub(crate) fn end(&self) {
        self.0.set(ENDED);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.end();
    }
}

/// The end of a stream at which the codec is.
#[derive(Debug, Clone)]
pub(crate) struct Codec(Arc<State>);

impl Codec {
    /// The next bytes are being compressed or decompressed.
    pub(crate) fn is_busy(&self) {
        self.0.set(CODEC);
    }

    /// It has nothing to do.
    pub(crate) fn is_idle(&self) {
        self.0.clear(CODEC);
    }

    /// Who counts.
    pub(crate) fn counts(&self) -> &Arc<Counts> {
        &self.0.counts
    }
}
