//! What an examination makes at the service, and its removal: whatever happened, this knows what may be there.

use crate::attempts::Attempts;
use crate::error::{Error, ErrorKind, Result};
use crate::examined::{Capability, Examined, Finding, Verdict};
use crate::left_behind::{LeftBehind, Remnant};
use crate::leftovers;
use crate::name::Key;
use crate::object_store::{ObjectStore, Upload};
use crate::shutdown::ABORT_LIMIT;
use crate::work::{Work, left_of};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// The folder below which every examination has one of its own.
pub const FOLDER: &str = "sealift-doctor";

/// What is left of the time of an abort is for what comes after the removal: to say it.
const REMOVAL_LIMIT: Duration = Duration::from_secs(ABORT_LIMIT.as_secs() - 2);

/// So that what everybody sees is removed also where uploads cannot be aborted in time.
const FIRST_TRY_LIMIT: Duration = Duration::from_secs(8);

/// How many pages are listed for what was made: it is little.
const PAGES: usize = 10;

/// Whether the bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versions {
    Kept,
    NotKept,
    Unknown,
}

/// What an examination has made, below a folder of its own.
pub(super) struct Scratch<'a> {
    /// Without a slash at its end.
    folder: String,
    url: String,
    work: &'a Work,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    objects: BTreeMap<Key, Attempts>,
    starts: BTreeMap<Key, Attempts>,
    uploads: Vec<(Key, Arc<dyn Upload>)>,
    /// What adapters say that they have left.
    told: Vec<LeftBehind>,
}

impl<'a> Scratch<'a> {
    /// A folder below `prefix` that nobody has.
    pub(super) fn below(prefix: &str, url: String, work: &'a Work) -> Self {
        let name = format!("{FOLDER}/{:016x}", rand::random::<u64>());
        let folder = match prefix.trim_matches('/') {
            "" => name,
            prefix => format!("{prefix}/{name}"),
        };
        Scratch { folder, url, work, made: Mutex::default() }
    }

    /// What every scratch object's key begins with.
    pub(super) fn prefix(&self) -> String {
        format!("{}/", self.folder)
    }

    /// The key of a scratch object.
    pub(super) fn key(&self, name: &str) -> Result<Key> {
        format!("{}/{name}", self.folder).parse()
    }

    pub(super) fn location(&self, key: impl std::fmt::Display) -> String {
        format!("{}/{key}", self.url)
    }

    /// The account of what is sent to make the object `key`.
    pub(super) fn object(&self, key: &Key) -> Attempts {
        let attempts = self.made().objects.entry(key.clone()).or_default().clone();
        self.say();
        attempts
    }

    /// The account of what is sent to start an upload of `key`.
    pub(super) fn start(&self, key: &Key) -> Attempts {
        let attempts = self.made().starts.entry(key.clone()).or_default().clone();
        self.say();
        attempts
    }

    /// Takes care of an upload from now on.
    pub(super) fn opened(&self, key: &Key, upload: Box<dyn Upload>) -> Arc<dyn Upload> {
        let upload: Arc<dyn Upload> = Arc::from(upload);
        let mut made = self.made();
        made.starts.remove(key);
        made.uploads.push((key.clone(), Arc::clone(&upload)));
        drop(made);
        self.say();
        upload
    }

    /// An upload is over: completed, or aborted.
    pub(super) fn closed(&self, upload: &Arc<dyn Upload>) {
        self.made().uploads.retain(|(_, open)| !Arc::ptr_eq(open, upload));
        self.say();
    }

    /// An object is gone, and an answer said so.
    pub(super) fn removed(&self, key: &Key) {
        self.made().objects.remove(key);
        self.say();
    }

    /// What an adapter says that it has left.
    pub(super) fn told(&self, left: &[LeftBehind]) {
        self.made().told.extend_from_slice(left);
        self.say();
    }

