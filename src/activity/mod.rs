//! What a bucket does, counted where it happens: the bytes where a sink takes them and a reader gives them, parts where they
//! have their place, retries where they are decided. For whoever shows it: progress, metrics.

mod retries;
mod stream;

use crate::object_store::ObjectStore;
use crate::retrying::RetryingStore;
pub use retries::{Retries, RetryCause};
use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use stream::{Codec, Stream};
pub use stream::{Waiting, WaitsFor};

/// What a [`Bucket`](crate::Bucket) has done since it was made, and what it is doing. Cheap to clone; clones, and those of
/// clones of the bucket, tell the same.
///
/// ```
/// # async fn show(bucket: sealift::Bucket) {
/// let activity = bucket.activity();
/// // Now and then, while something is under way:
/// let now = activity.snapshot();
/// println!("{} bytes in, {} stored, {} parts in flight", now.bytes_in, now.bytes_stored, now.parts_in_flight);
/// # }
/// ```
#[derive(Clone)]
pub struct Activity {
    counts: Arc<Counts>,
    store: Arc<RetryingStore>,
}

/// What a bucket, or several together, have done up to a moment. Add up those of several buckets by `+=` or
/// [`sum`](Iterator::sum).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivitySnapshot {
    /// Bytes that sinks have accepted, before compression; by blocks of 1 MiB where an input is
    /// [poured](crate::Sink::pour). Also those of objects that were given up.
    pub bytes_in: u64,
    /// Bytes that compression has made of them, or as many where nothing is compressed.
    pub bytes_encoded: u64,
    /// Bytes of parts and whole objects whose storing the service has acknowledged, after compression. Also those of objects
    /// that were given up.
    pub bytes_stored: u64,
    /// Bytes that came from the service, as they are stored.
    pub bytes_read: u64,
    /// Bytes that readers have handed on, after decompression.
    pub bytes_out: u64,
    /// Objects that were committed, and whose writers were told so.
    pub objects_sealed: u64,
    /// Parts and whole objects on their way to the service now.
    pub parts_in_flight: u64,
    /// Ranges of objects that are asked for now.
    pub reads_in_flight: u64,
    /// How often something was tried again, by why.
    pub retries: Retries,
    /// How often the service has asked to slow down, attempt by attempt.
    pub slow_downs: u64,
    /// What the open streams wait for now.
    pub waiting: Waiting,
}

impl Activity {
    pub(crate) fn new(counts: Arc<Counts>, store: Arc<RetryingStore>) -> Self {
        Activity { counts, store }
    }

    /// What was done so far. The numbers are of one moment as nearly as can be had without holding anything up.
    pub fn snapshot(&self) -> ActivitySnapshot {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &*self.counts;
        ActivitySnapshot {
            bytes_in: of(&counts.bytes_in),
            bytes_encoded: of(&counts.bytes_encoded),
            bytes_stored: of(&counts.bytes_stored),
            bytes_read: of(&counts.bytes_read),
            bytes_out: of(&counts.bytes_out),
            objects_sealed: of(&counts.objects_sealed),
            parts_in_flight: of(&counts.parts_in_flight),
            reads_in_flight: of(&counts.reads_in_flight),
            retries: counts.retries.snapshot(),
            slow_downs: self.store.slow_downs(),
            waiting: counts.waiting.snapshot(),
        }
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Activity").field(&self.snapshot()).finish()
    }
}

impl AddAssign for ActivitySnapshot {
    fn add_assign(&mut self, other: Self) {
        self.bytes_in += other.bytes_in;
        self.bytes_encoded += other.bytes_encoded;
        self.bytes_stored += other.bytes_stored;
        self.bytes_read += other.bytes_read;
        self.bytes_out += other.bytes_out;
        self.objects_sealed += other.objects_sealed;
        self.parts_in_flight += other.parts_in_flight;
        self.reads_in_flight += other.reads_in_flight;
        self.retries += other.retries;
        self.slow_downs += other.slow_downs;
        self.waiting += other.waiting;
    }
}

impl Sum for ActivitySnapshot {
    fn sum<I: Iterator<Item = Self>>(snapshots: I) -> Self {
        snapshots.fold(ActivitySnapshot::default(), |mut all, one| {
            all += one;
            all
        })
    }
}

/// The counts of one bucket.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    bytes_in: AtomicU64,
    bytes_encoded: AtomicU64,
    bytes_stored: AtomicU64,
    bytes_read: AtomicU64,
    bytes_out: AtomicU64,
    objects_sealed: AtomicU64,
    parts_in_flight: AtomicU64,
    reads_in_flight: AtomicU64,
    retries: retries::Counts,
    waiting: stream::Gauges,
}

impl Counts {
    /// How many bytes were made to be stored, and are not, or were given up.
    pub(crate) fn unstored(&self) -> u64 {
        let [encoded, stored] = [&self.bytes_encoded, &self.bytes_stored].map(|count| count.load(Ordering::Relaxed));
        encoded.saturating_sub(stored)
    }

    /// So many bytes were made to be stored.
    pub(crate) fn encoded(&self, bytes: u64) {
        self.bytes_encoded.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A part or a whole object of so many bytes was acknowledged.
    pub(crate) fn stored(&self, bytes: u64) {
        self.bytes_stored.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Something is tried again.
    pub(crate) fn tried_again(&self, cause: RetryCause) {
        self.retries.add(cause);
    }

    /// A part or a whole object is on its way for as long as the result lives.
    pub(crate) fn part(self: &Arc<Self>) -> InFlight {
        InFlight::begin(self, |counts| &counts.parts_in_flight)
    }

    /// A range is asked for for as long as the result lives.
    pub(crate) fn read(self: &Arc<Self>) -> InFlight {
        InFlight::begin(self, |counts| &counts.reads_in_flight)
    }

    /// So many bytes came from the service.
    pub(crate) fn came(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Something that is on its way until this is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    counts: Arc<Counts>,
    of: fn(&Counts) -> &AtomicU64,
}

impl InFlight {
    fn begin(counts: &Arc<Counts>, of: fn(&Counts) -> &AtomicU64) -> Self {
        of(counts).fetch_add(1, Ordering::Relaxed);
        InFlight { counts: Arc::clone(counts), of }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        (self.of)(&self.counts).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
