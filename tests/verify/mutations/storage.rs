//! The ways in which an archive is stored, and how a file becomes what is stored of it.

use super::store::{Checksums, Object, Objects, Shelf};
use async_compression::tokio::bufread::GzipEncoder;
use sealift::verify::Files;
use sealift::{Archive, Bucket, Budget, Codec, Compressor, IfExists, Key, Level, RetryPolicy};
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How an archive is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Storage {
    /// A folder: the files as they are, and nothing keeps a checksum of them.
    Folder,
    /// A cloud into which Sealift wrote: its gzip, and the service keeps checksums.
    Cloud,
    /// A cloud that keeps no checksums, into which other tools wrote: any gzip.
    Bare,
}

/// One for all, since each has threads of its own.
fn compressor(codec: Codec) -> Arc<Compressor> {
    static PLAIN: LazyLock<Arc<Compressor>> = LazyLock::new(|| of(Codec::Plain));
    static GZIP: LazyLock<Arc<Compressor>> = LazyLock::new(|| of(Codec::Gzip(Level::default())));
    fn of(codec: Codec) -> Arc<Compressor> {
        Arc::new(Compressor::new(codec, Some(NonZeroUsize::MIN)).expect("a thread"))
    }
    Arc::clone(if codec == Codec::Plain { &PLAIN } else { &GZIP })
}

impl Storage {
    fn checksums(self) -> Checksums {
        match self {
            Storage::Cloud => Checksums::Kept,
            Storage::Folder | Storage::Bare => Checksums::Unknown,
        }
    }

    pub(crate) fn shelf(self, objects: Objects) -> Shelf {
        Shelf::of(objects, self.checksums())
    }

    /// Nothing on a shelf fails in passing, so nothing is tried again.
    pub(crate) fn bucket(self, shelf: &Shelf) -> Bucket {
        let codec = match self {
            Storage::Folder => Codec::Plain,
            Storage::Cloud | Storage::Bare => Codec::Gzip(Level::default()),
        };
        let budget = Budget::new(Budget::MIN * 4).expect("enough");
        Bucket::new(shelf.clone(), compressor(codec), budget).with_retry_policy(RetryPolicy::new(Duration::ZERO))
    }

    /// The archive on a shelf, as verification reads it.
    pub(crate) fn files(self, shelf: &Shelf) -> Files {
        Files::of_archive(Archive::new(self.bucket(shelf), "").expect("no prefix"), 4)
    }

    /// What is stored of a file that is written now.
    pub(crate) async fn written(self, name: &str, content: &[u8]) -> Object {
        let shelf = self.shelf(Objects::new());
        let key: Key = name.parse().expect("a key");
        let mut sink = self.bucket(&shelf).create(&key, IfExists::Fail).expect("a sink");
        sink.write_all(content).await.expect("taken");
        sink.seal().await.expect("stored");
        let mut object = shelf.objects().remove(name).expect("stored");
        if self == Storage::Bare {
            let mut stored = Vec::new();
            GzipEncoder::new(content).read_to_end(&mut stored).await.expect("gzip");
            object.stored = stored.into();
        }
        object
    }

    /// What a file is read as, by what is stored alone; `None` where it is damaged, or not there.
    pub(crate) async fn read(self, object: &Object) -> Option<Vec<u8>> {
        let object = Object { checksum: None, ..object.clone() };
        let shelf = Shelf::of(Objects::from([("file".to_owned(), object)]), Checksums::Unknown);
        let mut reader = self.bucket(&shelf).open(&Key::existing("file").expect("a key")).await.ok()?;
        let mut content = Vec::new();
        reader.read_to_end(&mut content).await.ok()?;
        Some(content)
    }
}
