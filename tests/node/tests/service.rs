//! The node over HTTP: every endpoint, and everything it can do wrong.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::StatusCode;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sealift_aptos::chain::{
    LedgerInfoWithSignatures, RecordFormat, SparseMerkleRangeProof, TransactionAccumulatorRangeProof,
    TransactionInfoWithProof, state_key_hash,
};
use sealift_node::{Chain, DbStateForm, Endpoint, Match, Misbehaviour, Node, Recipe};
use std::sync::Arc;
use std::time::Duration;

/// The status, what came of the body, and whether it came to its end.
async fn get(node: &Node, path: &str) -> Result<(StatusCode, Vec<u8>, bool), Box<dyn std::error::Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let response = client.get(format!("{}/{path}", node.endpoint()).parse()?).await?;
    let (status, mut body, mut bytes) = (response.status(), response.into_body(), Vec::new());
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend(frame.into_data().unwrap_or_default()),
            Err(_) => return Ok((status, bytes, false)),
        }
    }
    Ok((status, bytes, true))
}

/// The body of an answer that is well.
async fn body(node: &Node, path: &str) -> Vec<u8> {
    let (status, bytes, complete) = get(node, path).await.unwrap();
    assert!(status.is_success() && complete, "{path}: {status}");
    bytes
}

/// The records of a body, and whether it ends with one.
fn records(mut body: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut records = Vec::new();
    while let Some((length, rest)) = body.split_first_chunk::<4>() {
        let Some((record, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else { break };
        records.push(record.to_vec());
        body = rest;
    }
    (records, body.is_empty())
}

async fn all_records(node: &Node, path: &str) -> Vec<Vec<u8>> {
    let (records, complete) = records(&body(node, path).await);
    assert!(complete, "{path}");
    records
}

async fn node() -> Node {
    Node::start(Chain::generate(&Recipe::default())).await
}

#[tokio::test]
async fn every_endpoint_answers_what_the_chain_has() {
    let node = node().await;
    let chain = node.chain();
    let state: Option<(u64, u64)> = bcs::from_bytes(&body(&node, "db_state").await).unwrap();
    assert_eq!(state, Some((6, 63)));

    let infos = all_records(&node, "epoch_ending_ledger_infos/1/4").await;
    for (epoch, info) in (1..4).zip(&infos) {
        assert_eq!(LedgerInfoWithSignatures::decode(info).as_ref().ok(), chain.epoch_ending(epoch));
    }
    assert_eq!(infos.len(), 3);

    let transactions = all_records(&node, "transactions/10/54").await;
    assert!(transactions.iter().zip(10..).all(|(record, version)| chain.transaction(version).unwrap() == record));
    assert_eq!(transactions.len(), 54);

    type RangeProof = (TransactionAccumulatorRangeProof, LedgerInfoWithSignatures);
    let (proof, signed): RangeProof = bcs::from_bytes(&body(&node, "transaction_range_proof/10/20").await).unwrap();
    assert_eq!(chain.transaction_range_proof(10, 20).unwrap(), (proof, &signed));

    let count: u64 = bcs::from_bytes(&body(&node, "state_item_count/24").await).unwrap();
    let items = all_records(&node, "state_snapshot/24").await;
    assert_eq!(items.len() as u64, count);
    let chunks = [
        all_records(&node, "state_snapshot_chunk/24/0/40").await,
        all_records(&node, "state_snapshot_chunk/24/40/1000").await,
    ];
    assert_eq!((chunks[0].len(), chunks.concat()), (40, items.clone()));

    let key = state_key_hash(&items[39]).unwrap();
    let proof: SparseMerkleRangeProof =
        bcs::from_bytes(&body(&node, &format!("state_range_proof/24/{key}")).await).unwrap();
    assert_eq!(chain.state_range_proof(24, key), Some(proof));

    type RootProof = (TransactionInfoWithProof, LedgerInfoWithSignatures);
    let (info, signed): RootProof = bcs::from_bytes(&body(&node, "state_root_proof/24").await).unwrap();
    info.verify(signed.ledger_info(), 24).unwrap();
    assert_eq!(node.requests().len(), 10);
    node.shutdown().await;
}

#[tokio::test]
async fn what_the_node_does_not_have_is_an_error_or_an_aborted_body() {
    let node = node().await;
    for (path, expected) in [("", 404), ("nothing", 404), ("transactions/1", 404), ("state_item_count/x", 404)] {
        assert_eq!(get(&node, path).await.unwrap().0, expected, "{path}");
    }
    for path in ["state_item_count/25", "transaction_range_proof/5/64", "state_root_proof/64", "state_snapshot/1"] {
        assert_eq!(get(&node, path).await.unwrap().0, 500, "{path}");
    }
    let (status, bytes, complete) = get(&node, "transactions/60/10").await.unwrap();
    assert_eq!((status, complete, records(&bytes).0.len()), (StatusCode::OK, false, 4));
    assert!(!get(&node, "epoch_ending_ledger_infos/3/9").await.unwrap().2);
    node.shutdown().await;
}

#[tokio::test]
async fn bodies_are_cut_and_short_where_they_were_told_to_be() {
    let node = node().await;
    let whole = body(&node, "transactions/0/30").await;
    let cut = node.on(Match::endpoint(Endpoint::Transactions).times(1), Misbehaviour::Cut { after_bytes: 1000 });
    let (_, bytes, complete) = get(&node, "transactions/0/30").await.unwrap();
    assert_eq!((&bytes[..], complete, cut.fired()), (&whole[..1000], false, 1));
    assert_eq!(body(&node, "transactions/0/30").await, whole);

    let short =
        node.on(Match::endpoint(Endpoint::Transactions).after(1).times(1), Misbehaviour::ShortCount { missing: 2 });
    assert_eq!(all_records(&node, "transactions/0/30").await.len(), 30);
    assert_eq!(all_records(&node, "transactions/0/30").await.len(), 28);
    assert_eq!(all_records(&node, "transactions/0/30").await.len(), 30);
    assert_eq!(short.fired(), 1);

    node.on(Match::path("transactions/0/5"), Misbehaviour::OversizedRecord);
    let bytes = body(&node, "transactions/0/5").await;
    assert_eq!(&bytes[..4], [0xff; 4]);
    assert_eq!(bytes[4..], body(&node, "transactions/0/6").await[4..bytes.len()]);

    node.on(Match::any().times(1), Misbehaviour::Status(503));
    assert_eq!(get(&node, "db_state").await.unwrap().0, 503);
    node.shutdown().await;
}

#[tokio::test]
async fn ledger_infos_can_be_of_the_wrong_epoch() {
    let node = node().await;
    node.on(Match::endpoint(Endpoint::EpochEndings), Misbehaviour::WrongEpoch);
    let infos = all_records(&node, "epoch_ending_ledger_infos/2/4").await;
    let epochs: Vec<_> = infos.iter().map(|info| LedgerInfoWithSignatures::decode(info).unwrap().epoch()).collect();
    assert_eq!(epochs, [3, 4]);
    node.shutdown().await;
}

#[tokio::test]
async fn what_stalls_goes_on_when_released() {
    let node = Arc::new(node().await);
    let whole = body(&node, "transactions/0/30").await;
    for misbehaviour in [Misbehaviour::Stall { after_bytes: 777 }, Misbehaviour::Silence] {
        let stall = node.on(Match::endpoint(Endpoint::Transactions).times(1), misbehaviour);
        let asking = Arc::clone(&node);
        let request = tokio::spawn(async move { body(&asking, "transactions/0/30").await });
        stall.wait_fired(1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!request.is_finished());
        stall.release();
        assert_eq!(request.await.unwrap(), whole);
    }
    let stall = node.on(Match::any(), Misbehaviour::Silence);
    let asking = Arc::clone(&node);
    let request = tokio::spawn(async move { get(&asking, "db_state").await.is_err() });
    stall.wait_fired(1).await;
    // Only one owner is left when the request has ended; ending it is what this must do.
    node.stop();
    assert!(request.await.unwrap());
    Arc::try_unwrap(node).unwrap().shutdown().await;
}

#[tokio::test]
async fn a_longer_chain_takes_the_place_of_the_shorter_one() {
    let node = node().await;
    node.set_chain(Chain::generate(&Recipe { epochs: 7, ..Recipe::default() }));
    let state: Option<(u64, u64)> = bcs::from_bytes(&body(&node, "db_state").await).unwrap();
    assert_eq!(state, Some((8, 87)));
    let newer = Chain::generate(&Recipe::default()).with_db_state(DbStateForm::CommittedAndSynced);
    node.set_chain(newer);
    let state: Option<(u64, u64, u64)> = bcs::from_bytes(&body(&node, "db_state").await).unwrap();
    assert_eq!(state, Some((6, 63, 63)));
    node.shutdown().await;
}

#[tokio::test]
async fn mainnet_genesis_is_served() {
    let folder =
        std::env::var("SEALIFT_DATA").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into());
    let Ok(blob) = std::fs::read(format!("{folder}/mainnet-genesis.blob")) else {
        println!("skipped: {folder} does not hold mainnet's genesis; SEALIFT_DATA can name another folder");
        return;
    };
    let node = Node::start(Chain::from_genesis(&blob, RecordFormat::V1)).await;
    let count: u64 = bcs::from_bytes(&body(&node, "state_item_count/0").await).unwrap();
    assert_eq!(all_records(&node, "state_snapshot_chunk/0/0/100000").await.len() as u64, count);
    assert_eq!(all_records(&node, "epoch_ending_ledger_infos/0/1").await.len(), 1);
    let (proof, signed) = bcs::from_bytes::<(TransactionInfoWithProof, LedgerInfoWithSignatures)>(
        &body(&node, "state_root_proof/0").await,
    )
    .unwrap();
    proof.verify(signed.ledger_info(), 0).unwrap();
    node.shutdown().await;
}
