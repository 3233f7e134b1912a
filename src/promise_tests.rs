//! What may exist after each answer to a commit, over a store that answers oddly: the settling, without a service.

use crate::memory_store::MemoryStore;
use crate::stream_tests::{MIB, data, key};
use crate::*;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

/// What a put does, and how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
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
enum Look {
    Denied,
    /// Another size than it has.
    OtherSize,
    /// No token, which this service does not keep; and the ETag of [`Put::WithEtag`].
    NoToken,
}

/// What a copy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copy {
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
struct Odd {
    inner: MemoryStore,
    put: Put,
    /// The next looks; as they are when there are no more.
    looks: Arc<Mutex<VecDeque<Look>>>,
    copy: Copy,
    stored: Arc<Notify>,
}

impl Odd {
    fn new(put: Put, looks: &[Look]) -> Self {
        let looks = Arc::new(Mutex::new(looks.iter().copied().collect()));
        Odd { inner: MemoryStore::new(), put, looks, copy: Copy::Fine, stored: Arc::default() }
    }

    fn bucket(&self) -> Bucket {
        let compressor = Compressor::new(Codec::Plain, None).expect("threads");
        Bucket::new(self.clone(), Arc::new(compressor), Budget::new(Budget::MIN).expect("valid"))
    }

    async fn write(&self, if_exists: IfExists) -> Result<Sealed> {
        let mut sink = self.bucket().create(&key("a"), if_exists).expect("open");
        sink.write_all(b"new").await.expect("written");
        sink.seal().await
    }
}

fn denied() -> Error {
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
            Some(Look::NoToken) => info.map(|info| ObjectInfo { token: None, etag: Some("E".into()), ..info }),
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

    async fn leftovers(&self, prefix: &str) -> Result<Leftovers> {
        self.inner.leftovers(prefix).await
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        self.inner.remove_leftover(leftover).await
    }
}

#[tokio::test]
async fn a_success_needs_no_permission_to_look() {
    let store = Odd::new(Put::WithoutChecksum, &[Look::Denied]);
    let sealed = store.write(IfExists::Replace).await.expect("sealed");
    assert_eq!(sealed.confirmed, Confirmed::Answer { unseen: "403".into() });
    assert_eq!(Odd::new(Put::Fine, &[]).write(IfExists::Fail).await.expect("sealed").confirmed, Confirmed::Checksum);
    let looked_at = Odd::new(Put::WithoutChecksum, &[]).write(IfExists::Fail).await.expect("sealed");
    assert_eq!(looked_at.confirmed, Confirmed::TokenAndSize);
}

/// How a commit ended, and whether the object is there: (put, looks, the object stands, it is named).
#[tokio::test]
async fn what_may_exist_is_said_and_nothing_else() {
    let denied = &[Look::Denied; 4][..];
    for (put, looks, stands, named) in [
        (Put::Refused, denied, false, false),
        (Put::Unclear, &[], false, false),
        (Put::Unclear, denied, false, true),
        (Put::Unanswered, &[], false, true),
        (Put::Unanswered, denied, false, true),
        (Put::LostReply, denied, true, true),
        (Put::LostThenRefused, denied, true, true),
        (Put::WrongChecksum, denied, true, true),
        (Put::Damaged, &[], false, false),
        (Put::NotDurable, &[], true, true),
    ] {
        for if_exists in [IfExists::Replace, IfExists::Fail] {
            let store = Odd::new(put, looks);
            let error = store.write(if_exists).await.expect_err("it failed");
            assert_eq!(store.inner.object("a").is_some(), stands, "{put:?}");
            assert_eq!(!error.left_behind().is_empty(), named, "{put:?}: {error}");
        }
    }
    for put in [Put::LostReply, Put::LostThenRefused, Put::WrongChecksum] {
        let store = Odd::new(put, &[]);
        store.write(IfExists::Fail).await.expect("it is there, as it was sent");
        assert_eq!(store.inner.object("a").expect("there"), "new");
    }
}

