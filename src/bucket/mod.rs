//! Streams into and out of one object store: what the command line, the archive and library users open.

mod objects;

use crate::activity::{Activity, Counts};
use crate::budget::Budget;
use crate::checksum::ChecksumAlgorithm;
use crate::codec::{Codec, Compressor};
use crate::doctor::{self, Examination, Report};
use crate::download::{self, Reader, Subject, Unknown};
use crate::error::{Error, ErrorKind, Result};
use crate::name::Key;
use crate::object::{CommitOptions, IfExists, ObjectInfo, Token};
use crate::object_store::ObjectStore;
use crate::retry::RetryPolicy;
use crate::retrying::RetryingStore;
use crate::shutdown::Shutdown;
use crate::upload::{self, Length, Plan, Sealed, Sink, Window};
use crate::work::{UnderWay, Work};
use bytes::Bytes;
use std::ops::RangeBounds;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

/// An object store with a codec, a memory budget, and an account of what is under way. Cheap to clone; clones share
/// all of it.
///
/// Before the runtime ends, [`close`](Bucket::close) it: aborts need a runtime to run on.
///
/// ```
/// use futures::TryStreamExt;
/// use sealift::{Bucket, Budget, Codec, Compressor, IfExists, Level};
/// use std::sync::Arc;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[cfg(feature = "memory")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = sealift::MemoryStore::new();
/// let compressor = Arc::new(Compressor::new(Codec::Gzip(Level::default()), None)?);
/// let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT)?);
///
/// let mut sink = bucket.create(&"db/monday".parse()?, IfExists::Fail)?;
/// sink.write_all(b"some rows").await?; // or tokio::io::copy
/// let sealed = sink.seal().await?;
/// assert_eq!(sealed.bytes_in, 9);
///
/// let mut reader = bucket.open(&"db/monday".parse()?).await?;
/// let mut rows = String::new();
/// reader.read_to_string(&mut rows).await?;
/// assert!(reader.verified().is_some_and(|verified| verified.by_checksum()));
///
/// let listed: Vec<_> = bucket.list("db").try_collect().await?;
/// assert_eq!(listed[0].key, "db/monday");
/// bucket.close().await.map_err(|errors| format!("left behind: {errors:?}"))?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "memory"))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Arc<RetryingStore>,
    compressor: Arc<Compressor>,
    budget: Budget,
    shutdown: Arc<Shutdown>,
    window: Arc<Window>,
    counts: Arc<Counts>,
}

impl Bucket {
    /// Streams of `store`, encoded by `compressor`. Several buckets may share a compressor and a budget. What fails in
    /// passing is tried again for [`RetryPolicy::GIVE_UP_AFTER`].
    pub fn new(store: impl ObjectStore, compressor: Arc<Compressor>, budget: Budget) -> Self {
        let counts = Arc::<Counts>::default();
        let shutdown = Arc::new(Shutdown::new(RetryPolicy::default(), Arc::clone(&counts)));
        let store = Arc::new(RetryingStore::of(Arc::new(store), shutdown.retry().clone()));
        Bucket { store, compressor, budget, shutdown, window: Arc::new(Window::new(Arc::clone(&counts))), counts }
    }

    /// The same bucket with another policy for what fails in passing. It is a bucket of its own: [`stop`](Self::stop) and
    /// [`close`](Self::close) of this one do not reach what was opened before.
    #[must_use]
    pub fn with_retry_policy(self, policy: RetryPolicy) -> Self {
        let shutdown = Arc::new(Shutdown::new(policy, Arc::clone(&self.counts)));
        let store = Arc::new(self.store.with_retry(shutdown.retry().clone()));
        Bucket { store, shutdown, ..self }
    }

    /// The store's URL, without credentials.
    pub fn url(&self) -> String {
        self.store.url()
    }

    /// Opens a sink for the object `key`. Nothing is asked of the service before a part is full or the sink is shut
    /// down; [`check_writable`](Self::check_writable) asks early.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] outside of a tokio runtime; [`ErrorKind::InvalidName`] for a key that nothing is stored
    /// by; [`ErrorKind::Cancelled`] after [`close`](Self::close).
    pub fn create(&self, key: &Key, if_exists: IfExists) -> Result<Sink> {
        self.open_sink(key, if_exists, Length::Unknown)
    }

