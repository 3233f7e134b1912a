//! What an object adapter implements: [`ObjectStore`] and [`Upload`]. Everything here is about stored bytes; gzip,
//! archives and streams are above. An adapter has no policy of its own on when to start, commit or abort.

use crate::attempts::{Attempts, Effect};
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::error::{Error, Result};
use crate::examined::Examined;
use crate::left_behind::LeftBehind;
use crate::name::Key;
use crate::object::{CommitOptions, Committed, Home, Leftover, Leftovers, ObjectInfo, Page, Removal};
use crate::part_policy::PartPolicy;
use crate::payload::Payload;
use crate::work::Work;
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// A storage of objects: a bucket, a container or a folder.
///
/// Every method may be called concurrently. Each sends once, and its error says whether trying again may help
/// ([`Error::with_passing`](crate::Error::with_passing)); [`RetryingStore`](crate::RetryingStore) does that. A method that
/// takes several requests and fails half way may be called again from its beginning, but for [`copy`](Self::copy), whose
/// steps are tried again by [`Work::retry`].
///
/// # What an answer must be
/// `Ok` means an answer that could be read and that is what was asked for. A success that cannot be understood (another
/// program's page, an empty body, a look without a size) is an error, and never taken for "nothing is there".
///
/// # Cancel safety
/// A method whose future is dropped may or may not have taken effect, and may take effect later: its [`Attempts`] tell.
#[async_trait]
pub trait ObjectStore: fmt::Debug + Send + Sync + 'static {
    /// The storage as a URL without credentials (`s3://bucket`), for messages and summaries.
    fn url(&self) -> String;

    /// Why the service has no object of this name, or takes it for the name of another. No request is sent then. `None` for
    /// a name that it takes as it is.
    fn refuses_name(&self, _key: &Key) -> Option<&'static str> {
        None
    }

    /// Why nothing should be stored by this name, though what is there already can be read. `None` for a name that is fine.
    fn refuses_new_name(&self, _key: &Key) -> Option<&'static str> {
        None
    }

    /// Why surely nothing can be stored, as far as that can be told without a request and without storing something: a
    /// folder's mode. `Ok` where it cannot be told.
    async fn check_place(&self) -> Result<()> {
        Ok(())
    }

    /// The parts this service takes, and how they should grow.
    fn part_policy(&self) -> PartPolicy;

    /// How often the service has asked to slow down so far (503 SlowDown, 429, …), also where a later attempt succeeded.
    /// Every time this has grown, fewer parts are sent at once. 0 for a storage that never asks.
    fn slow_downs(&self) -> u64 {
        0
    }

    /// The checksum that the service keeps for a whole object, and that is computed here.
    fn checksum_algorithm(&self) -> ChecksumAlgorithm;

    /// Whether a short object is stored by one [`put`](Self::put). Where that is no single step, so that a put given up
    /// could not be stopped for sure, it is an upload of one part, which can be aborted.
    fn puts_in_one_step(&self) -> bool {
        true
    }

    /// Stores a whole object in one request.
    ///
    /// Each attempt is accounted for in `attempts`: when this fails or is dropped, they tell whether the object may
    /// appear. An error that has [`left_behind`](crate::Error::left_behind) names what else there may be; one that names
    /// the object itself as seen is the last word: it is there, this is no success, and it is not looked for.
    async fn put(&self, key: &Key, payload: Payload, options: &CommitOptions, attempts: &Attempts)
    -> Result<Committed>;

    /// Starts an upload in parts. Nothing is visible before [`Upload::complete`].
    ///
    /// Each attempt is accounted for in `attempts`. What those may have left that did not tell an upload is asked by
    /// [`lost_starts`](Self::lost_starts).
    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>>;

    /// What the attempts to start an upload of `key` with `options`, the first of them `since` ago, may have left besides
    /// the upload `known`, by their `effect`. It names uploads, and touches none, since each may be another writer's.
    async fn lost_starts(
        &self,
        key: &Key,
        _options: &CommitOptions,
        _since: Duration,
        effect: Effect,
        _known: Option<&str>,
    ) -> Vec<LeftBehind> {
        let lost = LeftBehind::unknown_upload(format!("{}/{key}", self.url()));
        match effect.unanswered + effect.unclear {
            0 => Vec::new(),
            _ => vec![lost.because("its start was not answered so that it could be read")],
        }
    }

    /// What is stored under `key` now. [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when nothing is: only when
    /// the service says so.
    async fn head(&self, key: &Key) -> Result<ObjectInfo>;

    /// The bytes of `range`, all of them, of the content that `etag` names
    /// ([`ErrorKind::Changed`](crate::ErrorKind::Changed) when it is another by now). `range` is not empty and lies
    /// within the object.
    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes>;

    /// What is stored under `key` now, and all of its bytes, in one request, if it is `size` bytes as a listing said;
    /// [`ErrorKind::Changed`](crate::ErrorKind::Changed) when it is not. `None` from a storage that answers with less of the
    /// object than [`head`](Self::head) does when it is read: two requests are sent then.
    ///
    /// It is sent once, and is only the shorter way: after any error the caller takes the other.
    async fn get_whole(&self, _key: &Key, _size: u64) -> Result<Option<(ObjectInfo, Bytes)>> {
        Ok(None)
    }

    /// What `version` of the object is; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no such version, or
    /// where it says that the object was removed. A store that keeps no versions says so.
    async fn head_version(&self, key: &Key, _version: &str) -> Result<ObjectInfo> {
        Err(no_versions("look at", &self.url(), key))
    }

    /// As [`get`](Self::get), of `version`, whose content is `etag`'s.
    async fn get_version(&self, key: &Key, _version: &str, _range: Range<u64>, _etag: Option<&str>) -> Result<Bytes> {
        Err(no_versions("read", &self.url(), key))
    }

    /// A page of the objects whose key begins with `prefix`, after `page` (from [`Page::next`]). A page that says that
    /// more follow, and not where, is an error.
    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page>;

    /// Removes the object; with `only`, only as long as the key still holds that content, as far as the service can check
    /// it. No error when nothing is there. In a bucket that keeps versions it becomes an earlier version.
    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal>;

    /// How many objects [`delete_many`](Self::delete_many) takes at most: 1 where the service has no request for several.
    fn deletes_at_once(&self) -> usize {
        1
    }

    /// Removes each of `keys`, whatever is there, and says in their order what became of them. It is an error as a whole where
    /// nothing is known of any. What is not there is no error.
    async fn delete_many(&self, keys: &[Key]) -> Result<Vec<Result<()>>> {
        let mut removed = Vec::with_capacity(keys.len());
        for key in keys {
            removed.push(self.delete(key, None).await.map(drop));
        }
        Ok(removed)
    }

    /// Undoes the commit that made the object that `info` describes, and touches no other: removes its version where
    /// versions are kept, otherwise the object as long as the key still holds that content.
    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal>;

    /// Whether [`retract`](Self::retract) brings back what this object replaced. If not, a commit that may have replaced
    /// something is never undone.
    fn retracting_restores(&self, _info: &ObjectInfo) -> bool {
        false
    }

    /// Moves an object in one step, so that at any moment one of the two names holds all of it, and returns `true`.
    /// An existing `to` is replaced. `false`, and nothing is done, where the storage has no such step: it is copied then,
    /// looked at, and the original is deleted.
    async fn rename(&self, _from: &Key, _to: &Key) -> Result<bool> {
        Ok(false)
    }

    /// Copies the object that `info` describes from `from` to `to` within the storage, with everything that belongs to it,
    /// without the bytes passing through here, and only as long as `from` still holds that content
    /// ([`ErrorKind::Changed`](crate::ErrorKind::Changed)). An existing `to` is replaced.
    ///
    /// It runs in a task of its own. It tells `work` what it may leave as soon as that can exist, ends within 30 seconds
    /// when [`Work::stopped`] does, having removed that, and its error names what could not be removed.
    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed>;

    /// Where it is, if its service copies from one bucket to another by itself: [`copy_from`](Self::copy_from).
    fn home(&self) -> Option<Home> {
        None
    }

    /// As [`copy`](Self::copy), from another bucket of the same service, with this store's own credentials.
    async fn copy_from(
        &self,
        _bucket: &str,
        from: &Key,
        _info: &ObjectInfo,
        _to: &Key,
        _work: &Work,
    ) -> Result<Committed> {
        let reason = "this storage copies nothing from another";
        Err(Error::new(crate::ErrorKind::InvalidConfig, "copy", from.to_string(), reason))
    }

    /// A page of what is unfinished and whose key begins with `prefix`, also of what is still alive: see [`Leftover::idle`].
    /// `page` is [`Leftovers::next`] of the one before. What cannot be looked at hides nothing else: it is in
    /// [`Leftovers::unread`].
    async fn leftovers(&self, prefix: &str, page: Option<&str>) -> Result<Leftovers>;

    /// Removes one of [`leftovers`](Self::leftovers). No error when it is gone already.
    /// Leaves alone what has shown activity since.
    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()>;

    /// What it tells when it is examined ([`doctor`](crate::doctor)); `None` for a store that tells no more than it does.
    fn examined(&self) -> Option<&dyn Examined> {
        None
    }
}