#[tokio::test]
async fn a_success_that_was_none_over_content_of_the_same_size_is_an_error_and_the_old_stays() {
    let store = Odd::new(Put::Lie, &[]);
    store.inner.insert("a", "old");
    let error = store.write(IfExists::Replace).await.expect_err("it was not stored");
    assert!(error.to_string().contains("other content is there"), "{error}");
    assert_eq!(store.inner.object("a").expect("kept"), "old");
}

/// Some services drop what they should keep with an object, and the token with it.
#[tokio::test(start_paused = true)]
async fn of_an_object_without_any_token_nothing_is_claimed_that_is_not_known() {
    let store = Odd::new(Put::WithEtag, &[Look::NoToken; 2]);
    assert_eq!(store.write(IfExists::Replace).await.expect("its ETag tells").confirmed, Confirmed::EtagAndSize);
    for put in [Put::WithoutChecksum, Put::LostReply, Put::Unclear] {
        let store = Odd::new(put, &[Look::NoToken; 2]);
        store.inner.insert("a", "old");
        let error = store.write(IfExists::Replace).await.expect_err("nobody knows whose it is");
        let [left] = error.left_behind() else { panic!("{put:?}: {error}") };
        assert_eq!(left.certainty(), Certainty::Perhaps, "{put:?}: {error}");
        assert!(store.inner.object("a").is_some(), "{put:?}: it may be another's, and stays");
    }
    let store = Odd::new(Put::LostReply, &[Look::NoToken; 2]);
    store.inner.insert("a", "of another size");
    let error = Odd { put: Put::Unclear, ..store }.write(IfExists::Replace).await.expect_err("not stored");
    assert!(error.left_behind().is_empty(), "{error}");
}

