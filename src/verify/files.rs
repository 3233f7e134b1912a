//! What is verified, as files: of a bucket, of an archive in a bucket, or of an archive behind commands.

use super::FOLDER;
use super::piece::VerifiedFile;
use crate::archive::Archive;
use crate::bucket::Bucket;
use crate::download::Reader;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{FileHandle, Key};
use crate::object::ObjectInfo;
use crate::storage::{BackupStorage, FileReader};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader, ReadBuf};
use tokio::sync::{Semaphore, SemaphorePermit};

/// By what a file was told to be something else than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The stored size in bytes.
    pub size: u64,
    /// The service's tag of this content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

impl Identity {
    /// Whether this is surely the same content as `other`: without a tag nobody knows.
    pub fn is_surely(&self, other: &Identity) -> bool {
        self.etag.is_some() && self == other
    }
}

impl From<&ObjectInfo> for Identity {
    fn from(info: &ObjectInfo) -> Self {
        Identity { size: info.size, etag: info.etag.clone() }
    }
}

/// By what a file was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It is listed.
    Listed,
    /// It can be opened: the storage has no list.
    Opened,
    /// The service's size and checksum are those of the last time when it was read and verified.
    StoredAsVerified,
    /// The service keeps a checksum of it, and there is nothing here to hold it against.
    StoredWithChecksum,
    /// Only its size is known.
    StoredSizeOnly,
    /// It was read, and agrees with the service's checksum over the whole.
    ServiceChecksum,
    /// It was read, and agrees with the checksum that Sealift keeps beside it.
    KeptChecksum,
    /// It was read, and agrees with the checksums in the stream itself.
    StreamChecksums,
    /// It was read to its end, and nothing keeps a checksum of it.
    ReadWithoutChecksum,
    /// A command has read it to its end, and what that has checked is not known.
    ReadByCommand,
}

/// How a file becomes plain data.
#[derive(Debug)]
enum Place {
    /// The objects below a prefix, whoever wrote them.
    Objects { bucket: Bucket, prefix: String },
    /// An archive in a bucket, whose files are all written alike.
    Archive(Archive),
    /// An archive of which only files can be had.
    Commands(Arc<dyn BackupStorage>),
}

/// What is verified, and how much of it at a time.
#[derive(Debug)]
pub struct Files {
    place: Place,
    readers: Semaphore,
    read: Counts,
}

/// How far it is.
#[derive(Debug, Default)]
struct Counts {
    plain: AtomicU64,
    stored: AtomicU64,
}

impl Files {
    /// The objects of a bucket below the folder `prefix`; all with an empty one. At most `at_once` are read at a time.
    pub fn of_objects(bucket: Bucket, prefix: &str, at_once: usize) -> Self {
        let at_once = at_once.min(bucket.readers_at_once());
        let prefix = prefix.trim_end_matches('/').to_owned();
        Files::new(Place::Objects { bucket, prefix }, at_once)
    }

    /// An archive in a bucket.
    pub fn of_archive(archive: Archive, at_once: usize) -> Self {
        let at_once = at_once.min(archive.bucket().readers_at_once());
        Files::new(Place::Archive(archive), at_once)
    }

    /// An archive that only a [`BackupStorage`] leads to. Its files can be read, and nothing else is known of them.
    pub fn of_storage(storage: Arc<dyn BackupStorage>, at_once: usize) -> Self {
        Files::new(Place::Commands(storage), at_once)
    }

    fn new(place: Place, at_once: usize) -> Self {
        Files { place, readers: Semaphore::new(at_once.max(1)), read: Counts::default() }
    }

    /// The archive, where this is one.
    pub fn archive(&self) -> Option<&dyn BackupStorage> {
        match &self.place {
            Place::Objects { .. } => None,
            Place::Archive(archive) => Some(archive),
            Place::Commands(storage) => Some(storage.as_ref()),
        }
    }