fn no_versions(operation: &'static str, url: &str, key: &Key) -> Error {
    let reason = "this storage keeps no versions of objects";
    Error::new(crate::ErrorKind::InvalidConfig, operation, format!("{url}/{key}"), reason)
        .with_hint("leave the version out to take what is there now")
}

/// One upload in parts, from its start to [`complete`](Self::complete) or [`abort`](Self::abort).
#[async_trait]
pub trait Upload: fmt::Debug + Send + Sync {
    /// What names this upload to a person and to `sweep` (on S3 the upload id).
    fn id(&self) -> &str;

    /// What becomes of it when an abort fails, in words for a person.
    fn remedy(&self) -> &'static str {
        "`sealift sweep` removes it"
    }

    /// What may be left besides the object: what may still arrive of this upload after it was completed. What is left after
    /// an abort, its error says.
    fn left_beside(&self) -> Vec<LeftBehind> {
        Vec::new()
    }

    /// Whether a part that was cut off on its way may be stored after an abort. It is given a moment to be answered then:
    /// an answer tells more surely than a look.
    fn parts_may_come_late(&self) -> bool {
        false
    }

    /// Whether its parts must come in order and one at a time, whatever the policy says.
    fn is_serial(&self) -> bool {
        false
    }

    /// Stores part `number` (from 1, each number once) and returns the service's tag for it.
    /// Parts may be put concurrently up to the policy's limit, and finish in any order, unless the upload
    /// [`is_serial`](Self::is_serial).
    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt>;

    /// Makes the object visible: `parts` in order, all of them; `whole` is the checksum over all their bytes,
    /// which the service must agree to. Each attempt is accounted for in `attempts`, as in [`ObjectStore::put`].
    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed>;

    /// Removes everything this upload stored, and returns when nothing of it is left and no completion that is still on
    /// its way can take effect any more; or with an error, which names what may be left, when that cannot be reached.
    /// No error when the upload is gone already (aborted or completed). The caller has stopped the parts under way, but
    /// the service may still be working on them.
    async fn abort(&self) -> Result<()>;
}

/// A stored part.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PartReceipt {
    /// The part's number.
    pub number: u32,
    /// What the service called it (on S3 the part's ETag).
    pub tag: String,
    /// The part's checksum.
    pub checksum: Checksum,
}

impl PartReceipt {
    /// A part that is stored.
    pub fn new(number: u32, tag: impl Into<String>, checksum: Checksum) -> Self {
        PartReceipt { number, tag: tag.into(), checksum }
    }
}
