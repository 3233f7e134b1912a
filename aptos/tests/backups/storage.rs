//! A folder as archive, with an account of what is opened and sealed, and a file that fails when told.

use async_trait::async_trait;
use sealift::{
    Archive, BackupHandle, BackupStorage, Bucket, Budget, Codec, Compressor, Error, ErrorKind, FileHandle, FileReader,
    FileWriter, Result, ShellSafeName, TextLine,
};
use sealift_local_fs::LocalFs;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::sync::Notify;

/// What a file does instead of being sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Its shutdown fails.
    AtShutdown,
    /// It takes no data.
    AtWrite,
    /// It cannot be opened.
    AtCreate,
    /// It cannot be opened, since its service cannot be reached.
    Unreachable,
    /// Its shutdown never ends.
    Hangs,
    /// It takes no data, because it exists by now.
    Taken,
    /// It is not there when it is looked for.
    Unseen,
    /// It may not be read.
    Unreadable,
}

#[derive(Debug)]
pub(crate) struct Watched {
    inner: Archive,
    pub(crate) bucket: Bucket,
    account: Arc<Account>,
}

#[derive(Debug, Default)]
struct Account {
    troubles: Mutex<Vec<(String, Trouble)>>,
    opened: Mutex<Vec<String>>,
    sealed: Mutex<Vec<String>>,
    /// Says that a shutdown hangs, or that a file is sealed.
    changed: Notify,
}

impl Watched {
    pub(crate) fn new(root: &Path) -> Self {
        let store = LocalFs::open(root).unwrap();
        let compressor = Arc::new(Compressor::new(Codec::Plain, None).unwrap());
        let bucket = Bucket::new(store, compressor, Budget::new(Budget::MIN).unwrap());
        Watched { inner: Archive::new(bucket.clone(), "").unwrap(), bucket, account: Arc::default() }
    }

    /// The next file of this name, without its backup's, fails; `metadata` is the next metadata line, `backup` the next
    /// backup, `metadata_backup` the next file to be moved there.
    pub(crate) fn fail(&self, name: &str, trouble: Trouble) {
        self.account.troubles.lock().unwrap().push((name.to_owned(), trouble));
    }

    pub(crate) fn troubles_left(&self) -> usize {
        self.account.troubles.lock().unwrap().len()
    }

    /// The names of files opened for writing so far, in order; they are forgotten.
    pub(crate) fn take_opened(&self) -> Vec<String> {
        std::mem::take(&mut self.account.opened.lock().unwrap())
    }

    /// The names of files sealed so far, in order; they are forgotten.
    pub(crate) fn take_sealed(&self) -> Vec<String> {
        std::mem::take(&mut self.account.sealed.lock().unwrap())
    }

    /// The names of files sealed so far, in order.
    pub(crate) fn sealed(&self) -> Vec<String> {
        self.account.sealed.lock().unwrap().clone()
    }

    /// Counts `names` as sealed.
    pub(crate) fn recall(&self, names: &[String]) {
        *self.account.sealed.lock().unwrap() = names.to_vec();
    }

    /// Waits until all of `names` are sealed and no trouble is left to happen.
    pub(crate) async fn until_sealed(&self, names: &[String]) {
        loop {
            let changed = self.account.changed.notified();
            let sealed = self.account.sealed.lock().unwrap().clone();
            if names.iter().all(|name| sealed.contains(name)) && self.troubles_left() == 0 {
                return;
            }
            changed.await;
        }
    }

    async fn watched(
        &self,
        name: &ShellSafeName,
        created: impl Future<Output = Result<(FileHandle, FileWriter)>>,
    ) -> Result<(FileHandle, FileWriter)> {
        if self.trouble(name.as_ref()).is_some() {
            return Err(Error::new(ErrorKind::Denied, "open", name.to_string(), "the disk is on fire"));
        }
        if self.account.take(name.as_ref(), &[Trouble::Unreachable]).is_some() {
            return Err(Error::new(ErrorKind::Unreachable, "open", name.to_string(), "the cable is cut"));
        }
        self.account.opened.lock().unwrap().push(name.to_string());
        let (file, inner) = created.await?;
        let writer = Writer { inner, name: name.to_string(), account: self.account.clone(), state: State::Open };
        Ok((file, Box::new(writer)))
    }