#[tokio::test]
async fn one_odd_look_removes_nothing() {
    for put in [Put::WithoutChecksum, Put::LostReply] {
        let store = Odd::new(put, &[Look::OtherSize]);
        store.write(IfExists::Replace).await.expect("the second look shows it");
        assert!(store.inner.object("a").is_some());
    }
    let store = Odd::new(Put::WithoutChecksum, &[Look::OtherSize, Look::OtherSize]);
    assert_eq!(store.write(IfExists::Replace).await.expect_err("it differs").kind(), ErrorKind::Corrupt);
    assert!(store.inner.object("a").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_may_have_replaced_something_stands_and_is_named() {
    for (if_exists, stands) in [(IfExists::Replace, true), (IfExists::Fail, false)] {
        for abort in [true, false] {
            let store = Odd::new(Put::Held, &[]);
            let bucket = store.bucket();
            let mut sink = bucket.create(&key("a"), if_exists).expect("open");
            sink.write_all(b"new").await.expect("written");
            tokio::select! {
                _ = sink.shutdown() => panic!("the answer is held"),
                () = store.stored.notified() => {}
            }
            let left = match abort {
                true => sink.abort().await.err(),
                false => {
                    drop(sink);
                    bucket.close().await.err().map(|left| left[0].clone())
                }
            };
            assert_eq!(store.inner.object("a").is_some(), stands, "when it has ended");
            assert_eq!(left.is_some(), stands, "{left:?}");
            if let Some(left) = left {
                assert!(left.to_string().contains("the object memory:/a"), "{left}");
            }
        }
    }
}

#[tokio::test]
async fn an_abort_after_the_commit_returns_when_the_object_is_gone_or_names_it() {
    for (if_exists, stands) in [(IfExists::Replace, true), (IfExists::Fail, false)] {
        let store = Odd::new(Put::Fine, &[]);
        let bucket = store.bucket();
        let mut sink = bucket.create(&key("a"), if_exists).expect("open");
        sink.write_all(b"new").await.expect("written");
        // The end is announced, and nobody takes the delivery.
        tokio::select! {
            biased;
            () = store.stored.notified() => {}
            _ = sink.shutdown() => panic!("the store is told first"),
        }
        while !bucket.under_way()[0].to_string().starts_with("the object memory:/a") {
            tokio::task::yield_now().await;
        }
        let aborted = sink.abort().await;
        assert_eq!(store.inner.object("a").is_some(), stands, "{if_exists:?}");
        assert_eq!(aborted.is_err(), stands, "{if_exists:?}: {aborted:?}");
    }
}

#[test]
fn a_runtime_that_ends_in_the_middle_of_a_commit_leaves_a_name() {
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let (first, second) = (runtime(), runtime());
    let store = Odd::new(Put::Held, &[]);
    let bucket = store.bucket();
    let mut sink = first.block_on(async {
        let mut sink = bucket.create(&key("a"), IfExists::Fail).expect("open");
        sink.write_all(b"new").await.expect("written");
        tokio::select! {
            _ = sink.shutdown() => panic!("the answer is held"),
            () = store.stored.notified() => {}
        }
        sink
    });
    assert!(bucket.under_way()[0].to_string().contains("perhaps the object memory:/a"), "{:?}", bucket.under_way());
    first.shutdown_timeout(Duration::from_secs(5));
    assert!(bucket.under_way()[0].to_string().contains("perhaps the object memory:/a"), "{:?}", bucket.under_way());
    let error = second.block_on(sink.shutdown()).expect_err("nobody uploads");
    assert!(error.to_string().contains("perhaps the object memory:/a"), "{error}");
    let left = second.block_on(bucket.close()).expect_err("it is left");
    assert!(left[0].to_string().contains("perhaps the object memory:/a"), "{left:?}");
}

#[tokio::test]
async fn a_move_ends_the_original_only_when_the_copy_is_proven() {
    let moved = |store: &Odd| {
        let bucket = store.bucket();
        async move { bucket.rename(&key("a"), &key("b")).await }
    };
    for copy in [Copy::Fine, Copy::LostReply] {
        let store = Odd { copy, ..Odd::new(Put::Fine, &[]) };
        store.inner.insert("a", "content");
        moved(&store).await.expect("moved");
        assert!(store.inner.object("a").is_none() && store.inner.object("b").is_some(), "{copy:?}");
    }
    for copy in [Copy::Lie, Copy::Unanswered] {
        for before in [None, Some("another")] {
            let store = Odd { copy, ..Odd::new(Put::Fine, &[]) };
            store.inner.insert("a", "content");
            if let Some(before) = before {
                store.inner.insert("b", before);
            }
            let error = moved(&store).await.expect_err("nothing was copied");
            assert!(store.inner.object("a").is_some(), "{copy:?}, {before:?}: {error}");
            assert!(error.to_string().contains("perhaps the object memory:/b"), "{error}");
            assert_eq!(store.inner.object("b").as_deref(), before.map(str::as_bytes), "{copy:?}");
        }
    }
}

#[tokio::test]
async fn a_listing_that_never_ends_is_an_error() {
    use futures::TryStreamExt;
    let listed: Result<Vec<_>> = Odd::new(Put::Fine, &[]).bucket().list("").try_collect().await;
    assert!(listed.expect_err("endless").to_string().contains("never end"));
}

#[tokio::test(start_paused = true)]
async fn a_reader_too_many_in_one_task_is_an_error_and_not_a_wait_for_itself() {
    let store = Odd::new(Put::Fine, &[]);
    store.inner.insert("a", data(5 * MIB));
    let bucket = store.bucket();
    let mut held = Vec::new();
    for _ in 0..bucket.readers_at_once() {
        held.push(bucket.open(&key("a")).await.expect("a place"));
    }
    let error = bucket.open(&key("a")).await.expect_err("no place");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    held.pop();
    bucket.open(&key("a")).await.expect("a place is free again");
}

#[tokio::test]
async fn a_commit_whose_answer_does_not_come_is_settled_by_a_look() {
    let store = Odd::new(Put::Held, &[]);
    let write = tokio::spawn({
        let store = store.clone();
        async move { store.write(IfExists::Replace).await }
    });
    store.stored.notified().await;
    let begun = tokio::time::Instant::now();
    tokio::time::pause();
    let sealed = write.await.expect("ended").expect("it is there");
    assert_eq!(sealed.confirmed, Confirmed::TokenAndSize);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}
