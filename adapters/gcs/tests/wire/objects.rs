//! Whole objects: put, read, listed, moved; lost answers and silence there.

use crate::server::{Reply, Server};
use crate::{DIGITS_CRC, commit, data, digits, key, options, payload, resource, retrying, store};
use sealift::{Attempts, Bucket, Budget, Codec, Compressor, ErrorKind, IfExists, ObjectStore};
use sealift_gcs::GcsStore;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn an_object_is_put_in_one_request_with_its_checksum_and_its_terms() {
    let server = Server::start(|_, _| resource(b"123456789", "T")).await;
    let (store, options) = (store(&server.endpoint).await, commit(IfExists::Fail));
    let committed = store.put(&key(), digits(), &options, &Attempts::default()).await.expect("stored");
    assert_eq!((committed.etag.as_deref(), committed.checksum), (Some("17"), Some(digits().checksum().to_be_bytes())));
    store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    assert_eq!(server.operations(), ["put", "put"]);
    let requests = server.requests();
    assert_eq!(requests[0].path, "/upload/storage/v1/b/bucket/o");
    for part in ["uploadType=multipart", "name=a%2Fkey+%2B%25", "ifGenerationMatch=0"] {
        assert!(requests[0].query.contains(part), "{}", requests[0].query);
    }
    assert!(!requests[1].query.contains("ifGenerationMatch"));
    let body = String::from_utf8(requests[0].body.clone()).expect("text");
    let token = format!("\"sealift-token\":\"{}\"", options.token);
    for part in [&token, &format!("\"crc32c\":\"{DIGITS_CRC}\""), "\r\n\r\n123456789\r\n"] {
        assert!(body.contains(part), "{body}");
    }
}

#[tokio::test]
async fn a_busy_service_is_asked_again_with_the_whole_body() {
    let server = Server::start(|_, before| match before {
        0 => Reply::error(503, "backendError", "not now"),
        1 => Reply::Cut,
        2 => Reply::error(429, "rateLimitExceeded", "slowly"),
        _ => resource(&data(300_000), "T"),
    })
    .await;
    let body = data(300_000);
    let store = retrying(&server.endpoint).await;
    store.put(&key(), payload(&body), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let requests = server.requests();
    assert_eq!((requests.len(), store.slow_downs()), (4, 2));
    for request in requests {
        assert!(request.body.windows(body.len()).any(|window| window == body), "all of it, each time");
    }
}

#[tokio::test]
async fn what_the_service_holds_must_be_what_was_sent() {
    let server = Server::start(|_, _| resource(b"1234567890", "T")).await;
    let error =
        store(&server.endpoint).await.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await;
    let error = error.expect_err("another");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

/// The first put takes effect and its answer is lost; the second is refused. The token settles it.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_a_commit() {
    let token = Mutex::new(String::new());
    let server = Server::start(move |request, before| match (request.operation().as_str(), before) {
        ("put", 0) => {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let (_, sent) = body.split_once("\"sealift-token\":\"").expect("a token");
            *token.lock().expect("fine") = sent.split('"').next().expect("a token").to_owned();
            Reply::Cut
        }
        ("put", _) => Reply::error(412, "conditionNotMet", "it exists"),
        ("head", _) => resource(b"123456789", &token.lock().expect("fine")),
        other => panic!("{other:?}"),
    })
    .await;
    let store = store(&server.endpoint).await;
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("enough"));
    let mut sink = bucket.create(&key(), IfExists::Fail).expect("opened");
    sink.write_all(b"123456789").await.expect("written");
    let sealed = sink.seal().await.expect("sealed");
    assert_eq!((sealed.bytes_stored, sealed.etag.as_deref()), (9, Some("17")));
    assert_eq!(server.operations(), ["put", "put", "head"]);
}

