//! Of archives: what is copied proves itself, and what does not is named.

use crate::ends::{End, Folder};
use crate::sites::{LAST_EPOCH, Site, archive, chain};
use crate::{entries, into};
use rustix::process::{Pid, Signal, kill_process};
use sealift_node::Node;
use sealift_tests::cli::{Ended, end};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use sealift_tests::{azure, gcs, s3};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A drill of an archive.
async fn drilled(site: &Site, into: &Path, arguments: &[&str]) -> Ended {
    let folder = into.display().to_string();
    site.run(&[&["drill", "--aptos", "--into", &folder, "--json"], arguments].concat()).await
}

async fn whole(site: Site, sizes: bool) {
    let node = Node::start(chain(LAST_EPOCH)).await;
    site.back_all_up(&node).await;
    let into = into();
    let last = node.chain().last_version();
    let told = drilled(&site, into.path(), &["--to-version", &last.to_string()]).await.expect_code(0).json();
    assert_eq!((&told["verdict"], &told["depth"]), (&"restored".into(), &"chain".into()), "{told}");
    assert_eq!((&told["to_version"], &told["node_restore"]), (&last.into(), &"not run".into()), "{told}");
    assert_eq!(told["bytes_stored"].is_u64(), sizes, "{told}");
    assert!(told["bytes_restored"].as_u64() > Some(0) && told["seconds"].as_f64() > Some(0.0), "{told}");
    assert!(told["pieces"].as_object().is_some_and(|pieces| pieces.len() == 3), "{told}");
    assert!(entries(into.path()).is_empty());
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    whole(Site::folder(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    whole(Site::cloud::<s3::TestBucket>().await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_google() {
    whole(Site::cloud::<gcs::TestBucket>().await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_azure() {
    whole(Site::cloud::<azure::TestContainer>().await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_commands() {
    whole(Site::commands(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_version_is_one_that_can_be_restored_and_a_seed_chooses_it_again() {
    let (site, node) = archive().await;
    let into = into();
    let mut versions = BTreeSet::new();
    for seed in ["1", "2", "3", "4"] {
        let told = drilled(&site, into.path(), &["--seed", seed]).await.expect_code(0).json();
        let again = drilled(&site, into.path(), &["--seed", seed]).await.expect_code(0).json();
        assert_eq!((&told["to_version"], told["seed"].to_string()), (&again["to_version"], seed.to_owned()));
        let (version, snapshot) = (told["to_version"].as_u64(), told["snapshot_version"].as_u64());
        assert!(snapshot <= version && version <= Some(node.chain().last_version()), "{told}");
        versions.insert(version);
    }
    assert!(versions.len() > 1, "{versions:?}");
    let beyond = (node.chain().last_version() + 1).to_string();
    let said = drilled(&site, into.path(), &["--version", &beyond]).await.expect_code(7).stderr;
    assert!(said.contains("to version") && said.contains("ls --aptos"), "{said}");
    assert!(entries(into.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_from_the_first_snapshot_on_can_be_restored_and_proves_itself() {
    let (site, node) = archive().await;
    let into = into();
    let mut snapshots = BTreeSet::new();
    for version in 0..=node.chain().last_version() {
        let ended = drilled(&site, into.path(), &["--to-version", &version.to_string()]).await;
        match snapshots.is_empty() && ended.code == Some(7) {
            true => assert!(ended.stderr.contains("no state snapshot"), "{version}: {}", ended.stderr),
            false => {
                let told = ended.expect_code(0).json();
                assert_eq!(told["to_version"], version);
                snapshots.insert(told["snapshot_version"].as_u64());
            }
        }
    }
    assert_eq!(snapshots.len(), 2);
    assert!(entries(into.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_is_named() {
    let (site, node) = archive().await;
    let (into, last) = (into(), node.chain().last_version().to_string());
    let chunk = site.files(".chunk").into_iter().find(|file| file.display().to_string().contains("state_epoch_3"));
    let chunk = chunk.expect("a chunk");
    let mut data = fs::read(&chunk).expect("read");
    let at = data.len() / 2;
    data[at] ^= 1;
    fs::write(&chunk, data).expect("written");
    let ended = drilled(&site, into.path(), &["--to-version", &last]).await.expect_code(7);
    let told = ended.json();
    assert_eq!((&told["verdict"], &told["exit_code"]), (&"damaged".into(), &7.into()), "{told}");
    assert!(told["findings"].to_string().contains("state_epoch_3"), "{told}");
    assert!(ended.stderr.contains("found: ") && ended.stderr.contains("state_epoch_3"), "{}", ended.stderr);
    assert!(entries(into.path()).is_empty());
    // One that is missing.
    fs::remove_file(&chunk).expect("removed");
    let ended = drilled(&site, into.path(), &["--to-version", &last]).await.expect_code(3);
    assert!(ended.stderr.contains("state_epoch_3"), "{}", ended.stderr);
    assert_eq!(ended.json()["verdict"], "failed");
    assert!(entries(into.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_archive_or_no_room_that_is_said() {
    let (empty, into) = (Site::folder(), into());
    drilled(&empty, into.path(), &[]).await.expect_code(3);
    let (site, node) = archive().await;
    let chunk = site.files(".chunk").into_iter().find(|file| file.display().to_string().contains("state_epoch_3"));
    let file = fs::OpenOptions::new().write(true).open(chunk.expect("a chunk")).expect("opened");
    let found = rustix::fs::statvfs(into.path()).expect("a file system");
    file.set_len(found.f_bavail * found.f_frsize + (1 << 40)).expect("a sparse file");
    let last = node.chain().last_version().to_string();
    let ended = drilled(&site, into.path(), &["--to-version", &last]).await.expect_code(1);
    assert!(ended.stderr.contains("at least") && ended.stderr.contains("free"), "{}", ended.stderr);
    assert!(entries(into.path()).is_empty());
    // Nothing in it can be restored.
    for line in site.files(".meta") {
        if line.display().to_string().contains("state_snapshot") {
            fs::remove_file(line).expect("removed");
        }
    }
    let said = drilled(&site, into.path(), &[]).await.expect_code(7).stderr;
    assert!(said.contains("no version that it can be restored to"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_the_middle_of_the_copy_leaves_nothing() {
    let (bucket, into) = (s3::TestBucket::new("drill").await, into());
    let node = Node::start(chain(LAST_EPOCH)).await;
    Site::of(&bucket).back_all_up(&node).await;
    let proxy = FaultProxy::start(bucket.endpoint()).await;
    let chunk = Match::new(|request| s3::TestBucket::is(Step::Read, request) && request.path().contains(".chunk"));
    let held = proxy.on(chunk, Fault::Stall);
    let folder = into.path().display().to_string();
    let last = node.chain().last_version().to_string();
    let drill = ["drill", "--aptos", "--into", &folder, "--to-version", &last];
    let child = Site::at(&bucket, &proxy.endpoint()).sealift(&drill).spawn().expect("starts");
    held.wait_fired(1).await;
    assert_eq!(entries(into.path()).len(), 1);
    kill_process(Pid::from_raw(child.id().expect("running") as i32).expect("a pid"), Signal::TERM).expect("sent");
    end(child).await.expect_code(143);
    assert!(entries(into.path()).is_empty(), "{:?}", entries(into.path()));
    proxy.shutdown().await;
    node.shutdown().await;
}

/// What a drill leaves in the archive that it tries: nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_archive_is_as_it_was() {
    let (site, _node) = archive().await;
    let (into, before) = (Folder::make().await, site.files(""));
    drilled(&site, into.path(), &[]).await.expect_code(0);
    assert_eq!(site.files(""), before);
}
