//! An object's stored bytes as ranges in order, several of them ahead of the reader.

use super::places::Places;
use super::subject::Subject;
use crate::activity::{Codec, RetryCause};
use crate::budget::{Budget, Held};
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::error::{Error, ErrorKind, Result};
use crate::object::ObjectInfo;
use bytes::Bytes;
use futures::future::BoxFuture;
use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

/// How often in all what comes damaged is asked for: one flipped bit on its way is no damage at rest.
pub(super) const READS: u32 = 3;

/// The ranges of one object, or of a part of it. Dropping it cancels what is under way, and waits for nothing.
pub(super) struct Ranges {
    source: Arc<Source>,
    /// Where the next request begins.
    next: u64,
    /// What is wanted of the object.
    wanted: Range<u64>,
    range: u64,
    /// How many ranges may exist, and one place for each of them.
    ranges: usize,
    free: Arc<Semaphore>,
    under_way: VecDeque<Fetch>,
    /// Where requests run; without a runtime, in the reader.
    runtime: Option<Handle>,
}

/// An object that has its place in the budget.
pub(super) struct Seated {
    pub(super) subject: Subject,
    pub(super) places: Places,
    /// Its bytes, if they have come already.
    pub(super) ahead: Option<Ahead>,
}

/// The bytes of a range.
pub(super) struct Fetched {
    pub(super) bytes: Bytes,
    /// Over them, if somebody will compare it.
    pub(super) checksum: Option<Checksum>,
}

/// A request under way.
enum Fetch {
    /// On its own, so that it goes on while the reader's owner does something else.
    Task(AbortOnDropHandle<Result<Fetched>>),
    /// With the reader: there is only this one.
    /// Nobody locks it: it makes a reader `Sync`.
    Here(Mutex<BoxFuture<'static, Result<Fetched>>>),
}

/// Whether the checksum of what comes is wanted.
#[derive(Debug, Clone)]
pub(super) enum Sum {
    /// It is, and this is what it has to be over the whole object.
    Of(ChecksumAlgorithm, Vec<u8>),
    Unwanted,
}

struct Source {
    subject: Subject,
    etag: Option<String>,
    size: u64,
    budget: Budget,
    sum: Sum,
    /// Is told whether the service is what the reader waits for.
    codec: Codec,
    /// What came with the look at the object: all of it.
    ahead: Mutex<Option<Ahead>>,
    /// Given back when the last range is.
    _places: Places,
}

/// All bytes of an object, with the memory they hold.
pub(super) struct Ahead {
    pub(super) bytes: Bytes,
    pub(super) held: Held,
}

impl Ranges {
    /// The ranges of what is `wanted` of the object that `info` describes.
    pub(super) fn of(
        Seated { subject, places, ahead }: Seated,
        info: &ObjectInfo,
        wanted: Range<u64>,
        budget: &Budget,
        sum: Sum,
        codec: Codec,
    ) -> Ranges {
        let shares = places.shares;
        let (etag, size, ahead) = (info.etag.clone(), info.size, Mutex::new(ahead));
        let source = Source { subject, etag, size, budget: budget.clone(), sum, codec, ahead, _places: places };
        Ranges {
            source: Arc::new(source),
            next: wanted.start,
            wanted,
            range: shares.range,
            ranges: shares.ranges,
            free: Arc::new(Semaphore::new(shares.ranges)),
            under_way: VecDeque::new(),
            runtime: Handle::try_current().ok(),
        }
    }

    /// Asks for as many ranges as may exist, and returns the next that has come; `None` after the last.
    /// When none has come, the caller is woken; so it is when it holds a range back that is missing here, as soon as a
    /// request or a block of its own ends.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Fetched>>> {
        let next = self.poll_fetched(cx);
        match &next {
            Poll::Pending => self.source.codec.is_idle(),
            Poll::Ready(_) => self.source.codec.is_busy(),
        }
        next
    }

    fn poll_fetched(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Fetched>>> {
        self.ask();
        let fetched = match self.under_way.front_mut() {
            Some(Fetch::Task(task)) => ready!(Pin::new(task).poll(cx)).unwrap_or_else(|_| Err(self.source.task_gone())),
            Some(Fetch::Here(request)) => {
                ready!(request.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx))
            }
            None if self.next < self.wanted.end => return Poll::Pending,
            None => return Poll::Ready(Ok(None)),
        };
        self.under_way.pop_front();
        Poll::Ready(fetched.map(Some))
    }

