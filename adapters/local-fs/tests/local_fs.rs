//! The adapter's own rules, on a real file system. What every adapter must do is tested from outside, in `tests/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use bytes::Bytes;
use sealift::{
    Attempts, Checksum, ChecksumAlgorithm, CommitOptions, ErrorKind, IfExists, Key, ObjectStore, Payload, Result,
};
use sealift_local_fs::LocalFs;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const TEMPORARY: &str = ".sealift-tmp";

fn scene() -> (TempDir, LocalFs) {
    let root = tempfile::tempdir().expect("a folder");
    let store = LocalFs::open(root.path()).expect("a root");
    (root, store)
}

fn key(text: &str) -> Key {
    text.parse().expect("a key")
}

fn payload(bytes: &'static [u8]) -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, bytes);
    Payload::from_segments(vec![Bytes::from_static(bytes)], checksum)
}

fn options(if_exists: IfExists) -> CommitOptions {
    CommitOptions::new(if_exists)
}

async fn put(store: &LocalFs, name: &str, bytes: &'static [u8]) -> Result<()> {
    store.put(&key(name), payload(bytes), &options(IfExists::Replace), &Attempts::default()).await.map(drop)
}

fn is_empty(root: &Path) -> bool {
    fs::read_dir(root).expect("a folder").next().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_must_not_replace_one_wins() {
    let (root, store) = scene();
    for round in 0..50 {
        let name = key(&format!("folder-{round}/file"));
        let puts = (0..8).map(|_| {
            let (store, name) = (store.clone(), name.clone());
            tokio::spawn(async move {
                store.put(&name, payload(b"x"), &options(IfExists::Fail), &Attempts::default()).await
            })
        });
        let mut won = 0;
        for put in puts.collect::<Vec<_>>() {
            match put.await.expect("no panic") {
                Ok(_) => won += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
            }
        }
        assert_eq!(won, 1);
    }
    assert!(!root.path().join(TEMPORARY).exists());
}

#[test]
fn a_put_dropped_at_any_moment_is_whole_or_nothing() {
    let (root, store) = scene();
    for micros in (0..3_000).step_by(20) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (name, options, attempts) = (key("a/file"), options(IfExists::Replace), Attempts::default());
            let put = store.put(&name, payload(b"content"), &options, &attempts);
            let _ = tokio::time::timeout(Duration::from_micros(micros), put).await;
        });
        // Waits for the steps that go on after their future.
        drop(runtime);
        assert!(!root.path().join(TEMPORARY).exists(), "{micros}");
        if let Ok(content) = fs::read(root.path().join("a/file")) {
            assert_eq!(content, b"content", "{micros}");
            fs::remove_file(root.path().join("a/file")).expect("removed");
        }
    }
}

#[tokio::test]
async fn nothing_is_visible_before_the_commit_and_an_abort_leaves_nothing() {
    let (root, store) = scene();
    let upload =
        store.start(&key("a/b/file"), &options(IfExists::Replace), &Attempts::default()).await.expect("started");
    upload.put_part(1, payload(b"one")).await.expect("written");
    assert!(store.list("", None).await.expect("listed").objects.is_empty());
    assert!(!root.path().join("a").exists());
    let left = store.leftovers("a/", None).await.and_then(sealift::Leftovers::all).expect("listed");
    assert_eq!((left.len(), left[0].key.as_str(), left[0].idle), (1, "a/b/file", Duration::ZERO));
    let alive = store.remove_leftover(&left[0]).await.expect_err("alive");
    assert_eq!(alive.kind(), ErrorKind::Changed);
    upload.put_part(3, payload(b"three")).await.expect_err("out of order");
    upload.abort().await.expect("aborted");
    upload.abort().await.expect("again");
    assert!(is_empty(root.path()));
    upload.complete(&[], payload(b"one").checksum(), &Attempts::default()).await.expect_err("it has ended");
    assert!(is_empty(root.path()));
}

#[tokio::test]
async fn a_dropped_upload_leaves_nothing() {
    let (root, store) = scene();
    let upload = store.start(&key("file"), &options(IfExists::Replace), &Attempts::default()).await.expect("started");
    upload.put_part(1, payload(b"one")).await.expect("written");
    drop(upload);
    assert!(is_empty(root.path()));
}

