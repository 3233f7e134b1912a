//! SIGKILL at every step. On S3 a step is a request: everything after the n-th is held, and the process is killed. In a
//! folder it is a call of the store: a child of this test kills itself before, or in, the n-th.

use crate::archives::assert_restores;
use crate::scene::{Site, WINDOW, few};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use rustix::process::{Signal, getpid, kill_process};
use sealift::prune::Counting;
use sealift::verify::Record;
use sealift::{
    Archive, Attempts, Bucket, Budget, ChecksumAlgorithm, Codec, CommitOptions, Committed, Compressor, Key, Leftover,
    Leftovers, ObjectInfo, ObjectStore, Page, PartPolicy, Payload, Removal, Result, Upload, Work,
};
use sealift_aptos::prune::{Pruning, Settings, Window};
use sealift_local_fs::LocalFs;
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use std::ops::{ControlFlow, Range};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::process::Command;

const WHOLE: [&str; 3] = ["--yes", "--grace=0s", "--unverified-counts"];

async fn archive(site: Site) -> Site {
    site.filled(&few()).await
}

/// What is in an archive that was pruned to the end.
async fn finished(site: Site) -> Vec<String> {
    let site = archive(site).await;
    site.prune(WINDOW, &WHOLE).await.expect_code(0);
    let names = site.names().await;
    site.clear().await;
    names
}

/// Holds the archive against the one before, also after the run that finishes.
async fn assert_survives(site: &Site, whole: &[String], step: usize) {
    let before = few();
    assert_restores(&before, &site.files().await);
    site.prune(WINDOW, &WHOLE).await.expect_code(0);
    assert_restores(&before, &site.files().await);
    assert_eq!(site.names().await, whole, "after step {step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_request_to_s3_nothing_is_lost_and_the_next_run_finishes() {
    let whole = finished(Site::s3().await).await;
    let ran_to_its_end = AtomicUsize::new(usize::MAX);
    let (whole, end) = (&whole, &ran_to_its_end);
    let steps = (0..400).map(|step| async move {
        if step > end.load(Ordering::SeqCst) {
            return;
        }
        let site = archive(Site::s3().await).await;
        let Site::S3(bucket) = &site else { panic!("a bucket") };
        let proxy = FaultProxy::start(sealift_tests::cloud::Cloud::endpoint(bucket)).await;
        let requests = Arc::new(AtomicUsize::new(0));
        let after = Match::new(move |_| requests.fetch_add(1, Ordering::SeqCst) >= step);
        let held = proxy.on(after, Fault::Stall);
        let arguments = [&["prune", "--aptos", "--concurrent-downloads=1", "--recovery-window", WINDOW], &WHOLE[..]];
        let mut prune = site.sealift_at(&proxy.endpoint(), &arguments.concat());
        let mut child = prune.spawn().expect("starts");
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
        site.clear().await;
    });
    stream::iter(steps).buffer_unordered(3).collect::<Vec<()>>().await;
    let steps = ran_to_its_end.load(Ordering::SeqCst);
    assert!((50..400).contains(&steps), "{steps} steps");
}

/// The variables by which the child is told.
const FOLDER: &str = "SEALIFT_KILLED_FOLDER";
const CALL: &str = "SEALIFT_KILLED_AT";
const WITHIN: &str = "SEALIFT_KILLED_WITHIN_MICROS";

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_call_in_a_folder_nothing_is_lost_and_the_next_run_finishes() {
    let whole = finished(Site::folder()).await;
    let mut step = 0;
    loop {
        let mut killed = 0;
        for within in [0, 300] {
            let site = archive(Site::folder()).await;
            let Site::Folder(folder) = &site else { panic!("a folder") };
            killed += usize::from(child(folder.path(), step, within).await == Some(9));
            assert_survives(&site, &whole, step).await;
        }
        // Both, until there is no such call any more.
        match killed {
            0 => break,
            all => assert_eq!(all, 2, "step {step}"),
        }
        step += 1;
    }
    assert!(step > 40, "{step} steps");
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
    let store = Mortal {
        store: Arc::new(LocalFs::open(folder).expect("a folder")),
        calls: AtomicUsize::new(0),
        last: number(CALL) as usize,
        within: Duration::from_micros(number(WITHIN)),
    };
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("a compressor"));
    let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("a budget"));
    let archive = Archive::new(bucket, "").expect("an archive");
    let mut settings = Settings::new(Window::Versions(WINDOW.parse().expect("a number")));
    settings.grace = Duration::ZERO;
    settings.counting = Counting::Sealed;
    settings.at_once = std::num::NonZeroUsize::MIN;
    let pruning = Pruning::prepare(&archive, &Record::default(), settings).await.expect("planned");
    assert_eq!(pruning.plan().superfluous.len(), 2);
    let ended = pruning.carry_out(|_| ControlFlow::Continue(())).await.expect("pruned");
    assert_eq!(ended, ControlFlow::Continue(()));
}

/// A folder in whose last call this process is killed.
#[derive(Debug)]
struct Mortal {
    store: Arc<LocalFs>,
    calls: AtomicUsize,
    last: usize,
    /// How long the call has; before it, if that is nothing.
    within: Duration,
}

impl Mortal {
    async fn call<T>(&self, call: impl Future<Output = T> + Send) -> T {
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
impl ObjectStore for Mortal {
    fn url(&self) -> String {
        self.store.url()
    }

    fn part_policy(&self) -> PartPolicy {
        self.store.part_policy()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        self.store.checksum_algorithm()
    }

    fn puts_in_one_step(&self) -> bool {
        self.store.puts_in_one_step()
    }

    async fn put(
        &self,
        key: &Key,
        payload: Payload,
        options: &CommitOptions,
        attempts: &Attempts,
    ) -> Result<Committed> {
        self.call(self.store.put(key, payload, options, attempts)).await
    }

    async fn start(&self, key: &Key, options: &CommitOptions, attempts: &Attempts) -> Result<Box<dyn Upload>> {
        self.call(self.store.start(key, options, attempts)).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        self.call(self.store.head(key)).await
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        self.call(self.store.get(key, range, etag)).await
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        self.call(self.store.list(prefix, page)).await
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        self.call(self.store.delete(key, only)).await
    }

    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        self.store.retract(key, info).await
    }

    async fn rename(&self, from: &Key, to: &Key) -> Result<bool> {
        self.call(self.store.rename(from, to)).await
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        self.call(self.store.copy(from, info, to, work)).await
    }

    async fn leftovers(&self, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
        self.store.leftovers(prefix, page).await
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        self.store.remove_leftover(leftover).await
    }
}
