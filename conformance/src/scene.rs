//! Runs one case on one backend, and checks after it that nothing is left.

use crate::backend::{Backend, Traits};
use crate::data::assert_same;
use crate::eventually::eventually;
use crate::leaks::{Counts, in_turn};
use sealift::{
    BackupHandle, BackupStorage, Certainty, Error, FileHandle, FileReader, FileWriter, Remnant, ShellSafeName,
};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Much longer than any case takes, also on a machine that is busy with other things.
const HANGS: Duration = Duration::from_secs(120);

/// The backup that cases write to unless they say otherwise.
pub(crate) const BACKUP: &str = "backup";

pub struct Scene {
    backend: Box<dyn Backend>,
    may_leave_unfinished: AtomicBool,
    /// What was seen unfinished when nothing was under way any more.
    unfinished: Mutex<Vec<String>>,
    /// The ids of what closing has named.
    named: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a case when no other runs.
pub fn run<B: Backend + 'static>(case: impl AsyncFnOnce(&Scene)) {
    in_turn(async {
        let before = Counts::now();
        let scene = Scene {
            backend: Box::new(B::open().await),
            may_leave_unfinished: AtomicBool::new(false),
            unfinished: Mutex::default(),
            named: Mutex::default(),
        };
        timeout(HANGS, case(&scene)).await.expect("the case does not hang");
        scene.end(before).await;
    });
}

impl Scene {
    async fn end(self, before: Counts) {
        self.close().await;
        drop(self);
        before.assert_as_before().await;
    }

    /// Waits until what was given up has ended by itself, which closing might have hastened. What is unfinished then, closing
    /// has to name. No writer may be open.
    pub(crate) async fn settle(&self) {
        eventually("what was given up has ended", Duration::from_secs(60), async || {
            match self.backend.is_idle().await {
                true => Ok(()),
                false => Err("something is under way".into()),
            }
        })
        .await;
        self.note_unfinished().await;
    }

    /// The same, and asserts that these files are there, and nothing else.
    pub(crate) async fn settle_with(&self, files: &[&str]) {
        self.settle().await;
        assert_eq!(self.files().await, files);
    }

    /// Closes the storage and asserts that nothing unfinished is left, but what closing names and may be left.
    pub(crate) async fn close(&self) {
        let closed = timeout(HANGS, self.backend.close()).await.expect("closing does not hang");
        for error in closed.err().iter().flatten() {
            self.assert_may_be_left(error).await;
            let named = error.left_behind().iter().filter_map(|left| match left.remnant() {
                Remnant::Upload { id, .. } => id.clone(),
                _ => None,
            });
            lock(&self.named).extend(named);
        }
        self.note_unfinished().await;
        let (unfinished, named) = (lock(&self.unfinished), lock(&self.named));
        let unnamed: Vec<_> = unfinished.iter().filter(|one| !named.iter().any(|id| one.contains(id))).collect();
        assert!(unnamed.is_empty(), "nothing unfinished is left that is not named: {unnamed:?}");
    }

    /// That what closing says is left is nothing but a file that stands, whole, or what a runtime that ended has left.
    async fn assert_may_be_left(&self, error: &Error) {
        let Traits { takes_back, refuses_late_parts, .. } = self.traits();
        let unfinished = self.may_leave_unfinished.load(Ordering::SeqCst);
        for left in error.left_behind() {
            let may_be = match left.remnant() {
                Remnant::Object(_) if left.certainty() == Certainty::Seen => !takes_back,
                Remnant::Upload { .. } if left.certainty() == Certainty::Perhaps => !refuses_late_parts || unfinished,
                _ => unfinished,
            };
            assert!(may_be, "nothing was left behind: {error}");
        }
    }

    /// Keeps in mind what is unfinished now, unless it may be.
    async fn note_unfinished(&self) {
        if !self.may_leave_unfinished.load(Ordering::SeqCst) {
            let unfinished = self.backend.unfinished().await;
            lock(&self.unfinished).extend(unfinished);
        }
    }

    /// Closes the storage and asserts that these files are there, and nothing else.
    pub(crate) async fn close_with(&self, files: &[&str]) {
        self.close().await;
        assert_eq!(self.files().await, files);
    }

