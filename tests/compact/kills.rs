//! SIGKILL at every step. On S3 a step is a request: everything after the n-th is held, and the process is killed. In a
//! folder it is a call of the storage: a child of this test kills itself before, or in, the n-th.

use crate::reader::read;
use crate::scene::{Site, due, factors, names};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use rustix::process::{Signal, getpid, kill_process};
use sealift::{
    Archive, BackupHandle, BackupStorage, Bucket, Budget, Codec, Compressor, FileHandle, FileReader, FileWriter,
    Result, ShellSafeName, TextLine,
};
use sealift_aptos::compact::{Compaction, Ended, Factors, Settings};
use sealift_local_fs::LocalFs;
use sealift_tests::cloud::Cloud;
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::process::Command;

const FACTOR: usize = 3;

/// What is in an archive that was compacted to the end, but for its timestamps.
async fn finished(site: &Site) -> Vec<String> {
    let files = site.files().await;
    names(&files).into_iter().map(str::to_owned).collect()
}

/// Holds the archive against the one before, also after the run that finishes.
async fn assert_survives(site: &Site, whole: &[String], step: usize) {
    assert_eq!(read(&site.files().await), read(&due()), "killed at step {step}");
    site.compact(FACTOR, &[]).await.expect_code(0);
    assert_eq!(read(&site.files().await), read(&due()), "after step {step}");
    assert_eq!(finished(site).await, whole, "after step {step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_request_to_s3_nothing_is_lost_and_the_next_run_finishes() {
    let whole = Site::s3().await.filled(&due()).await;
    whole.compact(FACTOR, &[]).await.expect_code(0);
    let whole = finished(&whole).await;
    let ran_to_its_end = AtomicUsize::new(usize::MAX);
    let (whole, end) = (&whole, &ran_to_its_end);
    let steps = (0..200).map(|step| async move {
        if step > end.load(Ordering::SeqCst) {
            return;
        }
        let site = Site::s3().await.filled(&due()).await;
        let Site::S3(bucket) = &site else { panic!("a bucket") };
        let proxy = FaultProxy::start(bucket.endpoint()).await;
        let requests = Arc::new(AtomicUsize::new(0));
        let after = Match::new(move |_| requests.fetch_add(1, Ordering::SeqCst) >= step);
        let held = proxy.on(after, Fault::Stall);
        let factors = factors(FACTOR);
        let factors: Vec<&str> = factors.iter().map(String::as_str).collect();
        // Several at a time where steps are many.
        let at_once = ["--concurrent-downloads=1", "--concurrent-downloads=3"][step % 2];
        let mut compact = site.sealift_at(&proxy.endpoint(), &[&["compact", at_once], &factors[..]].concat());
        let mut child = compact.spawn().expect("starts");
        tokio::select! {
            () = held.wait_fired(1) => child.kill().await.expect("killed"),
            ended = child.wait() => {
                assert!(ended.expect("ends").success(), "step {step}");
                end.fetch_min(step, Ordering::SeqCst);
            }
        }
        // What was sent before the kill may still be done.
        proxy.shutdown().await;
        assert_survives(&site, whole, step).await;
        bucket.clear().await;
    });
    stream::iter(steps).buffer_unordered(4).collect::<Vec<()>>().await;
    let steps = ran_to_its_end.load(Ordering::SeqCst);
    assert!((30..200).contains(&steps), "{steps} steps");
}

/// The variables by which the child is told.
const FOLDER: &str = "SEALIFT_KILLED_FOLDER";
const CALL: &str = "SEALIFT_KILLED_AT";
const WITHIN: &str = "SEALIFT_KILLED_WITHIN_MICROS";

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_call_in_a_folder_nothing_is_lost_and_the_next_run_finishes() {
    let whole = Site::folder().filled(&due()).await;
    whole.compact(FACTOR, &[]).await.expect_code(0);
    let whole = finished(&whole).await;
    let mut step = 0;
    loop {
        let mut killed = 0;
        for within in [0, 100, 400, 1500] {
            let site = Site::folder().filled(&due()).await;
            let Site::Folder(folder) = &site else { panic!("a folder") };
            killed += usize::from(child(folder.path(), step, within).await == Some(9));
            assert_survives(&site, &whole, step).await;
        }
        // All of them, until there is no such call any more.
        match killed {
            0 => break,
            all => assert_eq!(all, 4, "step {step}"),
        }
        step += 1;
    }
    assert!(step > 20, "{step} steps");
}

/// The signal that a child of this test ended by, which kills itself `within` so many microseconds of this call.
async fn child(folder: &Path, call: usize, within: u64) -> Option<i32> {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "kills::the_child_that_is_killed", "--ignored"]);
    command.env(FOLDER, folder).env(CALL, call.to_string()).env(WITHIN, within.to_string());
    let ended = command.stdout(Stdio::null()).kill_on_drop(true).status().await.expect("it starts");
    assert!(ended.success() || ended.signal() == Some(9), "{ended:?}");
    ended.signal()
}

