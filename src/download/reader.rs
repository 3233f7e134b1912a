//! The reader's end: an `AsyncRead` of an object's plain data.

use super::blocks::{Blocks, Next, Then};
use super::buffers::Buffers;
use super::foreign::Foreign;
use super::places::{Places, SMALL, Use};
use super::ranges::{Ahead, READS, Ranges, Seated, Sum};
use super::stored::{Expected, More, Stored};
use super::subject::Subject;
use super::verified::Verified;
use crate::activity::Stream;
use crate::budget::{Budget, Reading};
use crate::codec::head::{Format, HEAD_LEN, Written, recognise};
use crate::codec::unpack::Unpacked;
use crate::codec::{Codec, Compressor};
use crate::error::{Error, ErrorKind, Result};
use crate::object::ObjectInfo;
use bytes::Bytes;
use std::fmt;
use std::io;
use std::mem;
use std::ops::{Bound, Range, RangeBounds};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// Reads an object's plain data. End of file is returned only when everything was checked that there is to check: all
/// stored bytes came, a checksum over them agrees where one is kept, the checks of gzip or zstd hold, and a stream that
/// Sealift wrote has its end mark. [`verified`](Self::verified) says what there was. Everything else is an error, and what
/// was read before it must not be used.
///
/// With a bucket that compresses, gzip and zstd are recognised by their first bytes, whichever of them the bucket
/// writes and whoever wrote them. Several streams of one format, one after the other, are read as one, and zeros behind
/// gzip are passed over. What Sealift wrote is decompressed on all the bucket's threads. With [`Codec::Plain`] the stored
/// bytes come as they are.
///
/// A range ([`Bucket::open_stored_range`](crate::Bucket::open_stored_range)) comes as it is stored, too. What can be known
/// of it is that as many bytes came as were asked for, of the object that was there when it was opened; the checksums are
/// of the whole, so `verified` then tells of none, unless the range is the whole object.
///
/// As an `AsyncBufRead` it gives its blocks without copying them. Dropping the reader cancels its requests; it waits
/// for nothing and needs no runtime.
///
/// ```
/// use sealift::{Bucket, Budget, Codec, Compressor, IfExists, Level};
/// use std::sync::Arc;
/// use tokio::io::AsyncBufReadExt;
///
/// # #[cfg(feature = "memory")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = sealift::MemoryStore::new();
/// # let compressor = Arc::new(Compressor::new(Codec::Gzip(Level::default()), None)?);
/// # let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT)?);
/// # bucket.put(&"db/monday".parse()?, "one row\nanother\n".into(), IfExists::Fail).await?;
/// let mut reader = bucket.open(&"db/monday".parse()?).await?;
/// let mut row = String::new();
/// let mut rows = 0;
/// // 0 is the end, and only a stream that was checked to its end has one.
/// while reader.read_line(&mut row).await? > 0 {
///     rows += 1;
///     row.clear();
/// }
/// assert_eq!(rows, 2);
/// assert!(reader.verified().is_some_and(|verified| verified.by_checksum()));
/// # bucket.close().await.map_err(|errors| format!("left behind: {errors:?}"))?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "memory"))]
/// # fn main() {}
/// ```
pub struct Reader {
    phase: Phase,
    /// What is being read, and how far it was.
    chunk: Chunk,
    read: usize,
    info: ObjectInfo,
    verified: Verified,
    reading: Reading,
    stream: Stream,
}

enum Phase {
    /// Until the first bytes of a stream are here.
    Unrecognised(Box<Unrecognised>),
    Plain(Box<Stored>),
    Ours(Box<Blocks>),
    Foreign(Box<Foreign>),
    Ended,
    Failed(Error),
}

struct Unrecognised {
    stored: Stored,
    buffers: Buffers,
    compressor: Arc<Compressor>,
    /// How the stream of Sealift's was compressed that was read before, to its end.
    behind: Option<Format>,
    /// How often the first bytes were read and not recognised.
    times: u32,
    unknown: Unknown,
}

