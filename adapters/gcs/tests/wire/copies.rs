//! Copies within the bucket, and moves made of them.

use crate::server::{Reply, Server};
use crate::{key, options, page, store};
use futures::future::join_all;
use sealift::{Bucket, Budget, Certainty, Codec, Committed, Compressor, ErrorKind, Key, ObjectStore, Result, Work};
use sealift_gcs::GcsStore;
use std::sync::Arc;
use std::time::Duration;

fn target() -> Key {
    "new/name".parse().expect("valid")
}

/// What the service says of the original.
fn original() -> Reply {
    Reply::json(
        200,
        r#"{"kind":"storage#object","name":"a/key +%","size":"9","generation":"17","crc32c":"4waSgw==",
            "timeCreated":"2026-01-02T03:04:05.678Z","contentType":"text/csv","contentEncoding":"gzip",
            "contentDisposition":"inline","contentLanguage":"de","cacheControl":"no-store",
            "customTime":"2025-01-02T03:04:05Z","storageClass":"COLDLINE","metadata":{"sealift-token":"T","mine":"1"},
            "kmsKeyName":"projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/3"}"#,
    )
}

fn more(token: &str, rewritten: u64) -> Reply {
    Reply::json(
        200,
        &format!(r#"{{"done":false,"rewriteToken":"{token}","totalBytesRewritten":"{rewritten}","objectSize":"9"}}"#),
    )
}

const MADE: &str = r#"{"name":"new/name","size":"9","generation":"18","crc32c":"4waSgw==",
    "timeCreated":"2026-01-02T03:04:06.678Z","metadata":{"sealift-token":"T"}}"#;

