//! Answers that are not what was asked for: none is taken for "nothing is there" or "done".

use crate::server::{Reply, Server};
use crate::{commit, digits, key, page, payload, resource, store};
use sealift::{Attempts, ErrorKind, IfExists, ObjectInfo, ObjectStore, Removal};
use std::time::SystemTime;

/// An answer, and what to call it.
type Odd = (&'static str, fn() -> Reply);

fn unreadable() -> [Odd; 6] {
    [
        ("a page", page),
        ("nothing", || Reply::empty(200, "")),
        ("no content", || Reply::empty(204, "")),
        ("other JSON", || Reply::json(200, "{}")),
        ("a list", || Reply::json(200, "[]")),
        ("half of it", || Reply::json(200, r#"{"kind":"storage#objects","items":[{"name":"a"#)),
    ]
}

fn info() -> ObjectInfo {
    let mut info = ObjectInfo::new(key().to_string(), 9);
    info.etag = Some("17".into());
    info.version = Some("17".into());
    info
}

#[tokio::test]
async fn none_is_a_look_or_a_listing() {
    for (name, answer) in unreadable() {
        let server = Server::start(move |_, _| answer()).await;
        let store = store(&server.endpoint).await;
        let head = store.head(&key()).await.expect_err(name);
        let list = store.list("", None).await.expect_err(name);
        for error in [head, list] {
            assert_eq!(error.kind(), ErrorKind::Service, "{name}: {error}");
        }
        assert_eq!(server.operations(), ["head", "list"], "{name}");
    }
}

#[tokio::test]
async fn none_is_a_removal() {
    for (name, answer) in unreadable() {
        let server = Server::start(move |_, _| answer()).await;
        let store = store(&server.endpoint).await;
        for removed in [
            store.delete(&key(), None).await,
            store.delete(&key(), Some(&info())).await,
            store.retract(&key(), &info()).await,
        ] {
            match name {
                "nothing" | "no content" => assert_eq!(removed.expect("removed"), Removal::Gone),
                _ => assert_eq!(removed.expect_err(name).kind(), ErrorKind::Service),
            }
        }
        assert_eq!(server.all("delete").len(), 3);
    }
}

#[tokio::test]
async fn a_removal_is_of_what_was_seen() {
    let server = Server::start(|_, before| match before {
        0 => Reply::empty(204, ""),
        1 => Reply::error(412, "conditionNotMet", "another"),
        2 => Reply::error(404, "notFound", "No such object: bucket/k"),
        3 => Reply::empty(204, ""),
        _ => Reply::error(404, "notFound", "No such object: bucket/k"),
    })
    .await;
    let store = store(&server.endpoint).await;
    for expected in [Removal::Gone, Removal::Another, Removal::Gone] {
        assert_eq!(store.delete(&key(), Some(&info())).await.expect("told"), expected);
    }
    store.retract(&key(), &info()).await.expect("removed");
    store.retract(&key(), &info()).await.expect("gone already");
    let queries: Vec<_> = server.requests().into_iter().map(|request| request.query).collect();
    let (only, exactly) = ("ifGenerationMatch=17", "generation=17");
    assert_eq!(queries, [only, only, only, exactly, exactly]);
    assert!(!store.retracting_restores(&info()));
}

/// What stands between says 404 in its own words: that is not Google's "no such object".
#[tokio::test]
async fn a_404_of_somebody_else_is_not_the_absence_of_an_object() {
    for answer in
        [|| Reply::Answer(404, String::new(), b"<html>no such page</html>".to_vec()), || Reply::empty(404, "")]
    {
        let server = Server::start(move |_, _| answer()).await;
        let store = store(&server.endpoint).await;
        let head = store.head(&key()).await.expect_err("not told");
        let delete = store.delete(&key(), None).await.expect_err("not told");
        let retract = store.retract(&key(), &info()).await.expect_err("not told");
        let get = store.get(&key(), 0..2, None).await.expect_err("not told");
        for error in [head, delete, retract, get] {
            assert_eq!(error.kind(), ErrorKind::Service, "{error}");
        }
        assert_eq!(server.requests().len(), 4);
    }
}

#[tokio::test]
async fn an_object_is_the_one_that_was_asked_for_and_has_a_generation() {
    let of = |name: &str, generation: &str, crc: &str| {
        format!(r#"{{"name":"{name}","size":"9","generation":"{generation}","crc32c":"{crc}"}}"#)
    };
    for (json, fits) in [
        (of("a/key +%", "17", "4waSgw=="), true),
        (of("other", "17", "4waSgw=="), false),
        (of("a/key +%", "", "4waSgw=="), false),
        (of("a/key +%", "0", "4waSgw=="), false),
        (of("a/key +%", "17", "4waS"), false),
        (of("a/key +%", "17", "?"), false),
    ] {
        let body = json.clone();
        let server = Server::start(move |_, _| Reply::json(200, &body)).await;
        let store = store(&server.endpoint).await;
        let head = store.head(&key()).await;
        assert_eq!(head.is_ok(), fits, "{json}: {head:?}");
        assert!(fits || head.expect_err("told").kind() == ErrorKind::Service);
    }
    for json in [of("other", "17", "4waSgw=="), of("a/key +%", "0", "4waSgw==")] {
        let server = Server::start(move |_, _| Reply::json(200, &json)).await;
        let put = store(&server.endpoint).await;
        let put = put.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await;
        assert_eq!(put.expect_err("another").kind(), ErrorKind::Service);
    }
}

#[tokio::test]
async fn a_commit_says_when_it_was_by_the_clock_of_the_service() {
    let server = Server::start(|_, _| resource(b"123456789", "T")).await;
    let store = store(&server.endpoint).await;
    let put = store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let at = put.at.expect("a time").duration_since(SystemTime::UNIX_EPOCH).expect("later");
    assert_eq!(at.as_millis(), 1_767_323_045_678);
    assert_eq!(store.head(&key()).await.expect("there").modified, put.at);
}

#[tokio::test]
async fn a_listing_that_goes_on_where_it_is_ends_with_an_error() {
    let server =
        Server::start(|_, _| Reply::json(200, r#"{"kind":"storage#objects","items":[],"nextPageToken":"MORE"}"#)).await;
    let store = store(&server.endpoint).await;
    assert_eq!(store.list("", None).await.expect("a page").next.as_deref(), Some("MORE"));
    let error = store.list("", Some("MORE")).await.expect_err("no end");
    assert_eq!(error.kind(), ErrorKind::Service, "{error}");
}

/// An answer of 300 MiB, of which 70 MiB are sent.
#[tokio::test]
async fn long_answers_are_not_read_to_their_end() {
    let long =
        |status, length: usize| Reply::Answer(status, "content-length: 314572800\r\n".into(), vec![b'x'; length]);
    for (status, length, kind, words) in
        [(403, 2 << 20, ErrorKind::Denied, "403"), (200, 70 << 20, ErrorKind::Service, "more than 67108864 bytes")]
    {
        let server = Server::start(move |_, _| long(status, length)).await;
        let error = store(&server.endpoint).await.head(&key()).await.expect_err("too long");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(server.operations(), ["head"]);
    }
}

/// A session that a page of somebody else's calls gone may still be there.
#[tokio::test]
async fn an_abort_believes_only_the_service() {
    for (status, page) in [(404, true), (400, true), (499, false)] {
        let server = Server::start(move |request, _| match request.operation().as_str() {
            "start" => crate::started("http://elsewhere.example"),
            "cancel" => Reply::empty(204, ""),
            "ask" if page => Reply::Answer(status, String::new(), b"<html>no</html>".to_vec()),
            "ask" => Reply::empty(status, ""),
            other => panic!("{other}"),
        })
        .await;
        let store = store(&server.endpoint).await;
        let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
        upload.put_part(1, payload(b"x")).await.expect("held back");
        assert_eq!(upload.abort().await.is_err(), page, "{status}");
    }
}