/// What is read of an object, and how.
#[derive(Debug, Clone)]
enum Extent {
    /// All of it, decompressed where the bucket compresses.
    Whole(Unknown),
    /// These of its bytes, as they are stored.
    Stored(Range<u64>),
}

impl Extent {
    fn way(&self, compressor: &Compressor) -> Use {
        match (self, compressor.codec()) {
            (Extent::Stored(_), _) | (_, Codec::Plain) => Use::AsItIs,
            (Extent::Whole(_), Codec::Gzip(_) | Codec::Zstd(_)) => Use::Decompressed(compressor.threads()),
        }
    }
}

/// What is done about data that is neither gzip nor zstd, in a bucket that compresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It is an error.
    Refused,
    /// It comes as it is stored.
    AsItIs,
}

enum Chunk {
    None,
    Stored(Bytes),
    Block(Unpacked),
}

/// Opens the object for reading.
pub(crate) async fn open(
    subject: Subject,
    compressor: &Arc<Compressor>,
    budget: &Budget,
    unknown: Unknown,
) -> Result<Reader> {
    let info = subject.head().await?;
    open_known(subject, info, compressor, budget, unknown).await
}

/// Opens the object that `info` describes, and no other.
pub(crate) async fn open_known(
    subject: Subject,
    info: ObjectInfo,
    compressor: &Arc<Compressor>,
    budget: &Budget,
    unknown: Unknown,
) -> Result<Reader> {
    let extent = Extent::Whole(unknown);
    let places = Places::take(budget, info.size, extent.way(compressor)).await?;
    Ok(open_extent(Seated { subject, places, ahead: None }, info, compressor, budget, extent))
}

/// Opens an object that is `size` bytes, as a listing said. A short one comes together with the look at it, where the service
/// answers so; in any doubt it is opened as any other.
pub(crate) async fn open_listed(
    subject: Subject,
    size: u64,
    compressor: &Arc<Compressor>,
    budget: &Budget,
    unknown: Unknown,
) -> Result<Reader> {
    if size == 0 || size > SMALL {
        return open(subject, compressor, budget, unknown).await;
    }
    let extent = Extent::Whole(unknown);
    let places = Places::take(budget, size, extent.way(compressor)).await?;
    let held = budget.bytes(size).await?;
    match subject.store.get_whole(&subject.key, size).await {
        Ok(Some((info, bytes))) if info.size == size => {
            let ahead = Some(Ahead { bytes, held });
            Ok(open_extent(Seated { subject, places, ahead }, info, compressor, budget, extent))
        }
        other => {
            if let Err(error) = other {
                tracing::debug!("{error}; looking at it first");
            }
            drop((places, held));
            open(subject, compressor, budget, unknown).await
        }
    }
}

/// Opens a range of what is stored.
pub(crate) async fn open_stored(
    subject: Subject,
    range: impl RangeBounds<u64>,
    compressor: &Arc<Compressor>,
    budget: &Budget,
) -> Result<Reader> {
    let info = subject.head().await?;
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => info.size,
    };
    if start > end || end > info.size {
        let reason = format!("bytes {start} to {end} were asked for, and {} are stored", info.size);
        return Err(Error::new(ErrorKind::InvalidConfig, "read", subject.location(), reason));
    }
    let extent = Extent::Stored(start..end);
    let places = Places::take(budget, end - start, extent.way(compressor)).await?;
    Ok(open_extent(Seated { subject, places, ahead: None }, info, compressor, budget, extent))
}

