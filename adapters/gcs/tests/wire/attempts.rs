//! What is said of each attempt to store something, since only that tells what may exist after a failure.

use crate::server::{Reply, Server};
use crate::{QUANTUM, commit, data, digits, holds, key, options, page, patient, payload, resource, started};
use sealift::{Attempts, Effect, ErrorKind, IfExists, LeftBehind, ObjectStore, RetryPolicy, RetryingStore, Upload};
use sealift_gcs::GcsStore;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const NOTHING: Effect = Effect { unanswered: 0, unclear: 0, applied: 0 };
const UNANSWERED: Effect = Effect { unanswered: 1, ..NOTHING };
const UNCLEAR: Effect = Effect { unclear: 1, ..NOTHING };
const APPLIED: Effect = Effect { applied: 1, ..NOTHING };

/// What an attempt is answered with, its name before it, and what is to be said of it.
type Fault = (&'static str, fn() -> Reply, Effect);

fn faults() -> Vec<Fault> {
    vec![
        ("500", || Reply::error(500, "backendError", "broken"), UNCLEAR),
        ("503", || Reply::error(503, "backendError", "not now"), UNCLEAR),
        ("429", || Reply::error(429, "rateLimitExceeded", "slowly"), NOTHING),
        ("408", || Reply::empty(408, ""), UNANSWERED),
        ("502", || Reply::empty(502, ""), UNANSWERED),
        ("504", || Reply::empty(504, ""), UNANSWERED),
        ("403", || Reply::error(403, "forbidden", "no"), NOTHING),
        ("cut", || Reply::Cut, UNANSWERED),
        ("silence", || Reply::Hold, UNANSWERED),
        ("a page", page, UNCLEAR),
        ("nothing", || Reply::empty(200, ""), UNCLEAR),
        ("other JSON", || Reply::json(200, "{}"), UNCLEAR),
    ]
}

async fn store(server: &Server) -> GcsStore {
    let mut options = options(&server.endpoint);
    options.stall_timeout = Duration::from_millis(300);
    GcsStore::connect(options).await.expect("options are fine")
}

fn lost() -> LeftBehind {
    LeftBehind::unknown_upload("gs://bucket/a/key +%")
        .with_remedy("nothing of it can be seen, and the service drops it after a week")
        .because("its start was not answered so that it could be read")
}

#[tokio::test]
async fn of_a_put() {
    for (name, fault, effect) in faults() {
        let server = Server::start(move |_, _| fault()).await;
        let attempts = Attempts::default();
        let put = store(&server).await.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await;
        let error = put.expect_err(name);
        assert_eq!((attempts.effect(), server.operations().len()), (effect, 1), "{name}: {error}");
        if matches!(name, "a page" | "nothing" | "other JSON") {
            assert_eq!(error.kind(), ErrorKind::Service, "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn of_a_put_that_was_applied() {
    for (body, is_it) in [(b"123456789".as_slice(), true), (b"1234567890", false), (b"123456780", false)] {
        let server = Server::start(|_, _| resource(body, "T")).await;
        let attempts = Attempts::default();
        let put = store(&server).await.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await;
        assert_eq!((put.is_ok(), attempts.effect()), (is_it, APPLIED), "{put:?}");
    }
}

#[tokio::test]
async fn of_a_put_that_never_got_through() {
    let store = GcsStore::connect(options("http://127.0.0.1:1")).await.expect("options are fine");
    let attempts = Attempts::default();
    store.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await.expect_err("nobody is there");
    assert_eq!(attempts.effect(), NOTHING);
    let started = store.start(&key(), &commit(IfExists::Replace), &attempts).await.expect_err("nobody is there");
    assert_eq!((attempts.effect(), started.left_behind()), (NOTHING, &[][..]));
}

/// A body of which not all was taken makes no object.
#[tokio::test]
async fn of_a_put_that_broke_off_in_its_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = vec![0; 10_000];
        stream.read_exact(&mut head).await.expect("a part of it");
    });
    let (store, attempts) = (crate::store(&endpoint).await, Attempts::default());
    let put = store.put(&key(), payload(&data(32 << 20)), &commit(IfExists::Replace), &attempts).await;
    put.expect_err("cut off");
    server.await.expect("it was cut off");
    assert_eq!(attempts.effect(), NOTHING);
}

#[tokio::test]
async fn of_a_put_that_is_dropped() {
    let server = Server::start(|_, _| Reply::Hold).await;
    let (store, attempts, options) =
        (crate::store(&server.endpoint).await, Attempts::default(), commit(IfExists::Fail));
    let key = key();
    let mut put = store.put(&key, digits(), &options, &attempts);
    while server.requests().is_empty() {
        let step = tokio::time::timeout(Duration::from_millis(5), &mut put).await;
        assert!(step.is_err(), "it is held");
    }
    drop(put);
    assert_eq!(attempts.effect(), UNANSWERED);
}

#[tokio::test]
async fn of_a_start_and_what_it_may_have_left_is_named() {
    for (name, fault, effect) in faults() {
        let server = Server::start(move |_, _| fault()).await;
        let attempts = Attempts::default();
        // Once: the decorator asks what is left when the last attempt is over.
        let store = RetryingStore::new(store(&server).await, RetryPolicy::new(Duration::ZERO));
        let start = store.start(&key(), &commit(IfExists::Replace), &attempts).await;
        let error = start.expect_err(name);
        assert_eq!(attempts.effect(), effect, "{name}: {error}");
        let left = if effect == NOTHING { vec![] } else { vec![lost()] };
        assert_eq!(error.left_behind(), left, "{name}: {error}");
    }
}

#[tokio::test]
async fn a_start_that_was_lost_is_named_also_where_the_next_succeeds() {
    for (name, fault, effect) in faults() {
        let server = Server::start(move |request, before| match (request.operation().as_str(), before) {
            ("start", 0) => fault(),
            ("start", _) => started("http://elsewhere.example"),
            other => panic!("{other:?}"),
        })
        .await;
        let attempts = Attempts::default();
        let store = patient(store(&server).await, 5);
        let Ok(upload) = store.start(&key(), &commit(IfExists::Replace), &attempts).await else {
            assert_eq!((name, server.operations().len()), ("403", 1), "what does not pass");
            continue;
        };
        assert_eq!(attempts.effect(), Effect { applied: 1, ..effect }, "{name}");
        let left = if effect == NOTHING { vec![] } else { vec![lost()] };
        assert_eq!(upload.left_beside(), left, "{name}");
    }
}

/// A session that takes one whole quantum and then ends with what `last` says; asked, it answers `asked`.
async fn complete(
    last: impl Fn(usize) -> Reply + Send + Sync + 'static,
    asked: fn() -> Reply,
) -> (sealift::Result<sealift::Committed>, Effect, Server) {
    let server = Server::start(move |request, before| match request.operation().as_str() {
        "start" => started("http://elsewhere.example"),
        "piece" => holds(QUANTUM),
        "last" => last(before),
        "ask" => asked(),
        other => panic!("{other}"),
    })
    .await;
    let store = patient(store(&server).await, 5);
    let upload: Box<dyn Upload> =
        store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let body = data(QUANTUM + 5);
    let part = upload.put_part(1, payload(&body)).await.expect("stored");
    let attempts = Attempts::default();
    let done = upload.complete(std::slice::from_ref(&part), part.checksum, &attempts).await;
    (done, attempts.effect(), server)
}

#[tokio::test]
async fn of_a_completion() {
    for (name, fault, effect) in faults() {
        let refused = || Reply::error(403, "forbidden", "no");
        let last = move |before| if before == 0 { fault() } else { refused() };
        let (done, found, server) = complete(last, || holds(QUANTUM)).await;
        let error = done.expect_err(name);
        assert_eq!((found, error.kind()), (effect, ErrorKind::Denied), "{name}: {error}");
        assert_eq!(server.all("last").len(), if name == "403" { 1 } else { 2 }, "{name}");
    }
}

/// The session tells that it has made the object: then the piece that was not answered did it, and does nothing more.
#[tokio::test]
async fn of_a_completion_that_the_session_settles() {
    let made = || resource(&data(QUANTUM + 5), "T");
    for fault in [|| Reply::Cut, || Reply::empty(504, ""), || Reply::error(500, "backendError", "broken")] {
        let (done, effect, server) = complete(move |_| fault(), made).await;
        assert_eq!(done.expect("made").etag.as_deref(), Some("17"));
        assert_eq!((effect, server.operations()[2..].to_vec()), (APPLIED, vec!["last".to_owned(), "ask".to_owned()]));
    }
}

#[tokio::test]
async fn of_a_completion_that_takes_bytes_and_makes_nothing() {
    let last = |before| if before == 0 { holds(QUANTUM + 5) } else { Reply::error(403, "forbidden", "no") };
    let (done, effect, server) = complete(last, || holds(QUANTUM)).await;
    done.expect_err("refused");
    assert_eq!((effect, server.all("last").len()), (NOTHING, 2));
}