#[tokio::test]
#[ignore = "is started by another test, as a process"]
async fn the_child_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let number = |name| std::env::var(name).expect("said").parse::<u64>().expect("a number");
    let store = LocalFs::open(folder).expect("a folder");
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("a compressor"));
    let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("a budget"));
    let storage = Mortal {
        archive: Archive::new(bucket, "").expect("an archive"),
        calls: AtomicUsize::new(0),
        last: number(CALL) as usize,
        within: Duration::from_micros(number(WITHIN)),
    };
    let factor = NonZeroUsize::new(FACTOR).expect("not zero");
    let factors = Factors { epoch_endings: factor, state_snapshots: factor, transactions: factor };
    let mut settings = Settings::new(factors);
    settings.at_once = NonZeroUsize::MIN;
    let compaction = Compaction::prepare(&storage, settings).await.expect("planned");
    let ended = compaction.carry_out(|_| ControlFlow::Continue(())).await.expect("compacted");
    assert_eq!(ended, Ended::Whole);
}

/// An archive in whose last call this process is killed.
#[derive(Debug)]
struct Mortal {
    archive: Archive,
    calls: AtomicUsize,
    last: usize,
    /// How long the call has; before it, if that is nothing.
    within: Duration,
}

impl Mortal {
    async fn call<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> T {
        if self.calls.fetch_add(1, Ordering::SeqCst) == self.last {
            let killed = self.within;
            std::thread::spawn(move || {
                std::thread::sleep(killed);
                kill_process(getpid(), Signal::KILL).expect("killed");
            });
            if killed.is_zero() {
                return std::future::pending().await;
            }
            // It is not answered, also where it is done before.
            call.await;
            return std::future::pending().await;
        }
        call.await
    }
}

#[async_trait]
impl BackupStorage for Mortal {
    async fn create_backup(&self, _: &ShellSafeName) -> Result<BackupHandle> {
        panic!("a compaction makes no backup")
    }

    async fn create_for_write(&self, _: &BackupHandle, _: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        panic!("a compaction writes metadata alone")
    }

    async fn open_for_read(&self, file: &FileHandle) -> Result<FileReader> {
        let (archive, file) = (self.archive.clone(), file.clone());
        self.call(async move { archive.open_for_read(&file).await }).await
    }

    async fn save_metadata_lines(&self, _: &ShellSafeName, _: &[TextLine]) -> Result<FileHandle> {
        panic!("a compaction writes nothing over")
    }

    async fn save_new_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        let (archive, name, lines) = (self.archive.clone(), name.clone(), lines.to_vec());
        self.call(async move { archive.save_new_metadata_lines(&name, &lines).await }).await
    }

    async fn list_metadata_files(&self) -> Result<Vec<FileHandle>> {
        let archive = self.archive.clone();
        self.call(async move { archive.list_metadata_files().await }).await
    }

    async fn list_backed_up_metadata_files(&self) -> Result<Option<Vec<FileHandle>>> {
        let archive = self.archive.clone();
        self.call(async move { archive.list_backed_up_metadata_files().await }).await
    }

    async fn backup_metadata_file(&self, file: &FileHandle) -> Result<()> {
        let (archive, file) = (self.archive.clone(), file.clone());
        self.call(async move { archive.backup_metadata_file(&file).await }).await
    }
}
