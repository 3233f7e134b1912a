//! What a storage must show to be tested.

use async_trait::async_trait;
use sealift::{BackupStorage, Error};
use std::sync::Arc;

/// One storage of one test. What it holds beside the storage itself is best seen from outside, not through it: for an
/// object store of which nobody knows more, [`ThroughItself`](crate::ThroughItself) looks through the store.
#[async_trait]
pub trait Backend: Send + Sync {
    /// A new one, empty, which nobody else uses.
    async fn open() -> Self
    where
        Self: Sized;

    /// What it does not promise.
    fn traits(&self) -> Traits;

    /// The storage.
    fn storage(&self) -> Arc<dyn BackupStorage>;

    /// Stops what is under way and waits until all of it has ended; says what was left behind. It is called more than
    /// once. Files can still be read afterwards.
    async fn close(&self) -> Result<(), Vec<Error>>;

    /// Whether nothing is under way: no writer is open, and what was given up has ended.
    async fn is_idle(&self) -> bool;

    /// The handles of all files that can be seen, in order, whatever they hold.
    async fn files(&self) -> Vec<String>;

    /// How many bytes are stored of a file that can be seen.
    async fn stored_len(&self, file: &str) -> usize;

    /// Everything there that is no file: incomplete uploads, temporary files, folders without a file. In words.
    async fn unfinished(&self) -> Vec<String>;
}

/// What a storage promises. Where it does not, tests ask for less.
#[derive(Debug, Clone, Copy)]
pub struct Traits {
    /// After how many stored bytes a file is cut, where it is cut; tests write files that end there.
    pub part: Option<usize>,
    /// A metadata file that exists is kept as it is when its name is saved again. If not, the new one replaces it.
    pub keeps_metadata: bool,
    /// A file that must be new leaves an existing one as it is. If not, it replaces it as any other does.
    pub keeps_existing: bool,
    /// A file cannot be seen before its shutdown.
    pub unseen_before_shutdown: bool,
    /// A large file that is being written can be seen in `unfinished`.
    pub shows_unfinished: bool,
    /// A file of the same name stays as it is until the new one is complete, and for good when that is given up before
    /// its shutdown. If not, it may be gone as soon as the new one is opened.
    pub replaces_at_once: bool,
    /// A shutdown, once begun, goes on by itself, and one that is given up takes the file back however far it has come.
    /// If not, the file may stand, whole; a storage that can tell says so when it is closed.
    pub takes_back: bool,
    /// A part that was sent and not answered comes to nothing once its upload was given up. If not, it may arrive later;
    /// closing names the upload that it may leave.
    pub refuses_late_parts: bool,
    /// A runtime that ends under a writer leaves nothing unfinished.
    pub cleans_up_without_runtime: bool,
}

impl Traits {
    /// Everything is promised.
    pub const ALL: Traits = Traits {
        part: None,
        keeps_metadata: true,
        keeps_existing: true,
        unseen_before_shutdown: true,
        shows_unfinished: true,
        replaces_at_once: true,
        takes_back: true,
        refuses_late_parts: true,
        cleans_up_without_runtime: true,
    };
}