    /// Says what would be left if everything ended now.
    fn say(&self) {
        let made = self.made();
        let mut left: Vec<LeftBehind> = Vec::new();
        for key in made.objects.keys() {
            left.push(LeftBehind::object(self.location(key)).perhaps());
        }
        left.extend(made.starts.keys().map(|key| LeftBehind::unknown_upload(self.location(key))));
        left.extend(made.uploads.iter().map(|(key, upload)| left_of(&**upload, &self.location(key))));
        drop(made);
        self.work.may_leave(left);
    }

    /// Removes all of it, as far as it can be. Returns what is left, and what that showed of versions.
    pub(super) async fn remove(
        &self,
        store: &dyn ObjectStore,
        examined: &dyn Examined,
        versions: Versions,
    ) -> (Vec<LeftBehind>, Option<Finding>) {
        let removal = Removal { scratch: self, store, examined, left: Mutex::default() };
        let told = timeout(REMOVAL_LIMIT, removal.run(versions)).await;
        let mut left = removal.left.into_inner().unwrap_or_else(PoisonError::into_inner);
        if told.is_err() {
            let made = self.made();
            for key in made.objects.keys() {
                let late = LeftBehind::object(self.location(key)).perhaps().because("its removal took too long");
                left.push(late);
            }
            for (key, upload) in &made.uploads {
                left.push(left_of(&**upload, &self.location(key)).perhaps().because("its abort took too long"));
            }
        }
        let mut once: Vec<LeftBehind> = Vec::new();
        left.into_iter().for_each(|left| {
            if !once.contains(&left) {
                once.push(left);
            }
        });
        self.work.may_leave(once.clone());
        (once, told.unwrap_or_default())
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The removal of all that was made.
struct Removal<'a> {
    scratch: &'a Scratch<'a>,
    store: &'a dyn ObjectStore,
    examined: &'a dyn Examined,
    left: Mutex<Vec<LeftBehind>>,
}

/// Which of two tries to abort uploads.
#[derive(Clone, Copy)]
enum Try {
    First,
    Last,
}

impl Removal<'_> {
    async fn run(&self, versions: Versions) -> Option<Finding> {
        // One whose completion is open may make an object until it is aborted. Where that fails for the object that is there, it
        // may not once that is gone.
        let _ = timeout(FIRST_TRY_LIMIT, self.uploads(Try::First)).await;
        self.unknown_uploads().await;
        self.objects().await;
        self.uploads(Try::Last).await;
        self.versions(versions).await
    }

    async fn uploads(&self, which: Try) {
        let uploads = self.scratch.made().uploads.clone();
        for (key, upload) in uploads {
            match (upload.abort().await, which) {
                (Err(_), Try::First) => continue,
                (Ok(()), _) => {}
                (Err(error), Try::Last) if !error.left_behind().is_empty() => self.left(error.left_behind().to_vec()),
                (Err(error), Try::Last) => {
                    let left = left_of(&*upload, &self.scratch.location(&key));
                    self.left([left.because(error.reason().to_owned())]);
                }
            }
            self.scratch.closed(&upload);
        }
    }

    /// Uploads whose start was not answered: by the list of uploads, of a folder that nobody else has.
    async fn unknown_uploads(&self) {
        let starts = self.scratch.made().starts.clone();
        let open = starts.iter().filter(|(_, attempts)| attempts.effect().is_possible());
        let open: Vec<_> = open.map(|(key, attempts)| (key.clone(), attempts.effect())).collect();
        if open.is_empty() {
            return;
        }
        let found = leftovers::all(self.store, &self.scratch.prefix()).await;
        let mut removed = true;
        for leftover in found.iter().flat_map(|found| &found.found) {
            removed &= self.store.remove_leftover(leftover).await.is_ok();
        }
        let known = found.is_ok_and(|found| found.unread.is_empty()) && removed;
        for (key, effect) in open {
            if !known || effect.is_pending() {
                let left = LeftBehind::unknown_upload(self.scratch.location(&key));
                self.left([left.because("its start was not answered")]);
            }
        }
    }