    /// How many plain bytes were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read.plain.load(Ordering::Relaxed)
    }

    /// How many bytes are stored of the files that were read to their end so far.
    pub fn bytes_done(&self) -> u64 {
        self.read.stored.load(Ordering::Relaxed)
    }

    /// All files there are, by name, without those of verification itself; `None` where the storage cannot list them.
    ///
    /// # Errors
    /// What the service says.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn list(&self) -> Result<Option<BTreeMap<String, Identity>>> {
        let (bucket, prefix) = match &self.place {
            Place::Objects { bucket, prefix } => (bucket, prefix.as_str()),
            Place::Archive(archive) => (archive.bucket(), archive.prefix()),
            Place::Commands(_) => return Ok(None),
        };
        let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let mut objects = pin!(bucket.list(prefix));
        let mut files = BTreeMap::new();
        while let Some(info) = objects.try_next().await? {
            // An object of the folder's own name is named as a whole.
            let name = info.key.strip_prefix(&folder).unwrap_or_default();
            let name = if name.is_empty() { info.key.as_str() } else { name };
            let own = [FOLDER, crate::prune::FOLDER];
            if !own.iter().any(|own| name.strip_prefix(own).is_some_and(|rest| rest.starts_with('/'))) {
                files.insert(name.to_owned(), Identity::from(&info));
            }
        }
        Ok(Some(files))
    }

    /// What the service says of a file; `None` where the storage tells nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], or what else the service says.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn look(&self, name: &str) -> Result<Option<ObjectInfo>> {
        match &self.place {
            Place::Objects { bucket, .. } => Ok(Some(bucket.stat(&self.key(name)?).await?)),
            Place::Archive(archive) => Ok(Some(archive.bucket().stat(&self.key(name)?).await?)),
            Place::Commands(_) => Ok(None),
        }
    }

    /// Opens a file, when it is its turn. Whoever holds one and waits for another may wait for itself.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], or what else the service says.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn open(&self, name: &str) -> Result<OpenFile<'_>> {
        let turn = self
            .readers
            .acquire()
            .await
            .map_err(|_| Error::new(ErrorKind::Cancelled, "open", name.to_owned(), "nothing is opened any more"))?;
        let reader = match &self.place {
            Place::Objects { bucket, .. } => Inner::Object(Box::new(bucket.open_any(&self.key(name)?).await?)),
            Place::Archive(archive) => Inner::Object(Box::new(archive.bucket().open(&self.key(name)?).await?)),
            Place::Commands(storage) => {
                let file: FileHandle = name.parse()?;
                Inner::Command(BufReader::with_capacity(READ, storage.open_for_read(&file).await?))
            }
        };
        Ok(OpenFile { reader, read: &self.read, _turn: turn })
    }

    /// All of a file that is not longer than `limit` bytes, and how it was verified.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::Corrupt`] when it is longer.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn read(&self, name: &str, limit: u64) -> Result<(Vec<u8>, VerifiedFile)> {
        let mut file = self.open(name).await?;
        let mut content = Vec::new();
        loop {
            let piece = file.fill_buf().await.map_err(|error| of_io(name, error))?;
            let count = piece.len();
            if count == 0 {
                return Ok((content, file.verified()));
            }
            if content.len() as u64 + count as u64 > limit {
                let reason = format!("it is longer than {limit} bytes");
                return Err(Error::new(ErrorKind::Corrupt, "read", name.to_owned(), reason));
            }
            content.extend_from_slice(piece);
            file.consume(count);
        }
    }

    fn key(&self, name: &str) -> Result<Key> {
        let prefix = match &self.place {
            Place::Objects { prefix, .. } => prefix.as_str(),
            Place::Archive(archive) => archive.prefix(),
            Place::Commands(_) => "",
        };
        match prefix {
            // See `list`.
            "" => Key::existing(name),
            prefix if name == prefix => Key::existing(name),
            prefix => Key::existing(&format!("{prefix}/{name}")),
        }
    }
}

/// How much of a command's output is taken at a time, in bytes.
const READ: usize = 256 << 10;

enum Inner {
    Object(Box<Reader>),
    Command(BufReader<FileReader>),
}

/// A file that is being read. Others wait for its turn to end: it ends when this is dropped.
pub struct OpenFile<'a> {
    reader: Inner,
    read: &'a Counts,
    _turn: SemaphorePermit<'a>,
}

impl OpenFile<'_> {
    /// How the file was verified, and what it is. To be asked when all of it was read.
    pub fn verified(&self) -> VerifiedFile {
        match &self.reader {
            Inner::Command(_) => VerifiedFile::unknown(How::ReadByCommand),
            Inner::Object(reader) => {
                self.read.stored.fetch_add(reader.info().size, Ordering::Relaxed);
                let how = match reader.verified() {
                    Some(verified) if verified.service_checksum => How::ServiceChecksum,
                    Some(verified) if verified.kept_checksum => How::KeptChecksum,
                    Some(verified) if verified.content_checksums => How::StreamChecksums,
                    _ => How::ReadWithoutChecksum,
                };
                VerifiedFile::of(how, reader.info())
            }
        }
    }
}

impl AsyncBufRead for OpenFile<'_> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        match &mut self.get_mut().reader {
            Inner::Object(reader) => Pin::new(reader.as_mut()).poll_fill_buf(cx),
            Inner::Command(reader) => Pin::new(reader).poll_fill_buf(cx),
        }
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.read.plain.fetch_add(count as u64, Ordering::Relaxed);
        match &mut self.reader {
            Inner::Object(reader) => Pin::new(reader.as_mut()).consume(count),
            Inner::Command(reader) => Pin::new(reader).consume(count),
        }
    }
}

impl AsyncRead for OpenFile<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

/// An error of a file's reader, which may carry one of the storage's.
pub(crate) fn of_io(name: &str, error: io::Error) -> Error {
    Error::from_io(&error).cloned().unwrap_or_else(|| Error::io("read", name.to_owned(), error))
}