    /// Opens a sink for the object `key`, of exactly `length` bytes before compression. A short one takes no more of the
    /// memory budget than its length, so that many are under way at once where those of unknown length would wait for
    /// each other. Give each a task.
    ///
    /// With another number of bytes the write or the shutdown fails with [`ErrorKind::Changed`], and nothing is stored.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_sized(&self, key: &Key, if_exists: IfExists, length: u64) -> Result<Sink> {
        self.open_sink(key, if_exists, Length::Exactly(length))
    }

    /// Stores `bytes` as the object `key`: for what is small and whole already. What is long, or comes bit by bit, is for
    /// [`create`](Self::create).
    ///
    /// # Errors
    /// As [`create`](Self::create), and what the service says. The error names what is left, if anything is.
    ///
    /// # Cancel safety
    /// Dropped, it is given up as a dropped [`Sink`] is.
    pub async fn put(&self, key: &Key, bytes: Bytes, if_exists: IfExists) -> Result<Sealed> {
        let mut sink = self.create_sized(key, if_exists, bytes.len() as u64)?;
        // A write that fails is told by `seal`, with what is left.
        let _ = sink.write_all(&bytes).await;
        sink.seal().await
    }

    fn open_sink(&self, key: &Key, if_exists: IfExists, length: Length) -> Result<Sink> {
        let refused = |kind, reason: &str| Err(Error::new(kind, "open", format!("{}/{key}", self.url()), reason));
        if Handle::try_current().is_err() {
            return refused(ErrorKind::InvalidConfig, "there is no tokio runtime to upload on");
        }
        if self.shutdown.stop().is_cancelled() {
            return refused(ErrorKind::Cancelled, "the bucket was closed or asked to stop");
        }
        self.store.check_new_name(key)?;
        let plan = Plan {
            store: Arc::clone(&self.store),
            key: key.clone(),
            options: CommitOptions { token: Token::random(), if_exists },
            compressor: Arc::clone(&self.compressor),
            shutdown: Arc::clone(&self.shutdown),
            window: Arc::clone(&self.window),
            budget_total: self.budget.total(),
            counts: Arc::clone(&self.counts),
        };
        Ok(upload::open(plan, length, &self.budget))
    }

    /// How many sinks one task can write to in turn: as many as have a place in the memory budget. At least one.
    pub fn writers_at_once(&self) -> usize {
        let seat = upload::seat_size(self.store.part_policy(), self.budget.total());
        self.budget.writer_seats_of(seat).max(1)
    }

    /// How many readers one task can hold at once: as many as have a place in the memory budget, at least one. Short
    /// objects take less of it, so more of them may find a place.
    pub fn readers_at_once(&self) -> usize {
        self.budget.reader_seats().max(1)
    }

    /// Asks the service, before anything costly is done, what would surely make a write of `key` fail: that the
    /// bucket is missing, elsewhere or out of reach, or that the object exists and must not be replaced.
    /// A refusal to look is not taken for a refusal to write. Cancel-safe.
    ///
    /// # Errors
    /// The reason why the write would fail.
    pub async fn check_writable(&self, key: &Key, if_exists: IfExists) -> Result<()> {
        self.check_place().await?;
        match self.store.head(key).await {
            Ok(_) if if_exists == IfExists::Fail => {
                let location = format!("{}/{key}", self.url());
                Err(Error::new(ErrorKind::AlreadyExists, "write", location, "it exists and is not to be replaced"))
            }
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Denied) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Says, without any request and without storing something, why surely nothing can be stored: that a folder may not be
    /// written by this user. Cancel-safe.
    ///
    /// # Errors
    /// The reason why every write would fail.
    pub async fn check_place(&self) -> Result<()> {
        self.store.check_place().await
    }

    /// The codec that streams are written with.
    pub fn codec(&self) -> Codec {
        self.compressor.codec()
    }

    /// Which checksum of whole objects the service keeps, or Sealift with them.
    pub fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        self.store.checksum_algorithm()
    }

    /// Opens the object `key` for reading; see [`Reader`] for what is recognised. Waits for a place in the memory
    /// budget: as long as other readers are read, and then for a minute.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], or what else the service says. [`ErrorKind::TimedOut`] when all places are taken and nobody
    /// reads: [`readers_at_once`](Self::readers_at_once) tells how many there are.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn open(&self, key: &Key) -> Result<Reader> {
        download::open(self.subject(key, None), &self.compressor, &self.budget, Unknown::Refused).await
    }

    /// As [`open`](Self::open), of an object of which nobody knows who wrote it: what is neither gzip nor zstd comes as it is
    /// stored, and only a checksum that is kept with it can tell whether that is what was written.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn open_any(&self, key: &Key) -> Result<Reader> {
        download::open(self.subject(key, None), &self.compressor, &self.budget, Unknown::AsItIs).await
    }

    /// As [`open`](Self::open), of an object that `info` of a [`list`](Self::list) tells of. One that is short then takes one
    /// request, where the service says with an object's bytes all that it says of it. What is read is what is there now.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn open_listed(&self, key: &Key, info: &ObjectInfo) -> Result<Reader> {
        download::open_listed(self.subject(key, None), info.size, &self.compressor, &self.budget, Unknown::Refused)
            .await
    }

    /// Opens a range of the object's bytes as they are stored, compressed ones too, whatever the bucket's codec. Without an
    /// end it goes to the object's. See [`Reader`] for what can be verified of it. A range of the *plain* data of an
    /// object that is compressed can only be had by reading it from its start.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::InvalidConfig`] for a range that does not lie within the object.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn open_stored_range(&self, key: &Key, range: impl RangeBounds<u64> + Send) -> Result<Reader> {
        download::open_stored(self.subject(key, None), range, &self.compressor, &self.budget).await
    }

    /// As [`open_any`](Self::open_any), of the object that `info` describes and no other.
    pub(crate) async fn open_known(&self, key: &Key, info: ObjectInfo) -> Result<Reader> {
        download::open_known(self.subject(key, None), info, &self.compressor, &self.budget, Unknown::AsItIs).await
    }

    /// What is read by `key`: what is there now, or a version of it.
    fn subject(&self, key: &Key, version: Option<&str>) -> Subject {
        Subject {
            store: Arc::clone(&self.store) as _,
            key: key.clone(),
            version: version.map(str::to_owned),
            counts: Arc::clone(&self.counts),
        }
    }

    /// As [`open`](Self::open), of a version that the bucket keeps, whatever is there now.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::NotFound`] where there is no such version, and
    /// [`ErrorKind::InvalidConfig`] where the storage keeps none.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn open_version(&self, key: &Key, version: &str) -> Result<Reader> {
        download::open(self.subject(key, Some(version)), &self.compressor, &self.budget, Unknown::Refused).await
    }

    /// What this bucket has done and is doing, for whoever shows it.
    pub fn activity(&self) -> Activity {
        Activity::new(Arc::clone(&self.counts), Arc::clone(&self.store))
    }

    pub(crate) fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    pub(crate) fn store(&self) -> &Arc<RetryingStore> {
        &self.store
    }

    /// Does a piece of work that can leave something, as a task of this bucket's.
    pub(crate) async fn own<T, F>(
        &self,
        operation: &'static str,
        location: String,
        begin: impl FnOnce(Arc<Work>) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        self.shutdown.own(operation, location, begin).await
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Examines what the service, the bucket and these credentials can do, by doing it on scratch objects below
    /// `plan.prefix`, which are removed again. About fifty requests; on S3 they send 10 MiB.
    ///
    /// # Errors
    /// The service was not reached, or has no such bucket; [`ErrorKind::Cancelled`] after [`stop`](Self::stop). What a
    /// service or a bucket does not do is a finding and no error. The error names what is left.
    ///
    /// # Cancel safety
    /// The examination goes on when the future is dropped; [`close`](Self::close) stops it, waits until what it made is
    /// removed, and tells what it left.
    pub async fn examine(&self, plan: Examination) -> Result<Report> {
        let store = Arc::clone(&self.store);
        let examined = move |work: Arc<Work>| async move { doctor::examine(&store, &plan, &work).await };
        self.shutdown.own("examine", self.url(), examined).await
    }

    /// Has the service end incomplete uploads by itself after a week, keeps what else it is told to do by itself, and says
    /// what is set; `None` where nothing is to be set.
    ///
    /// # Errors
    /// What the service says, and how the rules are then.
    ///
    /// # Cancel safety
    /// It goes on when the future is dropped.
    pub async fn end_incomplete_uploads(&self) -> Result<Option<String>> {
        let store = Arc::clone(&self.store);
        let set = move |_| async move { doctor::end_incomplete_uploads(&store).await };
        self.shutdown.own("set the rules of", self.url(), set).await
    }

    /// What is under way, and what each would leave if the process ended now.
    pub fn under_way(&self) -> Vec<UnderWay> {
        self.shutdown.under_way()
    }

    /// Asks every upload under way to stop and abort, without waiting for it. No new sink can be opened afterwards.
    pub fn stop(&self) {
        self.shutdown.stop().cancel();
    }

    /// Stops what is under way and waits until all of it is completed or aborted; each abort has its own time limit.
    /// Cancel-safe: call it again to go on waiting.
    ///
    /// # Errors
    /// What aborts that nobody waited for have left behind.
    pub async fn close(&self) -> Result<(), Vec<Error>> {
        match self.shutdown.close().await {
            errors if errors.is_empty() => Ok(()),
            errors => Err(errors),
        }
    }
}