    async fn objects(&self) {
        let mut keys = self.scratch.made().objects.clone();
        for key in self.listed().await {
            keys.entry(key).or_default();
        }
        for (key, attempts) in keys {
            let object = LeftBehind::object(self.scratch.location(&key));
            match self.store.delete(&key, None).await {
                Ok(_) if attempts.effect().is_pending() => {
                    self.left([object.perhaps().because("a request to store it was not answered")]);
                }
                Ok(_) => {}
                Err(error) => {
                    // What is there may be what a look shows, or nothing.
                    let object = match (self.store.head(&key).await, attempts.effect().applied) {
                        (Err(absent), _) if absent.kind() == ErrorKind::NotFound => continue,
                        (Err(_), 0) if !attempts.effect().is_possible() => continue,
                        (Err(_), 0) => object.perhaps(),
                        _ => object,
                    };
                    self.left([object.because(self.why(&error))]);
                }
            }
            self.scratch.removed(&key);
        }
        let told = self.scratch.made().told.clone();
        for left in told {
            // Most of it was in the folder, and is gone with it.
            let is_in_folder = match left.remnant() {
                Remnant::Object(location) => location.contains(&self.scratch.prefix()),
                _ => false,
            };
            if !is_in_folder || self.listing_refused().await {
                self.left([left]);
            }
        }
    }

    /// What is listed below the folder, which nobody else has; nothing where it may not be listed.
    async fn listed(&self) -> Vec<Key> {
        let (mut keys, mut page) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let Ok(listed) = self.store.list(&self.scratch.prefix(), page.as_deref()).await else { break };
            keys.extend(listed.objects.iter().filter_map(|object| Key::existing(&object.key).ok()));
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
        keys
    }

    async fn listing_refused(&self) -> bool {
        self.store.list(&self.scratch.prefix(), None).await.is_err()
    }

    /// Versions, where they are kept: a removal only adds one.
    async fn versions(&self, versions: Versions) -> Option<Finding> {
        if versions == Versions::NotKept {
            return None;
        }
        let finding = |verdict, evidence: &str| Some(Finding::new(Capability::DeleteVersion, verdict, evidence));
        let permission = self.examined.permission(Capability::DeleteVersion);
        match self.examined.remove_versions(&self.scratch.prefix()).await {
            Ok(None) if versions == Versions::Kept => {
                let why = "the account keeps versions, which Sealift cannot remove here";
                self.left([self.versions_left().because(why)]);
                finding(Verdict::Unknown, why)
            }
            Ok(None) => None,
            Ok(Some(left)) if left.is_empty() && versions == Versions::Kept => {
                finding(Verdict::Works, "the versions of the scratch objects were removed")
            }
            Ok(Some(left)) if left.is_empty() => None,
            Ok(Some(left)) => {
                let why = left.iter().find_map(LeftBehind::reason).unwrap_or("it was refused").to_owned();
                self.left(left);
                finding(Verdict::Missing(permission.to_owned()), &why)
            }
            Err(error) if versions == Versions::Kept => {
                self.left([self
                    .versions_left()
                    .because(format!("earlier versions below it could not be listed: {}", error.reason()))]);
                Some(Finding::failed(Capability::DeleteVersion, permission, &error))
            }
            Err(_) => None,
        }
    }

    /// What is left of all objects below the folder.
    fn versions_left(&self) -> LeftBehind {
        let left = LeftBehind::object(self.scratch.location(self.scratch.prefix())).perhaps();
        left.with_remedy("who may remove versions removes them, or a lifecycle rule does")
    }

    fn why(&self, error: &Error) -> String {
        match error.kind() {
            ErrorKind::Denied => format!(
                "these credentials may not remove it (missing: {})",
                self.examined.permission(Capability::Delete)
            ),
            _ => format!("it could not be removed: {}", error.reason()),
        }
    }

    fn left(&self, left: impl IntoIterator<Item = LeftBehind>) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
    }
}
