//! Resumable sessions: lost answers, bytes stored in part, busy and silent services, cancellation.

use crate::server::{Reply, Request, Server};
use crate::{
    QUANTUM, UPLOAD_ID, commit, data, first_of, holds, key, options, patient, payload, resource, retrying, started,
    store,
};
use sealift::{Attempts, Committed, ErrorKind, IfExists, ObjectStore, Passing, Result};
use sealift_gcs::GcsStore;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a session does with a request, where a test has no answer of its own. Takes bytes once, and only where they belong.
#[derive(Default)]
struct Session {
    stored: Vec<u8>,
}

impl Session {
    fn take(&mut self, request: &Request) {
        self.take_some(request, usize::MAX);
    }

    /// Takes so many bytes at most.
    fn take_some(&mut self, request: &Request, most: usize) {
        if request.body.is_empty() {
            return;
        }
        let (first, stored) = (first_of(request), self.stored.len());
        assert!(first <= stored, "a gap before {first}");
        let fresh = &request.body[(stored - first).min(request.body.len())..];
        self.stored.extend_from_slice(&fresh[..most.min(fresh.len())]);
    }

    fn answer(&mut self, request: &Request) -> Reply {
        match request.operation().as_str() {
            "start" => started("http://elsewhere.example"),
            "ask" => holds(self.stored.len()),
            "piece" => {
                self.take(request);
                holds(self.stored.len())
            }
            "last" => {
                self.take(request);
                resource(&self.stored, "T")
            }
            other => panic!("{other}"),
        }
    }
}

/// A server of one session, where `fault` answers what is not to be answered as usual.
async fn session(
    fault: impl Fn(&Request, usize, &mut Session) -> Option<Reply> + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Session>>) {
    let session = Arc::new(Mutex::new(Session::default()));
    let shared = Arc::clone(&session);
    let server = Server::start(move |request, before| {
        let mut session = shared.lock().expect("fine");
        fault(request, before, &mut session).unwrap_or_else(|| session.answer(request))
    })
    .await;
    (server, session)
}

/// Two parts, the second with a remainder.
async fn upload(store: &impl ObjectStore, bodies: [&[u8]; 2]) -> Result<Committed> {
    let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await?;
    let first = upload.put_part(1, payload(bodies[0])).await?;
    let second = upload.put_part(2, payload(bodies[1])).await?;
    upload.complete(&[first, second], payload(&bodies.concat()).checksum(), &Attempts::default()).await
}

#[tokio::test]
async fn requests_are_as_google_describes_them() {
    let (server, session) = session(|_, _, _| None).await;
    let (body, store) = (data(3 * QUANTUM + 5), store(&server.endpoint).await);
    let committed = upload(&store, [&body[..2 * QUANTUM], &body[2 * QUANTUM..]]).await.expect("completed");
    assert_eq!(committed.etag.as_deref(), Some("17"));
    assert!(session.lock().expect("fine").stored == body);
    assert_eq!(server.operations(), ["start", "piece", "piece", "last"]);
    let requests = server.requests();
    assert_eq!(requests[0].path, "/upload/storage/v1/b/bucket/o");
    assert_eq!(requests[0].query, "uploadType=resumable&name=a%2Fkey+%2B%25&ifGenerationMatch=0");
    assert_eq!(requests[0].header("x-upload-content-type"), Some("application/octet-stream"));
    let metadata = String::from_utf8_lossy(&requests[0].body).into_owned();
    assert!(metadata.contains("\"sealift-token\":\"") && metadata.contains("octet-stream"), "{metadata}");
    let ranges: Vec<_> =
        requests[1..].iter().map(|request| request.header("content-range").expect("a range")).collect();
    assert_eq!(ranges, ["bytes 0-524287/*", "bytes 524288-786431/*", "bytes 786432-786436/786437"]);
    for request in &requests[1..] {
        assert!(request.query.contains(UPLOAD_ID), "to the session");
    }
    let hashes: Vec<_> = requests.iter().map(|request| request.header("x-goog-hash").is_some()).collect();
    assert_eq!(hashes, [false, false, false, true], "of the whole, with the last");
}

#[tokio::test]
async fn nothing_held_back_ends_with_an_empty_request() {
    let (server, _) = session(|_, _, _| None).await;
    let body = data(2 * QUANTUM);
    upload(&retrying(&server.endpoint).await, [&body[..QUANTUM], &body[QUANTUM..]]).await.expect("completed");
    let last = &server.all("last")[0];
    assert_eq!((last.header("content-range"), last.header("content-length")), (Some("bytes */524288"), Some("0")));
}

