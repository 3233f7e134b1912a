//! A service that is too busy.

use crate::server::{Reply, Server};
use crate::{ETAG, STARTED, assert_plain_body, commit, digits, key, patient};
use sealift::{Attempts, IfExists, ObjectStore};

const BUSY: usize = 5;

#[tokio::test]
async fn an_object_is_put_when_the_service_has_time_again() {
    let server = Server::start(|_, before| match before {
        0 => Reply::error(429, "TooManyRequests"),
        1..BUSY => Reply::error(503, "SlowDown"),
        _ => Reply::ok(ETAG),
    })
    .await;
    let store = patient(&server.endpoint).await;
    store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let requests = server.requests();
    assert_eq!((requests.len(), store.slow_downs()), (BUSY + 1, BUSY as u64));
    requests.iter().for_each(|request| assert_plain_body(request, b"123456789"));
}

#[tokio::test]
async fn a_part_is_put_when_the_service_has_time_again() {
    let server = Server::start(|request, before| match (request.operation(), before) {
        (("POST", _), _) => Reply::xml(200, STARTED),
        (_, 1..=BUSY) => Reply::error(503, "SlowDown"),
        _ => Reply::ok(ETAG),
    })
    .await;
    let store = patient(&server.endpoint).await;
    let upload = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    upload.put_part(1, digits()).await.expect("stored");
    let requests = server.requests();
    assert_eq!((requests.len(), store.slow_downs()), (1 + BUSY + 1, BUSY as u64));
    requests[1..].iter().for_each(|request| assert_plain_body(request, b"123456789"));
}