    /// What is read again because of `error` was damaged.
    pub(super) fn read_again(&self, error: &Error) {
        self.source.read_again(error);
    }

    /// Goes back: the next range begins at `at`. What is under way is cancelled; what it holds, and what has come before,
    /// is free when it is dropped.
    pub(super) fn go_back_to(&mut self, at: u64) {
        self.under_way.clear();
        self.free = Arc::new(Semaphore::new(self.ranges));
        self.next = at;
    }

    /// Starts what may be under way. In order: a range has its place before any later one.
    pub(super) fn ask(&mut self) {
        while self.next < self.wanted.end
            && let Ok(place) = Arc::clone(&self.free).try_acquire_owned()
        {
            let range = self.next..self.wanted.end.min(self.next + self.range);
            self.next = range.end;
            let request = Arc::clone(&self.source).fetch(range, place);
            let alone = self.range >= self.wanted.end - self.wanted.start;
            self.under_way.push_back(match &self.runtime {
                Some(runtime) if !alone => Fetch::Task(AbortOnDropHandle::new(runtime.spawn(request))),
                _ => Fetch::Here(Mutex::new(Box::pin(request))),
            });
        }
    }
}

impl Source {
    async fn fetch(self: Arc<Self>, range: Range<u64>, place: OwnedSemaphorePermit) -> Result<Fetched> {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (held, mut ahead) = match ahead.filter(|_| range == (0..self.size)) {
            Some(Ahead { bytes, held }) => (held, Some(bytes)),
            None => (self.budget.bytes(range.end - range.start).await?, None),
        };
        let (began, mut times) = (Instant::now(), 1);
        let (bytes, checksum) = loop {
            let fetched = match ahead.take() {
                Some(bytes) => self.checked(&range, bytes),
                None => self.fetch_once(&range).await,
            };
            match fetched {
                Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
                Err(error) if times == READS => return Err(error.after_attempts(times, began.elapsed())),
                Err(error) => self.read_again(&error),
                Ok(fetched) => break fetched,
            }
            times += 1;
        };
        Ok(Fetched { bytes: Bytes::from_owner(Owner { bytes, _held: (held, place, self) }), checksum })
    }

    fn read_again(&self, error: &Error) {
        tracing::warn!("{error}; reading it again");
        self.codec.counts().tried_again(RetryCause::Damaged);
    }

    async fn fetch_once(&self, range: &Range<u64>) -> Result<(Bytes, Option<Checksum>)> {
        let bytes = self.subject.get(range.clone(), self.etag.as_deref()).await?;
        self.checked(range, bytes)
    }

    fn checked(&self, range: &Range<u64>, bytes: Bytes) -> Result<(Bytes, Option<Checksum>)> {
        if bytes.len() as u64 != range.end - range.start {
            let reason = format!("bytes {} to {} were asked for and {} came", range.start, range.end, bytes.len());
            return Err(Error::new(ErrorKind::Corrupt, "read", self.location(), reason));
        }
        let Sum::Of(algorithm, whole) = &self.sum else { return Ok((bytes, None)) };
        let checksum = Checksum::of(*algorithm, &bytes);
        match *range == (0..self.size) && checksum.to_be_bytes() != *whole {
            true => Err(Error::new(ErrorKind::Corrupt, "read", self.location(), differs(checksum))),
            false => Ok((bytes, Some(checksum))),
        }
    }

    fn location(&self) -> String {
        self.subject.location()
    }

    fn task_gone(&self) -> Error {
        Error::new(ErrorKind::Cancelled, "read", self.location(), "the runtime that reads it has shut down")
    }
}

/// Why bytes with this checksum are not those of the object.
pub(super) fn differs(seen: Checksum) -> String {
    format!("the bytes that came have {seen}, and the service has another")
}

/// A range's bytes with the memory they hold.
struct Owner {
    bytes: Bytes,
    _held: (Held, OwnedSemaphorePermit, Arc<Source>),
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