/// The piece is stored and its answer lost: the service is asked, and nothing is sent again.
#[tokio::test]
async fn a_piece_whose_answer_is_lost_is_not_sent_again() {
    let (server, session) = session(|request, before, session| {
        (request.operation() == "piece" && before == 0).then(|| {
            session.take(request);
            Reply::Cut
        })
    })
    .await;
    let body = data(3 * QUANTUM + 5);
    upload(&retrying(&server.endpoint).await, [&body[..QUANTUM], &body[QUANTUM..]]).await.expect("completed");
    assert_eq!(server.operations(), ["start", "piece", "ask", "piece", "last"]);
    assert!(session.lock().expect("fine").stored == body);
}

/// The same of the last one: it is not known whether the object was made, and it was.
#[tokio::test]
async fn a_last_piece_whose_answer_is_lost_made_the_object_once() {
    let made = Mutex::new(false);
    let (server, session) = session(move |request, _, session| {
        let mut made = made.lock().expect("fine");
        match (request.operation().as_str(), *made) {
            ("last", false) => {
                session.take(request);
                *made = true;
                Some(Reply::Cut)
            }
            ("ask", true) => Some(resource(&session.stored, "T")),
            _ => None,
        }
    })
    .await;
    let body = data(QUANTUM + 5);
    let committed = upload(&retrying(&server.endpoint).await, [&body[..7], &body[7..]]).await.expect("completed");
    assert_eq!(committed.etag.as_deref(), Some("17"));
    assert_eq!(server.operations(), ["start", "piece", "last", "ask"]);
    assert!(session.lock().expect("fine").stored == body);
}

/// All bytes are stored and the object was not made: it is asked for without sending anything again.
#[tokio::test]
async fn a_last_piece_that_was_only_stored_is_ended_anew() {
    let (server, session) = session(|request, before, session| {
        (request.operation() == "last" && before == 0).then(|| {
            session.take(request);
            Reply::error(503, "backendError", "not now")
        })
    })
    .await;
    let body = data(QUANTUM + 5);
    upload(&retrying(&server.endpoint).await, [&body[..QUANTUM], &body[QUANTUM..]]).await.expect("completed");
    assert_eq!(server.operations(), ["start", "piece", "last", "ask", "last"]);
    let again = &server.all("last")[1];
    assert_eq!((again.header("content-range"), again.body.len()), (Some("bytes */262149"), 0));
    assert!(again.header("x-goog-hash").is_some());
    assert!(session.lock().expect("fine").stored == body);
}

#[tokio::test]
async fn what_was_stored_of_a_piece_is_not_sent_again_and_the_rest_is() {
    let (server, session) = session(|request, before, session| {
        (request.operation() == "piece" && before < 2).then(|| {
            session.take_some(request, QUANTUM);
            holds(session.stored.len())
        })
    })
    .await;
    let body = data(5 * QUANTUM + 5);
    upload(&retrying(&server.endpoint).await, [&body[..4 * QUANTUM], &body[4 * QUANTUM..]]).await.expect("completed");
    let ranges = server.all("piece").iter().map(first_of).collect::<Vec<_>>();
    assert_eq!(ranges, [0, QUANTUM, 2 * QUANTUM, 4 * QUANTUM]);
    assert!(session.lock().expect("fine").stored == body);
}

#[tokio::test]
async fn a_service_that_stores_nothing_or_loses_bytes_is_given_up() {
    let (server, _) = session(|request, _, _| (request.operation() == "piece").then(|| holds(0))).await;
    let body = data(2 * QUANTUM);
    let error = upload(&retrying(&server.endpoint).await, [&body, b""]).await.expect_err("no headway");
    assert!(error.to_string().contains("stores nothing"), "{error}");
    assert!(error.to_string().contains("tried 5 times"), "{error}");
    assert_eq!(server.all("piece").len(), 5);

    let lost = Mutex::new(false);
    let (server, _) = session(move |request, before, _| {
        let mut lost = lost.lock().expect("fine");
        *lost |= request.operation() == "piece" && before == 1;
        lost.then(|| holds(0))
    })
    .await;
    let error = upload(&retrying(&server.endpoint).await, [&body, &body]).await.expect_err("lost");
    assert!(error.to_string().contains("0 bytes of the upload are stored"), "{error}");
}

#[tokio::test]
async fn a_busy_service_is_left_alone_for_as_long_as_it_asks() {
    let (server, session) = session(|request, before, _| {
        (request.operation() == "piece" && before == 0).then(|| Reply::empty(503, "retry-after: 1\r\n"))
    })
    .await;
    let (body, begun) = (data(QUANTUM), Instant::now());
    upload(&retrying(&server.endpoint).await, [&body, b"end"]).await.expect("completed");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(server.operations(), ["start", "piece", "ask", "piece", "last"]);
    assert!(session.lock().expect("fine").stored == [&body[..], b"end"].concat());
}

