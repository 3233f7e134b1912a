//! What the endpoint holds: objects, and uploads that are not complete.

use crate::made_up::MadeUp;
use crate::pieces::Piece;
use crate::stats::Stats;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The endpoint.
pub(crate) struct Server {
    pub(crate) stats: Stats,
    pub(crate) latency: Duration,
    pub(crate) made_up: Option<MadeUp>,
    keep: Option<PathBuf>,
    fail_every: Option<NonZeroU64>,
    parts: AtomicU64,
    names: AtomicU64,
    /// Makes tags that no earlier endpoint on the same folder has given out.
    started: u64,
    held: Mutex<Held>,
}

/// Objects and uploads.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) objects: BTreeMap<Name, Object>,
    pub(crate) uploads: HashMap<String, Upload>,
}

/// Bucket and key.
pub(crate) type Name = (String, String);

/// Header names and values that are repeated to who asks for the object.
pub(crate) type Headers = Vec<(String, String)>;

/// A stored object.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) etag: String,
    pub(crate) modified: SystemTime,
    pub(crate) metadata: Headers,
    pub(crate) checksums: Headers,
}

impl Object {
    pub(crate) fn size(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len).sum()
    }
}

/// An upload under way.
pub(crate) struct Upload {
    pub(crate) name: Name,
    pub(crate) started: SystemTime,
    pub(crate) metadata: Headers,
    pub(crate) checksum: Headers,
    pub(crate) parts: BTreeMap<u32, Part>,
}

/// A part that has come.
pub(crate) struct Part {
    pub(crate) piece: Piece,
    pub(crate) etag: String,
    pub(crate) at: SystemTime,
}

impl Server {
    pub(crate) fn new(
        keep: Option<PathBuf>,
        latency: Duration,
        fail_every: Option<NonZeroU64>,
        made_up: Option<MadeUp>,
    ) -> anyhow::Result<Self> {
        if let Some(folder) = &keep {
            fs::create_dir_all(folder)?;
        }
        Ok(Server {
            stats: Stats::default(),
            latency,
            made_up,
            keep,
            fail_every,
            parts: AtomicU64::new(0),
            names: AtomicU64::new(0),
            started: u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default(),
            held: Mutex::default(),
        })
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name that nothing else has here: for files, tags and uploads.
    pub(crate) fn unique(&self) -> String {
        format!("{:x}-{:x}", self.started, self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Where the bytes of a new body go; `None` for nowhere.
    pub(crate) fn new_file(&self) -> Option<PathBuf> {
        self.keep.as_ref().map(|folder| folder.join(self.unique()))
    }

    /// Whether the part that has just come is one of those to be refused.
    pub(crate) fn refuses_part(&self) -> bool {
        let number = self.parts.fetch_add(1, Ordering::Relaxed) + 1;
        self.fail_every.is_some_and(|every| number.is_multiple_of(every.get()))
    }
}

/// A time as XML holds it.
pub(crate) fn iso(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Timestamp::from_second(i64::try_from(seconds).unwrap_or_default()).unwrap_or_default().to_string()
}
