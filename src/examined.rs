//! What an adapter tells of its service and its bucket when it is examined, beyond what an
//! [`ObjectStore`](crate::ObjectStore) does: for `doctor`, which does the examining.

use crate::attempts::Attempts;
use crate::error::{Error, ErrorKind, Result};
use crate::left_behind::LeftBehind;
use crate::name::Key;
use crate::object::Committed;
use crate::payload::Payload;
use async_trait::async_trait;
use std::time::SystemTime;

/// One thing that is examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capability {
    /// Whether what is sent is encrypted on its way.
    Encryption,
    /// Whether a proxy is set up between here and the service.
    Proxy,
    /// How far the clock of this machine and the service's are apart.
    Clock,
    /// Whether the bucket keeps versions.
    Versioning,
    /// Whether the bucket keeps objects that somebody removes: object lock, retention, legal holds.
    Retention,
    /// What becomes of incomplete uploads that nobody aborts.
    IncompleteUploads,
    /// What kind of file system a folder is on, and how much room it has.
    FileSystem,
    /// What an examination that did not end has left.
    Earlier,
    /// To list objects.
    List,
    /// To store an object in one request.
    Put,
    /// To look at an object.
    Look,
    /// Whether what is kept with an object comes back: by it a commit is told from others'.
    Metadata,
    /// To read an object to its end.
    Read,
    /// To read a part of an object.
    ReadRange,
    /// Whether an object is listed as soon as it is stored.
    ListedAtOnce,
    /// Whether an object that was replaced since it was looked at is left alone by a removal.
    ConditionalDelete,
    /// To remove an object.
    Delete,
    /// To remove a version for good, where versions are kept.
    DeleteVersion,
    /// Whether an object is stored only if none exists, when that is asked for.
    ConditionalPut,
    /// The same of an upload in parts.
    ConditionalComplete,
    /// To start an upload in parts.
    Start,
    /// To store a part.
    Part,
    /// To list uploads that are not complete.
    ListUploads,
    /// To list the parts of an upload.
    ListParts,
    /// To make an object of parts.
    Complete,
    /// Whether parts may be of different sizes.
    UnequalParts,
    /// To end an upload and remove its parts.
    Abort,
    /// Whether a put whose bytes are not those of its checksum is refused.
    PutChecksum,
    /// The same of a part.
    PartChecksum,
    /// The same of the whole of an upload.
    WholeChecksum,
    /// Whether the service tells a checksum of the whole object later.
    KeptChecksum,
    /// To copy an object within the bucket.
    Copy,
    /// To give an object another name in one step.
    Rename,
}

impl Capability {
    /// Its name, as reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Encryption => "encryption",
            Capability::Proxy => "proxy",
            Capability::Clock => "clock",
            Capability::Versioning => "versions",
            Capability::Retention => "retention",
            Capability::IncompleteUploads => "incomplete uploads",
            Capability::FileSystem => "file system",
            Capability::Earlier => "earlier examinations",
            Capability::List => "list",
            Capability::Put => "put",
            Capability::Look => "look",
            Capability::Metadata => "metadata",
            Capability::Read => "read",
            Capability::ReadRange => "read a range",
            Capability::ListedAtOnce => "listed at once",
            Capability::ConditionalDelete => "conditional delete",
            Capability::Delete => "delete",
            Capability::DeleteVersion => "delete a version",
            Capability::ConditionalPut => "conditional put",
            Capability::ConditionalComplete => "conditional complete",
            Capability::Start => "start an upload",
            Capability::Part => "put a part",
            Capability::ListUploads => "list uploads",
            Capability::ListParts => "list parts",
            Capability::Complete => "complete",
            Capability::UnequalParts => "unequal parts",
            Capability::Abort => "abort",
            Capability::PutChecksum => "checksum of a put",
            Capability::PartChecksum => "checksum of a part",
            Capability::WholeChecksum => "checksum of the whole",
            Capability::KeptChecksum => "checksum kept",
            Capability::Copy => "copy",
            Capability::Rename => "rename",
        }
    }
}

/// What came of an examination.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It was done, and did what it should.
    Works,
    /// The service refused it for want of this permission, in the cloud's own words.
    Missing(String),
    /// It was tried, and the service does not do it, or does it wrong.
    Fails,
    /// The service took it, and did not keep to what was asked.
    Ignored,
    /// There is no such thing in this storage.
    Absent,
    /// A fact to know.
    Noted,
    /// It was not tried, or the trial tells nothing.
    Unknown,
}

impl Verdict {
    /// Its word in a report.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Works => "works",
            Verdict::Missing(_) => "missing",
            Verdict::Fails => "fails",
            Verdict::Ignored => "ignored",
            Verdict::Absent => "absent",
            Verdict::Noted => "noted",
            Verdict::Unknown => "unknown",
        }
    }
}

/// One examination, what came of it, and by what that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was examined.
    pub capability: Capability,
    /// What came of it.
    pub verdict: Verdict,
    /// By what it is known, in words for a person.
    pub evidence: String,
}

