//! One upload: a temporary file to which parts are appended in order.

use crate::failure::blocking;
use crate::paths::Root;
use crate::recent::Recent;
use crate::temporary::{Commit, Place, Temporary};
use async_trait::async_trait;
use futures::TryStreamExt;
use sealift::{
    Attempts, Checksum, CommitOptions, Committed, Error, ErrorKind, Key, PartReceipt, Payload, Result, Upload,
};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// An upload. Every step runs on a blocking thread and holds the lock meanwhile, so that an abort waits for a step whose
/// future was dropped.
#[derive(Debug)]
pub(crate) struct LocalUpload {
    shared: Arc<Shared>,
    options: CommitOptions,
    id: String,
    location: String,
}

#[derive(Debug)]
struct Shared {
    stage: Mutex<Stage>,
    given_up: AtomicBool,
    recent: Arc<Recent>,
}

#[derive(Debug)]
enum Stage {
    Open(Temporary),
    /// Committed, failed or aborted.
    Ended,
}

impl LocalUpload {
    pub(crate) async fn start(
        root: &Arc<Root>,
        recent: &Arc<Recent>,
        key: &Key,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<LocalUpload> {
        root.path_of("write", key)?;
        let location = root.location(key.as_ref());
        let (root, key) = (Arc::clone(root), key.clone());
        let attempt = attempts.begin();
        attempt.sent();
        let create = move || {
            let created = Temporary::create(&root, &key);
            match &created {
                Ok(_) => attempt.applied(),
                Err(_) => attempt.refused(),
            }
            created
        };
        let temporary = blocking("write", location.clone(), create).await?;
        let id = temporary.id().to_owned();
        let shared = Shared {
            stage: Mutex::new(Stage::Open(temporary)),
            given_up: AtomicBool::new(false),
            recent: Arc::clone(recent),
        };
        Ok(LocalUpload { shared: Arc::new(shared), options: options.clone(), id, location })
    }

    /// Runs a step on the open file.
    async fn step(&self, step: impl FnOnce(&mut Temporary) -> Result<()> + Send + 'static) -> Result<()> {
        let (shared, location) = (Arc::clone(&self.shared), self.location.clone());
        blocking("write", self.location.clone(), move || match &mut *shared.stage() {
            Stage::Open(temporary) => step(temporary),
            Stage::Ended => Err(ended(location)),
        })
        .await
    }
}

impl Shared {
    fn stage(&self) -> std::sync::MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Upload for LocalUpload {
    fn id(&self) -> &str {
        &self.id
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        self.step(move |file| file.begin_part(number)).await?;
        let unreadable = |error: io::Error| Error::io("read a part of", self.location.clone(), error);
        let mut pieces = payload.stream();
        while let Some(bytes) = pieces.try_next().await.map_err(unreadable)? {
            self.step(move |file| file.append(&bytes)).await?;
        }
        Ok(PartReceipt::new(number, String::new(), payload.checksum()))
    }

    async fn complete(&self, _parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let (shared, location, options) = (Arc::clone(&self.shared), self.location.clone(), self.options.clone());
        let attempt = attempts.begin();
        // Before the thread has it: an abort that comes meanwhile waits for it, and then it is looked for.
        attempt.sent();
        blocking("commit", self.location.clone(), move || {
            let mut stage = shared.stage();
            let Stage::Open(temporary) = &mut *stage else {
                attempt.refused();
                return Err(ended(location));
            };
            let commit = Commit { whole, options: &options, recent: &shared.recent, given_up: &shared.given_up };
            let committed = temporary.commit(&commit);
            match temporary.place() {
                Place::Final => attempt.applied(),
                Place::Temporary | Place::Removed => attempt.refused(),
            }
            // What cannot be removed stays open for the abort, which names it.
            if temporary.remove().is_ok() {
                *stage = Stage::Ended;
            }
            committed
        })
        .await
    }

    async fn abort(&self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        shared.given_up.store(true, Ordering::SeqCst);
        blocking("abort", self.location.clone(), move || {
            let mut stage = shared.stage();
            if let Stage::Open(temporary) = &mut *stage {
                temporary.remove()?;
            }
            *stage = Stage::Ended;
            Ok(())
        })
        .await
    }
}

impl Drop for LocalUpload {
    /// A commit under way whose future was dropped must not take effect later; what is not committed goes with the
    /// last step under way.
    fn drop(&mut self) {
        self.shared.given_up.store(true, Ordering::SeqCst);
    }
}

fn ended(location: String) -> Error {
    Error::new(ErrorKind::Cancelled, "write", location, "the upload has ended")
}
