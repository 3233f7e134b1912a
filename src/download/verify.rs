//! Checks of the stored bytes as they come in: that all came, that the service's checksum agrees, and that a stream
//! that Sealift wrote has its end.

use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::error::{Error, ErrorKind, Result};
use crate::gzip::member;
use bytes::Bytes;
use futures::Stream;
use futures::stream::BoxStream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What the stored bytes are expected to be.
pub(super) struct Expected {
    pub(super) location: String,
    pub(super) size: u64,
    pub(super) algorithm: ChecksumAlgorithm,
    /// The service's checksum over the whole, if it keeps one.
    pub(super) checksum: Option<Vec<u8>>,
    pub(super) format: Format,
}

/// What the stored bytes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Plain,
}

/// The stored bytes, verified by the time they end.
pub(super) struct Verified {
    ranges: BoxStream<'static, Result<Bytes>>,
    expected: Expected,
    seen: Checksum,
    start: Vec<u8>,
    tail: Vec<u8>,
}

impl Verified {
    pub(super) fn new(ranges: BoxStream<'static, Result<Bytes>>, expected: Expected) -> Self {
        let seen = Checksum::empty(expected.algorithm);
        Verified { ranges, expected, seen, start: Vec::new(), tail: Vec::new() }
    }

    /// The length of the plain data, if the stored bytes state it. Known at their end.
    pub(super) fn stated_plain_len(&self) -> Option<u64> {
        member::is_ours(&self.start).then(|| member::plain_len_at_end(&self.tail)).flatten()
    }

    fn note(&mut self, bytes: &[u8]) {
        self.seen = self.seen.then(Checksum::of(self.expected.algorithm, bytes));
        let missing = member::END_LEN.saturating_sub(self.start.len()).min(bytes.len());
        self.start.extend_from_slice(&bytes[..missing]);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(member::END_LEN)..]);
        let surplus = self.tail.len().saturating_sub(member::END_LEN);
        self.tail.drain(..surplus);
    }

    fn check_end(&self) -> Result<()> {
        let expected = &self.expected;
        if self.seen.byte_count() != expected.size {
            return Err(self.corrupt(format!("{} of {} stored bytes came", self.seen.byte_count(), expected.size)));
        }
        if expected.checksum.as_ref().is_some_and(|theirs| *theirs != self.seen.to_be_bytes()) {
            return Err(self.corrupt(format!("the bytes that came have {}, and the service has another", self.seen)));
        }
        match expected.format {
            Format::Gzip if self.start.is_empty() => Err(self.corrupt("it is empty, which is not gzip".into())),
            Format::Gzip if member::is_ours(&self.start) && self.stated_plain_len().is_none() => {
                Err(self.corrupt("it is cut off: the mark that ends it is missing".into()))
            }
            Format::Gzip | Format::Plain => Ok(()),
        }
    }

    fn corrupt(&self, reason: String) -> Error {
        corrupt(&self.expected.location, reason)
    }

    /// The object's URL.
    pub(super) fn location(&self) -> &str {
        &self.expected.location
    }
}

/// The error for an object that is not what was written.
pub(super) fn corrupt(location: &str, reason: String) -> Error {
    Error::new(ErrorKind::Corrupt, "read", location, reason)
        .with_hint("what was read so far must not be used; read again, or restore from another copy")
}

impl Stream for Verified {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = match ready!(self.ranges.as_mut().poll_next(cx)) {
            Some(Ok(bytes)) => {
                self.note(&bytes);
                Some(Ok(bytes))
            }
            Some(Err(error)) => Some(Err(error.into_io())),
            None => self.check_end().err().map(|error| Err(error.into_io())),
        };
        Poll::Ready(item)
    }
}
