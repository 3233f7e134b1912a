//! Plain objects when something happens meanwhile: SIGKILL at every step, and others at work on the same objects. A step on S3 is
//! a request; in a folder it is what the kernel tells of it.

use crate::objects::{BY, nights};
use crate::scene::{Files, Site};
use futures::stream::{self, StreamExt};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use sealift_tests::cli::{end, run, run_with_input};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use sealift_tests::s3::TestBucket;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Receiver;

const PRUNE: [&str; 4] = ["prune", BY, "--keep-last=2", "--yes"];
/// What is newest of its group, and not verified.
const UNVERIFIED: &str = "db/users-2026-03-07.sql.gz";

/// Six nights of each group, verified, and one more of one of them that is not.
async fn filled(site: Site) -> Site {
    let site = site.filled(&nights()).await;
    site.run(&["verify", "db", "--objects", "--quiet"]).await.expect_code(0);
    put(&site, UNVERIFIED, "users 7").await;
    site
}

async fn put(site: &Site, name: &str, text: &str) {
    run_with_input(site.sealift(&["put", name]), text.as_bytes()).await.expect_code(0);
}

fn before() -> Files {
    let mut files = nights();
    files.insert(UNVERIFIED.to_owned(), "users 7".to_owned());
    files
}

/// What the policy wants: of each group the two newest that are verified, and what is not of the form.
fn wanted() -> Files {
    let mut files = before();
    files.retain(|name, _| !name.starts_with("db/") || !(1..=4).any(|day| name.contains(&format!("-03-{day:02}."))));
    files
}

/// How many of those that are superfluous are gone, where all that is wanted is there, and nothing is as it was not before.
async fn gone(site: &Site, when: &str) -> usize {
    let (files, before) = (site.files().await, before());
    for (name, text) in wanted() {
        assert_eq!(files.get(&name), Some(&text), "{name} {when}");
    }
    for (name, text) in &files {
        assert_eq!(before.get(name), Some(text), "{name} {when}");
    }
    before.len() - files.len()
}