fn done() -> Reply {
    Reply::json(200, &format!(r#"{{"done":true,"totalBytesRewritten":"9","resource":{MADE}}}"#))
}

async fn copy(store: &GcsStore) -> Result<Committed> {
    let original = store.head(&key()).await.expect("there");
    store.copy(&key(), &original, &target(), &Work::new("gs://bucket/a/key +%")).await
}

fn bucket(store: GcsStore) -> Bucket {
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("enough"))
}

#[tokio::test]
async fn a_copy_goes_on_until_it_is_done_and_keeps_what_belongs_to_the_object() {
    let server = Server::start(|request, before| match (request.operation().as_str(), before) {
        ("head", _) => original(),
        ("rewrite", 0) => more("MORE/1", 4),
        ("rewrite", 1) => Reply::error(503, "backendError", "not now"),
        ("rewrite", _) => done(),
        other => panic!("{other:?}"),
    })
    .await;
    let copied = copy(&store(&server.endpoint).await).await.expect("copied");
    assert_eq!((copied.etag.as_deref(), copied.version.as_deref()), (Some("18"), Some("18")));
    assert!(copied.checksum.is_some() && copied.at.is_some());
    assert_eq!(server.operations(), ["head", "head", "rewrite", "rewrite", "rewrite"]);
    let requests = server.requests();
    assert_eq!(requests[2].path, "/storage/v1/b/bucket/o/a%2Fkey%20%2B%25/rewriteTo/b/bucket/o/new%2Fname");
    let queries: Vec<_> = requests[1..].iter().map(|request| request.query.as_str()).collect();
    let first =
        "ifSourceGenerationMatch=17&destinationKmsKeyName=projects%2Fp%2Flocations%2Fl%2FkeyRings%2Fr%2FcryptoKeys%2Fk";
    let again = format!("{first}&rewriteToken=MORE%2F1");
    assert_eq!(queries, ["ifGenerationMatch=17", first, &again, &again]);
    for request in &requests[2..] {
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        let expected = serde_json::json!({
            "contentType": "text/csv", "contentEncoding": "gzip", "contentDisposition": "inline",
            "contentLanguage": "de", "cacheControl": "no-store", "customTime": "2025-01-02T03:04:05Z",
            "storageClass": "COLDLINE", "metadata": { "sealift-token": "T", "mine": "1" },
        });
        assert_eq!(body, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_removes_exactly_what_it_copied() {
    let server = Server::start(|request, _| match request.operation().as_str() {
        "head" if request.path.ends_with("new%2Fname") => Reply::json(200, MADE),
        "head" => original(),
        "rewrite" => done(),
        "delete" => Reply::empty(204, ""),
        other => panic!("{other:?}"),
    })
    .await;
    bucket(store(&server.endpoint).await).rename(&key(), &target()).await.expect("moved");
    assert_eq!(server.operations(), ["head", "head", "rewrite", "head", "delete"]);
    assert_eq!(server.all("delete")[0].query, "ifGenerationMatch=17");
}

/// An answer that cannot be read: nothing is removed, also where the target has other content of the same size.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_cannot_be_read_is_no_copy() {
    let answers: [fn() -> Reply; 7] = [
        page,
        || Reply::empty(200, ""),
        || Reply::json(200, "{}"),
        || Reply::json(200, r#"{"done":true}"#),
        || Reply::json(200, r#"{"done":false}"#),
        || Reply::json(200, r#"{"done":true,"resource":{"name":"other","size":"9","generation":"18"}}"#),
        || Reply::json(200, r#"{"done":true,"resource":{"name":"new/name","size":"9","generation":"0"}}"#),
    ];
    join_all(answers.map(async |answer| {
        let server = Server::start(move |request, _| match request.operation().as_str() {
            "head" if request.path.ends_with("new%2Fname") => {
                Reply::json(200, r#"{"name":"new/name","size":"9","generation":"12","crc32c":"AAAAAA=="}"#)
            }
            "head" => original(),
            "rewrite" => answer(),
            other => panic!("{other:?}"),
        })
        .await;
        let error = bucket(store(&server.endpoint).await).rename(&key(), &target()).await.expect_err("not readable");
        assert_eq!(error.kind(), ErrorKind::Service, "{error}");
        let left = error.left_behind();
        assert_eq!((left.len(), left[0].certainty()), (1, Certainty::Perhaps), "{error}");
        assert!(left[0].to_string().contains("gs://bucket/new/name"), "{error}");
        // It is not likely to pass, and tried a few times.
        assert_eq!(server.all("rewrite").len(), 5);
    }))
    .await;
}

/// A call whose answer was lost may have been the last, whatever comes after it.
#[tokio::test]
async fn a_copy_that_was_lost_once_may_be_there() {
    let server = Server::start(|request, before| match (request.operation().as_str(), before) {
        ("head", _) => original(),
        ("rewrite", 0) => Reply::Cut,
        ("rewrite", 1) => more("MORE", 4),
        ("rewrite", _) => Reply::error(403, "forbidden", "no"),
        other => panic!("{other:?}"),
    })
    .await;
    let error = copy(&store(&server.endpoint).await).await.expect_err("refused");
    assert_eq!((error.kind(), server.all("rewrite").len()), (ErrorKind::Denied, 3), "{error}");
    assert!(error.left_behind()[0].to_string().contains("perhaps the object gs://bucket/new/name"), "{error}");
}

#[tokio::test]
async fn an_original_that_is_replaced_meanwhile_is_not_copied() {
    for at in ["head", "rewrite"] {
        let server = Server::start(move |request, before| match request.operation().as_str() {
            "head" if before == 0 || at == "rewrite" => original(),
            "head" | "rewrite" => Reply::error(412, "conditionNotMet", "replaced"),
            other => panic!("{other}"),
        })
        .await;
        let error = copy(&store(&server.endpoint).await).await.expect_err("changed");
        assert_eq!((error.kind(), error.left_behind()), (ErrorKind::Changed, &[][..]), "{error}");
    }
}

#[tokio::test]
async fn a_copy_that_never_gets_on_is_given_up() {
    let server = Server::start(|request, _| match request.operation().as_str() {
        "head" => original(),
        _ => more("MORE", 4),
    })
    .await;
    let error = copy(&store(&server.endpoint).await).await.expect_err("no headway");
    assert!(error.to_string().contains("copies nothing"), "{error}");
    assert_eq!((error.kind(), error.left_behind()), (ErrorKind::Service, &[][..]), "nothing is visible before the end");
    assert_eq!(server.all("rewrite").len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_to_stop_ends_between_two_calls_and_leaves_nothing() {
    let server = Server::start(|request, before| match request.operation().as_str() {
        "head" => original(),
        _ => more("MORE", before as u64 + 1),
    })
    .await;
    let bucket = bucket(store(&server.endpoint).await);
    let moving = tokio::spawn({
        let bucket = bucket.clone();
        async move { bucket.rename(&key(), &target()).await }
    });
    while server.all("rewrite").len() < 3 {
        tokio::task::yield_now().await;
    }
    bucket.close().await.expect("nothing is left");
    let error = moving.await.expect("no panic").expect_err("stopped");
    assert_eq!((error.kind(), error.left_behind()), (ErrorKind::Cancelled, &[][..]), "{error}");
}

/// The call under way may have been the last.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_to_stop_and_is_not_answered_may_be_there() {
    let server = Server::start(|request, _| match request.operation().as_str() {
        "head" => original(),
        _ => Reply::Hold,
    })
    .await;
    let mut options = options(&server.endpoint);
    options.stall_timeout = Duration::from_secs(2);
    let bucket = bucket(GcsStore::connect(options).await.expect("options are fine"));
    let moving = tokio::spawn({
        let bucket = bucket.clone();
        async move { bucket.rename(&key(), &target()).await }
    });
    while server.all("rewrite").is_empty() {
        tokio::task::yield_now().await;
    }
    let under_way = bucket.under_way();
    assert!(under_way[0].to_string().contains("perhaps the object gs://bucket/new/name"), "{under_way:?}");
    bucket.close().await.expect("the move hears of it");
    let error = moving.await.expect("no panic").expect_err("stopped");
    assert!(error.left_behind()[0].to_string().contains("perhaps the object gs://bucket/new/name"), "{error}");
    assert!(error.left_behind()[0].certainty() == Certainty::Perhaps, "{error}");
}
