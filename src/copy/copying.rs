//! From one bucket to another, object by object.

use super::compare::{self, Side, fill};
use super::outcome::{Copied, Due, Same, SourceProof, Way, Why};
use crate::activity::RetryCause;
use crate::bucket::Bucket;
use crate::budget::{READER_SEAT, closed, units};
use crate::codec::Codec;
use crate::download::Reader;
use crate::error::{Error, ErrorKind, Result};
use crate::moving;
use crate::name::Key;
use crate::object::{IfExists, ObjectInfo};
use crate::object_store::ObjectStore;
use crate::upload::Sink;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often in all an object is read that came damaged and was read in pieces that cannot be checked one by one.
const READS: u32 = 3;

/// What is done about an object whose copy is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is copied, as the commit has it.
    Copied(IfExists),
    /// It is copied where the copy differs, by this comparison.
    Synced(Compared),
}

/// By what a copy is told from what was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// By checksums of one kind; where there are none, by reading.
    Content,
    /// By the size alone.
    Size,
}

/// Copies from one bucket to another. With [`Codec::Plain`] on both, what is stored comes as it is; otherwise it is
/// decompressed as the one and compressed as the other does. Both should share a budget. Cheap to clone.
///
/// ```
/// # use sealift::{Bucket, Error, Key};
/// use sealift::IfExists;
/// use sealift::copy::{Copying, Existing};
///
/// # async fn example(old: Bucket, new: Bucket) -> Result<(), Error> {
/// let copying = Copying::new(old, new, Existing::Copied(IfExists::Fail));
/// let key: Key = "db/monday.gz".parse()?;
/// let copied = copying.copy(&key, &key).await?;
/// println!("{}: {}, {}", copied.location, copied.source, copied.confirmed);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Copying {
    from: Bucket,
    to: Bucket,
    existing: Existing,
    /// Readers' places in the budget, so that nobody waits there who would be told after a minute that nothing is read.
    places: Arc<Semaphore>,
}

impl Copying {
    /// From one bucket to another.
    pub fn new(from: Bucket, to: Bucket, existing: Existing) -> Self {
        let places = from.budget().readers_share().min(to.budget().readers_share());
        Copying { from, to, existing, places: Arc::new(Semaphore::new(units(places) as usize)) }
    }

    /// Where to.
    pub fn target(&self) -> &Bucket {
        &self.to
    }

