//! A node that misbehaves: what passes is asked again from where it stopped, the rest is an error that says where.

use crate::node::{Fault, Ledger};
use crate::records::{
    all_framed, framed, ledger_info_record, ledger_info_that_ends_nothing, root_proof, state, version_at_end_of,
};
use crate::scene::{Scene, quick, small};
use sealift::{Error, ErrorKind};
use sealift_aptos::{Backups, ClientOptions, Options};
use std::time::Duration;

/// One request for all, so that faults hit where they are meant to.
fn at_once() -> Options {
    Options { items_per_request: 100_000, ..small() }
}

fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_goes_on_where_it_stopped() {
    let items = state(23);
    let whole = Scene::new().await;
    whole.backups(at_once()).state_snapshot(4).await.unwrap();
    let expected = whole.files().await;
    let border = all_framed(&items[..9]).len();
    // Between records, inside of a length, inside of a record, at the very beginning and the very end.
    for length in [border, border + 2, border + 7, 0, all_framed(&items).len()] {
        for fault in [Fault::Cut(length), Fault::End(length)] {
            let scene = Scene::new().await;
            let is_whole = matches!(fault, Fault::End(length) if length == all_framed(&items).len());
            scene.node.fail("state_snapshot_chunk", fault.clone());
            scene.backups(at_once()).state_snapshot(4).await.unwrap();
            assert_eq!(scene.node.faults_left(), 0);
            assert_eq!(scene.files().await, expected, "{fault:?}");
            let requests = scene.node.take_requests("state_snapshot_chunk");
            let next = match length {
                0 => 0,
                length if length < border + 10 => 9,
                _ => 23,
            };
            match is_whole || next == 23 {
                // All records had arrived: there is nothing left to ask for.
                true => assert_eq!(requests.len(), 1, "{requests:?}"),
                false => {
                    assert_eq!(requests[1..], [format!("state_snapshot_chunk/400/{next}/{}", 23 - next)], "{fault:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn epoch_endings_and_transactions_go_on_too() {
    let scene = Scene::new().await;
    let record = ledger_info_record(2).len() + 4;
    scene.node.fail("epoch_ending_ledger_infos", Fault::Cut(2 * record + 3));
    scene.backups(at_once()).epoch_ending(2, 7).await.unwrap();
    let requests = scene.node.take_requests("epoch_ending_ledger_infos");
    assert_eq!(requests, ["epoch_ending_ledger_infos/2/7", "epoch_ending_ledger_infos/4/7"]);
    let record = Ledger::new(vec![]).transactions[0].len() + 4;
    scene.node.fail("transactions/", Fault::Cut(5 * record + 3));
    scene.backups(at_once()).transactions(10, 20).await.unwrap();
    assert_eq!(scene.node.take_requests("transactions/"), ["transactions/10/20", "transactions/15/15"]);
    assert_eq!(scene.node.faults_left(), 0);
}

#[tokio::test]
async fn each_headway_gives_new_attempts() {
    let scene = Scene::new().await;
    let item = all_framed(&state(23)[..1]).len();
    for _ in 0..10 {
        scene.node.fail("state_snapshot_chunk", Fault::Cut(item + 12));
    }
    scene.backups(at_once()).state_snapshot(4).await.unwrap();
    assert_eq!(scene.node.faults_left(), 0);
}

#[tokio::test]
async fn a_failing_node_is_asked_again_and_then_given_up() {
    for path in [
        "epoch_ending_ledger_infos",
        "state_item_count",
        "state_snapshot_chunk",
        "state_range_proof",
        "state_root_proof",
    ] {
        let scene = Scene::new().await;
        scene.node.fail(path, Fault::Status(500));
        scene.node.fail(path, Fault::Status(503));
        scene.backups(at_once()).state_snapshot(4).await.unwrap();
        assert_eq!(scene.node.faults_left(), 0, "{path}");

        let scene = Scene::new().await;
        (0..3).for_each(|_| scene.node.fail(path, Fault::Status(500)));
        let options = Options { concurrent_chunks: 1, ..at_once() };
        let error = scene.backups(options).state_snapshot(4).await.unwrap_err();
        assert_eq!(scene.node.faults_left(), 0, "{path}");
        says(&error, &["500", &scene.node.address, path, "the node's log"]);
        scene.nothing_is_known().await;
    }
}

#[tokio::test]
async fn what_would_be_refused_again_is_not_asked_again() {
    let scene = Scene::new().await;
    scene.node.fail("state_item_count", Fault::Status(404));
    let error = scene.backups(at_once()).state_snapshot(4).await.unwrap_err();
    says(&error, &["404", "state_item_count/400", "version has the endpoint"]);
    assert_eq!(scene.node.take_requests("state_item_count").len(), 1);
}

#[tokio::test]
async fn a_short_count_is_an_error_that_says_how_far_it_got() {
    let scene = Scene::new().await;
    let error = scene.backups(at_once()).transactions(45, 10).await.unwrap_err();
    says(&error, &["transactions 50 to 54", "transactions/50/5", "ended before record 50", "54"]);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(scene.node.take_requests("transactions/").first().unwrap(), "transactions/45/10");
    let error = scene.backups(at_once()).epoch_ending(8, 12).await.unwrap_err();
    says(&error, &["epoch endings 10 to 11", "epoch_ending_ledger_infos/10/12", "ended before record 10"]);
    let error = scene.backups(at_once()).state_snapshot(10).await.unwrap_err();
    says(&error, &["epoch endings 10 to 10", "epoch_ending_ledger_infos/10/11"]);
    scene.nothing_is_known().await;
}

/// What the node sends instead, and what the error says.
async fn wrong_body(path: &str, body: Vec<u8>, backup: impl AsyncFnOnce(Backups) -> Error, words: &[&str]) {
    let scene = Scene::new().await;
    scene.node.fail(path, Fault::Body(body));
    let error = backup(scene.backups(at_once())).await;
    assert_eq!(scene.node.faults_left(), 0);
    says(&error, words);
    says(&error, &[path]);
    assert_eq!(scene.node.take_requests(path).len(), 1, "it is not asked again");
    scene.nothing_is_known().await;
}

#[tokio::test]
async fn records_that_are_wrong_are_errors() {
    let items = state(23);
    let snapshot = async |backups: Backups| backups.state_snapshot(4).await.unwrap_err();
    let too_many = all_framed(items.iter().chain(&items[..1]));
    wrong_body("state_snapshot_chunk", too_many, snapshot, &["more than the 23 records", "version 400"]).await;
    let more = [all_framed(&items), vec![0, 0]].concat();
    wrong_body("state_snapshot_chunk", more, snapshot, &["more than the 23 records", "version 400"]).await;
    let swapped = all_framed([&items[..3], &items[4..5], &items[3..4], &items[5..]].concat().iter());
    wrong_body("state_snapshot_chunk", swapped, snapshot, &["the key of item 4 does not come after"]).await;
    let twice = all_framed([&items[..3], &items[2..22]].concat().iter());
    wrong_body("state_snapshot_chunk", twice, snapshot, &["the key of item 3 does not come after"]).await;
    let newer = all_framed([&items[..3], &[vec![9, 9, 9]], &items[4..]].concat().iter());
    wrong_body("state_snapshot_chunk", newer, snapshot, &["item 3", "unknown variant 9 of StateKey"]).await;
    let no_length = [all_framed(&items[..2]), b"HTTP".to_vec(), vec![0; 100]].concat();
    wrong_body("state_snapshot_chunk", no_length, snapshot, &["1213486160 bytes, more than", "record"]).await;

    let epochs = async |backups: Backups| backups.epoch_ending(2, 5).await.unwrap_err();
    let skipped = all_framed(&[ledger_info_record(2), ledger_info_record(4), ledger_info_record(4)]);
    wrong_body("epoch_ending_ledger_infos/2/5", skipped, epochs, &["epoch 4 where 3 was due"]).await;
    let in_its_midst = all_framed(&[ledger_info_record(2), ledger_info_that_ends_nothing(3)]);
    wrong_body("epoch_ending_ledger_infos/2/5", in_its_midst, epochs, &["of epoch 3 does not end it"]).await;
    wrong_body("epoch_ending_ledger_infos/2/5", framed(b"?"), epochs, &["epoch 2"]).await;

    wrong_body(
        "state_item_count",
        0u64.to_le_bytes().to_vec(),
        async |backups| {
            let error = backups.state_snapshot(4).await.unwrap_err();
            Error::new(error.kind(), "state_item_count", "", error.to_string())
        },
        &["version 400", "no items"],
    )
    .await;
    wrong_body("state_item_count", vec![1], snapshot, &["no number"]).await;
    wrong_body("state_root_proof", root_proof(5, Some(crate::records::ROOT)), snapshot, &["epoch 5 instead of 4"])
        .await;
    wrong_body("state_root_proof", root_proof(4, None), snapshot, &["no state checkpoint"]).await;
    wrong_body("state_root_proof", b"?".to_vec(), snapshot, &["cannot be decoded"]).await;
}

#[tokio::test]
async fn of_a_backup_that_fails_only_whole_chunks_are_left() {
    let whole = Scene::new().await;
    whole.backups(Options { max_chunk_size: 500, ..at_once() }).transactions(0, 50).await.unwrap();
    let expected: Vec<Vec<u8>> = whole.files().await.into_values().collect();
    let scene = Scene::new().await;
    let record = Ledger::new(vec![]).transactions[0].len() + 4;
    for _ in 0..3 {
        scene.node.fail("transactions/", Fault::Cut(record * 10 + 3));
        scene.node.fail("transactions/", Fault::Status(500));
        scene.node.fail("transactions/", Fault::Status(500));
        scene.backups(Options { max_chunk_size: 500, ..at_once() }).transactions(0, 50).await.unwrap_err();
        scene.nothing_is_known().await;
        for (file, content) in scene.files().await {
            assert!(expected.contains(&content), "{file}");
        }
    }
    assert_eq!(scene.node.faults_left(), 0);
}

#[tokio::test]
async fn keys_are_in_order_from_one_request_to_the_next() {
    let mut items = state(10);
    items.swap(4, 5);
    let scene = Scene::with(Ledger::new(items)).await;
    let error = scene.backups(small()).state_snapshot(4).await.unwrap_err();
    says(&error, &["state items 5 to 5 of version 400", "does not come after the one before"]);
    scene.nothing_is_known().await;
}

#[tokio::test]
async fn a_record_above_the_limit_is_refused() {
    let scene = Scene::new().await;
    let length = Ledger::new(vec![]).transactions[0].len();
    for (max_record, fits) in [(length, true), (length - 1, false)] {
        let client = scene.client(ClientOptions { max_record, ..quick() });
        let backups = Backups::new(client, scene.storage.clone(), at_once()).unwrap();
        match (backups.transactions(0, max_record as u64 % 40 + 1).await, fits) {
            (Ok(_), true) => {}
            (Err(error), false) => {
                says(&error, &["transactions/0/", &format!("{length} bytes, more than {max_record}")]);
            }
            (result, _) => panic!("{max_record}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn a_node_that_stalls_is_not_waited_for() {
    let limit = Duration::from_millis(300);
    let record = Ledger::new(vec![]).transactions[0].len() + 4;
    for (fault, words) in [
        (Fault::Silence, ["no answer within 300ms", "transactions/10/20"]),
        (Fault::Stall(record + 3), ["no more data within 300ms", "transactions/10/20"]),
    ] {
        let scene = Scene::new().await;
        let options = ClientOptions { answer_within: limit, read_within: limit, attempts: 1, ..quick() };
        let backups = Backups::new(scene.client(options), scene.storage.clone(), at_once()).unwrap();
        scene.node.fail("transactions/", fault.clone());
        let error = backups.transactions(10, 20).await.unwrap_err();
        assert_eq!((error.kind(), scene.node.faults_left()), (ErrorKind::TimedOut, 0));
        says(&error, &words);
        scene.nothing_is_known().await;

        // Asked again, it goes on where it stopped.
        let options = ClientOptions { answer_within: limit, read_within: limit, ..quick() };
        let backups = Backups::new(scene.client(options), scene.storage.clone(), at_once()).unwrap();
        scene.node.fail("transactions/", fault);
        backups.transactions(10, 20).await.unwrap();
        assert_eq!(scene.node.faults_left(), 0);
    }
}

#[tokio::test]
async fn a_node_that_is_not_there_is_named() {
    let scene = Scene::new().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let client = sealift_aptos::Client::new(address.parse().unwrap(), quick()).unwrap();
    let backups = Backups::new(client, scene.storage.clone(), at_once()).unwrap();
    let error = backups.epoch_ending(0, version_at_end_of(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    says(&error, &[&address, "epoch endings 0 to 99", "no connection", "backup service on"]);
}
