//! A backup archive in an object store: where its files and metadata lines are.

use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{BackupHandle, FileHandle, Key, ShellSafeName, TextLine};
use crate::object::{IfExists, ObjectInfo};
use crate::storage::{BackupStorage, FileReader, FileWriter};
use async_trait::async_trait;
use futures::TryStreamExt;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt;

const METADATA: &str = "metadata";
const METADATA_BACKUP: &str = "metadata_backup";

/// [`BackupStorage`] over a [`Bucket`]. The key of a file is `<prefix>/<file handle>`; handles do not hold the prefix,
/// so an archive can be copied between storages as it is.
#[derive(Debug, Clone)]
pub struct Archive {
    bucket: Bucket,
    prefix: String,
    /// How large the metadata files are that were listed last: who lists them reads them, one request each then.
    listed: Arc<Mutex<HashMap<Key, ObjectInfo>>>,
}

impl Archive {
    /// The archive below `prefix`, which may be empty.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] when the prefix cannot begin a key.
    pub fn new(bucket: Bucket, prefix: &str) -> Result<Self> {
        let prefix = prefix.trim_matches('/');
        if !prefix.is_empty() {
            Key::from_str(prefix)?;
        }
        Ok(Archive { bucket, prefix: prefix.to_owned(), listed: Arc::default() })
    }

    /// The bucket it lies in.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// What the keys of all its files begin with, without a slash at the end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The whole of its URL, for people.
    pub fn location(&self) -> String {
        match self.prefix.as_str() {
            "" => self.bucket.url().to_owned(),
            prefix => format!("{}/{prefix}", self.bucket.url()),
        }
    }

    fn create(
        &self,
        backup: &BackupHandle,
        name: &ShellSafeName,
        if_exists: IfExists,
    ) -> Result<(FileHandle, FileWriter)> {
        let file: FileHandle = format!("{backup}/{name}").parse()?;
        let sink = self.bucket.create(&self.key(&file)?, if_exists)?;
        Ok((file, Box::new(sink)))
    }

    fn key(&self, file: &FileHandle) -> Result<Key> {
        Key::try_from(file)?.below(&self.prefix)
    }

    /// The handles of the files of one folder, in order; none where it is not there.
    async fn list_folder(&self, folder: &str) -> Result<Vec<FileHandle>> {
        let within = self.key_prefix(folder);
        let objects = self.bucket.list(&within).try_filter_map(|object| {
            let name = object.key.strip_prefix(&within).unwrap_or_default();
            // What lies deeper, or has no name of the archive's, is not a metadata file.
            let file = name.parse::<ShellSafeName>().and_then(|name| format!("{folder}/{name}").parse::<FileHandle>());
            async move { Ok(file.ok().map(|file| (file, object))) }
        });
        let found: Vec<(FileHandle, ObjectInfo)> = match objects.try_collect().await {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            found => found?,
        };
        let keyed = found.iter().filter_map(|(file, object)| Some((self.key(file).ok()?, object.clone()))).collect();
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = keyed;
        Ok(found.into_iter().map(|(file, _)| file).collect())
    }

    fn key_prefix(&self, folder: &str) -> String {
        match self.prefix.as_str() {
            "" => format!("{folder}/"),
            prefix => format!("{prefix}/{folder}/"),
        }
    }
}

#[async_trait]
impl BackupStorage for Archive {
    async fn create_backup(&self, name: &ShellSafeName) -> Result<BackupHandle> {
        name.as_ref().parse()
    }

    async fn create_for_write(&self, backup: &BackupHandle, name: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        self.create(backup, name, IfExists::Replace)
    }

    async fn create_new(&self, backup: &BackupHandle, name: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        self.create(backup, name, IfExists::Fail)
    }

    fn writers_at_once(&self) -> usize {
        self.bucket.writers_at_once()
    }

    /// Each is a request, or two.
    fn reads_at_once(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(127)
    }

    async fn open_for_read(&self, file: &FileHandle) -> Result<FileReader> {
        let key = self.key(file)?;
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        Ok(Box::new(match listed {
            Some(info) => self.bucket.open_listed(&key, &info).await?,
            None => self.bucket.open(&key).await?,
        }))
    }

    async fn save_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        match self.save_new_metadata_lines(name, lines).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let file: FileHandle = format!("{METADATA}/{name}").parse()?;
                tracing::warn!("{}/{} exists already and is kept as it is", self.bucket.url(), self.key(&file)?);
                Ok(file)
            }
            saved => saved,
        }
    }

    async fn save_new_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        let file: FileHandle = format!("{METADATA}/{name}").parse()?;
        let key = self.key(&file)?;
        let content: String = lines.iter().flat_map(|line| [line.as_ref(), "\n"]).collect();
        let mut sink = self.bucket.create(&key, IfExists::Fail)?;
        let written = sink.write_all(content.as_bytes()).await;
        let location = || format!("{}/{key}", self.bucket.url());
        written.map_err(|error| {
            Error::from_io(&error).cloned().unwrap_or_else(|| Error::io("write", location(), error))
        })?;
        sink.seal().await.map(|_| file)
    }

    async fn list_metadata_files(&self) -> Result<Vec<FileHandle>> {
        self.list_folder(METADATA).await
    }

    async fn list_backed_up_metadata_files(&self) -> Result<Option<Vec<FileHandle>>> {
        self.list_folder(METADATA_BACKUP).await.map(Some)
    }

    async fn backup_metadata_file(&self, file: &FileHandle) -> Result<()> {
        let name = file.as_ref().strip_prefix(METADATA).and_then(|rest| rest.strip_prefix('/'));
        let Some(name) = name else {
            return Err(Error::new(ErrorKind::InvalidName, "back up", file.to_string(), "it is not a metadata file")
                .with_hint("handles of metadata files look like metadata/<name>"));
        };
        let backup: FileHandle = format!("{METADATA_BACKUP}/{name}").parse()?;
        self.bucket.rename(&self.key(file)?, &self.key(&backup)?).await
    }
}