    /// From here on the storage may leave something unfinished, for a sweep to remove.
    pub(crate) fn may_leave_unfinished(&self) {
        self.may_leave_unfinished.store(true, Ordering::SeqCst);
    }

    pub(crate) fn traits(&self) -> Traits {
        self.backend.traits()
    }

    pub(crate) fn storage(&self) -> Arc<dyn BackupStorage> {
        self.backend.storage()
    }

    pub(crate) async fn files(&self) -> Vec<String> {
        self.backend.files().await
    }

    pub(crate) async fn stored_len(&self, file: &FileHandle) -> usize {
        self.backend.stored_len(file.as_ref()).await
    }

    /// Waits until something unfinished can be seen, so that giving up has something to remove.
    pub(crate) async fn until_unfinished(&self) {
        if self.traits().shows_unfinished {
            eventually("something unfinished is there", Duration::from_secs(20), async || {
                match self.backend.unfinished().await.is_empty() {
                    true => Err("nothing".into()),
                    false => Ok(()),
                }
            })
            .await;
        }
    }

    /// Opens a file for writing.
    pub(crate) async fn writer(&self, name: &str) -> (FileHandle, FileWriter) {
        writer(&*self.storage(), name).await
    }

    /// Writes a file to its end.
    pub(crate) async fn write(&self, name: &str, data: &[u8]) -> FileHandle {
        write(&*self.storage(), name, data).await
    }

    /// A writer that has been given `data`.
    pub(crate) async fn given(&self, name: &str, data: &[u8]) -> FileWriter {
        let (_, mut writer) = self.writer(name).await;
        writer.write_all(data).await.expect("written");
        writer
    }

    /// Opens a file for reading.
    pub(crate) async fn reader(&self, file: &FileHandle) -> FileReader {
        self.storage().open_for_read(file).await.expect("opened")
    }

    /// Asserts that a file holds `data`.
    pub(crate) async fn assert_holds(&self, file: &FileHandle, data: &[u8]) {
        assert_holds(&*self.storage(), file, data).await;
    }
}

pub(crate) async fn writer(storage: &dyn BackupStorage, name: &str) -> (FileHandle, FileWriter) {
    let backup = backup(storage, BACKUP).await;
    storage.create_for_write(&backup, &safe(name)).await.expect("opened")
}

pub(crate) async fn write(storage: &dyn BackupStorage, name: &str, data: &[u8]) -> FileHandle {
    let (file, mut writer) = writer(storage, name).await;
    writer.write_all(data).await.expect("written");
    writer.shutdown().await.expect("shut down");
    file
}

pub(crate) async fn backup(storage: &dyn BackupStorage, name: &str) -> BackupHandle {
    storage.create_backup(&safe(name)).await.expect("opened")
}

pub(crate) async fn assert_holds(storage: &dyn BackupStorage, file: &FileHandle, data: &[u8]) {
    let found = read(storage, file).await.unwrap_or_else(|error| panic!("{file} is there: {error}"));
    assert_same(&found, data, file);
}

/// Reads a file to its end. Whether a file is missing may be found out when it is opened or when it is read.
pub(crate) async fn read(storage: &dyn BackupStorage, file: &FileHandle) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut reader = storage.open_for_read(file).await.map_err(sealift::Error::into_io)?;
    reader.read_to_end(&mut content).await?;
    Ok(content)
}

pub(crate) fn safe(name: &str) -> ShellSafeName {
    name.parse().expect("a name")
}

pub(crate) fn handle(file: &str) -> FileHandle {
    file.parse().expect("a handle")
}

/// Goes on with a future for so long, to the microsecond, and gives it up then. `None` when it was given up.
pub(crate) async fn for_time<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let started = Instant::now();
    let passed = async {
        while started.elapsed() < time {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        result = future => Some(result),
        () = passed => None,
    }
}

/// Goes on with a future until it has paused so many times, and gives it up then. `None` when it was given up.
pub(crate) async fn for_pauses<T>(pauses: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut paused = 0;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => {
            paused += 1;
            match paused < pauses {
                true => Poll::Pending,
                false => Poll::Ready(None),
            }
        }
    })
    .await
}
