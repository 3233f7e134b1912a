//! Removing exactly what is meant.

use crate::server::{Reply, Server};
use crate::*;

/// What the server tells of the object at one look.
fn head(etag: &str, token: &str) -> Reply {
    Reply::ok(&format!("etag: \"{etag}\"\r\nx-amz-meta-sealift-token: {token}\r\ncontent-length: 9\r\n"))
}

/// The object that is to be removed.
async fn meant(version: Option<&str>) -> ObjectInfo {
    let server = Server::start(|_, _| head("A", "T")).await;
    let mut info = store(&server.endpoint).await.head(&key()).await.expect("there");
    info.version = version.map(str::to_owned);
    info
}

fn deleted() -> Reply {
    Reply::Answer(204, String::new(), Vec::new())
}

#[tokio::test]
async fn a_removal_is_on_the_condition_that_it_is_the_same() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "HEAD" => head("A", "T"),
        _ => deleted(),
    })
    .await;
    let only = meant(None).await;
    let removed = store(&server.endpoint).await.delete(&key(), Some(&only)).await.expect("removed");
    assert_eq!(removed, Removal::Gone);
    let [_, delete] = server.requests().try_into().expect("a look and a removal");
    assert_eq!((delete.method.as_str(), delete.header("if-match")), ("DELETE", Some("\"A\"")));
}

#[tokio::test]
async fn other_content_is_left_alone() {
    for (etag, token) in [("B", "T"), ("A", "another")] {
        let server = Server::start(move |_, _| head(etag, token)).await;
        let only = meant(None).await;
        let removed = store(&server.endpoint).await.delete(&key(), Some(&only)).await.expect("looked at");
        assert_eq!((removed, server.requests().len()), (Removal::Another, 1), "{etag} {token}");
    }
}

#[tokio::test]
async fn what_replaces_the_object_after_the_look_is_left_alone() {
    for (later, expected) in [(head as fn(&str, &str) -> Reply, Removal::Another), (|_, _| gone(), Removal::Gone)] {
        let server = Server::start(move |request, before| match (request.method.as_str(), before) {
            ("HEAD", 0) => head("A", "T"),
            ("HEAD", _) if !request.target.contains("folder") => Reply::ok(""),
            ("HEAD", _) => later("B", "another"),
            _ => Reply::error(412, "PreconditionFailed"),
        })
        .await;
        let only = meant(None).await;
        let removed = store(&server.endpoint).await.delete(&key(), Some(&only)).await.expect("looked at");
        assert_eq!(removed, expected);
    }
}

fn gone() -> Reply {
    Reply::Answer(404, String::new(), Vec::new())
}

#[tokio::test]
async fn where_the_condition_is_not_known_it_is_looked_at_again() {
    for (second, removal, deletes) in [("T", Removal::Gone, 2), ("another", Removal::Another, 1)] {
        let server = Server::start(move |request, before| match (request.method.as_str(), before) {
            ("HEAD", 0) => head("A", "T"),
            ("HEAD", _) => head("A", second),
            _ if request.header("if-match").is_some() => Reply::error(501, "NotImplemented"),
            _ => deleted(),
        })
        .await;
        let only = meant(None).await;
        let removed = store(&server.endpoint).await.delete(&key(), Some(&only)).await.expect("looked at");
        let sent = server.requests().into_iter().filter(|request| request.method == "DELETE").count();
        assert_eq!((removed, sent), (removal, deletes), "{:?}", server.requests());
    }
}

#[tokio::test]
async fn a_commit_is_undone_by_its_version_where_there_are_versions() {
    let server = Server::start(|_, _| deleted()).await;
    let store = store(&server.endpoint).await;
    let info = meant(Some("V1")).await;
    assert!(store.retracting_restores(&info));
    assert_eq!(store.retract(&key(), &info).await.expect("removed"), Removal::Gone);
    let request = server.request();
    assert!(request.method == "DELETE" && request.target.contains("versionId=V1"), "{}", request.target);
    for none in [None, Some("null")] {
        assert!(!store.retracting_restores(&meant(none).await), "{none:?}");
    }
}

#[tokio::test]
async fn a_removal_with_a_condition_removes_no_version() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "HEAD" => Reply::ok(&format!("{ETAG}content-length: 9\r\nx-amz-version-id: V1\r\n")),
        _ => deleted(),
    })
    .await;
    let store = store(&server.endpoint).await;
    let only = store.head(&key()).await.expect("there");
    store.delete(&key(), Some(&only)).await.expect("removed");
    let delete = server.requests().pop().expect("a removal");
    assert!(delete.method == "DELETE" && !delete.target.contains("versionId"), "{}", delete.target);
}
