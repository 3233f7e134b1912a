//! File systems that fail, or take their time, at the end of a commit: what is said then is what is there.

use crate::LocalFs;
use crate::disk::{Disk, sync_folder};
use rustix::io::Errno;
use sealift::{
    Attempts, Bucket, Budget, Checksum, ChecksumAlgorithm, Codec, CommitOptions, Compressor, ErrorKind, IfExists, Key,
    LeftBehind, ObjectStore, Payload, Result, Sealed, Upload,
};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

/// A disk on which a step fails once it is told to.
#[derive(Debug, Default)]
struct Faulty {
    /// There is no rename that replaces nothing.
    no_rename_new: AtomicBool,
    /// Nothing can be removed.
    no_removal: AtomicBool,
    /// No folder can be synced.
    no_sync: AtomicBool,
    /// Folders are not synced before this is over.
    held: Mutex<bool>,
    released: Condvar,
    /// Syncs that have begun.
    syncs: AtomicUsize,
}

impl Faulty {
    fn hold(&self) {
        *self.held.lock().expect("fine") = true;
    }

    fn release(&self) {
        *self.held.lock().expect("fine") = false;
        self.released.notify_all();
    }

    fn syncs(&self) -> usize {
        self.syncs.load(Ordering::SeqCst)
    }
}

impl Disk for Faulty {
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self.no_rename_new.load(Ordering::SeqCst) {
            true => Err(Errno::INVAL.into()),
            false => fs::rename(from, to),
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        match self.no_removal.load(Ordering::SeqCst) {
            true => Err(Errno::ACCESS.into()),
            false => fs::remove_file(path),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        drop(self.released.wait_while(self.held.lock().expect("fine"), |held| *held).expect("fine"));
        match self.no_sync.load(Ordering::SeqCst) {
            true => Err(Errno::IO.into()),
            false => sync_folder(folder),
        }
    }
}

struct Scene {
    root: TempDir,
    disk: Arc<Faulty>,
    store: LocalFs,
    bucket: Bucket,
}

impl Scene {
    fn new() -> Self {
        let (root, disk) = (tempfile::tempdir().expect("a folder"), Arc::<Faulty>::default());
        let store = LocalFs::on(Arc::clone(&disk) as Arc<dyn Disk>, root.path().into()).expect("a root");
        let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
        let bucket = Bucket::new(store.clone(), compressor, Budget::new(Budget::DEFAULT).expect("enough"));
        Scene { root, disk, store, bucket }
    }

    /// Stores a file through the core.
    async fn write(&self, if_exists: IfExists) -> Result<Sealed> {
        let mut sink = self.bucket.create(&key(), if_exists).expect("opened");
        sink.write_all(b"content").await.expect("written");
        sink.seal().await
    }

    /// An upload with all of its content, and that content's checksum.
    async fn upload(&self) -> (Box<dyn Upload>, Checksum, CommitOptions) {
        let options = CommitOptions::new(IfExists::Replace);
        let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"content");
        let upload = self.store.start(&key(), &options, &Attempts::default()).await.expect("started");
        let payload = Payload::from_segments(vec!["content".into()], checksum);
        upload.put_part(1, payload).await.expect("written");
        (upload, checksum, options)
    }

    fn content(&self) -> Option<Vec<u8>> {
        fs::read(self.root.path().join("a/file")).ok()
    }

    fn temporary_files(&self) -> Vec<String> {
        let folder = self.root.path().join(".sealift-tmp");
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.expect("readable").path().display().to_string()).collect()
    }

    fn location(&self) -> String {
        format!("{}/a/file", self.store.url())
    }
}

