//! Whether a service keeps the condition that an object is stored only if none exists.

use crate::server::{Reply, Request, Server};
use crate::*;
use std::sync::Mutex;

#[tokio::test]
async fn a_condition_that_a_service_may_ignore_is_refused_before_anything_is_sent() {
    let server = Server::start(|_, _| Reply::ok(ETAG)).await;
    let mut options = options(&server.endpoint);
    options.provider = Some(Provider::GoogleXml);
    options.conditional_writes = None;
    let store = S3Store::connect(options).await.expect("options are fine");
    let put = store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.expect_err("refused");
    let start = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect_err("refused");
    assert_eq!((put.kind(), start.kind()), (ErrorKind::InvalidConfig, ErrorKind::InvalidConfig));
    assert!(server.requests().is_empty());
}

/// How a service fails to keep conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Looks when a request begins, and stores when it ends.
    Overlapping,
    /// Does not look at all.
    Ignored,
    /// Does not look when an upload is completed.
    IgnoredInParts,
    /// Answers 501.
    Rejected,
    /// Keeps them, and lets nothing be removed.
    NoDelete,
}

/// A service with one object at a time.
async fn service(fault: Fault) -> Server {
    let there = Mutex::new(None::<String>);
    let puts = Mutex::new(0);
    Server::start(move |request, _| {
        let mut there = there.lock().expect("not poisoned");
        let path = request.target.split('?').next().expect("a path").to_owned();
        let is_conditional = request.header("if-none-match") == Some("*");
        let taken = there.as_deref() == Some(&path);
        match (request.method.as_str(), request.operation().1) {
            ("POST", "uploads") => Reply::xml(200, STARTED),
            ("PUT", query) if query.contains("partNumber") => Reply::ok(ETAG),
            ("PUT", _) if is_conditional && fault == Fault::Rejected => Reply::error(501, "NotImplemented"),
            ("PUT", _) => {
                *puts.lock().expect("not poisoned") += 1;
                let looks = match fault {
                    Fault::Ignored => false,
                    Fault::Overlapping => *puts.lock().expect("not poisoned") > 2,
                    _ => true,
                };
                if taken && looks && is_conditional {
                    return Reply::error(412, "PreconditionFailed");
                }
                *there = Some(path);
                Reply::ok(ETAG)
            }
            ("POST", _) if taken && is_conditional && fault != Fault::IgnoredInParts => {
                Reply::error(412, "PreconditionFailed")
            }
            ("POST", _) => Reply::xml(200, COMPLETED),
            ("DELETE", query) if query.contains("uploadId") => Reply::Answer(204, String::new(), Vec::new()),
            ("DELETE", _) if fault == Fault::NoDelete => Reply::error(403, "AccessDenied"),
            ("DELETE", _) => {
                *there = None;
                Reply::Answer(204, String::new(), Vec::new())
            }
            _ => Reply::error(NO_SUCH_UPLOAD.0, NO_SUCH_UPLOAD.1),
        }
    })
    .await
}

/// A store on a service of which nothing is known.
async fn unknown(server: &Server, cache: Option<std::path::PathBuf>) -> S3Store {
    let mut options = options(&server.endpoint);
    options.conditional_writes = None;
    options.conditions_cache = cache;
    S3Store::connect(options).await.expect("options are fine")
}

fn is_scratch(request: &Request) -> bool {
    request.target.contains("/bucket/folder/.sealift-conditions-")
}

#[tokio::test]
async fn a_service_that_keeps_conditions_proves_it_once_and_nothing_is_left() {
    let server = service(Fault::None).await;
    let store = unknown(&server, None).await;
    let options = commit(IfExists::Fail);
    store.put(&key(), digits(), &options, &Attempts::default()).await.expect("stored");
    let proof: Vec<_> = server.requests().into_iter().filter(is_scratch).collect();
    let methods: Vec<_> = proof.iter().map(|request| request.method.as_str()).collect();
    let whole = ["PUT", "PUT", "PUT"];
    let in_parts = ["POST", "PUT", "POST", "DELETE", "GET"];
    assert_eq!(methods, [&whole[..], &in_parts[..], &["DELETE"]].concat());
    assert!(proof[..3].iter().all(|request| request.header("if-none-match") == Some("*")));
    assert!(proof[..2].iter().all(|request| request.heads >= 2), "each had begun before either had ended");
    assert_eq!(proof[5].header("if-none-match"), Some("*"));

    let error = store.put(&key(), digits(), &options, &Attempts::default()).await.expect_err("it exists");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(server.requests().iter().filter(|request| is_scratch(request)).count(), proof.len(), "once");
}

#[tokio::test]
async fn a_service_that_does_not_keep_conditions_is_found_out_and_nothing_is_left() {
    for fault in [Fault::Overlapping, Fault::Ignored, Fault::IgnoredInParts, Fault::Rejected] {
        let server = service(fault).await;
        let store = unknown(&server, None).await;
        let attempts = Attempts::default();
        for _ in 0..2 {
            let error = store.start(&key(), &commit(IfExists::Fail), &attempts).await.map(drop).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{fault:?}: {error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("--conditional-writes honoured")), "{error}");
            assert!(error.left_behind().is_empty(), "{fault:?}: {error}");
        }
        let requests = server.requests();
        assert!(requests.iter().all(is_scratch), "{fault:?}: nothing of the object itself");
        let removed = requests.iter().filter(|request| request.method == "DELETE").count();
        assert_eq!(removed > 0, fault != Fault::Rejected, "{fault:?}");
        assert_eq!(attempts.effect(), Effect::default());
    }
}

#[tokio::test]
async fn a_scratch_object_that_cannot_be_removed_is_named() {
    let server = service(Fault::NoDelete).await;
    let store = unknown(&server, None).await;
    let put = store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await;
    let error = put.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    let [left] = error.left_behind() else { panic!("{error}") };
    let named = left.to_string();
    assert!(named.contains("s3://bucket/folder/.sealift-conditions-") && named.contains("AccessDenied"), "{named}");
}

#[tokio::test]
async fn a_proof_is_remembered_in_a_file_and_a_bad_file_is_no_proof() {
    let folder = std::env::temp_dir().join(format!("sealift-conditions-{}", Token::random()));
    let cache = folder.join("proven");
    let server = service(Fault::None).await;
    for (round, proofs) in [(0, 1), (1, 1), (2, 2)] {
        if round == 2 {
            std::fs::write(&cache, [0xff, 0xfe]).expect("written");
        }
        let store = unknown(&server, Some(cache.clone())).await;
        drop(store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started"));
        let starts = server.requests().into_iter().filter(|request| is_scratch(request) && request.method == "POST");
        assert_eq!(starts.count(), proofs * 2, "round {round}");
    }
    // A place that cannot be written is no reason to fail.
    let store = unknown(&server, Some("/dev/null/proven".into())).await;
    drop(store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started"));
    let kept: Vec<_> = std::fs::read_dir(&folder).expect("readable").collect();
    assert_eq!(kept.len(), 1, "no temporary file: {kept:?}");
    std::fs::remove_dir_all(&folder).expect("removed");
}
