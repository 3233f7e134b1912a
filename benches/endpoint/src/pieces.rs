//! Bytes that were uploaded: where they are, and reading them back.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The bytes of one request. An object of several parts stays in as many files: joining them would cost the time of
/// another copy while a client is being measured.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) len: u64,
    /// `None` if they were thrown away.
    pub(crate) file: Option<Arc<Kept>>,
}

/// A file that is removed with the last object that has it.
#[derive(Debug)]
pub(crate) struct Kept(PathBuf);

impl Kept {
    pub(crate) fn new(path: PathBuf) -> Self {
        Kept(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// How much is read from a file at a time.
const READ: u64 = 256 << 10;

/// A range of an object as a body.
pub(crate) struct PiecesBody {
    /// What is still to be sent, each with the range of it.
    pieces: VecDeque<(Arc<Kept>, Range<u64>)>,
    open: Option<File>,
    remaining: u64,
}

impl PiecesBody {
    /// The bytes `range` of `pieces`; `None` if they were thrown away.
    pub(crate) fn new(pieces: &[Piece], range: Range<u64>) -> Option<Self> {
        let mut at = 0;
        let mut selected = VecDeque::new();
        for piece in pieces {
            let within = range.start.saturating_sub(at).min(piece.len)..range.end.saturating_sub(at).min(piece.len);
            if !within.is_empty() {
                selected.push_back((Arc::clone(piece.file.as_ref()?), within));
            }
            at += piece.len;
        }
        Some(PiecesBody { pieces: selected, open: None, remaining: range.end - range.start })
    }

    /// The next bytes. This blocks the thread: the files are meant to be in memory (`/dev/shm`), and handing each read
    /// to another thread would cost more than the read.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some((kept, range)) = self.pieces.front_mut() else { return Ok(None) };
        let file = match self.open.take() {
            Some(file) => file,
            None => File::open(kept.path())?,
        };
        let count = (range.end - range.start).min(READ);
        let mut bytes = vec![0; count as usize];
        file.read_exact_at(&mut bytes, range.start)?;
        range.start += count;
        if range.is_empty() {
            self.pieces.pop_front();
        } else {
            self.open = Some(file);
        }
        self.remaining -= count;
        Ok(Some(bytes.into()))
    }
}

impl Body for PiecesBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.next().transpose().map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
