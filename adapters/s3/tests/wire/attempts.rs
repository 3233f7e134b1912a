//! What requests that store leave open: their account, over all attempts.

use crate::server::{Bodies, Reply, Server};
use crate::*;

#[tokio::test]
async fn a_lost_put_whose_retry_is_refused_is_still_unanswered() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Cut,
        _ => Reply::error(403, "AccessDenied"),
    })
    .await;
    let attempts = Attempts::default();
    let put = store(&server.endpoint).await.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await;
    assert_eq!(put.expect_err("refused").kind(), ErrorKind::Denied);
    assert_eq!(attempts.effect(), Effect { unanswered: 1, unclear: 0, applied: 0 });
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_put_that_was_cut_before_all_of_it_was_sent_has_done_nothing() {
    let server = Server::with_bodies(Bodies::Cut, |_, _| Reply::Cut).await;
    let attempts = Attempts::default();
    let large = payload(vec![Bytes::from(vec![1; 32 << 20])]);
    let put = store(&server.endpoint).await.put(&key(), large, &commit(IfExists::Replace), &attempts).await;
    assert_eq!(put.expect_err("cut").kind(), ErrorKind::Unreachable);
    assert_eq!(attempts.effect(), Effect::default());
    assert!(server.requests().len() > 1, "it is tried again");
}

#[tokio::test]
async fn every_attempt_of_a_complete_is_accounted_for() {
    let server = Server::start(|request, before| match (request.operation(), before) {
        (("POST", "uploads"), _) => Reply::xml(200, STARTED),
        (_, 1) => Reply::error(500, "InternalError"),
        (_, 2) => Reply::error(502, "BadGateway"),
        (_, 3) => Reply::error(429, "TooManyRequests"),
        _ => Reply::xml(200, COMPLETED),
    })
    .await;
    let upload = started(&server).await;
    let attempts = Attempts::default();
    upload.complete(&[], digits().checksum(), &attempts).await.expect("completed");
    assert_eq!(attempts.effect(), Effect { unanswered: 1, unclear: 1, applied: 1 });
    assert_eq!(server.requests().len(), 5);
}

/// Time is put forward once the server has all of the request.
#[tokio::test]
async fn a_put_that_is_not_answered_is_sent_once_more() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let (store, attempts) = (patient(&server.endpoint).await, Attempts::default());
    let put = tokio::spawn({
        let attempts = attempts.clone();
        async move { store.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await }
    });
    for _ in 0..2 {
        server.request_came().await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(61)).await;
        tokio::time::resume();
    }
    assert_eq!(put.await.expect("ended").expect_err("not answered").kind(), ErrorKind::TimedOut);
    assert_eq!(attempts.effect(), Effect { unanswered: 2, unclear: 0, applied: 0 });
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_put_given_up_while_it_waits_for_its_answer_is_unanswered() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let (store, attempts) = (store(&server.endpoint).await, Attempts::default());
    let (name, options) = (key(), commit(IfExists::Replace));
    tokio::select! {
        _ = store.put(&name, digits(), &options, &attempts) => panic!("it was answered"),
        () = server.request_came() => {}
    }
    assert_eq!(attempts.effect(), Effect { unanswered: 1, unclear: 0, applied: 0 });
}

#[tokio::test]
async fn the_service_is_given_the_time_that_it_asks_for() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Answer(503, "retry-after: 2\r\n".into(), Vec::new()),
        _ => Reply::ok(ETAG),
    })
    .await;
    let begun = Instant::now();
    let (store, attempts) = (patient(&server.endpoint).await, Attempts::default());
    store.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await.expect("stored");
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(attempts.effect(), Effect { unanswered: 0, unclear: 1, applied: 1 });
}
