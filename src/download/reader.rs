//! The reader's end: an `AsyncRead` of an object's plain data.

use super::ranges::ranges;
use super::verify::{Expected, Format, Verified, corrupt};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::gzip::Codec;
use crate::name::Key;
use crate::object::{ObjectInfo, ObjectStore};
use async_compression::tokio::bufread::GzipDecoder;
use bytes::Bytes;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::StreamReader;

type Stored = StreamReader<Verified, Bytes>;

/// Reads an object's plain data. End of file is returned only when everything was checked: all stored bytes came,
/// the service's checksum over them agrees, gzip's own checks hold, and a stream that Sealift wrote has its end mark.
/// Everything else is an error, and what was read before it must not be used.
///
/// Several gzip members, and gzip that others wrote, are read too. Dropping the reader cancels its requests.
pub struct Reader {
    phase: Phase,
    info: ObjectInfo,
    plain_read: u64,
}

enum Phase {
    Plain(Stored),
    Gzip(Box<GzipDecoder<Stored>>),
    Ended,
    Failed(Error),
}

/// Opens the object for reading.
pub(crate) async fn open(store: Arc<dyn ObjectStore>, key: &Key, codec: Codec, budget: &Budget) -> Result<Reader> {
    let info = store.head(key).await?;
    let format = match codec {
        Codec::Gzip(_) => Format::Gzip,
        Codec::Plain => Format::Plain,
    };
    let expected = Expected {
        location: format!("{}/{key}", store.url()),
        size: info.size,
        algorithm: store.checksum_algorithm(),
        checksum: info.checksum.clone(),
        format,
    };
    let stored = StreamReader::new(Verified::new(ranges(store, key.clone(), &info, budget).await?, expected));
    let phase = match format {
        Format::Plain => Phase::Plain(stored),
        Format::Gzip => {
            let mut decoder = GzipDecoder::new(stored);
            decoder.multiple_members(true);
            Phase::Gzip(Box::new(decoder))
        }
    };
    Ok(Reader { phase, info, plain_read: 0 })
}

impl Reader {
    /// What the service said of the object when it was opened.
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }
}

/// At the decoder's end: what it gave must be what the stream states, if it states it.
fn check_plain_len(stored: &Verified, plain_read: u64) -> Result<()> {
    match stored.stated_plain_len() {
        Some(stated) if stated != plain_read => {
            Err(corrupt(stored.location(), format!("{plain_read} bytes came out, and {stated} were written")))
        }
        _ => Ok(()),
    }
}

impl AsyncRead for Reader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let this = &mut *self;
        let (read, stored) = match &mut this.phase {
            Phase::Plain(stored) => (ready!(Pin::new(&mut *stored).poll_read(cx, buf)), &*stored),
            Phase::Gzip(decoder) => (ready!(Pin::new(&mut **decoder).poll_read(cx, buf)), decoder.get_ref()),
            Phase::Ended => return Poll::Ready(Ok(())),
            Phase::Failed(error) => return Poll::Ready(Err(error.clone().into_io())),
        };
        let count = buf.filled().len() - before;
        let checked = match read {
            // The decoder may have written some of it before it failed; an error comes with no data.
            Err(error) => Err(match Error::from_io(&error) {
                Some(ours) => ours.clone(),
                None => {
                    corrupt(stored.get_ref().location(), format!("its gzip data is damaged or incomplete ({error})"))
                }
            }),
            Ok(()) if count > 0 => {
                this.plain_read += count as u64;
                return Poll::Ready(Ok(()));
            }
            Ok(()) => check_plain_len(stored.get_ref(), this.plain_read),
        };
        this.phase = match &checked {
            Ok(()) => Phase::Ended,
            Err(error) => Phase::Failed(error.clone()),
        };
        buf.set_filled(before);
        Poll::Ready(checked.map_err(Error::into_io))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("key", &self.info.key).finish_non_exhaustive()
    }
}
