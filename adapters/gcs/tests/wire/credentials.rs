//! Tokens: sent with every request, renewed once where they are refused, shown nowhere.

use crate::server::{Reply, Server};
use crate::uploads::Uploads;
use crate::{QUANTUM, commit, data, digits, holds, key, patient, payload, resource, started};
use sealift::{Attempts, ErrorKind, IfExists, ObjectStore, Passing, RetryingStore};
use sealift_gcs::{Credentials, GcsOptions, GcsStore, Streams, TOKEN_WITHIN};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::process::Command;

/// A store whose tokens come from the server itself; and the folder that holds their file.
async fn store(server: &Server) -> (GcsStore, tempfile::TempDir) {
    store_sending(server, Streams::Session).await
}

/// The same, which sends streams so.
async fn store_sending(server: &Server, streams: Streams) -> (GcsStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("user.json");
    let user = format!(
        r#"{{"type":"authorized_user","client_id":"me","client_secret":"s3cret-client","refresh_token":"s3cret-refresh",
            "token_uri":"{}/token"}}"#,
        server.endpoint
    );
    std::fs::write(&file, user).expect("written");
    let mut options = GcsOptions::new("bucket");
    options.endpoint = Some(server.endpoint.clone());
    options.credentials = Credentials::File(file);
    options.streams = streams;
    (GcsStore::connect(options).await.expect("options are fine"), folder)
}