impl Finding {
    /// A finding.
    pub fn new(capability: Capability, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Finding { capability, verdict, evidence: evidence.into() }
    }

    /// A fact.
    pub fn noted(capability: Capability, evidence: impl Into<String>) -> Self {
        Finding::new(capability, Verdict::Noted, evidence)
    }

    /// What `error` says of `capability`, for which `permission` is needed.
    pub fn failed(capability: Capability, permission: &str, error: &Error) -> Self {
        let verdict = match error.kind() {
            ErrorKind::Denied => Verdict::Missing(permission.to_owned()),
            ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::Cancelled => Verdict::Unknown,
            _ => Verdict::Fails,
        };
        Finding::new(capability, verdict, error.reason())
    }
}

/// What a bucket is set up to do.
#[derive(Debug, Default)]
pub struct Settings {
    /// What is told of versions, retention, incomplete uploads, the file system.
    pub findings: Vec<Finding>,
    /// Why what is stored cannot be removed for some time, if that is so.
    pub keeps_everything: Option<String>,
    /// Whether what is removed or replaced becomes an earlier version; `None` where that is not told.
    pub keeps_versions: Option<bool>,
}

/// What is sent with bytes for the service to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// This checksum.
    Checksum(&'static str),
    /// None, for this reason.
    Nothing(&'static str),
    /// Some checksum that a trial cannot make wrong, for this reason.
    Untried(&'static str),
}

/// Whether a condition was kept to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// It was, as this shows, and what the trial left.
    Yes(String, Vec<LeftBehind>),
    /// It was not, or the service takes no conditions: why, and what the trial left.
    No(String, Vec<LeftBehind>),
}

/// What an adapter tells when its bucket is examined. What the service can be asked with an
/// [`ObjectStore`](crate::ObjectStore) alone is not here. Each request is sent once.
///
/// # Cancel safety
/// As the methods of an [`ObjectStore`](crate::ObjectStore): what was sent may take effect.
#[async_trait]
pub trait Examined: Send + Sync {
    /// The URL of the service, without credentials; `None` where there is no way to it that somebody could be in.
    fn endpoint(&self) -> Option<String>;

    /// Whether requests go through the proxy that the environment names (`HTTPS_PROXY` and its like).
    fn uses_proxies(&self) -> bool;

    /// Whether the service lists what is unfinished at all.
    fn lists_uploads(&self) -> bool {
        true
    }

    /// Whether the answer to a commit shows that the bucket keeps versions.
    fn is_version(&self, _committed: &Committed) -> bool {
        false
    }

    /// What is needed for it, as the cloud calls it.
    fn permission(&self, capability: Capability) -> &'static str;

    /// The sizes of three parts, in bytes: as small as the service takes them, the first two not the same, and the last short.
    fn trial_parts(&self) -> [usize; 3];

    /// What is sent with a put, a part ([`Capability::PartChecksum`]) or a completion ([`Capability::WholeChecksum`]) for
    /// the service to compare.
    fn sent_with(&self, capability: Capability) -> Sent;

    /// Stores `payload`, whose checksum is not that of its bytes. What came of it is for [`Capability::PutChecksum`].
    ///
    /// # Errors
    /// The refusal: [`ErrorKind::Corrupt`] where the service says that what came is not what was sent.
    async fn put_damaged(&self, key: &Key, payload: Payload, attempts: &Attempts) -> Result<Committed>;

    /// The time at the service, where it can be asked for by itself.
    ///
    /// # Errors
    /// What the service says.
    async fn clock(&self) -> Result<Option<SystemTime>> {
        Ok(None)
    }

    /// What the bucket is set up to do. What may not be asked is a finding too.
    async fn settings(&self) -> Settings {
        Settings::default()
    }

    /// Proves that objects are stored only if none exists where that is asked for, beside `key`, by what the adapter relies on
    /// itself, which it tells; `None` where it has no proof of its own. It removes what it made.
    ///
    /// # Errors
    /// The proof did not come to an end.
    async fn prove_conditions(&self, _key: &Key) -> Result<Option<Kept>> {
        Ok(None)
    }

    /// Asks to remove `key` on a condition that it does not meet; `None` where removals of an
    /// [`ObjectStore`](crate::ObjectStore) send just that. The object may be gone afterwards.
    ///
    /// # Errors
    /// What the service says, also that it takes no such condition.
    async fn remove_unmet(&self, _key: &Key) -> Result<Option<Kept>> {
        Ok(None)
    }

    /// Removes every version of what is below `prefix`, and every mark that something was removed. Returns what is left;
    /// `None` where it cannot.
    ///
    /// # Errors
    /// The versions could not be listed.
    async fn remove_versions(&self, _prefix: &str) -> Result<Option<Vec<LeftBehind>>> {
        Ok(None)
    }

    /// Has the service end incomplete uploads by itself, keeps all other rules that there are, and says what is set now;
    /// `None` where nothing is to be set.
    ///
    /// # Errors
    /// What the service says. The rules are as they were then, or as the error says.
    async fn end_incomplete_uploads(&self) -> Result<Option<String>> {
        Ok(None)
    }
}
