//! SIGKILL at every request of a copy of what a restore needs: what is named is there at any moment, a second run finishes, and a
//! third does nothing.

use crate::archives::{self, LAST_EPOCH, Site, chain};
use crate::scene::{End, Files, Folder, copied, copy, fill};
use futures::stream::{self, StreamExt};
use hyper::Method;
use sealift_node::Node;
use sealift_tests::cli::{run, run_with_input};
use sealift_tests::cloud::{Cloud, piped};
use sealift_tests::original::{self, lines};
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use sealift_tests::s3;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The names of all that can be seen.
async fn keys(end: &impl End) -> Vec<String> {
    // What a kill leaves unseen is `sweep`'s.
    end.keys().await.into_iter().filter(|key| !key.contains(".sealift")).collect()
}

/// What is at an end, with the text of what names other files.
async fn files(end: &impl End) -> Files {
    let mut files = Files::new();
    for key in keys(end).await {
        let mut text = Vec::new();
        if key.ends_with(".meta") || key.ends_with(".manifest") {
            text = end.load(&key).await.expect("there");
            if text.starts_with(&[0x1f, 0x8b]) {
                let mut gzip = piped("gzip");
                gzip.arg("-dc");
                text = run_with_input(gzip, &text).await.expect_code(0).stdout;
            }
        }
        files.insert(key, String::from_utf8(text).expect("text"));
    }
    files
}

/// How many lines there are that name something, all of which is there. Of transactions before the snapshot only the lines are
/// copied.
async fn named(end: &impl End, snapshot: u64) -> Result<usize, String> {
    let files = files(end).await;
    let lines = lines(&files);
    let endings = lines.epoch_endings.iter().map(|line| &line.4);
    let snapshots = lines.snapshots.iter().map(|line| &line.2);
    let transactions = lines.transactions.iter().filter(|(_, last, _)| *last >= snapshot).map(|line| &line.2);
    let named: Vec<&String> = endings.chain(snapshots).chain(transactions).collect();
    named.iter().try_for_each(|manifest| original::read(&files, manifest))?;
    Ok(named.len())
}

/// Kills copies of the archive `from` at each request that the service gets.
async fn killed_at_every_request<B: End>(from: &impl End, version: u64) {
    let version = version.to_string();
    let arguments = &["--aptos", "--to-version", &version, "--sync", "--concurrent-copies=2"];
    let whole = B::make().await;
    let told = copied(from, &whole, arguments).await;
    let snapshot = told["snapshot_version"].as_u64().expect("a version");
    let (whole, all) = (&keys(&whole).await, named(&whole, snapshot).await.expect("whole"));
    assert!(all >= 4, "{whole:?}");
    let any = &s3::TestBucket::make().await;
    let ran_to_its_end = AtomicUsize::new(usize::MAX);
    let end = &ran_to_its_end;
    let steps = (0..600).map(|step| async move {
        if step > end.load(Ordering::SeqCst) {
            return None;
        }
        let to = B::make().await;
        let proxy = FaultProxy::start(any.endpoint()).await;
        let requests = Arc::new(AtomicUsize::new(0));
        let after = Match::new(move |_| requests.fetch_add(1, Ordering::SeqCst) >= step);
        let held = proxy.on(after, Fault::Stall);
        let mut command = copy(from, &to, arguments);
        command.envs(s3::TestBucket::variables(&proxy.endpoint()));
        let mut child = command.spawn().expect("starts");
        tokio::select! {
            () = held.wait_fired(1) => child.kill().await.expect("killed"),
            ended = child.wait() => {
                assert!(ended.expect("ends").success(), "step {step}");
                end.fetch_min(step, Ordering::SeqCst);
            }
        }
        // What was sent before the kill may still be done.
        proxy.shutdown().await;
        let lines = named(&to, snapshot).await.unwrap_or_else(|missing| panic!("after step {step}: {missing}"));
        copied(from, &to, arguments).await;
        assert_eq!(&keys(&to).await, whole, "after step {step}");
        assert_eq!(named(&to, snapshot).await, Ok(all), "after step {step}");
        writes_nothing(from, &to, any, arguments, step).await;
        Some((keys(&to).await.len(), lines))
    });
    let ended: Vec<(usize, usize)> =
        stream::iter(steps).buffer_unordered(3).filter_map(|it| async move { it }).collect().await;
    let steps = ran_to_its_end.load(Ordering::SeqCst);
    assert!((15..600).contains(&steps), "{steps} steps");
    // Of those that were killed, some before anything was named.
    assert!(ended.iter().any(|(_, lines)| *lines == 0), "{ended:?}");
}

/// A run after all is done: nothing is copied, and no request changes anything.
async fn writes_nothing(from: &impl End, to: &impl End, any: &s3::TestBucket, arguments: &[&str], step: usize) {
    let before = to.keys().await;
    let proxy = FaultProxy::start(any.endpoint()).await;
    let changing = Match::new(|request| !matches!(*request.method(), Method::GET | Method::HEAD));
    let changed = proxy.on(changing, Fault::Pass);
    let mut command = copy(from, to, &[arguments, &["--json"]].concat());
    command.envs(s3::TestBucket::variables(&proxy.endpoint()));
    let told = run(command).await.expect_code(0).json();
    proxy.shutdown().await;
    assert_eq!((told["copied"].as_u64(), changed.fired()), (Some(0), 0), "after step {step}: {told}");
    assert_eq!(to.keys().await, before, "after step {step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_way_to_s3() {
    let (site, node) = archives::archive().await;
    let (root, from) = (site.folder.clone().expect("a folder"), Folder::make().await);
    let mut objects = Vec::new();
    for path in site.files("") {
        let name = path.strip_prefix(&root).expect("below").to_str().expect("UTF-8").to_owned();
        objects.push((name, std::fs::read(&path).expect("read")));
    }
    let objects: Vec<(&str, Vec<u8>)> = objects.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    fill(&from, &objects).await;
    killed_at_every_request::<s3::TestBucket>(&from, node.chain().last_version()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_way_to_a_folder() {
    let node = Node::start(chain(LAST_EPOCH)).await;
    let bucket = s3::TestBucket::make().await;
    Site::of(&bucket).back_all_up(&node).await;
    killed_at_every_request::<Folder>(&bucket, node.chain().last_version()).await;
    bucket.clear().await;
}