fn key() -> Key {
    "a/file".parse().expect("a key")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_rename_cannot_be_made_durable_is_an_error_and_named() {
    for if_exists in [IfExists::Replace, IfExists::Fail] {
        let scene = Scene::new();
        scene.disk.no_sync.store(true, Ordering::SeqCst);
        let error = scene.write(if_exists).await.expect_err("no fsync, no success");
        assert!(scene.disk.syncs() > 0);
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        let why = "it is whole, and not known to outlast a crash of the machine: Input/output error (os error 5)";
        assert_eq!(error.left_behind(), [LeftBehind::object(scene.location()).because(why)], "{error}");
        assert_eq!(scene.content().as_deref(), Some(&b"content"[..]));
        assert!(scene.temporary_files().is_empty());
    }
}

#[tokio::test]
async fn what_is_visible_and_not_durable_is_accounted_for_as_applied() {
    let scene = Scene::new();
    let ((upload, whole, _), attempts) = (scene.upload().await, Attempts::default());
    scene.disk.no_sync.store(true, Ordering::SeqCst);
    upload.complete(&[], whole, &attempts).await.expect_err("no fsync, no success");
    assert_eq!((attempts.effect().applied, attempts.effect().unanswered), (1, 0));
    upload.abort().await.expect("nothing else is left");
    assert!(scene.content().is_some() && scene.temporary_files().is_empty());
}

/// A folder that is being synced for a long time, and an order to stop meanwhile that does not wait for the answer.
#[tokio::test]
async fn a_sync_that_takes_long_is_waited_for_and_what_stands_is_named() {
    for if_exists in [IfExists::Replace, IfExists::Fail] {
        let scene = Scene::new();
        scene.disk.hold();
        let bucket = scene.bucket.clone();
        let writing = async {
            let written = scene.write(if_exists).await;
            written.expect_err("stopped")
        };
        let stopping = async {
            while scene.disk.syncs() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let mut closing = std::pin::pin!(bucket.close());
            assert!(tokio::time::timeout(Duration::from_millis(10), &mut closing).await.is_err(), "it waits");
            // Longer than an answer is waited for.
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(6)).await;
            tokio::time::resume();
            assert!(tokio::time::timeout(Duration::from_millis(10), &mut closing).await.is_err(), "it waits");
            assert_eq!(scene.content().as_deref(), Some(&b"content"[..]), "it is visible");
            scene.disk.release();
            let _ = closing.await;
        };
        let (error, ()) = tokio::join!(writing, stopping);
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert!(scene.temporary_files().is_empty());
        match if_exists {
            // It may have replaced something: it stands.
            IfExists::Replace => {
                assert_eq!(scene.content().as_deref(), Some(&b"content"[..]));
                assert_eq!(error.left_behind().len(), 1, "{error}");
                assert!(error.left_behind()[0].to_string().contains(&scene.location()), "{error}");
            }
            IfExists::Fail => assert_eq!((scene.content(), error.left_behind()), (None, &[][..]), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_file_can_be_told_to_be_ours_as_soon_as_it_is_visible() {
    let scene = Scene::new();
    let ((upload, whole, options), attempts) = (scene.upload().await, Attempts::default());
    scene.disk.hold();
    let completing = upload.complete(&[], whole, &attempts);
    let looking = async {
        while scene.disk.syncs() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let seen = scene.store.head(&key()).await.expect("visible");
        scene.disk.release();
        assert_eq!(seen.token.as_deref(), Some(options.token.as_ref()));
    };
    let (completed, ()) = tokio::join!(completing, looking);
    assert!(completed.expect("completed").at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_name_that_stays_beside_the_file_is_named_with_the_success() {
    let scene = Scene::new();
    scene.disk.no_rename_new.store(true, Ordering::SeqCst);
    scene.disk.no_removal.store(true, Ordering::SeqCst);
    let sealed = scene.write(IfExists::Fail).await.expect("it is there");
    let names = scene.temporary_files();
    assert_eq!((names.len(), scene.content().as_deref()), (1, Some(&b"content"[..])));
    let why = "it could not be removed: Permission denied (os error 13)";
    assert_eq!(sealed.left_behind, [LeftBehind::file(&names[0]).because(why)]);
    assert!(scene.disk.syncs() > 0, "it is made durable all the same");
}

#[tokio::test]
async fn an_abort_that_cannot_remove_the_file_names_it() {
    for wrong in [false, true] {
        let scene = Scene::new();
        let (upload, whole, _) = scene.upload().await;
        scene.disk.no_removal.store(true, Ordering::SeqCst);
        if wrong {
            let other = Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"other");
            upload.complete(&[], other, &Attempts::default()).await.expect_err("not what was written");
        }
        let error = upload.abort().await.expect_err("it stays");
        let names = scene.temporary_files();
        assert!(names.len() == 1 && error.left_behind()[0].to_string().contains(&names[0]), "{error}");
        scene.disk.no_removal.store(false, Ordering::SeqCst);
        upload.abort().await.expect("now it goes");
        assert!(scene.temporary_files().is_empty());
        upload.complete(&[], whole, &Attempts::default()).await.expect_err("it has ended");
    }
}

#[tokio::test]
async fn a_move_that_cannot_be_made_durable_says_where_the_file_is() {
    let scene = Scene::new();
    scene.write(IfExists::Fail).await.expect("stored");
    scene.disk.no_sync.store(true, Ordering::SeqCst);
    let to: Key = "b".parse().expect("a key");
    let error = scene.bucket.rename(&key(), &to).await.expect_err("no fsync, no success");
    let target = format!("{}/b", scene.store.url());
    assert!(error.left_behind()[0].to_string().contains(&target), "{error}");
    assert!(scene.root.path().join("b").exists() && scene.content().is_none());
    let error = scene.bucket.remove(&to).await.expect_err("no fsync, no success");
    assert!(error.reason().contains("it is gone"), "{error}");
    assert!(!scene.root.path().join("b").exists());
}

#[tokio::test]
async fn only_what_was_seen_is_removed_and_nothing_is_copied() {
    let scene = Scene::new();
    scene.write(IfExists::Fail).await.expect("stored");
    let first = scene.store.head(&key()).await.expect("there");
    scene.write(IfExists::Replace).await.expect("replaced");
    let second = scene.store.head(&key()).await.expect("there");
    let mut without_etag = second.clone();
    without_etag.etag = None;
    for removed in [
        scene.store.delete(&key(), Some(&first)).await,
        scene.store.retract(&key(), &first).await,
        scene.store.delete(&key(), Some(&without_etag)).await,
    ] {
        assert_eq!(removed.expect("told"), sealift::Removal::Another);
    }
    let copied = scene.store.copy(&key(), &second, &key(), &sealift::Work::new("file:///x")).await;
    assert_eq!(copied.expect_err("there is no need").kind(), ErrorKind::InvalidConfig);
    assert!(!scene.store.puts_in_one_step() && !scene.store.retracting_restores(&second));
    for _ in 0..2 {
        let removed = scene.store.retract(&key(), &second).await;
        assert_eq!(removed.expect("told"), sealift::Removal::Gone);
    }
    assert!(scene.content().is_none());
}
