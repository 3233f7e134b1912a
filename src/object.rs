//! Objects and what is said of them: how one is to be committed, what a service knows of it, what a crash left.

use crate::error::{Error, Result};
use crate::left_behind::LeftBehind;
use std::fmt;
use std::time::{Duration, SystemTime};

/// The metadata entry that holds an object's [`Token`] (`x-amz-meta-sealift-token` on S3).
pub const TOKEN_METADATA: &str = "sealift-token";

/// Marks one commit: a random value kept in the object's metadata, by which a commit whose reply was lost is
/// recognised as ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// A new random token of 128 bits.
    pub fn random() -> Self {
        Token(format!("{:032x}", rand::random::<u128>()))
    }
}

impl AsRef<str> for Token {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a bucket is. Two of one service can copy from each other, if the credentials allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Home {
    /// The service: its endpoint, and the account where that belongs to it.
    pub service: String,
    /// The bucket's name there.
    pub bucket: String,
}

impl Home {
    /// The bucket of this name at that service.
    pub fn new(service: impl Into<String>, bucket: impl Into<String>) -> Self {
        Home { service: service.into(), bucket: bucket.into() }
    }
}

/// What a commit does when the key already has an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfExists {
    /// The new object replaces it.
    #[default]
    Replace,
    /// The commit fails with [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists), decided by the service
    /// in one step with the commit.
    Fail,
}

/// How an object is to be committed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommitOptions {
    /// Kept in the object's metadata.
    pub token: Token,
    /// What to do when the key is taken.
    pub if_exists: IfExists,
}

impl CommitOptions {
    /// A commit with a new random token.
    pub fn new(if_exists: IfExists) -> Self {
        CommitOptions { token: Token::random(), if_exists }
    }
}

/// What the service said of an object it committed, in an answer that could be read: it has at least the tag where this
/// service gives one. An answer without it is none, and an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The service's tag of this content (ETag), when it gives one.
    pub etag: Option<String>,
    /// The version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// The service's own checksum over the whole object, in network byte order; `None` when it does not tell one.
    pub checksum: Option<Vec<u8>>,
    /// When it was committed, by the service's clock, where the answer tells.
    pub at: Option<SystemTime>,
    /// What the commit left besides the object, which does not speak against it.
    pub left_behind: Vec<LeftBehind>,
}

impl Committed {
    /// A commit that was answered with this tag of the content, `None` from a service that gives none.
    pub fn new(etag: Option<String>) -> Self {
        Committed { etag, ..Committed::default() }
    }
}

/// What the service knows of an object.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// The key, without the bucket.
    pub key: String,
    /// The stored size in bytes.
    pub size: u64,
    /// When it was committed, by the service's clock.
    pub modified: Option<SystemTime>,
    /// The service's tag of this content (ETag).
    pub etag: Option<String>,
    /// The version, in a bucket that keeps versions. Only from [`ObjectStore::head`](crate::ObjectStore::head).
    pub version: Option<String>,
    /// The token of the commit that made it, if Sealift did. Only from [`ObjectStore::head`](crate::ObjectStore::head).
    pub token: Option<String>,
    /// The service's own checksum over the whole object. Only from [`ObjectStore::head`](crate::ObjectStore::head).
    pub checksum: Option<Vec<u8>>,
    /// The checksum that Sealift computed when it stored the object and keeps in its metadata, where the service has none
    /// of its own. It proves nothing of a commit, and a lot of a read. Only from [`ObjectStore::head`](crate::ObjectStore::head).
    pub kept_checksum: Option<Vec<u8>>,
}

impl ObjectInfo {
    /// An object of `size` stored bytes, of which nothing else is known. What the service tells is set on it.
    pub fn new(key: impl Into<String>, size: u64) -> Self {
        ObjectInfo {
            key: key.into(),
            size,
            modified: None,
            etag: None,
            version: None,
            token: None,
            checksum: None,
            kept_checksum: None,
        }
    }
}

/// The metadata entry that holds [`ObjectInfo::kept_checksum`] in the form of [`Checksum`](crate::Checksum)'s `Display` (`crc64nvme:…`).
pub const CHECKSUM_METADATA: &str = "sealift-checksum";

/// What became of an object that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is not there any more.
    Gone,
    /// Other content is there than what was to be removed, and was left alone.
    Another,
}

/// One page of a listing, in key order, and how to get the next.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Page {
    /// The objects of this page.
    pub objects: Vec<ObjectInfo>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl Page {
    /// These objects, and where the next page begins.
    pub fn new(objects: Vec<ObjectInfo>, next: Option<String>) -> Self {
        Page { objects, next }
    }
}

/// Something unfinished that a crash left in the storage: an incomplete upload or a temporary file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// The key it was to become.
    pub key: String,
    /// What names it to the adapter: an upload id, or a file name.
    pub id: String,
    /// How long nothing has happened to it: since its start or its last part, whichever is later.
    pub idle: Duration,
    /// The bytes it holds, as far as the service tells.
    pub bytes: u64,
    /// Whether it can be told to be Sealift's.
    pub origin: Origin,
}

impl Leftover {
    /// A leftover that something happened to just now, and of which no bytes are known. What the service tells is set on it.
    pub fn new(key: impl Into<String>, id: impl Into<String>, origin: Origin) -> Self {
        Leftover { key: key.into(), id: id.into(), idle: Duration::ZERO, bytes: 0, origin }
    }
}

/// A page of what a look for leftovers found, or all of it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Leftovers {
    /// Each that could be looked at.
    pub found: Vec<Leftover>,
    /// Each that could not, or what could not be searched.
    pub unread: Vec<Unread>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl Leftovers {
    /// Adds those of another page.
    pub(crate) fn add(&mut self, page: Leftovers) {
        self.found.extend(page.found);
        self.unread.extend(page.unread);
    }

    /// All that were found.
    ///
    /// # Errors
    /// The first of what could not be looked at.
    pub fn all(self) -> Result<Vec<Leftover>> {
        match self.unread.into_iter().next() {
            Some(unread) => Err(unread.error),
            None => Ok(self.found),
        }
    }
}

/// Something that may be a leftover, or hold some, and could not be looked at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unread {
    /// The key it was to become, or the folder.
    pub key: String,
    /// Why.
    pub error: Error,
}

impl Unread {
    /// What was to become `key`, or lies there, could not be looked at.
    pub fn new(key: impl Into<String>, error: Error) -> Self {
        Unread { key: key.into(), error }
    }
}

/// Who made a leftover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It has the marks of an upload of ours.
    Sealift,
    /// It may be anybody's.
    Unknown,
}