#[tokio::test]
async fn a_service_that_stands_still_is_given_up_in_time() {
    for operation in ["start", "piece", "ask", "last"] {
        let (server, _) = session(move |request, _, _| match request.operation() {
            now if now == operation => Some(Reply::Hold),
            now if now == "piece" && operation == "ask" => Some(Reply::Cut),
            _ => None,
        })
        .await;
        let mut options = options(&server.endpoint);
        options.stall_timeout = Duration::from_millis(200);
        let store = patient(GcsStore::connect(options).await.expect("options are fine"), 1);
        let (body, begun) = (data(QUANTUM), Instant::now());
        let error = upload(&store, [&body, b"end"]).await.expect_err("stands still");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{operation}: {error}");
        assert!(error.to_string().contains("(tried "), "{error}");
        assert!(!server.all(operation).is_empty(), "it was held");
        assert!(begun.elapsed() < Duration::from_secs(5), "{operation}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_session_that_is_gone_or_refused_is_said_so_at_once() {
    for (operation, status, kind, words) in [
        ("piece", 410, ErrorKind::Service, "410: the service has no such upload session"),
        ("piece", 404, ErrorKind::Service, "404: the service has no such upload session"),
        ("last", 499, ErrorKind::Service, "499: the service has no such upload session"),
        ("piece", 403, ErrorKind::Denied, "403 told: no, not ABg5"),
        ("piece", 400, ErrorKind::Service, "400 told"),
        ("start", 403, ErrorKind::Denied, "403 told"),
        ("start", 412, ErrorKind::AlreadyExists, "412 told"),
        ("last", 412, ErrorKind::AlreadyExists, "412 told"),
    ] {
        let (server, _) = session(move |request, _, _| {
            (request.operation() == operation).then(|| Reply::error(status, "told", &format!("no, not {UPLOAD_ID}")))
        })
        .await;
        let body = data(QUANTUM);
        let error = upload(&retrying(&server.endpoint).await, [&body, b"end"]).await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{operation} {status}: {error}");
        let words = words.replace("ABg5", "…");
        assert!(error.to_string().contains(&words), "{error}");
        if operation != "start" {
            assert!(!format!("{error} {error:?}").contains(UPLOAD_ID), "{error}");
        }
        assert_eq!(server.all(operation).len(), 1, "once");
    }
}

/// The service names another origin: requests go to the endpoint, with its path and query, and nothing goes elsewhere.
#[tokio::test]
async fn a_session_elsewhere_is_reached_through_the_endpoint() {
    let foreign = Server::start(|_, _| Reply::empty(200, "")).await;
    let elsewhere = foreign.endpoint.clone();
    let (server, session) =
        session(move |request, _, _| (request.operation() == "start").then(|| started(&elsewhere))).await;
    let body = data(QUANTUM);
    upload(&retrying(&server.endpoint).await, [&body, b"end"]).await.expect("completed");
    assert_eq!(server.operations(), ["start", "piece", "last"]);
    assert_eq!(session.lock().expect("fine").stored.len(), QUANTUM + 3);
    assert!(foreign.requests().is_empty());
}

#[tokio::test]
async fn an_upload_shows_no_secret() {
    let (server, _) = session(|request, _, _| (request.operation() == "last").then_some(Reply::Cut)).await;
    let store = store(&server.endpoint).await;
    let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, payload(b"x")).await.expect("held back");
    let error =
        upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect_err("cut off");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    let shown = format!("{error} {error:?} {source} {store:?} {upload:?} {} {part:?}", upload.id());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn an_abort_goes_on_until_the_service_confirms_it() {
    // A cancellation that fails, one that is said and not done, and one that is done.
    let (server, _) = session(|request, before, _| match (request.operation().as_str(), before) {
        ("cancel", 0) => Some(Reply::error(500, "backendError", "not now")),
        ("cancel", _) => Some(Reply::empty(499, "")),
        ("ask", 0) => Some(holds(QUANTUM)),
        ("ask", _) => Some(Reply::empty(499, "")),
        _ => None,
    })
    .await;
    let upload = retrying(&server.endpoint)
        .await
        .start(&key(), &commit(IfExists::Fail), &Attempts::default())
        .await
        .expect("started");
    upload.put_part(1, payload(&data(QUANTUM))).await.expect("stored");
    upload.abort().await.expect("confirmed");
    assert_eq!(server.operations(), ["start", "piece", "cancel", "cancel", "ask", "cancel", "ask"]);
    assert!(server.all("cancel").iter().all(|request| request.header("content-length") == Some("0")));
}

#[tokio::test]
async fn an_abort_ends_also_where_it_cannot_be_had() {
    let (server, _) = session(|request, _, _| (request.operation() == "cancel").then(|| Reply::empty(204, ""))).await;
    let store = patient(store(&server.endpoint).await, 2);
    let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
    let error = upload.abort().await.expect_err("never confirmed");
    let times = format!("does not cancel the upload session (tried {} times in 2 s)", server.all("cancel").len());
    assert!(error.to_string().contains(&times), "{error}");

    for status in [404, 410, 400, 200] {
        let (server, _) = session(move |request, _, session| match request.operation().as_str() {
            "cancel" => Some(Reply::empty(404, "")),
            "ask" if status == 200 => Some(resource(&session.stored, "T")),
            "ask" => Some(Reply::empty(status, "")),
            _ => None,
        })
        .await;
        let upload = retrying(&server.endpoint)
            .await
            .start(&key(), &commit(IfExists::Fail), &Attempts::default())
            .await
            .expect("started");
        upload.abort().await.expect("it is gone, or was completed");
        assert_eq!(server.operations(), ["start", "cancel", "ask"], "{status}");
    }
}

/// A part whose future is dropped may be on its way still: nothing but an abort can follow.
#[tokio::test]
async fn after_a_part_that_was_dropped_only_an_abort_follows() {
    let (server, _) = session(|request, _, _| match request.operation().as_str() {
        "piece" => Some(Reply::Hold),
        "cancel" | "ask" => Some(Reply::empty(499, "")),
        _ => None,
    })
    .await;
    let upload = store(&server.endpoint)
        .await
        .start(&key(), &commit(IfExists::Fail), &Attempts::default())
        .await
        .expect("started");
    let body = data(QUANTUM);
    {
        let mut part = upload.put_part(1, payload(&body));
        while server.all("piece").is_empty() {
            let step = tokio::time::timeout(Duration::from_millis(5), &mut part).await;
            assert!(step.is_err(), "it is held");
        }
    }
    upload.put_part(1, payload(&body)).await.expect_err("one is under way");
    upload.complete(&[], payload(b"").checksum(), &Attempts::default()).await.expect_err("one is under way");
    upload.abort().await.expect("aborted");
    assert_eq!(server.operations(), ["start", "piece", "cancel", "ask"]);
}

/// The session is asked where it stands until it tells, and only what is missing is sent.
#[tokio::test]
async fn a_part_that_failed_in_passing_goes_on_where_the_session_stands() {
    let (server, session) = session(|request, before, session| match (request.operation().as_str(), before) {
        ("piece", 0) => {
            session.take_some(request, QUANTUM);
            Some(Reply::Cut)
        }
        ("ask", 0) => Some(Reply::empty(502, "")),
        _ => None,
    })
    .await;
    let (body, store) = (data(3 * QUANTUM + 5), store(&server.endpoint).await);
    let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
    for _ in 0..2 {
        let error = upload.put_part(1, payload(&body)).await.expect_err("cut off, and not told");
        assert_eq!(error.passing(), Some(Passing::Outage), "{error}");
    }
    let part = upload.put_part(1, payload(&body)).await.expect("the rest is stored");
    upload.put_part(1, payload(&body)).await.expect_err("once only");
    upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect("completed");
    assert_eq!(server.operations(), ["start", "piece", "ask", "ask", "piece", "last"]);
    assert_eq!(server.all("piece").iter().map(first_of).collect::<Vec<_>>(), [0, QUANTUM]);
    assert!(session.lock().expect("fine").stored == body);
}

/// What failed for good is not sent again, whoever asks for it.
#[tokio::test]
async fn a_part_that_failed_for_good_is_the_end_of_the_upload() {
    let (server, _) =
        session(|request, _, _| (request.operation() == "piece").then(|| Reply::error(403, "forbidden", "no"))).await;
    let (body, store) = (data(QUANTUM), store(&server.endpoint).await);
    let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
    for words in ["403", "one has failed"] {
        let error = upload.put_part(1, payload(&body)).await.expect_err(words);
        assert!(error.to_string().contains(words) && error.passing().is_none(), "{error}");
    }
    assert_eq!(server.operations(), ["start", "piece"]);
}

/// The bytes are in the session, and cannot be sent to it again.
#[tokio::test]
async fn a_session_that_holds_damaged_bytes_is_given_up_at_once() {
    let (server, _) = session(|request, _, _| {
        (request.operation() == "last").then(|| Reply::error(400, "invalid", "Provided CRC32C is not as calculated"))
    })
    .await;
    let body = data(QUANTUM);
    let error = upload(&retrying(&server.endpoint).await, [&body, b"end"]).await.expect_err("damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(server.operations(), ["start", "piece", "last"]);
}
