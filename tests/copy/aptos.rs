//! `--aptos`: what a restore to a version needs, and nothing else; from any storage, to any; and by lists through commands.

use crate::archives::{LAST_EPOCH, Site, archive, chain};
use crate::scene::{End, Folder, data};
use sealift_node::Node;
use sealift_tests::cli::{self, Ended, run, run_with_input};
use sealift_tests::cloud::Cloud;
use sealift_tests::{azure, gcs, s3};
use serde_json::Value;
use std::path::Path;
use tokio::process::Command;

/// A copy from a folder's archive to a folder.
fn copy(from: &Path, to: &Path, arguments: &[&str]) -> Command {
    let url = |path: &Path| format!("file://{}", path.display());
    cli::command([&["copy", &url(from), &url(to)], arguments].concat())
}

async fn restorable(folder: &Path) -> Value {
    let url = format!("file://{}", folder.display());
    run(cli::command(["ls", "--aptos", &url, "--json"])).await.expect_code(0).json()
}

/// The version that ends an epoch, by the snapshot's name.
fn snapshots(site: &Site) -> Vec<u64> {
    let mut versions: Vec<u64> = site
        .files(".meta")
        .iter()
        .filter_map(|file| {
            file.file_name()?.to_str()?.strip_prefix("state_snapshot_ver_")?.strip_suffix(".meta")?.parse().ok()
        })
        .collect();
    versions.sort_unstable();
    versions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_what_a_restore_needs_and_nothing_else() {
    let (site, node) = archive().await;
    let whole = site.folder.clone().expect("a folder");
    let snapshots = snapshots(&site);
    assert_eq!(snapshots.len(), 2);
    let last = node.chain().last_version();
    // At 20 the last transactions go on into epochs whose endings begin later.
    for (version, snapshot) in
        [(20, snapshots[0]), (snapshots[1] - 1, snapshots[0]), (snapshots[1], snapshots[1]), (last, snapshots[1])]
    {
        let to = Folder::make().await;
        let arguments = ["--aptos", "--to-version", &version.to_string(), "--json"];
        let told = run(copy(&whole, to.path(), &arguments)).await.expect_code(0).json();
        assert_eq!(told["snapshot_version"], snapshot, "{told}");
        // Byte by byte what it was copied from; one snapshot, all epoch endings, no transactions before.
        let keys = to.keys().await;
        let data: Vec<&String> = keys.iter().filter(|key| !key.starts_with("metadata/")).collect();
        for key in &data {
            assert!(std::fs::read(whole.join(key)).ok() == to.load(key).await, "{key}");
        }
        assert_eq!(data.iter().filter(|key| key.ends_with("state.manifest")).count(), 1);
        assert_eq!(data.iter().filter(|key| key.ends_with("epoch_ending.manifest")).count(), 2);
        let transactions = data.iter().filter(|key| key.ends_with("transaction.manifest")).count();
        assert_eq!(transactions, if snapshot >= 20 { 1 } else { 2 }, "{keys:?}");
        assert!(data.len() < site.files("").len());
        let covers = restorable(to.path()).await;
        assert!(covers["restorable"]["version"].as_u64() >= Some(version), "{covers}");
        // And it proves itself.
        let url = format!("file://{}", to.path().display());
        let verify = ["verify", &url, "--aptos", "--no-record", "--start-version", &snapshot.to_string()];
        run(cli::command(verify)).await.expect_code(0);
        // Again, it does nothing.
        let again = run(copy(&whole, to.path(), &[&arguments[..], &["--sync"]].concat())).await.expect_code(0).json();
        assert_eq!((&again["copied"], to.keys().await), (&0.into(), keys), "{again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_restored_is_refused_and_nothing_is_stored() {
    let (site, node) = archive().await;
    let whole = site.folder.clone().expect("a folder");
    let to = Folder::make().await;
    let beyond = (node.chain().last_version() + 1).to_string();
    for (version, why) in [(beyond.as_str(), "only"), ("0", "")] {
        let ended = run(copy(&whole, to.path(), &["--aptos", "--to-version", version])).await;
        if !why.is_empty() {
            let said = ended.expect_code(7).stderr;
            assert!(said.contains(why) && said.contains("ls --aptos"), "{said}");
        }
    }
    // A gap in the transactions.
    let transactions =
        site.files(".meta").into_iter().find(|file| file.display().to_string().contains("transaction_0-"));
    std::fs::remove_file(transactions.expect("transactions from 0 on")).expect("removed");
    let version = node.chain().last_version().to_string();
    let said = run(copy(&whole, to.path(), &["--aptos", "--to-version", &version])).await.expect_code(7).stderr;
    assert!(said.contains("do not follow one another"), "{said}");
    assert!(to.keys().await.is_empty());
    let empty = Folder::make().await;
    run(copy(empty.path(), to.path(), &["--aptos", "--to-version", "1"])).await.expect_code(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_missing_leaves_its_archive_unknown() {
    let (site, node) = archive().await;
    let whole = site.folder.clone().expect("a folder");
    let chunk = site.files(".chunk").into_iter().find(|file| file.display().to_string().contains("state_epoch_3"));
    std::fs::remove_file(chunk.expect("a chunk")).expect("removed");
    let to = Folder::make().await;
    let version = node.chain().last_version().to_string();
    let ended = run(copy(&whole, to.path(), &["--aptos", "--to-version", &version])).await.expect_code(3);
    assert!(ended.stderr.contains("state_epoch_3"), "{}", ended.stderr);
    let keys = to.keys().await;
    assert!(!keys.is_empty() && !keys.iter().any(|key| key.starts_with("metadata/")), "{keys:?}");
}

/// Copies the archive of `node` from a folder to a bucket, and from there to a folder again.
async fn there_and_back<C: Cloud>() {
    let (site, node) = archive().await;
    let whole = site.folder.clone().expect("a folder");
    let (bucket, back) = (C::new("copy").await, Folder::make().await);
    let version = node.chain().last_version().to_string();
    let (source, target) = (format!("file://{}", whole.display()), format!("{}/an/archive", bucket.url()));
    let home = format!("file://{}", back.path().display());
    for (from, to) in [(&source, &target), (&target, &home)] {
        let mut command = cli::command(["copy", from, to, "--aptos", "--to-version", &version]);
        command.envs(C::variables(bucket.endpoint()));
        run(command).await.expect_code(0);
    }
    for key in back.keys().await.iter().filter(|key| !key.starts_with("metadata/")) {
        assert!(std::fs::read(whole.join(key)).ok() == back.load(key).await, "{key}");
    }
    assert_eq!(restorable(back.path()).await["restorable"]["version"].to_string(), version);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_s3_and_back() {
    there_and_back::<s3::TestBucket>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_azure_and_back() {
    there_and_back::<azure::TestContainer>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_google_and_back() {
    there_and_back::<gcs::TestBucket>().await;
}

/// Between a bucket and what commands reach.
fn with_commands(bucket: &s3::TestBucket, arguments: &[&str]) -> Command {
    let mut command = cli::command([&["copy"], arguments].concat());
    command.envs(s3::TestBucket::variables(bucket.endpoint()));
    command
}

fn config(site: &Site) -> String {
    site.folder.as_deref().expect("a folder").join("config.yaml").display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn through_commands_in_both_directions() {
    let node = Node::start(chain(LAST_EPOCH)).await;
    let (from, to) = (Site::commands(), Site::commands());
    from.back_all_up(&node).await;
    let bucket = s3::TestBucket::new("copy").await;
    let version = node.chain().last_version().to_string();
    let (url, source, target) = (format!("{}/x", bucket.url()), config(&from), config(&to));
    let aptos = ["--aptos", "--to-version", &version];
    let read = ["command-adapter", &url, "--from-command-adapter-config", &source];
    let text = run(with_commands(&bucket, &[&read[..], &aptos].concat())).await.expect_code(0).text();
    assert!(text.contains("what the command checks is not known"), "{text}");
    let write = [&url, "command-adapter", "--command-adapter-config", &target];
    let text = run(with_commands(&bucket, &[&write[..], &aptos].concat())).await.expect_code(0).text();
    assert!(text.contains("what it has stored is not known"), "{text}");
    to.verify(&["--no-record", "--start-version", &version]).await.expect_code(0);
    for file in to.files(".manifest") {
        let name = file.strip_prefix(to.folder.as_deref().expect("a folder")).expect("below");
        assert!(from.folder.as_deref().expect("a folder").join(name).exists(), "{}", name.display());
    }

    // By name, without an archive.
    let handle = "group.0001/file.bin";
    bucket.put("x/group.0001/file.bin", data(1000, 1).into()).await;
    let by_list = async |arguments: &[&str], input: &str| -> Ended {
        run_with_input(with_commands(&bucket, &[arguments, &["--from-list", "-"]].concat()), input.as_bytes()).await
    };
    by_list(&[&write[..], &["--from-codec", "none"]].concat(), handle).await.expect_code(0);
    let back = format!("{}/y", bucket.url());
    let again = ["command-adapter", &back, "--from-command-adapter-config", &target, "--codec", "none"];
    by_list(&again, handle).await.expect_code(0);
    assert!(bucket.get("y/group.0001/file.bin").await.as_deref() == Some(&data(1000, 1)[..]));
    by_list(&again, "group.0001/nowhere.bin").await.expect_code(1);
    bucket.clear().await;
}

#[tokio::test]
async fn what_commands_cannot_do_is_refused() {
    let (site, bucket) = (Site::commands(), s3::TestBucket::new("copy").await);
    let (config, url) = (config(&site), bucket.url());
    let read = ["command-adapter", &url, "--from-command-adapter-config", &config];
    let write = [&url, "command-adapter", "--command-adapter-config", &config];
    for arguments in [
        &read[..],
        &write[..],
        &[&read[..], &["--sync"]].concat(),
        &[&read[..], &["--sync", "--size-only", "--from-list", "-"]].concat(),
        &[&write[..], &["--if-absent", "--from-list", "-"]].concat(),
        &["command-adapter", &url, "--from-list", "-"],
    ] {
        run(with_commands(&bucket, arguments)).await.expect_code(2);
    }
    bucket.assert_untouched().await;
}