#[tokio::test]
async fn silence_is_given_up_in_time() {
    let server = Server::start(|_, _| Reply::Hold).await;
    let mut options = options(&server.endpoint);
    options.stall_timeout = Duration::from_millis(200);
    let (store, begun) = (GcsStore::connect(options).await.expect("options are fine"), Instant::now());
    let put = store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect_err("silent");
    let get = store.get(&key(), 0..2, Some("17")).await.expect_err("silent");
    let head = store.head(&key()).await.expect_err("silent");
    let list = store.list("", None).await.expect_err("silent");
    for error in [put, get, head, list] {
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(server.operations(), ["put", "get", "head", "list"]);
}

#[tokio::test]
async fn reads_that_are_not_what_was_asked_are_errors() {
    for (status, range, body, kind) in [
        (206, "bytes 2-5/9", "2345", None),
        (206, "bytes 2-6/9", "23456", Some(ErrorKind::Service)),
        (206, "bytes 2-4/9", "234", Some(ErrorKind::Service)),
        (404, "", "No such object: bucket/k", Some(ErrorKind::Changed)),
        (412, "", "", Some(ErrorKind::Changed)),
        (416, "", "", Some(ErrorKind::Changed)),
    ] {
        let server = Server::start(move |_, _| {
            Reply::Answer(status, format!("content-range: {range}\r\nx-goog-generation: 17\r\n"), body.into())
        })
        .await;
        let read = store(&server.endpoint).await.get(&key(), 2..6, Some("17")).await;
        match kind {
            None => assert_eq!(read.expect("read"), "2345"),
            Some(kind) => assert_eq!(read.expect_err(body).kind(), kind, "{status} {range}"),
        }
        let request = &server.requests()[0];
        assert_eq!(request.path, "/storage/v1/b/bucket/o/a%2Fkey%20%2B%25");
        assert_eq!(request.header("range"), Some("bytes=2-5"));
        assert!(request.query.contains("alt=media") && request.query.contains("generation=17"), "{}", request.query);
    }
}

#[tokio::test]
async fn a_read_that_breaks_off_begins_anew() {
    let headers = "content-range: bytes 2-5/9\r\nx-goog-generation: 17\r\ncontent-length: 4\r\n";
    let server = Server::start(move |_, before| match before {
        0 => Reply::Answer(206, headers.into(), b"23".to_vec()),
        1 => Reply::error(503, "backendError", "not now"),
        _ => Reply::Answer(206, headers.into(), b"2345".to_vec()),
    })
    .await;
    let read = retrying(&server.endpoint).await.get(&key(), 2..6, Some("17")).await.expect("read");
    assert_eq!((read.as_ref(), server.operations().len()), (&b"2345"[..], 3));
}

#[tokio::test]
async fn a_listing_has_pages() {
    let server = Server::start(|request, _| {
        let item = |name: &str| format!(r#"{{"name":"{name}","size":"3","generation":"17"}}"#);
        match request.query.contains("pageToken=MORE%3D") {
            false => Reply::json(
                200,
                &format!(r#"{{"kind":"storage#objects","items":[{}],"nextPageToken":"MORE="}}"#, item("p/a")),
            ),
            true => Reply::json(200, &format!(r#"{{"kind":"storage#objects","items":[{}]}}"#, item("p/b"))),
        }
    })
    .await;
    let store = store(&server.endpoint).await;
    let first = store.list("p/", None).await.expect("listed");
    assert_eq!((first.objects[0].key.as_str(), first.objects[0].size, first.objects.len()), ("p/a", 3, 1));
    let second = store.list("p/", first.next.as_deref()).await.expect("listed");
    assert_eq!((second.objects[0].key.as_str(), second.next), ("p/b", None));
    assert!(server.requests()[0].query.contains("prefix=p%2F"));
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_given_up_in_time() {
    for endpoint in ["http://127.0.0.1:1", "http://192.0.2.1"] {
        let mut options = options(endpoint);
        options.connect_timeout = Duration::from_millis(300);
        let (store, begun) = (GcsStore::connect(options).await.expect("options are fine"), Instant::now());
        let head = store.head(&key()).await.expect_err("nobody is there");
        let start =
            store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect_err("nobody is there");
        let put = store
            .put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default())
            .await
            .expect_err("nobody is there");
        for error in [head, start, put] {
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
            assert!(error.hint().is_some(), "{error}");
        }
        // One attempt to connect each.
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}
