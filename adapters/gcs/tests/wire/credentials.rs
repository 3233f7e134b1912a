//! Tokens: sent with every request, renewed once where they are refused, shown nowhere.

use crate::server::{Reply, Server};
use crate::{QUANTUM, commit, data, digits, holds, key, patient, payload, resource, started};
use sealift::{Attempts, ErrorKind, IfExists, ObjectStore, Passing};
use sealift_gcs::{Credentials, GcsOptions, GcsStore, TOKEN_WITHIN};
use std::time::Duration;

/// A store whose tokens come from the server itself; and the folder that holds their file.
async fn store(server: &Server) -> (GcsStore, tempfile::TempDir) {
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