/// After a kill nothing that is wanted is gone; the next run finishes, and the one after it has nothing to do.
async fn survives(site: &Site, step: usize) -> usize {
    let gone = gone(site, &format!("after step {step}")).await;
    let done = site.run(&[&PRUNE[..], &["--json"]].concat()).await.expect_code(0).json();
    assert_eq!(done["removed"].as_array().map(Vec::len), Some(8 - gone), "after step {step}: {done}");
    assert_eq!(site.files().await, wanted(), "after step {step}");
    let again = site.run(&[&PRUNE[..], &["--json"]].concat()).await.expect_code(0).json();
    assert_eq!(again["removed"].as_array().map(Vec::len), Some(0), "after step {step}: {again}");
    assert_eq!(site.files().await, wanted(), "after step {step}");
    gone
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_request_to_s3_the_policy_holds_and_the_next_run_finishes() {
    let ran_to_its_end = AtomicUsize::new(usize::MAX);
    let end = &ran_to_its_end;
    let steps = (0..200).map(|step| async move {
        if step > end.load(Ordering::SeqCst) {
            return None;
        }
        let site = filled(Site::s3().await).await;
        let Site::S3(bucket) = &site else { panic!("a bucket") };
        let proxy = FaultProxy::start(bucket.endpoint()).await;
        let requests = Arc::new(AtomicUsize::new(0));
        let after = Match::new(move |_| requests.fetch_add(1, Ordering::SeqCst) >= step);
        let held = proxy.on(after, Fault::Stall);
        let mut child = site.sealift_at(&proxy.endpoint(), &PRUNE).spawn().expect("starts");
        let killed = tokio::select! {
            () = held.wait_fired(1) => {
                child.kill().await.expect("killed");
                true
            }
            ended = child.wait() => {
                assert!(ended.expect("ends").success(), "step {step}");
                end.fetch_min(step, Ordering::SeqCst);
                false
            }
        };
        // What was sent before the kill may still be done.
        proxy.shutdown().await;
        let gone = survives(&site, step).await;
        site.clear().await;
        killed.then_some(gone)
    });
    let killed = stream::iter(steps).buffer_unordered(3).filter_map(|gone| async move { gone });
    let killed = counted(killed.collect().await);
    let steps = ran_to_its_end.load(Ordering::SeqCst);
    assert!((20..200).contains(&steps), "{steps} steps");
    // Of the eight, after each.
    assert!((0..8).all(|gone| killed.contains_key(&gone)), "killed with so many gone: {killed:?}");
}

/// How often each there was.
fn counted(each: Vec<usize>) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    each.into_iter().for_each(|gone| *counts.entry(gone).or_default() += 1);
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step_in_a_folder_the_policy_holds_and_the_next_run_finishes() {
    let ran_to_its_end = AtomicUsize::new(usize::MAX);
    let end = &ran_to_its_end;
    let steps = (0..1000).map(|step| async move {
        if step > end.load(Ordering::SeqCst) {
            return None;
        }
        let site = filled(Site::folder()).await;
        let Site::Folder(folder) = &site else { panic!("a folder") };
        let mut watched = Watched::new(folder.path());
        let mut child = site.sealift(&PRUNE).spawn().expect("starts");
        let status = tokio::select! {
            biased;
            () = watched.wait_for(step) => {
                child.start_kill().expect("killed");
                child.wait().await.expect("ends")
            }
            ended = child.wait() => {
                end.fetch_min(step, Ordering::SeqCst);
                ended.expect("ends")
            }
        };
        // It may have ended in the moment of the last of them.
        let killed = status.signal() == Some(9);
        assert!(killed || status.success(), "step {step}: {status:?}");
        let gone = survives(&site, step).await;
        killed.then_some(gone)
    });
    let killed = stream::iter(steps).buffer_unordered(2).filter_map(|gone| async move { gone });
    let killed = counted(killed.collect().await);
    let steps = ran_to_its_end.load(Ordering::SeqCst);
    assert!((20..1000).contains(&steps), "{steps} steps");
    let within = killed.iter().filter(|(gone, _)| (1..8).contains(*gone)).count();
    assert!(killed.contains_key(&0) && within >= 3, "killed with so many gone: {killed:?}");
}

/// What happens in a folder and in those below, as the kernel tells it.
struct Watched {
    /// Which is read as a pipe is.
    events: Receiver,
    seen: usize,
}

impl Watched {
    fn new(folder: &Path) -> Self {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("inotify");
        let all = WatchFlags::OPEN | WatchFlags::ACCESS | WatchFlags::CLOSE | WatchFlags::DELETE | WatchFlags::MOVE;
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            inotify::add_watch(&events, &folder, all | WatchFlags::CREATE).expect("watched");
            let entries = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
            folders.extend(entries.filter(|path| path.is_dir()));
        }
        let mut watched = Watched { events: Receiver::from_owned_fd_unchecked(events).expect("registered"), seen: 0 };
        // Those of the look at what there is.
        watched.take();
        watched.seen = 0;
        watched
    }

    /// Waits until more than so many things have happened.
    async fn wait_for(&mut self, count: usize) {
        while self.seen <= count {
            self.events.readable().await.expect("readable");
            self.take();
        }
    }

    /// All that has been told by now.
    fn take(&mut self) {
        loop {
            let mut buffer = vec![0; 1 << 16];
            match self.events.try_read(&mut buffer) {
                Ok(read) => buffer.truncate(read),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
            // Each has four words, the last of which is the length of the name behind them.
            let mut rest = buffer.as_slice();
            while let Some(length) = rest.get(12..16) {
                let length = u32::from_ne_bytes(length.try_into().expect("four bytes"));
                rest = &rest[16 + length as usize..];
                self.seen += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_verification_no_more_goes_than_is_superfluous() {
    let site = filled(Site::s3().await).await;
    let Site::S3(bucket) = &site else { panic!("a bucket") };
    let proxy = FaultProxy::start(bucket.endpoint()).await;
    // It has listed everything, and reads; what it reads goes away.
    let superfluous = Match::new(|request| {
        TestBucket::is(Step::Read, request) && request.path().ends_with("/db/orders-2026-03-01.sql.gz")
    });
    let held = proxy.on(superfluous, Fault::Stall);
    let verify = site.sealift_at(&proxy.endpoint(), &["verify", "db", "--objects", "--json"]).spawn().expect("starts");
    held.wait_fired(1).await;
    assert!(site.run(&PRUNE).await.expect_code(0).text().starts_with("removed 8 of 13 backups"));
    held.release();
    let ended = self::end(verify).await;
    proxy.shutdown().await;
    // What went under it is told as missing, and only that.
    let verdict = ended.json();
    let found = verdict["findings"].as_array().expect("a list").iter();
    let found: Vec<&str> = found.map(|finding| finding["file"].as_str().expect("a name")).collect();
    assert!(found.contains(&"orders-2026-03-01.sql.gz"), "{verdict}");
    assert!(!found.iter().any(|name| wanted().contains_key(&format!("db/{name}"))), "{verdict}");
    assert_eq!(site.files().await, wanted());
    // And what it recorded makes nothing superfluous that is wanted.
    site.run(&["verify", "db", "--objects", "--quiet"]).await.expect_code(0);
    let told = site.run(&PRUNE).await.expect_code(0).text();
    // By now the newest of one group is verified too.
    assert!(told.starts_with("removed 1 of 5 backups"), "{told}");
    let mut left = wanted();
    left.remove("db/users-2026-03-05.sql.gz");
    assert_eq!(site.files().await, left);
    site.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_stored_meanwhile_is_whole() {
    for site in [Site::folder(), Site::s3().await] {
        let site = filled(site).await;
        let name = "db/orders-2026-03-07.sql.gz";
        let mut command = site.sealift(&["put", name]);
        let mut put = command.stdin(Stdio::piped()).spawn().expect("starts");
        let mut input = put.stdin.take().expect("a pipe");
        // More than a pipe holds, so it reads.
        let text = "orders 7, and more of them\n".repeat(10_000);
        let (first, rest) = text.split_at(200_000);
        input.write_all(first.as_bytes()).await.expect("read");
        assert!(site.run(&PRUNE).await.expect_code(0).text().starts_with("removed 8 of 13 backups"));
        assert_eq!(site.files().await, wanted());
        input.write_all(rest.as_bytes()).await.expect("read");
        drop(input);
        end(put).await.expect_code(0);
        let mut left = wanted();
        left.insert(name.to_owned(), text);
        assert_eq!(site.files().await, left);
        // As it is not verified, nothing goes for it.
        assert!(site.run(&PRUNE).await.expect_code(0).text().starts_with("removed 0 of 6 backups"));
        assert_eq!(site.files().await, left);
        site.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replaced_in_the_moment_of_its_removal_stays() {
    for step in [Step::Look, Step::Delete] {
        let site = filled(Site::s3().await).await;
        let Site::S3(bucket) = &site else { panic!("a bucket") };
        let proxy = FaultProxy::start(bucket.endpoint()).await;
        let name = "db/orders-2026-03-01.sql.gz";
        let about = Match::new(move |request| TestBucket::is(step, request) && request.path().ends_with(name));
        let held = proxy.on(about, Fault::Stall);
        let prune = site.sealift_at(&proxy.endpoint(), &PRUNE).spawn().expect("starts");
        held.wait_fired(1).await;
        put(&site, name, "orders 1, again").await;
        held.release();
        let ended = end(prune).await.expect_code(0);
        proxy.shutdown().await;
        assert!(ended.text().starts_with("removed 7 of 13 backups"), "{step:?}: {}", ended.text());
        assert!(ended.stderr.contains(name) && ended.stderr.contains("left alone"), "{step:?}: {}", ended.stderr);
        let mut left = wanted();
        left.insert(name.to_owned(), "orders 1, again".to_owned());
        assert_eq!(site.files().await, left, "{step:?}");
        site.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_many_verifications_and_stores_nothing_is_lost() {
    for site in [Site::folder(), Site::s3().await] {
        let site = filled(site).await;
        let names = ["db/orders-2026-03-08.sql.gz", "db/users-2026-03-08.sql.gz", "db/users-2026-03-09.sql.gz"];
        let stores = futures::future::join_all(names.map(|name| put(&site, name, name)));
        let verify = || run(site.sealift(&["verify", "db", "--objects", "--quiet"]));
        let prune = || run(site.sealift(&PRUNE));
        let (first, (), one, other, second) =
            tokio::join!(verify(), async { drop(stores.await) }, prune(), prune(), verify());
        for ended in [first, second] {
            // What went under it is missing (7), or could not be read to its end (1).
            let under_it =
                ended.code == Some(1) && ended.stderr.contains("replaced or removed while it was being read");
            assert!(matches!(ended.code, Some(0 | 7)) || under_it, "{ended:?}");
        }
        for ended in [one, other] {
            ended.expect_code(0);
        }
        let files = site.files().await;
        for name in names {
            assert_eq!(files.get(name).map(String::as_str), Some(name));
        }
        // How many were verified by which moment nobody knows; of each group two of them are there.
        let sealed = before();
        for group in ["db/users-", "db/orders-"] {
            let there = files.iter().filter(|(name, _)| name.starts_with(group));
            let whole = there.filter(|(name, text)| sealed.get(*name).is_none_or(|was| was == *text)).count();
            assert!(whole >= 2, "{files:?}");
        }
        assert!(files.contains_key("db/orders-2026-03-06.sql.gz"), "{files:?}");
        site.clear().await;
    }
}
