//! An archive in memory, seen by several who work on it, each of whom can be held before one of its calls.

use super::Texts;
use async_trait::async_trait;
use sealift::{
    BackupHandle, BackupStorage, Error, ErrorKind, FileHandle, FileReader, FileWriter, Result, ShellSafeName, TextLine,
};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// One who works on it.
#[derive(Debug)]
pub(super) struct Worker {
    files: Arc<Mutex<Texts>>,
    calls: AtomicUsize,
    hold_before: usize,
    lists: AtomicUsize,
    hold_before_list: usize,
    held: Notify,
    released: Notify,
}

impl Worker {
    pub(super) fn free(files: &Arc<Mutex<Texts>>) -> Self {
        let (calls, lists, held, released) = Default::default();
        let (hold_before, hold_before_list) = (usize::MAX, usize::MAX);
        Worker { files: Arc::clone(files), calls, hold_before, lists, hold_before_list, held, released }
    }

    /// Held before the call of this number, counted from 0.
    pub(super) fn held_before(files: &Arc<Mutex<Texts>>, call: usize) -> Self {
        Worker { hold_before: call, ..Worker::free(files) }
    }

    /// Held before it lists the metadata files for the time of this number, counted from 0.
    pub(super) fn held_before_list(files: &Arc<Mutex<Texts>>, list: usize) -> Self {
        Worker { hold_before_list: list, ..Worker::free(files) }
    }

    /// Waits until it is held.
    pub(super) async fn is_held(&self) {
        self.held.notified().await;
    }

    /// How many calls there were, and how many lists.
    pub(super) fn calls(&self) -> (usize, usize) {
        (self.calls.load(Ordering::SeqCst), self.lists.load(Ordering::SeqCst))
    }

    pub(super) fn release(&self) {
        self.released.notify_one();
    }

    async fn hold(&self) {
        self.held.notify_one();
        self.released.notified().await;
    }

    async fn call<T>(&self, call: impl FnOnce(&mut Texts) -> T) -> T {
        if self.calls.fetch_add(1, Ordering::SeqCst) == self.hold_before {
            self.hold().await;
        }
        call(&mut self.files.lock().expect("not poisoned"))
    }
}

fn not_found(file: &FileHandle) -> Error {
    Error::new(ErrorKind::NotFound, "look at", file.to_string(), "there is none")
}

#[async_trait]
impl BackupStorage for Worker {
    async fn create_backup(&self, name: &ShellSafeName) -> Result<BackupHandle> {
        name.as_ref().parse()
    }

    async fn create_for_write(&self, _: &BackupHandle, _: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        panic!("a compaction writes metadata alone")
    }

    async fn open_for_read(&self, file: &FileHandle) -> Result<FileReader> {
        let text = self.call(|files| files.get(file.as_ref()).cloned()).await;
        text.map(|text| Box::new(Cursor::new(text.into_bytes())) as FileReader).ok_or_else(|| not_found(file))
    }

    async fn save_metadata_lines(&self, _: &ShellSafeName, _: &[TextLine]) -> Result<FileHandle> {
        panic!("a compaction writes nothing over")
    }

    async fn save_new_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        let file: FileHandle = format!("metadata/{name}").parse()?;
        let text: String = lines.iter().flat_map(|line| [line.as_ref(), "\n"]).collect();
        self.call(|files| match files.contains_key(file.as_ref()) {
            true => Err(Error::new(ErrorKind::AlreadyExists, "save", file.to_string(), "it exists")),
            false => {
                files.insert(file.to_string(), text);
                Ok(file)
            }
        })
        .await
    }

    async fn list_metadata_files(&self) -> Result<Vec<FileHandle>> {
        if self.lists.fetch_add(1, Ordering::SeqCst) == self.hold_before_list {
            self.hold().await;
        }
        self.call(|files| files.keys().filter(|name| name.starts_with("metadata/")).map(|name| name.parse()).collect())
            .await
    }

    async fn list_backed_up_metadata_files(&self) -> Result<Option<Vec<FileHandle>>> {
        let listed: Result<_> = self
            .call(|files| {
                files.keys().filter(|name| name.starts_with("metadata_backup/")).map(|name| name.parse()).collect()
            })
            .await;
        listed.map(Some)
    }

    async fn backup_metadata_file(&self, file: &FileHandle) -> Result<()> {
        let aside = file.as_ref().replace("metadata/", "metadata_backup/");
        self.call(|files| match files.remove(file.as_ref()) {
            None => Err(not_found(file)),
            Some(text) => {
                files.insert(aside, text);
                Ok(())
            }
        })
        .await
    }
}