fn token(number: usize) -> Reply {
    Reply::json(200, &format!(r#"{{"access_token":"s3cret-{number}","expires_in":3600,"token_type":"Bearer"}}"#))
}

#[tokio::test]
async fn both_clients_send_the_same_token() {
    let server = Server::start(|request, before| match request.operation().as_str() {
        "token" => token(before),
        "start" => started("http://elsewhere.example"),
        "piece" => holds(QUANTUM),
        "last" => resource(&data(QUANTUM), "T"),
        "put" => resource(b"123456789", "T"),
        "get" => Reply::Answer(206, "content-range: bytes 0-1/9\r\nx-goog-generation: 17\r\n".into(), b"12".to_vec()),
        "cancel" | "ask" => Reply::empty(499, ""),
        "head" => resource(b"123456789", "T"),
        other => panic!("{other}"),
    })
    .await;
    let (store, _folder) = store(&server).await;
    store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.expect("stored");
    store.get(&key(), 0..2, Some("17")).await.expect("read");
    store.head(&key()).await.expect("there");
    let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, payload(&data(QUANTUM))).await.expect("stored");
    upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect("completed");
    store
        .start(&key(), &commit(IfExists::Fail), &Attempts::default())
        .await
        .expect("started")
        .abort()
        .await
        .expect("aborted");
    assert_eq!(server.all("token").len(), 1);
    for request in server.requests().iter().filter(|request| request.operation() != "token") {
        assert_eq!(request.header("authorization"), Some("Bearer s3cret-0"), "{}", request.operation());
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    for operation in ["start", "piece", "put", "get"] {
        let server = Server::start(move |request, before| match request.operation().as_str() {
            "token" => token(before),
            now if now == operation && before == 0 => Reply::error(401, "authError", "Invalid Credentials"),
            "start" => started("http://elsewhere.example"),
            "ask" => holds(0),
            "piece" => holds(QUANTUM),
            "put" => resource(b"123456789", "T"),
            "get" => {
                Reply::Answer(206, "content-range: bytes 0-1/9\r\nx-goog-generation: 17\r\n".into(), b"12".to_vec())
            }
            other => panic!("{other}"),
        })
        .await;
        let (store, _folder) = store(&server).await;
        let store = patient(store, 5);
        match operation {
            "put" => {
                drop(store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.expect("stored"))
            }
            "get" => drop(store.get(&key(), 0..2, None).await.expect("read")),
            _ => {
                let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
                upload.put_part(1, payload(&data(QUANTUM))).await.expect("stored");
            }
        }
        let sent = server.all(operation);
        let tokens: Vec<_> = sent.iter().filter_map(|request| request.header("authorization")).collect();
        assert_eq!(tokens, ["Bearer s3cret-0", "Bearer s3cret-1"], "{operation}");
    }
}

#[tokio::test]
async fn credentials_that_are_refused_for_good_are_said_to_be() {
    for (status, passing, words) in [(401, Some(Passing::Unlikely), "have expired"), (403, None, "what they may do")] {
        let server = Server::start(move |request, before| match request.operation().as_str() {
            "token" => token(before),
            _ => Reply::error(status, "told", "no"),
        })
        .await;
        let (store, _folder) = store(&server).await;
        let head = store.head(&key()).await.expect_err("refused");
        let put =
            store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.expect_err("refused");
        let get = store.get(&key(), 0..2, Some("17")).await.expect_err("refused");
        for error in [head, put, get] {
            assert_eq!((error.kind(), error.passing()), (ErrorKind::Denied, passing), "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!format!("{error} {error:?} {store:?}").contains("s3cret"), "{error}");
        }
        for operation in ["head", "put", "get"] {
            assert_eq!(server.all(operation).len(), 1, "{operation} {status}");
        }
    }
}

#[tokio::test]
async fn no_token_is_no_request() {
    let server = Server::start(|request, _| match request.operation().as_str() {
        "token" => Reply::json(400, r#"{"error":"invalid_grant","error_description":"Token has been revoked."}"#),
        other => panic!("{other}"),
    })
    .await;
    let (store, _folder) = store(&server).await;
    let head = store.head(&key()).await.expect_err("no token");
    let put = store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.expect_err("no token");
    for error in [head, put] {
        assert_eq!((error.kind(), error.passing()), (ErrorKind::Denied, None), "{error}");
        let text = error.to_string();
        assert!(text.contains("no usable credentials") && text.contains("revoked"), "{text}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

/// The same of every request of an upload in parts, and of the lists of them.
#[tokio::test]
async fn the_xml_api_takes_the_same_tokens() {
    for refused in ["initiate", "part", "complete", "abort", "list uploads", "list parts"] {
        let uploads = Mutex::<Uploads>::default();
        let server = Server::start(move |request, before| match request.operation().as_str() {
            "token" => token(before),
            now if now == refused && before == 0 => Reply::xml_error(401, "AuthenticationRequired", "expired"),
            _ => uploads.lock().expect("fine").answer(request),
        })
        .await;
        let (store, _folder) = store_sending(&server, Streams::Multipart).await;
        let store = patient(store, 5);
        let start =
            async || store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
        let upload = start().await;
        let part = upload.put_part(1, payload(b"one")).await.expect("stored");
        let listed = store.leftovers("", None).await.expect("listed").all().expect("all");
        assert_eq!(listed.len(), 1, "{refused}");
        upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect("completed");
        start().await.abort().await.expect("aborted");
        let tokens: Vec<_> =
            server.requests().iter().filter_map(|sent| sent.header("authorization").map(str::to_owned)).collect();
        assert!(tokens.contains(&"Bearer s3cret-1".to_owned()), "{refused}: {tokens:?}");
        assert_eq!(tokens.len(), server.operations().len(), "all have one");
    }
}

/// Who gives out tokens says nothing: the operation ends, and nothing was sent to the service.
#[tokio::test]
async fn a_token_that_does_not_come_is_given_up() {
    let server = Server::start(|request, _| match request.operation().as_str() {
        "token" => Reply::Hold,
        other => panic!("{other}"),
    })
    .await;
    let ((store, _folder), attempts) = (store(&server).await, Attempts::default());
    let (key, options) = (key(), commit(IfExists::Fail));
    let mut put = store.put(&key, digits(), &options, &attempts);
    while server.all("token").is_empty() {
        let step = tokio::time::timeout(Duration::from_millis(5), &mut put).await;
        assert!(step.is_err(), "it waits");
    }
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let error = put.await.expect_err("no token");
    assert!(error.to_string().contains("no token came within"), "{error}");
    assert_eq!(error.passing(), Some(Passing::Unlikely), "none has ever come");
    assert!(begun.elapsed() <= TOKEN_WITHIN, "{:?}", begun.elapsed());
    assert!(!attempts.effect().is_possible());
}

/// Where a store's tokens come from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    /// A login, whose refresh token is exchanged.
    Login,
    /// A federation, whose own token is in a file and is exchanged.
    Federation,
    /// The metadata server of a machine at Google.
    Metadata,
}

/// What becomes of the source when its token is refused.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Renewed,
    Stays,
}

/// What the requests of [`every_request`] are.
const MOMENTS: [&str; 7] = ["put", "start", "piece", "last", "head", "get", "cancel"];

/// Without the pauses of what is tried several times, on a machine that has much else to do.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Where the child finds the service.
const SERVICE: &str = "SEALIFT_TEST_SERVICE";

/// What is in a federation's configuration: its own token is in the file `identity`.
fn federation(endpoint: &str, folder: &Path) -> String {
    format!(
        r#"{{"type":"external_account","audience":"//iam.googleapis.com/projects/1/p","token_url":"{endpoint}/token",
            "subject_token_type":"urn:ietf:params:oauth:token-type:jwt",
            "credential_source":{{"file":"{}"}}}}"#,
        folder.join("identity").display()
    )
}

/// Does every kind of request with tokens of `source`, of which from `moment` on the first is not taken. What came of it, how
/// long after the moment, and how many requests were refused.
async fn with(source: Source, moment: &'static str, then: Then) -> (String, Duration, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let identity = folder.path().join("identity");
    std::fs::write(&identity, "s3cret-identity-0").expect("written");
    let [taken, given, held, cancelled] = [0; 4].map(AtomicUsize::new);
    let since = Arc::new(OnceLock::new());
    let refused = Arc::new(AtomicUsize::new(0));
    let (began, count) = (Arc::clone(&since), Arc::clone(&refused));
    let server = Server::start(move |request, _| {
        let operation = request.operation();
        let given_now = given.load(Ordering::SeqCst);
        if operation == "token" {
            let shown = String::from_utf8_lossy(&request.body);
            let federated = shown.contains(&format!("s3cret-identity-{given_now}"));
            assert!(source != Source::Federation || federated, "the file is read at each exchange: {shown}");
            let issued = r#""issued_token_type":"urn:ietf:params:oauth:token-type:access_token","#;
            let rest = r#""expires_in":3600,"token_type":"Bearer""#;
            return Reply::json(200, &format!(r#"{{"access_token":"s3cret-{given_now}",{issued}{rest}}}"#));
        }
        if operation == moment && began.get().is_none() {
            began.set(Instant::now()).expect("once");
            taken.store(1, Ordering::SeqCst);
            if then == Then::Renewed {
                std::fs::write(&identity, "s3cret-identity-1").expect("written");
                given.store(1, Ordering::SeqCst);
            }
        }
        let newest = format!("Bearer s3cret-{}", taken.load(Ordering::SeqCst));
        if request.header("authorization") != Some(newest.as_str()) {
            count.fetch_add(1, Ordering::SeqCst);
            return Reply::error(401, "authError", "Invalid Credentials");
        }
        match operation.as_str() {
            "start" => started("http://elsewhere.example"),
            "ask" if cancelled.load(Ordering::SeqCst) == 1 => Reply::empty(499, ""),
            "ask" => holds(held.load(Ordering::SeqCst)),
            "piece" => {
                held.store(QUANTUM, Ordering::SeqCst);
                holds(QUANTUM)
            }
            "last" => resource(&data(QUANTUM), "T"),
            "put" | "head" => resource(b"123456789", "T"),
            "get" => {
                Reply::Answer(206, "content-range: bytes 0-1/9\r\nx-goog-generation: 17\r\n".into(), b"12".to_vec())
            }
            "cancel" => {
                cancelled.store(1, Ordering::SeqCst);
                Reply::empty(499, "")
            }
            other => panic!("{other}"),
        }
    })
    .await;
    let done = match source {
        Source::Metadata => {
            let host = server.endpoint.trim_start_matches("http://");
            let ended = Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", "credentials::with_what_the_environment_says", "--ignored", "--nocapture"])
                .env_clear()
                .env("HOME", folder.path())
                .env("GCE_METADATA_HOST", host)
                .env(SERVICE, &server.endpoint)
                .output()
                .await
                .expect("started");
            String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned()
        }
        Source::Login => said(every_request(&patient(store(&server).await.0, 20)).await),
        Source::Federation => {
            let file = folder.path().join("federation.json");
            std::fs::write(&file, federation(&server.endpoint, folder.path())).expect("written");
            let mut options = GcsOptions::new("bucket");
            options.endpoint = Some(server.endpoint.clone());
            options.credentials = Credentials::File(file);
            let store = GcsStore::connect(options).await.expect("options are fine");
            said(every_request(&patient(store, 20)).await)
        }
    };
    let took = since.get().map(Instant::elapsed).unwrap_or_else(|| panic!("{source:?} {moment} did not come: {done}"));
    (done, took, refused.load(Ordering::SeqCst))
}

/// What [`with`] runs where the environment says where tokens come from.
#[tokio::test]
#[ignore = "a part of other tests, with an environment of its own"]
async fn with_what_the_environment_says() {
    let Ok(service) = std::env::var(SERVICE) else { return };
    let mut options = GcsOptions::new("bucket");
    options.endpoint = Some(service);
    let store = GcsStore::connect(options).await.expect("options are fine");
    println!("{}", said(every_request(&patient(store, 20)).await));
}

fn said(done: sealift::Result<()>) -> String {
    match done {
        Ok(()) => "SEALED".to_owned(),
        Err(error) => format!("FAILED {error} DEBUG {error:?}"),
    }
}

async fn every_request(store: &RetryingStore) -> sealift::Result<()> {
    let (name, options, attempts) = (key(), commit(IfExists::Fail), Attempts::default());
    store.put(&name, digits(), &options, &attempts).await?;
    let upload = store.start(&name, &options, &attempts).await?;
    let part = upload.put_part(1, payload(&data(QUANTUM))).await?;
    upload.complete(std::slice::from_ref(&part), part.checksum, &attempts).await?;
    store.head(&name).await?;
    store.get(&name, 0..2, Some("17")).await?;
    store.start(&name, &options, &attempts).await?.abort().await
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_renewed_whichever_request_it_is() {
    for source in [Source::Login, Source::Federation, Source::Metadata] {
        for moment in MOMENTS {
            let (said, _, refused) = with(source, moment, Then::Renewed).await;
            assert!(said.contains("SEALED"), "{source:?} {moment}: {said}");
            assert_eq!(refused, 1, "{source:?} {moment}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_renewed_is_said_at_once() {
    for source in [Source::Login, Source::Federation, Source::Metadata] {
        for moment in ["put", "piece", "last", "get"] {
            let (said, took, refused) = with(source, moment, Then::Stays).await;
            assert!(
                said.contains("FAILED") && said.contains("asked anew and gave the same"),
                "{source:?} {moment}: {said}"
            );
            assert!(!said.contains("s3cret"), "{said}");
            assert!(took < AT_ONCE, "{source:?} {moment}: {took:?}");
            assert_eq!(refused, 2, "{source:?} {moment}: {said}");
        }
    }
}
