//! Starts whose answers tell nothing.

use crate::server::{Reply, Server};
use crate::*;

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_tried_again_and_what_it_may_have_left_is_named() {
    let server = Server::start(|request, before| match (request.operation(), before) {
        (("POST", _), 0) => Reply::Cut,
        (("POST", _), _) => Reply::xml(200, STARTED),
        _ => {
            let upload = |key: &str, id: &str, initiated: &str| {
                format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{initiated}</Initiated></Upload>")
            };
            let uploads = [
                upload("folder/a key", "OURS", "2020-01-01T12:00:00.000Z"),
                upload("folder/a key", "OLD", "2020-01-01T11:00:00.000Z"),
                upload("folder/a key2", "OTHER", "2020-01-01T12:00:00.000Z"),
            ];
            let body = format!("<ListMultipartUploadsResult>{}</ListMultipartUploadsResult>", uploads.concat());
            Reply::Answer(200, "date: Wed, 01 Jan 2020 12:00:01 GMT\r\n".into(), body.into())
        }
    })
    .await;
    let left: Vec<_> = started(&server).await.left_beside().iter().map(ToString::to_string).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].contains("OURS") && left[0].contains("s3://bucket/folder/a key"), "{left:?}");
    assert!(left[1].contains("whose id is unknown"), "what is seen may be another writer's: {left:?}");
    let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST", "POST", "GET"], "one look, no abort");
}

#[tokio::test]
async fn a_start_whose_answer_tells_nothing_is_tried_again_and_looked_for() {
    let server = Server::start(|request, before| match (request.method.as_str(), before) {
        ("GET", _) => Reply::xml(200, "<ListMultipartUploadsResult/>"),
        (_, 0) => Reply::error(503, "SlowDown"),
        (_, 1) => Reply::error(500, "InternalError"),
        _ => Reply::xml(200, STARTED),
    })
    .await;
    let attempts = Attempts::default();
    let store = store(&server.endpoint).await;
    let upload = store.start(&key(), &commit(IfExists::Replace), &attempts).await.expect("started");
    assert_eq!((upload.id(), upload.left_beside()), ("ID1", Vec::new()));
    assert_eq!(attempts.effect(), Effect { unanswered: 0, unclear: 2, applied: 1 });
    let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST", "POST", "POST", "GET", "GET", "GET", "GET"], "and the list is looked at");
}

fn uploads(ids: &[&str]) -> Reply {
    let upload = |id| format!("<Upload><Key>folder/a key</Key><UploadId>{id}</UploadId></Upload>");
    let uploads: String = ids.iter().map(upload).collect();
    Reply::xml(200, &format!("<ListMultipartUploadsResult>{uploads}</ListMultipartUploadsResult>"))
}

const UNKNOWN_ROOT: &str = "<Started><UploadId>ORPHAN</UploadId></Started>";

/// As `rclone serve s3` calls it.
#[tokio::test]
async fn an_id_is_read_from_a_document_of_another_name() {
    let other = "<?xml version=\"1.0\"?><InitiateMultipartUpload><UploadId>ID2</UploadId></InitiateMultipartUpload>";
    let server = Server::start(move |_, _| Reply::xml(200, other)).await;
    let attempts = Attempts::default();
    let store = store(&server.endpoint).await;
    let upload = store.start(&key(), &commit(IfExists::Replace), &attempts).await.expect("started");
    assert_eq!((upload.id(), upload.left_beside()), ("ID2", Vec::new()));
    assert_eq!(attempts.effect(), Effect { unanswered: 0, unclear: 0, applied: 1 });
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_a_start_left_whose_answer_cannot_be_read_is_named_also_when_the_list_lags() {
    for unreadable in [
        UNKNOWN_ROOT,
        "<html>hello</html>",
        "",
        "<InitiateMultipartUploadResult><Key>k</Key></InitiateMultipartUploadResult>",
    ] {
        let server = Server::start(move |request, before| match (request.method.as_str(), before) {
            ("POST", 0) => Reply::xml(200, unreadable),
            ("POST", _) => Reply::xml(200, STARTED),
            (_, 2 | 3) => uploads(&["ID1"]),
            _ => uploads(&["ID1", "ORPHAN"]),
        })
        .await;
        let attempts = Attempts::default();
        let store = store(&server.endpoint).await;
        let upload = store.start(&key(), &commit(IfExists::Replace), &attempts).await.expect("started");
        assert_eq!(attempts.effect(), Effect { unanswered: 0, unclear: 1, applied: 1 }, "{unreadable:?}");
        let left = upload.left_beside();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0].certainty(), Certainty::Perhaps);
        assert!(left[0].to_string().contains("upload id ORPHAN"), "{left:?}");
        let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
        assert_eq!(methods, ["POST", "POST", "GET", "GET", "GET"], "no abort: it may be another writer's");
    }
}

#[tokio::test]
async fn a_start_that_fails_names_what_its_attempts_left() {
    // As many as there can have been attempts.
    const IDS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];
    let server = Server::start(|request, _| match request.method.as_str() {
        "POST" => Reply::error(500, "InternalError"),
        _ => uploads(&IDS),
    })
    .await;
    let attempts = Attempts::default();
    let store = store(&server.endpoint).await;
    let error = store.start(&key(), &commit(IfExists::Replace), &attempts).await.expect_err("an internal error");
    assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Service, IDS.len()), "{error}");
    let Effect { unanswered, unclear, applied } = attempts.effect();
    assert!(unanswered + applied == 0 && (2..=IDS.len()).contains(&unclear), "{unclear}");
    assert!(error.reason().contains(&format!("tried {unclear} times")), "{error}");
}

#[tokio::test]
async fn without_permission_to_list_an_upload_may_be_left_whose_id_is_unknown() {
    let server = Server::start(|request, before| match (request.method.as_str(), before) {
        ("POST", 0) => Reply::xml(200, UNKNOWN_ROOT),
        ("POST", _) => Reply::xml(200, STARTED),
        _ => Reply::error(403, "AccessDenied"),
    })
    .await;
    let left = started(&server).await.left_beside();
    let [left] = &left[..] else { panic!("{left:?}") };
    assert!(matches!(left.remnant(), Remnant::Upload { id: None, .. }), "{left}");
    assert!(left.to_string().contains("AccessDenied"), "{left}");
}

#[tokio::test]
async fn a_start_that_is_refused_leaves_nothing_and_is_not_looked_for() {
    let server = Server::start(|_, _| Reply::error(403, "AccessDenied")).await;
    let store = store(&server.endpoint).await;
    let error = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect_err("refused");
    assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Denied, 0), "{error}");
    assert_eq!(server.requests().len(), 1);
}
