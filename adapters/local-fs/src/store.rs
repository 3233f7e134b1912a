//! The folder as an object store: each call, on a blocking thread.

use crate::disk::{Disk, RealDisk};
use crate::failure::{blocking, failed};
use crate::paths::{EmptiedFolders, Root};
use crate::recent::Recent;
use crate::upload::LocalUpload;
use crate::{list, read, remove, sweep};
use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::{Access, access};
use sealift::doctor::Examined;
use sealift::{
    Attempts, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, Growth, Key, Leftover, Leftovers,
    ObjectInfo, ObjectStore, Page, PartPolicy, Payload, Removal, Result, Upload, Work,
};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much is handed over at a time, in bytes. A file has no parts; more only holds more memory.
const PART: u64 = 8 << 20;

/// A folder of the local file system. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalFs {
    root: Arc<Root>,
    recent: Arc<Recent>,
}

impl LocalFs {
    /// The folder `root`, which is made when something is first written.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when the path is empty.
    pub fn open(root: impl Into<PathBuf>) -> Result<LocalFs> {
        LocalFs::on(Arc::new(RealDisk), root.into())
    }

    /// The same folder, with what becomes of folders below it whose last file is removed or moved away
    /// ([`EmptiedFolders::Removed`] unless said).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(root: impl Into<PathBuf>, emptied: EmptiedFolders) -> Result<LocalFs> {
        let root = Root::new(&root.into(), Arc::new(RealDisk))?.with_emptied(emptied);
        Ok(LocalFs { root: Arc::new(root), recent: Arc::default() })
    }

    pub(crate) fn root(&self) -> &std::path::Path {
        self.root.path()
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, root: PathBuf) -> Result<LocalFs> {
        Ok(LocalFs { root: Arc::new(Root::new(&root, disk)?), recent: Arc::default() })
    }

    async fn at<T: Send + 'static>(
        &self,
        operation: &'static str,
        key: &str,
        work: impl FnOnce(&Root) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let root = Arc::clone(&self.root);
        blocking(operation, self.root.location(key), move || work(&root)).await
    }
}

#[async_trait]
impl ObjectStore for LocalFs {
    fn url(&self) -> String {
        self.root.url().to_owned()
    }

    /// Whether this user may write in the root, or make it where the folders before it end.
    async fn check_place(&self) -> Result<()> {
        self.at("write", "", |root| {
            let there = root.path().ancestors().find(|folder| folder.symlink_metadata().is_ok());
            let there = there.unwrap_or(Path::new("/"));
            // A file in the way is told when it is written to.
            if !there.is_dir() {
                return Ok(());
            }
            access(there, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| failed("write in", root.url().to_owned(), io::Error::from(error)))
        })
        .await
    }

    fn part_policy(&self) -> PartPolicy {
        // Parts are appended in order. A file's size is a signed 64-bit number (POSIX `off_t`).
        PartPolicy::new(Growth::Equal { size: PART }).with_max_object(i64::MAX as u64)
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc64Nvme
    }

    /// A file is written and then renamed, so that it is an upload which can be aborted between the two.
    fn puts_in_one_step(&self) -> bool {
        false
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        let whole = payload.checksum();
        let upload = LocalUpload::start(&self.root, &self.recent, key, options, &Attempts::default()).await?;
        let stored = async {
            let part = upload.put_part(1, payload).await?;
            upload.complete(&[part], whole, attempts).await
        };
        match stored.await {
            Ok(committed) => Ok(committed),
            Err(error) => match upload.abort().await {
                Ok(()) => Err(error),
                Err(left) => Err(error.with_left_behind(left.left_behind().iter().cloned())),
            },
        }
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        Ok(Box::new(LocalUpload::start(&self.root, &self.recent, key, options, attempts).await?))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let owned = key.clone();
        let mut info = self.at("look at", key.as_ref(), move |root| read::look(root, &owned)).await?;
        info.token = info.etag.as_deref().and_then(|tag| self.recent.token(tag));
        Ok(info)
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        let (owned, etag) = (key.clone(), etag.map(str::to_owned));
        self.at("read", key.as_ref(), move |root| read::read(root, &owned, range, etag.as_deref())).await
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        let (owned, page) = (prefix.to_owned(), page.map(str::to_owned));
        self.at("list", prefix, move |root| list::list(root, &owned, page.as_deref())).await
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        let (owned, only) = (key.clone(), only.cloned());
        self.at("remove", key.as_ref(), move |root| remove::remove(root, &owned, only.as_ref())).await
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.delete(key, Some(info)).await
    }

    async fn rename(&self, from: &Key, to: &Key) -> Result<bool> {
        let (source, target) = (from.clone(), to.clone());
        self.at("move", from.as_ref(), move |root| remove::rename(root, &source, &target)).await?;
        Ok(true)
    }

    /// Not asked for: a file is moved in one step.
    async fn copy(&self, from: &Key, _info: &ObjectInfo, _to: &Key, _work: &Work) -> Result<Committed> {
        let reason = "a folder copies nothing: its files are moved in one step";
        Err(Error::new(ErrorKind::InvalidConfig, "copy", self.root.location(from.as_ref()), reason))
    }

    async fn leftovers(&self, prefix: &str, _: Option<&str>) -> Result<Leftovers> {
        let owned = prefix.to_owned();
        self.at("look for leftovers of", prefix, move |root| sweep::leftovers(root, &owned)).await
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        let owned = leftover.clone();
        self.at("remove a leftover of", &leftover.key, move |root| sweep::remove(root, &owned)).await
    }

    fn examined(&self) -> Option<&dyn Examined> {
        Some(self)
    }
}