fn open_extent(
    seated: Seated,
    info: ObjectInfo,
    compressor: &Arc<Compressor>,
    budget: &Budget,
    extent: Extent,
) -> Reader {
    let subject = &seated.subject;
    let range = match &extent {
        Extent::Whole(_) => 0..info.size,
        Extent::Stored(range) => range.clone(),
    };
    // A checksum is of the whole, and tells nothing of a part.
    let whole = range == (0..info.size);
    let verified = Verified {
        service_checksum: whole && info.checksum.is_some(),
        kept_checksum: whole && info.checksum.is_none() && info.kept_checksum.is_some(),
        // The first bytes tell.
        content_checksums: false,
    };
    let expected = Expected {
        location: subject.location(),
        range: range.clone(),
        algorithm: subject.store.checksum_algorithm(),
        checksum: info.checksum.clone().or_else(|| info.kept_checksum.clone()).filter(|_| whole),
    };
    let sum = match &expected.checksum {
        Some(whole) => Sum::Of(expected.algorithm, whole.clone()),
        None => Sum::Unwanted,
    };
    let (way, blocks) = (extent.way(compressor), seated.places.shares.blocks);
    let stream = Stream::read(&subject.counts);
    let ranges = Ranges::of(seated, &info, range, budget, sum, stream.codec());
    let stored = Stored::new(ranges, expected);
    let phase = match (way, extent) {
        (Use::AsItIs, _) | (_, Extent::Stored(_)) => Phase::Plain(Box::new(stored)),
        (Use::Decompressed(_), Extent::Whole(unknown)) => {
            let (buffers, compressor) = (Buffers::new(blocks, budget), Arc::clone(compressor));
            Phase::Unrecognised(Box::new(Unrecognised { stored, buffers, compressor, behind: None, times: 0, unknown }))
        }
    };
    Reader { phase, chunk: Chunk::None, read: 0, info, verified, reading: budget.reading().clone(), stream }
}

impl Reader {
    /// What the service said of the object when it was opened.
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// What was checked of what was read: `None` until the end of file was returned, and after an error.
    pub fn verified(&self) -> Option<&Verified> {
        matches!(self.phase, Phase::Ended).then_some(&self.verified)
    }