#[tokio::test]
async fn what_was_written_must_be_what_was_meant() {
    let (root, store) = scene();
    let upload = store.start(&key("file"), &options(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, payload(b"one")).await.expect("written");
    let error =
        upload.complete(&[part], payload(b"two").checksum(), &Attempts::default()).await.expect_err("not the same");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(is_empty(root.path()));
}

#[tokio::test]
async fn the_token_of_a_commit_is_known_until_the_file_is_replaced() {
    let (_root, store) = scene();
    let commit = options(IfExists::Replace);
    store.put(&key("file"), payload(b"x"), &commit, &Attempts::default()).await.expect("stored");
    assert_eq!(store.head(&key("file")).await.expect("there").token.as_deref(), Some(commit.token.as_ref()));
    put(&store, "file", b"x").await.expect("replaced");
    assert_ne!(store.head(&key("file")).await.expect("there").token.as_deref(), Some(commit.token.as_ref()));
}

#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_read_is_found_out() {
    let (_root, store) = scene();
    put(&store, "file", b"old").await.expect("stored");
    let tag = store.head(&key("file")).await.expect("there").etag;
    assert_eq!(store.get(&key("file"), 1..3, tag.as_deref()).await.expect("read"), "ld");
    put(&store, "file", b"new").await.expect("replaced");
    let error = store.get(&key("file"), 1..3, tag.as_deref()).await.expect_err("another");
    assert_eq!(error.kind(), ErrorKind::Changed);
}

#[tokio::test]
async fn listings_are_in_key_order_whole_and_in_pages() {
    let (root, store) = scene();
    let mut names: Vec<String> = (0..1_500).map(|n| format!("many/{n:04}")).collect();
    names.extend(["a", "a-b", "a/b", "a/b-c", "a.b", "ab/c/d"].map(str::to_owned));
    names.retain(|name| name != "a"); // It cannot be a file and a folder.
    for name in &names {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "x").expect("written");
    }
    names.sort_unstable();
    for (prefix, pages) in [("", 2), ("many/", 2), ("many/00", 1), ("a", 1), ("a/", 1), ("none", 1)] {
        let (mut listed, mut page, mut count) = (Vec::new(), None, 0);
        loop {
            let next = store.list(prefix, page.as_deref()).await.expect("listed");
            listed.extend(next.objects.into_iter().map(|object| object.key));
            count += 1;
            match next.next {
                Some(next) => page = Some(next),
                None => break,
            }
        }
        let expected: Vec<_> = names.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
        assert_eq!((listed, count), (expected, pages), "{prefix}");
    }
}

#[tokio::test]
async fn folders_go_with_their_last_object() {
    let (root, store) = scene();
    put(&store, "a/b/file", b"x").await.expect("stored");
    store.rename(&key("a/b/file"), &key("c/file")).await.expect("moved");
    assert!(!root.path().join("a").exists());
    store.delete(&key("c/file"), None).await.expect("removed");
    store.delete(&key("c/file"), None).await.expect("again");
    assert!(is_empty(root.path()));
    let error = store.rename(&key("c/file"), &key("d")).await.expect_err("gone");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn names_the_disk_cannot_hold_are_refused_and_leave_nothing() {
    let (root, store) = scene();
    put(&store, "file", b"x").await.expect("stored");
    fs::create_dir(root.path().join("folder")).expect("made");
    fs::write(root.path().join("folder/inside"), "x").expect("written");
    for name in [".sealift-tmp/x", &"x".repeat(256), "file/below", "folder"] {
        let error = put(&store, name, b"x").await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{name}: {error}");
        assert!(!root.path().join(TEMPORARY).exists(), "{name}");
    }
}

#[tokio::test]
async fn a_root_that_is_not_there_is_empty() {
    let (root, _) = scene();
    let store = LocalFs::open(root.path().join("not/there")).expect("a root");
    assert!(store.list("", None).await.expect("empty").objects.is_empty());
    assert!(store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("empty").is_empty());
    assert_eq!(store.head(&key("x")).await.expect_err("none").kind(), ErrorKind::NotFound);
    put(&store, "x", b"x").await.expect("it is made");
}
