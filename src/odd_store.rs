//! A store in memory that answers as it is told to, for this crate's own tests.

use crate::far_store::FarStore;
use crate::stream_tests::key;
use crate::*;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

/// What a put does, and how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// Stored, answered with the checksum.
    Fine,
    /// Stored, answered without a checksum.
    WithoutChecksum,
    /// The same, with an ETag.
    WithEtag,
    /// Stored, answered with a wrong checksum.
    WrongChecksum,
    /// Not stored, answered as if it were, without a checksum.
    Lie,
    /// Stored, and damaged on the way.
    Damaged,
    /// Stored, and never answered.
    LostReply,
    /// Not stored, and never answered: it may be stored later.
    Unanswered,
    /// Not stored; answered with an internal error.
    Unclear,
    /// The first attempt is stored and not answered, the second is refused.
    LostThenRefused,
    Refused,
    /// Stored, and the answer held back for ever.
    Held,
    /// Stored, and answered with an error that names it.
    NotDurable,
}

/// What a look shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Look {
    Denied,
    /// Another size than it has.
    OtherSize,
    /// No token, which this service does not keep; and this ETag. That of [`Put::WithEtag`] is `E`.
    NoToken(&'static str),
    /// The same with another size than it has.
    NoTokenOtherSize(&'static str),
}

/// What a copy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copy {
    Fine,
    /// Answered as if it were made.
    Lie,
    /// Made, and not answered.
    LostReply,
    /// Not made, and not answered.
    Unanswered,
}

/// A memory store that answers as it is told to.
#[derive(Debug, Clone)]
pub(crate) struct Odd {
    pub(crate) inner: FarStore,
    pub(crate) put: Put,
    /// The next looks; as they are when there are no more.
    pub(crate) looks: Arc<Mutex<VecDeque<Look>>>,
    pub(crate) copy: Copy,
    pub(crate) stored: Arc<Notify>,
}

impl Odd {
    pub(crate) fn new(put: Put, looks: &[Look]) -> Self {
        let looks = Arc::new(Mutex::new(looks.iter().copied().collect()));
        Odd { inner: FarStore::new(), put, looks, copy: Copy::Fine, stored: Arc::default() }
    }

    pub(crate) fn bucket(&self) -> Bucket {
        let compressor = Compressor::new(Codec::Plain, None).expect("threads");
        Bucket::new(self.clone(), Arc::new(compressor), Budget::new(Budget::MIN).expect("valid"))
    }

    pub(crate) async fn write(&self, if_exists: IfExists) -> Result<Sealed> {
        let mut sink = self.bucket().create(&key("a"), if_exists).expect("open");
        sink.write_all(b"new").await.expect("written");
        sink.seal().await
    }
}

pub(crate) fn denied() -> Error {
    Error::new(ErrorKind::Denied, "look at", "memory:/a", "403")
}

#[async_trait]
impl ObjectStore for Odd {
    fn url(&self) -> String {
        self.inner.url()
    }

    fn part_policy(&self) -> PartPolicy {
        self.inner.part_policy()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        self.inner.checksum_algorithm()
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        let damaged =
            Payload::from_segments(vec![Bytes::from_static(b"n")], Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"n"));
        let payload = if self.put == Put::Damaged { damaged } else { payload };
        let stores = !matches!(self.put, Put::Lie | Put::Unanswered | Put::Unclear | Put::Refused);
        let committed = match stores {
            true => self.inner.put(key, payload, options, &Attempts::default()).await?,
            false => Committed::default(),
        };
        self.stored.notify_one();
        let attempt = attempts.begin();
        attempt.sent();
        let failed = |kind, reason: &str| Err(Error::new(kind, "put", "memory:/a", reason));
        let at = Some(SystemTime::now());
        match self.put {
            Put::Fine | Put::Damaged => attempt.applied(),
            Put::WithoutChecksum | Put::Lie => {
                attempt.applied();
                return Ok(Committed { checksum: None, at, ..committed });
            }
            Put::WithEtag => {
                attempt.applied();
                return Ok(Committed { checksum: None, etag: Some("E".into()), at, ..committed });
            }
            Put::WrongChecksum => {
                attempt.applied();
                return Ok(Committed { checksum: Some(vec![0; 8]), at, ..committed });
            }
            Put::LostReply | Put::Unanswered => return failed(ErrorKind::Unreachable, "reset"),
            Put::Unclear => {
                attempt.unclear();
                return failed(ErrorKind::Service, "500");
            }
            Put::LostThenRefused => {
                attempts.begin().refused();
                return failed(ErrorKind::Denied, "403 expired");
            }
            Put::Refused => {
                attempt.refused();
                return failed(ErrorKind::Denied, "403");
            }
            Put::Held => std::future::pending().await,
            Put::NotDurable => {
                attempt.applied();
                let error = Error::new(ErrorKind::Io, "put", "memory:/a", "fsync");
                return Err(error.with_left_behind([LeftBehind::object("memory:/a").because("not durable")]));
            }
        }
        match self.put {
            Put::Damaged => Ok(Committed { checksum: None, at, ..committed }),
            _ => Ok(committed),
        }
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        self.inner.start(key, options, attempts).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let odd = self.looks.lock().expect("not poisoned").pop_front();
        let info = self.inner.head(key).await;
        match odd {
            Some(Look::Denied) => Err(denied()),
            Some(Look::OtherSize) => info.map(|info| ObjectInfo { size: info.size + 1, ..info }),
            Some(Look::NoToken(etag)) => info.map(|info| ObjectInfo { token: None, etag: Some(etag.into()), ..info }),
            Some(Look::NoTokenOtherSize(etag)) => info.map(|info| {
                let size = info.size + 1;
                ObjectInfo { token: None, etag: Some(etag.into()), size, ..info }
            }),
            None => info,
        }
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        self.inner.get(key, range, etag).await
    }

    async fn list(&self, _prefix: &str, _page: Option<&str>) -> Result<Page> {
        Ok(Page { objects: Vec::new(), next: Some("here".into()) })
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        self.inner.delete(key, only).await
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.inner.retract(key, info).await
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        if matches!(self.copy, Copy::Fine | Copy::LostReply) {
            self.inner.copy(from, info, to, work).await?;
        }
        match self.copy {
            Copy::Fine | Copy::Lie => Ok(Committed::default()),
            Copy::LostReply | Copy::Unanswered => {
                let left = LeftBehind::object("memory:/b").perhaps();
                Err(Error::new(ErrorKind::Unreachable, "copy", "memory:/a", "reset").with_left_behind([left]))
            }
        }
    }

    async fn leftovers(&self, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
        self.inner.leftovers(prefix, page).await
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        self.inner.remove_leftover(leftover).await
    }
}