    fn trouble(&self, name: &str) -> Option<Trouble> {
        self.account.take(name, &[Trouble::AtCreate])
    }
}

impl Account {
    /// The first of the `wanted` troubles of the file `name`. It happens only once.
    fn take(&self, name: &str, wanted: &[Trouble]) -> Option<Trouble> {
        let mut troubles = self.troubles.lock().unwrap();
        let at = troubles.iter().position(|(file, trouble)| file == name && wanted.contains(trouble))?;
        Some(troubles.remove(at).1)
    }
}

#[async_trait]
impl BackupStorage for Watched {
    async fn create_backup(&self, name: &ShellSafeName) -> Result<BackupHandle> {
        if self.trouble("backup").is_some() {
            return Err(Error::new(ErrorKind::Service, "create", name.to_string(), "mkdir: it exists"));
        }
        self.inner.create_backup(name).await
    }

    async fn create_for_write(&self, backup: &BackupHandle, name: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        self.watched(name, self.inner.create_for_write(backup, name)).await
    }

    async fn create_new(&self, backup: &BackupHandle, name: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        self.watched(name, self.inner.create_new(backup, name)).await
    }

    async fn open_for_read(&self, file: &FileHandle) -> Result<FileReader> {
        let name = file.as_ref().rsplit('/').next().unwrap();
        if self.account.take(name, &[Trouble::Unseen]).is_some() {
            return Err(Error::new(ErrorKind::NotFound, "open", file.to_string(), "it is not there"));
        }
        if self.account.take(name, &[Trouble::Unreadable]).is_some() {
            return Err(Error::new(ErrorKind::Denied, "open", file.to_string(), "it may not be read"));
        }
        self.inner.open_for_read(file).await
    }

    async fn save_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        if self.trouble("metadata").is_some() {
            return Err(Error::new(ErrorKind::Denied, "write", name.to_string(), "the disk is on fire"));
        }
        self.inner.save_metadata_lines(name, lines).await
    }

    async fn save_new_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        if self.trouble("metadata").is_some() {
            return Err(Error::new(ErrorKind::Denied, "write", name.to_string(), "the disk is on fire"));
        }
        self.inner.save_new_metadata_lines(name, lines).await
    }

    async fn list_metadata_files(&self) -> Result<Vec<FileHandle>> {
        self.inner.list_metadata_files().await
    }

    async fn backup_metadata_file(&self, file: &FileHandle) -> Result<()> {
        if self.trouble("metadata_backup").is_some() {
            return Err(Error::new(ErrorKind::Denied, "move", file.to_string(), "the disk is on fire"));
        }
        self.inner.backup_metadata_file(file).await
    }
}

struct Writer {
    inner: FileWriter,
    name: String,
    account: Arc<Account>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Open,
    Hanging,
}

impl Writer {
    fn takes(&mut self, wanted: &[Trouble]) -> Option<Trouble> {
        self.account.take(&self.name, wanted)
    }
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.takes(&[Trouble::AtWrite, Trouble::Taken]) {
            Some(Trouble::Taken) => {
                let error = Error::new(ErrorKind::AlreadyExists, "write", self.name.clone(), "it exists");
                return Poll::Ready(Err(error.into_io()));
            }
            Some(_) => return Poll::Ready(Err(io::Error::other("the disk is on fire"))),
            None => {}
        }
        Pin::new(&mut self.inner).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.state == State::Hanging {
            return Poll::Pending;
        }
        match self.takes(&[Trouble::AtShutdown, Trouble::Hangs]) {
            Some(Trouble::Hangs) => {
                self.state = State::Hanging;
                self.account.changed.notify_waiters();
                return Poll::Pending;
            }
            Some(_) => return Poll::Ready(Err(io::Error::other("the disk is on fire"))),
            None => {}
        }
        ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        let name = self.name.clone();
        self.account.sealed.lock().unwrap().push(name);
        self.account.changed.notify_waiters();
        Poll::Ready(Ok(()))
    }
}
