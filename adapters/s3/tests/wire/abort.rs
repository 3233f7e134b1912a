//! The end of an upload that is not wanted.

use crate::server::{Reply, Server};
use crate::*;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn an_abort_goes_on_until_no_part_is_listed() {
    let part = "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>5</Size></Part></ListPartsResult>";
    let server = Server::start(move |request, before| match (request.method.as_str(), before) {
        ("POST", _) => Reply::xml(200, STARTED),
        ("DELETE", _) => Reply::Answer(204, String::new(), Vec::new()),
        (_, 0..4) => Reply::xml(200, part),
        _ => Reply::error(NO_SUCH_UPLOAD.0, NO_SUCH_UPLOAD.1),
    })
    .await;
    let upload = store(&server.endpoint)
        .await
        .start(&key(), &commit(IfExists::Replace), &Attempts::default())
        .await
        .expect("started");
    upload.abort().await.expect("nothing left");
    let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST", "DELETE", "GET", "DELETE", "GET"]);
}

#[tokio::test]
async fn an_abort_that_is_refused_says_what_is_left() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "POST" => Reply::xml(200, STARTED),
        _ => Reply::error(403, "AccessDenied"),
    })
    .await;
    let upload = store(&server.endpoint)
        .await
        .start(&key(), &commit(IfExists::Replace), &Attempts::default())
        .await
        .expect("started");
    let error = upload.abort().await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Denied);
    let left = error.left_behind()[0].to_string();
    assert!(left.contains("incomplete upload of s3://bucket/folder/a key, upload id ID1"), "{left}");
    assert!(!format!("{error} {error:?}").contains("a-secret-key"));
}

#[tokio::test]
async fn an_abort_whose_parts_cannot_be_listed_is_repeated() {
    for (status, code) in [(403, "AccessDenied"), (405, "MethodNotAllowed"), (501, "NotImplemented")] {
        let server = Server::start(move |request, _| match request.method.as_str() {
            "POST" => Reply::xml(200, STARTED),
            "DELETE" => Reply::Answer(204, String::new(), Vec::new()),
            _ => Reply::error(status, code),
        })
        .await;
        started(&server).await.abort().await.expect("as sure as it can be");
        let aborts = server.requests().into_iter().filter(|request| request.method == "DELETE").count();
        assert_eq!(aborts, 3, "{code}");
    }
}

/// s3s-fs 0.14.1 answers 403 to an abort of what is gone, and has no list of parts.
#[tokio::test]
async fn a_repeated_abort_that_is_refused_does_not_undo_the_one_that_was_taken() {
    for (status, code, perhaps) in [(403, "AccessDenied", 0), (400, "InvalidRequest", 1)] {
        let taken = AtomicBool::new(false);
        let server = Server::start(move |request, _| match request.method.as_str() {
            "POST" => Reply::xml(200, STARTED),
            "DELETE" if !taken.swap(true, Ordering::Relaxed) => Reply::Answer(204, String::new(), Vec::new()),
            "DELETE" => Reply::error(status, code),
            _ => Reply::error(501, "NotImplemented"),
        })
        .await;
        let aborted = started(&server).await.abort().await;
        let left = aborted.err().map(|error| error.left_behind().to_vec()).unwrap_or_default();
        assert_eq!(left.len(), perhaps, "{left:?}");
        assert!(left.iter().all(|left| left.to_string().contains("could not be looked for")), "{left:?}");
        let aborts = server.requests().into_iter().filter(|request| request.method == "DELETE").count();
        assert_eq!(aborts, 2, "{code}");
    }
}

#[tokio::test]
async fn an_abort_that_is_answered_by_another_program_is_none() {
    for reply in [|| Reply::xml(200, "<html>hello</html>"), || Reply::xml(404, "<html>not here</html>")] {
        let server = Server::start(move |request, _| match request.method.as_str() {
            "POST" => Reply::xml(200, STARTED),
            _ => reply(),
        })
        .await;
        let error = started(&server).await.abort().await.expect_err("no answer of the service");
        assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Service, 1), "{error}");
        assert_eq!(error.to_string().matches("ID1").count(), 1, "{error}");
    }
}