    /// Whether the object `from` is to be copied to `to`. `listed` is what a listing of the target has of `to`: none when it
    /// has nothing of that name.
    ///
    /// # Errors
    /// What either service says; [`ErrorKind::Corrupt`] and [`ErrorKind::Changed`] of what had to be read.
    ///
    /// # Cancel safety
    /// It only reads: dropped, it leaves nothing.
    pub async fn due(&self, from: &Key, size: u64, to: &Key, listed: Option<&ObjectInfo>) -> Result<Due> {
        let compared = match (self.existing, listed) {
            (Existing::Copied(_), _) => return Ok(Due::Copy(Why::All)),
            (Existing::Synced(_), None) => return Ok(Due::Copy(Why::Missing)),
            (Existing::Synced(compared), Some(_)) => compared,
        };
        let there = listed.map(|listed| listed.size).unwrap_or_default();
        match compared {
            _ if there != size && self.keeps_bytes() => {
                return Ok(Due::Copy(Why::Size { source: size, target: there }));
            }
            Compared::Size if self.keeps_bytes() => return Ok(Due::Same(Same::SizeOnly)),
            Compared::Size => {
                let reason = "what is compressed anew has another size: its size tells nothing";
                return Err(Error::new(ErrorKind::InvalidConfig, "compare", self.from.url(), reason));
            }
            Compared::Content => {}
        }
        let source = self.from.stat(from).await?;
        let target = match self.to.stat(to).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Due::Copy(Why::Missing)),
            looked => looked?,
        };
        let _place = self.place(source.size.max(target.size)).await?;
        let source = Side { bucket: &self.from, key: from, info: &source };
        let target = Side { bucket: &self.to, key: to, info: &target };
        match self.keeps_bytes() {
            true => compare::stored(source, target).await,
            false => compare::plain(source, target).await,
        }
    }

    /// Copies the object `from` to `to`. What comes damaged is read again, a few times.
    ///
    /// # Errors
    /// [`ErrorKind::Changed`] when it changed while it was read, [`ErrorKind::Corrupt`] when it has not the checksum that is
    /// kept of it; [`ErrorKind::AlreadyExists`] as [`Existing`] says; or what either service says. The error names what is
    /// left, as that of a [`Sink`](crate::Sink) does.
    ///
    /// # Cancel safety
    /// Dropped, what was begun is removed by a task of the target's bucket, whose [`close`](Bucket::close) tells of it.
    pub async fn copy(&self, from: &Key, to: &Key) -> Result<Copied> {
        self.to.store().check_new_name(to)?;
        if let Some(bucket) = self.bucket_within_service() {
            match self.copy_within(bucket, from, to).await {
                Err(error) if self.may_go_through_here(&error) => {
                    tracing::info!("the service does not copy it by itself, so it goes through here: {error}");
                }
                done => return done,
            }
        }
        for _ in 1..READS {
            match self.copy_once(from, to).await {
                Err(error) if error.kind() == ErrorKind::Corrupt && error.passing().is_some() => {
                    tracing::warn!("{error}; reading it again");
                    self.from.counts().tried_again(RetryCause::Damaged);
                }
                done => return done,
            }
        }
        self.copy_once(from, to).await
    }

    /// The source's bucket, where the service copies from it by itself. Not all services decide in that step whether the
    /// target is there, so where that matters it goes through here.
    fn bucket_within_service(&self) -> Option<String> {
        if !self.keeps_bytes() || self.if_exists() == IfExists::Fail {
            return None;
        }
        let (from, to) = (self.from.store().home()?, self.to.store().home()?);
        (from.service == to.service).then_some(from.bucket)
    }

    async fn copy_within(&self, bucket: String, from: &Key, to: &Key) -> Result<Copied> {
        let info = self.from.stat(from).await?;
        let (size, location) = (info.size, format!("{}/{to}", self.to.url()));
        let (store, from, to) = (Arc::clone(self.to.store()), from.clone(), to.clone());
        let work = self.to.own("copy to", location.clone(), move |work| async move {
            moving::copy_from(&*store, &bucket, &from, &info, &to, &work).await
        });
        let (committed, confirmed) = work.await?;
        Ok(Copied {
            location,
            way: Way::WithinService,
            bytes: size,
            bytes_stored: size,
            checksum: None,
            source: SourceProof::ByService,
            confirmed,
            left_behind: committed.left_behind,
        })
    }

    /// Whether what the service did not copy is read here: it did nothing, and this is no answer that would be the same.
    fn may_go_through_here(&self, error: &Error) -> bool {
        error.left_behind().is_empty() && !matches!(error.kind(), ErrorKind::Changed | ErrorKind::Cancelled)
    }

    async fn copy_once(&self, from: &Key, to: &Key) -> Result<Copied> {
        let info = self.from.stat(from).await?;
        let _place = self.place(info.size).await?;
        let mut reader = self.from.open_known(from, info.clone()).await?;
        let mut sink = match self.keeps_bytes() {
            true => self.to.create_sized(to, self.if_exists(), info.size)?,
            false => self.to.create(to, self.if_exists())?,
        };
        if let Err(error) = pass(&mut reader, &mut sink, from).await {
            return match sink.abort().await {
                Ok(()) => Err(error),
                Err(left) => Err(error.with_left_behind(left.left_behind().iter().cloned())),
            };
        }
        let verified = reader.verified().copied().unwrap_or_default();
        drop(reader);
        let sealed = sink.seal().await?;
        Ok(Copied {
            location: sealed.location,
            way: if self.keeps_bytes() { Way::ThroughHere } else { Way::Recompressed },
            bytes: sealed.bytes_in,
            bytes_stored: sealed.bytes_stored,
            checksum: Some(sealed.checksum),
            source: match verified.by_checksum() {
                true => SourceProof::Verified(verified),
                false => SourceProof::ReadOnce { etag: info.etag },
            },
            confirmed: sealed.confirmed,
            left_behind: sealed.left_behind,
        })
    }

    fn if_exists(&self) -> IfExists {
        match self.existing {
            Existing::Copied(if_exists) => if_exists,
            Existing::Synced(_) => IfExists::Replace,
        }
    }

    /// Whether what is stored comes as it is.
    fn keeps_bytes(&self) -> bool {
        matches!((self.from.codec(), self.to.codec()), (Codec::Plain, Codec::Plain))
    }

    /// A place for a reader of so many stored bytes.
    async fn place(&self, size: u64) -> Result<OwnedSemaphorePermit> {
        // What is decompressed takes more than is stored.
        let wanted = if self.keeps_bytes() { size.clamp(1, READER_SEAT) } else { READER_SEAT };
        Arc::clone(&self.places).acquire_many_owned(units(wanted)).await.map_err(|_| closed())
    }
}

/// Everything that `reader` gives into the sink.
async fn pass(reader: &mut Reader, sink: &mut Sink, key: &Key) -> Result<()> {
    loop {
        let count = match fill(reader, key).await? {
            [] => return Ok(()),
            bytes => {
                sink.write_all(bytes).await.map_err(|error| match Error::from_io(&error) {
                    Some(error) => error.clone(),
                    None => Error::io("write the copy of", key.as_ref(), error),
                })?;
                bytes.len()
            }
        };
        reader.consume(count);
    }
}
