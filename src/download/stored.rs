//! The stored bytes as they come in: how far they have come, the checks that all of them came and that the service's
//! checksum agrees, and the ways to take them.

use super::ranges::{Fetched, Ranges, differs};
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::codec::head::HEAD_LEN;
use crate::error::{Error, ErrorKind, Result};
use crate::passing::Passing;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Range;
use std::task::{Context, Poll, ready};

/// What the stored bytes are expected to be.
pub(super) struct Expected {
    pub(super) location: String,
    /// Which of the object's bytes.
    pub(super) range: Range<u64>,
    pub(super) algorithm: ChecksumAlgorithm,
    /// The service's checksum over them, if it keeps one.
    pub(super) checksum: Option<Vec<u8>>,
}

/// The stored bytes, verified by the time they end.
pub(super) struct Stored {
    ranges: Ranges,
    expected: Expected,
    /// Over all that has come.
    seen: Checksum,
    /// Where each range began that may be gone back to, and the checksum over what came before it.
    begun: VecDeque<(u64, Checksum)>,
    /// How much of the next range lies before what was gone back to.
    skipped: usize,
    pieces: VecDeque<Bytes>,
    /// How many bytes there are in `pieces`.
    waiting: usize,
    /// Where in the object the first of them lies.
    at: u64,
}

/// What came of waiting for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Came,
    /// All came before, and it was what it should be.
    Ended,
}

impl Stored {
    pub(super) fn new(ranges: Ranges, expected: Expected) -> Self {
        let (seen, at) = (Checksum::empty(expected.algorithm), expected.range.start);
        Stored { ranges, expected, seen, begun: VecDeque::new(), skipped: 0, pieces: VecDeque::new(), waiting: 0, at }
    }

    /// Waits for the next range.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<More>> {
        let Some(Fetched { bytes, checksum }) = ready!(self.ranges.poll_next(cx))? else {
            return Poll::Ready(self.check_end().map(|()| More::Ended));
        };
        let skipped = std::mem::take(&mut self.skipped);
        self.begun.push_back((self.at + self.waiting as u64 - skipped as u64, self.seen));
        if let Some(checksum) = checksum {
            self.seen = self.seen.then(checksum);
        }
        self.waiting += bytes.len() - skipped;
        // Ranges begin where they did before, so what was skipped lies in this one.
        self.pieces.push_back(bytes.slice(skipped..));
        Poll::Ready(Ok(More::Came))
    }

    /// Waits until `count` bytes are here. `Ended` when there are fewer left.
    pub(super) fn poll_have(&mut self, cx: &mut Context<'_>, count: usize) -> Poll<Result<More>> {
        while self.waiting < count {
            if ready!(self.poll_more(cx))? == More::Ended {
                return Poll::Ready(Ok(More::Ended));
            }
        }
        Poll::Ready(Ok(More::Came))
    }

    /// What comes before `at` is not gone back to any more.
    pub(super) fn keep_from(&mut self, at: u64) {
        while self.begun.get(1).is_some_and(|(next, _)| *next <= at) {
            self.begun.pop_front();
        }
    }

    /// What is read again because of `error` was damaged.
    pub(super) fn read_again(&self, error: &Error) {
        self.ranges.read_again(error);
    }

    /// Goes back to `at`, which has been kept: from the start of the range that holds it, all is asked for again.
    pub(super) fn go_back_to(&mut self, at: u64) {
        self.keep_from(at);
        let (begun, seen) = self
            .begun
            .front()
            .copied()
            .unwrap_or((self.expected.range.start, Checksum::empty(self.expected.algorithm)));
        self.begun.clear();
        self.pieces.clear();
        (self.at, self.waiting, self.seen, self.skipped) = (at, 0, seen, (at - begun) as usize);
        self.ranges.go_back_to(begun);
    }

    /// Asks for what may be under way, without waiting for it.
    pub(super) fn ask(&mut self) {
        self.ranges.ask();
    }

    /// The next bytes, as many as a head has or as are here, and how many those are.
    pub(super) fn head(&self) -> ([u8; HEAD_LEN], usize) {
        let (mut head, mut len) = ([0; HEAD_LEN], 0);
        for piece in &self.pieces {
            let count = piece.len().min(HEAD_LEN - len);
            head[len..len + count].copy_from_slice(&piece[..count]);
            len += count;
        }
        (head, len)
    }

    /// The next `count` bytes, which are here, in as many pieces as ranges they lie in.
    pub(super) fn take(&mut self, count: usize) -> Vec<Bytes> {
        debug_assert!(count <= self.waiting);
        let (mut taken, mut missing) = (Vec::with_capacity(2), count);
        while missing > 0
            && let Some(mut piece) = self.pieces.pop_front()
        {
            if piece.len() > missing {
                let rest = piece.split_off(missing);
                self.pieces.push_front(rest);
            }
            missing -= piece.len();
            taken.push(piece);
        }
        self.waiting -= count - missing;
        self.at += (count - missing) as u64;
        taken
    }

    /// What is here of the next range. It is not gone back to.
    pub(super) fn take_piece(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.waiting -= piece.len();
        self.at += piece.len() as u64;
        self.keep_from(self.at);
        Some(piece)
    }

    /// Where in the object the next byte lies.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    fn check_end(&self) -> Result<()> {
        let came = self.at + self.waiting as u64;
        let Range { start, end } = self.expected.range;
        if came != end {
            return Err(self.corrupt(format!("{} of {} stored bytes came", came - start, end - start)));
        }
        match &self.expected.checksum {
            // Who can go back, does.
            Some(theirs) if *theirs != self.seen.to_be_bytes() => {
                Err(self.corrupt(differs(self.seen)).with_passing(Passing::Unlikely))
            }
            _ => Ok(()),
        }
    }

    /// An error about this object.
    pub(super) fn failed(&self, kind: ErrorKind, reason: String) -> Error {
        Error::new(kind, "read", &self.expected.location, reason)
    }

    /// The error for an object that is not what was written.
    pub(super) fn corrupt(&self, reason: String) -> Error {
        self.failed(ErrorKind::Corrupt, reason)
            .with_hint("what was read so far must not be used; read again, or restore from another copy")
    }
}
