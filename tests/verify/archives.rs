//! Whole archives: every depth on every storage, what is taken for granted, and what a verdict rests on.

use crate::scene::{LAST_EPOCH, Site, archive, chain, rules, said};
use sealift_aptos::chain::RecordFormat;
use sealift_node::{Chain, Node};
use sealift_tests::{azure, gcs, s3};
use std::path::PathBuf;

/// How many files of each site were verified, by what, and that one that is removed is missed at each depth.
async fn every_depth(site: &Site, by: [&str; 4]) {
    let node = Node::start(chain(LAST_EPOCH)).await;
    site.back_all_up(&node).await;
    for (depth, by) in ["exists", "stored", "content", "chain"].into_iter().zip(by) {
        let verdict = site.verdict(&["--depth", depth, "--no-record"], 0).await;
        assert_eq!((verdict["depth"].as_str(), rules(&verdict).len()), (Some(depth), 0), "{verdict}");
        assert_eq!(verdict["pieces"]["epoch-endings"], 2);
        assert_eq!(verdict["pieces"]["state-snapshot"], 2);
        assert_eq!(verdict["pieces"]["transactions"], 2);
        let files = verdict["files"].as_object().expect("files");
        assert_eq!(files.keys().collect::<Vec<_>>(), [by], "{depth}");
        assert!(files[by].as_u64() > Some(30), "{verdict}");
    }
    let ended = site.verify(&["--no-record"]).await.expect_code(0);
    assert!(ended.text().contains("to the depth chain") && ended.text().contains("nothing wrong was found"));
    assert!(ended.text().contains("taken for granted: the archive's own genesis 0:"), "{}", ended.text());

    let gone = site.run(&["ls", "--names"]).await.text();
    let gone = gone.lines().find(|name| name.ends_with(".proof")).expect("a proof").to_owned();
    site.run(&["rm", &gone]).await.expect_code(0);
    for depth in ["exists", "stored", "content", "chain"] {
        let verdict = site.verdict(&["--depth", depth, "--no-record"], 7).await;
        assert!(rules(&verdict).contains(&"missing"), "{depth}: {verdict}");
        assert!(verdict["findings"].to_string().contains(&gone), "{depth}: {verdict}");
    }
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    let by = ["listed", "stored-size-only", "read-without-checksum", "read-without-checksum"];
    every_depth(&Site::folder(), by).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    let by = ["listed", "stored-with-checksum", "service-checksum", "service-checksum"];
    every_depth(&Site::cloud::<s3::TestBucket>().await, by).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_gcs() {
    let by = ["listed", "stored-with-checksum", "service-checksum", "service-checksum"];
    every_depth(&Site::cloud::<gcs::TestBucket>().await, by).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_azure() {
    let by = ["listed", "stored-with-checksum", "kept-checksum", "kept-checksum"];
    every_depth(&Site::cloud::<azure::TestContainer>().await, by).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_commands() {
    let (site, node) = (Site::commands(), Node::start(chain(LAST_EPOCH)).await);
    site.back_all_up(&node).await;
    for (depth, by) in [("exists", "opened"), ("content", "read-by-command"), ("chain", "read-by-command")] {
        let verdict = site.verdict(&["--depth", depth], 0).await;
        assert!(verdict["files"][by].as_u64() > Some(30), "{verdict}");
    }
    let ended = site.verify(&["--depth", "stored"]).await.expect_code(2);
    assert!(ended.stderr.contains("cannot say what is stored"), "{}", ended.stderr);
    site.verify(&["elsewhere"]).await.expect_code(2);

    // Damage that gzip does not see: what commands give is held against the chain all the same.
    let proofs = site.files(".proof");
    std::fs::copy(&proofs[0], &proofs[1]).expect("copied");
    let verdict = site.verdict(&["--depth", "chain"], 7).await;
    assert!(!rules(&verdict).is_empty(), "{verdict}");
    // A command that fails is not told from one that cannot reach its service.
    std::fs::remove_file(&proofs[2]).expect("removed");
    let verdict = site.verdict(&["--depth", "exists"], 1).await;
    assert_eq!(rules(&verdict), ["unread"]);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mainnets_genesis_is_known_by_its_waypoint() {
    let folder = match std::env::var_os("SEALIFT_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let (Ok(blob), Ok(waypoint)) = (
        std::fs::read(folder.join("mainnet-genesis.blob")),
        std::fs::read_to_string(folder.join("mainnet-genesis-waypoint.txt")),
    ) else {
        println!("skipped: {} does not hold mainnet's genesis; SEALIFT_DATA can name another folder", folder.display());
        return;
    };
    let (site, waypoint) = (Site::folder(), waypoint.trim());
    let node = Node::start(Chain::from_genesis(&blob, RecordFormat::V1)).await;
    site.back_up(&node, &["epoch-ending", "--start-epoch", "0", "--end-epoch", "1"]).await;
    site.back_up(&node, &["transaction", "--start-version", "0", "--num_transactions", "1"]).await;
    site.back_up(&node, &["state-snapshot", "--state-snapshot-epoch", "0"]).await;
    let verdict = site.verdict(&["--depth", "chain"], 0).await;
    assert!(
        said(&verdict).contains(&format!("the genesis {waypoint} is the network's: it is that of mainnet")),
        "{verdict}"
    );
    let verdict = site.verdict(&["--depth", "chain", "--trust-waypoint", waypoint], 0).await;
    assert!(said(&verdict).contains(&format!("the waypoint {waypoint} is the network's")), "{verdict}");
    let another = format!("0:{}", "ab".repeat(32));
    let verdict = site.verdict(&["--depth", "chain", "--trust-waypoint", &another], 7).await;
    assert!(rules(&verdict).contains(&"trusted-waypoint"), "{verdict}");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_for_granted_is_said() {
    let (site, node) = archive().await;
    // The ending of epoch 2 is not there any more, and the chain has gone on to the open epoch.
    let endings = site.files("epoch_ending_2-3.meta");
    std::fs::remove_file(&endings[0]).expect("removed");
    let verdict = site.verdict(&["--no-record"], 7).await;
    assert!(rules(&verdict).iter().all(|rule| *rule == "endings-lag") && !rules(&verdict).is_empty(), "{verdict}");
    let verdict = site.verdict(&["--no-record", "--allow-lagging-endings"], 0).await;
    assert!(said(&verdict).contains("epoch 2 ended as it must"), "{verdict}");
    let verdict = site.verdict(&["--no-record", "--skip-epoch-endings"], 0).await;
    assert!(said(&verdict).contains("no signature was looked at"), "{verdict}");
    assert_eq!(verdict["pieces"].get("epoch-endings"), None);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_an_archive_are_chosen_as_the_original_does() {
    let (site, node) = archive().await;
    let pieces = async |arguments: &[&str]| {
        let verdict = site.verdict(&[&["--depth", "content", "--no-record"], arguments].concat(), 0).await;
        let count = |kind: &str| verdict["pieces"][kind].as_u64().unwrap_or(0);
        [count("epoch-endings"), count("state-snapshot"), count("transactions")]
    };
    let second = node.chain().epoch_ending(3).expect("ended").version().to_string();
    assert_eq!(pieces(&[]).await, [2, 2, 2]);
    assert_eq!(pieces(&["--start-version", "20"]).await, [2, 2, 1]);
    assert_eq!(pieces(&["--start-version", "max"]).await, [2, 2, 0]);
    assert_eq!(pieces(&["--end-version", "19"]).await, [2, 2, 1]);
    assert_eq!(pieces(&["--state-snapshot-before-version", "max"]).await, [2, 1, 2]);
    assert_eq!(pieces(&["--state-snapshot-before-version", &second]).await, [2, 1, 2]);
    assert_eq!(pieces(&["--state-snapshot-before-version", "0"]).await, [2, 0, 2]);
    let waypoint = format!("5:{}", "ab".repeat(32));
    let twice = ["--trust-waypoint", &waypoint, "--trust-waypoint", &waypoint];
    let ended = site.verify(&twice).await.expect_code(2);
    assert!(ended.stderr.contains("twice for version 5"), "{}", ended.stderr);
    node.shutdown().await;
}