    /// Waits until there is a chunk with something left to read, or the end.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let chunk = self.poll_unread_chunk(cx);
        match (&chunk, &self.phase) {
            (Poll::Ready(_), Phase::Ended | Phase::Failed(_)) => self.stream.end(),
            (Poll::Ready(_), _) => self.stream.is_free(),
            (Poll::Pending, _) => self.stream.is_held(),
        }
        chunk
    }

    fn poll_unread_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while self.chunk.rest(self.read).is_empty() {
            self.drop_chunk();
            match ready!(self.poll_next(cx)) {
                Ok(Chunk::None) => {
                    self.phase = Phase::Ended;
                    break;
                }
                Ok(chunk) => self.chunk = chunk,
                Err(error) => {
                    self.phase = Phase::Failed(error.clone());
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Gives back the memory of what was read, before more is waited for.
    fn drop_chunk(&mut self) {
        self.read = 0;
        if let Chunk::Block(block) = mem::replace(&mut self.chunk, Chunk::None) {
            match &mut self.phase {
                Phase::Ours(blocks) => blocks.give_back(block),
                Phase::Foreign(foreign) => foreign.give_back(block),
                Phase::Unrecognised(_) | Phase::Plain(_) | Phase::Ended | Phase::Failed(_) => {}
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Chunk>> {
        loop {
            return match &mut self.phase {
                Phase::Unrecognised(unrecognised) => {
                    ready!(unrecognised.stored.poll_have(cx, HEAD_LEN))?;
                    self.recognise()?;
                    continue;
                }
                Phase::Plain(stored) => match stored.take_piece() {
                    Some(piece) => Poll::Ready(Ok(Chunk::Stored(piece))),
                    None if ready!(stored.poll_more(cx))? == More::Came => continue,
                    None => Poll::Ready(Ok(Chunk::None)),
                },
                Phase::Ours(blocks) => match ready!(blocks.poll_next(cx))? {
                    Next::Block(block) => Poll::Ready(Ok(Chunk::Block(block))),
                    Next::End(Then::Nothing) => Poll::Ready(Ok(Chunk::None)),
                    Next::End(Then::More) => {
                        self.go_on_behind();
                        continue;
                    }
                },
                Phase::Foreign(foreign) => {
                    foreign.poll_next(cx).map_ok(|block| block.map_or(Chunk::None, Chunk::Block))
                }
                Phase::Ended => Poll::Ready(Ok(Chunk::None)),
                Phase::Failed(error) => Poll::Ready(Err(error.clone())),
            };
        }
    }

    /// After a stream of ours that is whole: `cat` makes one file of several, and they are read as one.
    fn go_on_behind(&mut self) {
        let phase = mem::replace(&mut self.phase, Phase::Ended);
        self.phase = match phase {
            Phase::Ours(blocks) => {
                let (stored, buffers, compressor, format) = blocks.into_rest();
                Phase::Unrecognised(Box::new(Unrecognised {
                    stored,
                    buffers,
                    compressor,
                    behind: Some(format),
                    times: 0,
                    unknown: Unknown::Refused,
                }))
            }
            phase => phase,
        };
    }

    fn recognise(&mut self) -> Result<()> {
        let phase = mem::replace(&mut self.phase, Phase::Ended);
        let Phase::Unrecognised(unrecognised) = phase else {
            self.phase = phase;
            return Ok(());
        };
        let Unrecognised { mut stored, buffers, compressor, behind, times, unknown } = *unrecognised;
        let (head, len) = stored.head();
        let written = match recognise(&head[..len]) {
            // For who reads what comes after members of gzip.
            None if behind == Some(Format::Gzip) && head[0] == 0 => Some(Written::Elsewhere(Format::Gzip)),
            Some(Written::Ours(format) | Written::Elsewhere(format)) if behind.is_some_and(|it| it != format) => None,
            written => written,
        };
        self.phase = match written {
            Some(Written::Ours(format)) => {
                self.verified.content_checksums |= behind.is_none();
                Phase::Ours(Box::new(Blocks::new(stored, format, compressor, buffers)))
            }
            Some(Written::Elsewhere(format)) => {
                // A frame of zstd may lack a checksum, so nothing is claimed of what others wrote.
                self.verified.content_checksums = format == Format::Gzip;
                Phase::Foreign(Box::new(Foreign::new(stored, format, compressor, buffers)))
            }
            None if unknown == Unknown::AsItIs => Phase::Plain(Box::new(stored)),
            None if len == 0 => return Err(stored.corrupt("it is empty, which is neither gzip nor zstd".into())),
            None if times + 1 < READS => {
                stored.go_back_to(stored.at());
                let again = Unrecognised { stored, buffers, compressor, behind, times: times + 1, unknown };
                Phase::Unrecognised(Box::new(again))
            }
            None if behind.is_some() => {
                return Err(stored.corrupt(format!("something follows the mark that ends it, at byte {}", stored.at())));
            }
            None => {
                let error = stored.failed(ErrorKind::Corrupt, "it is neither gzip nor zstd".into());
                return Err(error.with_hint("if it was stored without compression, read it without (--codec none)"));
            }
        };
        Ok(())
    }
}

impl Chunk {
    /// What is left to read after the first `read` bytes.
    fn rest(&self, read: usize) -> &[u8] {
        match self {
            Chunk::None => &[],
            Chunk::Stored(bytes) => &bytes[read..],
            Chunk::Block(block) => &block.data()[read..],
        }
    }
}

impl AsyncBufRead for Reader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_chunk(cx)).map_err(Error::into_io)?;
        Poll::Ready(Ok(this.chunk.rest(this.read)))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        let count = count.min(self.chunk.rest(self.read).len());
        self.read += count;
        self.stream.gave(count);
        self.reading.went_on();
    }
}

impl AsyncRead for Reader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let rest = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("key", &self.info.key).finish_non_exhaustive()
    }
}
