//! What uploads in parts may leave: aborts, starts whose answer was lost, and what a sweep finds.

use crate::server::Reply;
use crate::uploads::{ID, KEY, Service, listed, no_such_upload, parts};
use crate::{commit, data, key, page, payload, started};
use sealift::{Attempts, ErrorKind, IfExists, Leftover, ObjectStore, Origin, RetryPolicy, RetryingStore};
use std::time::Duration;

async fn retrying(service: &Service, seconds: u64) -> RetryingStore {
    RetryingStore::new(service.store().await, RetryPolicy::new(Duration::from_secs(seconds)))
}

/// A part is on its way when the upload is aborted, and is stored after it all the same: it is aborted again.
#[tokio::test]
async fn an_abort_with_parts_in_flight_leaves_nothing() {
    let service = Service::start(|request, before, uploads| match (request.operation().as_str(), before) {
        ("part", 1) => Some(Reply::Hold),
        ("abort", 0) => {
            uploads.parts.insert(2, vec![0; 5]);
            Some(Reply::empty(204, ""))
        }
        _ => None,
    })
    .await;
    let store = retrying(&service, 5).await;
    let upload = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    upload.put_part(1, payload(&data(100))).await.expect("stored");
    {
        let mut held = upload.put_part(2, payload(&data(100)));
        while service.server.all("part").len() < 2 {
            let step = tokio::time::timeout(Duration::from_millis(5), &mut held).await;
            assert!(step.is_err(), "it is held");
        }
    }
    upload.abort().await.expect("aborted");
    assert_eq!(service.server.operations()[3..], ["abort", "list parts", "abort", "list parts"]);
    assert!(!service.holds().open && service.holds().parts.is_empty());
    upload.abort().await.expect("it is gone already");
}

#[tokio::test]
async fn an_abort_that_cannot_be_had_names_what_is_left() {
    let service = Service::start(|request, _, _| {
        (request.operation() == "abort").then(|| Reply::xml_error(403, "AccessDenied", "no"))
    })
    .await;
    let store = retrying(&service, 1).await;
    let upload = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let error = upload.abort().await.expect_err("refused");
    let left: Vec<_> = error.left_behind().iter().map(ToString::to_string).collect();
    assert_eq!(
        left,
        [format!(
            "the incomplete upload of gs://bucket/{KEY}, upload id {ID}: it could not be aborted (`sealift sweep --foreign` \
             removes it)"
        )]
    );

    // Its parts must not be listed: it is aborted more than once, and that has to do.
    let service = Service::start(|request, _, _| {
        (request.operation() == "list parts").then(|| Reply::xml_error(403, "AccessDenied", "no"))
    })
    .await;
    let upload = retrying(&service, 1)
        .await
        .start(&key(), &commit(IfExists::Replace), &Attempts::default())
        .await
        .expect("started");
    upload.abort().await.expect("aborted");
    assert_eq!(service.server.all("abort").len(), 3);
}

/// A start whose answer is lost may have left an upload: the second is used, and the first is named.
#[tokio::test]
async fn a_start_whose_answer_is_lost_is_named() {
    type Lost = (fn() -> Reply, &'static [&'static str]);
    let cases: [Lost; 2] = [
        (|| Reply::Cut, &["upload id other: its start told no id", "unknown: its start was not answered"]),
        (page, &["upload id other"]),
    ];
    for (lost, named) in cases {
        let service = Service::start(move |request, before, _| match (request.operation().as_str(), before) {
            ("initiate", 0) => Some(lost()),
            ("list uploads", _) => {
                assert!(request.query.starts_with("uploads=&prefix=a%2Fkey+%2B%25"), "{}", request.query);
                Some(listed(&[(KEY, ID), (KEY, "other"), ("a/key +%2", "longer")]))
            }
            _ => None,
        })
        .await;
        let store = retrying(&service, 5).await;
        let upload = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
        assert_eq!(upload.id(), ID);
        let beside: Vec<_> = upload.left_beside().iter().map(ToString::to_string).collect();
        assert_eq!(beside.len(), named.len(), "{beside:?}");
        for (left, words) in beside.iter().zip(named) {
            assert!(left.starts_with("perhaps ") && left.contains(words), "{left}");
            assert!(left.contains("`sealift sweep --foreign` removes it"), "{left}");
        }
    }

    let service = Service::start(|request, before, _| match request.operation().as_str() {
        "initiate" if before == 0 => Some(Reply::Cut),
        "list uploads" => Some(Reply::xml_error(403, "AccessDenied", "no")),
        _ => None,
    })
    .await;
    let upload = retrying(&service, 5)
        .await
        .start(&key(), &commit(IfExists::Replace), &Attempts::default())
        .await
        .expect("started");
    let beside: Vec<_> = upload.left_beside().iter().map(ToString::to_string).collect();
    assert_eq!(beside.len(), 1);
    assert!(beside[0].contains("cannot be looked at"), "{beside:?}");
}

/// What must not replace anything goes by a session, which is in no list.
#[tokio::test]
async fn a_session_whose_start_is_lost_is_not_looked_for_among_uploads_in_parts() {
    let service = Service::start(|request, before, _| match (request.operation().as_str(), before) {
        ("start", 0) => Some(Reply::Cut),
        ("start", _) => Some(started("http://elsewhere.example")),
        _ => None,
    })
    .await;
    let store = retrying(&service, 5).await;
    let upload = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
    assert_eq!(service.server.operations(), ["start", "start"]);
    let beside: Vec<_> = upload.left_beside().iter().map(ToString::to_string).collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    assert!(beside[0].contains("the service drops it after a week"), "{beside:?}");
}

/// More of one key than a page lists: which of them are this one's cannot be said.
#[tokio::test]
async fn a_lost_start_among_too_many_is_told_without_an_id() {
    let service = Service::start(|request, before, _| match (request.operation().as_str(), before) {
        ("initiate", 0) => Some(Reply::Cut),
        ("list uploads", _) => Some(Reply::xml(
            200,
            &format!(
                "<ListMultipartUploadsResult><Upload><Key>{KEY}</Key><UploadId>other</UploadId></Upload>\
                 <IsTruncated>true</IsTruncated><NextKeyMarker>{KEY}</NextKeyMarker>\
                 <NextUploadIdMarker>other</NextUploadIdMarker></ListMultipartUploadsResult>"
            ),
        )),
        _ => None,
    })
    .await;
    let store = retrying(&service, 5).await;
    let upload = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let beside: Vec<_> = upload.left_beside().iter().map(ToString::to_string).collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    assert!(beside[0].contains("the list of uploads cannot be looked at"), "{beside:?}");
    assert_eq!(service.server.all("list uploads").len(), 1);
}

#[tokio::test]
async fn a_sweep_finds_uploads_and_what_they_hold() {
    let service = Service::start(|request, before, _| match (request.operation().as_str(), before) {
        ("list uploads", 0) => {
            let document = "<ListMultipartUploadsResult><Upload><Key>a/one</Key><UploadId>1</UploadId></Upload>\
                <IsTruncated>true</IsTruncated><NextKeyMarker>a/one</NextKeyMarker>\
                <NextUploadIdMarker>1</NextUploadIdMarker></ListMultipartUploadsResult>";
            Some(Reply::xml(200, document))
        }
        ("list uploads", _) => {
            assert!(request.query.ends_with("&key-marker=a%2Fone&upload-id-marker=1"), "{}", request.query);
            Some(listed(&[("a/two", "2"), ("a/three", "3")]))
        }
        ("list parts", _) if request.path.ends_with("one") => {
            let first = !request.query.contains("part-number-marker");
            Some(match first {
                true => Reply::xml(
                    200,
                    "<ListPartsResult><Part><Size>7</Size></Part><IsTruncated>true</IsTruncated>\
                     <NextPartNumberMarker>1</NextPartNumberMarker></ListPartsResult>",
                ),
                false => parts([8].into_iter()),
            })
        }
        ("list parts", _) if request.path.ends_with("two") => Some(no_such_upload()),
        ("list parts", _) => Some(Reply::xml_error(403, "AccessDenied", "no")),
        _ => None,
    })
    .await;
    let store = service.store().await;
    let first = store.leftovers("a/", None).await.expect("listed");
    let mut found = store.leftovers("a/", first.next.as_deref()).await.expect("listed");
    assert_eq!((first.found.len(), found.next.as_ref()), (1, None), "{found:?}");
    found.found.extend(first.found);
    assert_eq!(found.found.len(), 1, "{found:?}");
    let Leftover { key, id, idle, bytes, origin, .. } = &found.found[0];
    assert_eq!((key.as_str(), id.as_str(), *bytes, *origin), ("a/one", "1", 15, Origin::Unknown));
    assert_eq!(*idle, Duration::from_secs(3600), "since its last part, by the service's clock");
    assert_eq!(found.unread.len(), 1);
    assert_eq!((found.unread[0].key.as_str(), found.unread[0].error.kind()), ("a/three", ErrorKind::Denied));
}

/// One that has gone on since it was listed is alive; the other is aborted.
#[tokio::test]
async fn a_sweep_removes_only_what_is_idle() {
    let service = Service::start(|_, _, uploads| {
        uploads.parts.entry(1).or_insert_with(|| vec![0; 15]);
        None
    })
    .await;
    let store = service.store().await;
    store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let found = store.leftovers("a", None).await.expect("listed").all().expect("all");
    assert_eq!(found[0].bytes, 15);
    service.holds().parts.insert(2, vec![0; 5]);
    let error = store.remove_leftover(&found[0]).await.expect_err("it is alive");
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    assert!(service.holds().open);
    service.holds().parts.remove(&2);
    store.remove_leftover(&found[0]).await.expect("removed");
    assert!(!service.holds().open);
}

/// Who must not list uploads, and what has no such list, sweeps as before there were any: nothing is found. A bucket that is not
/// there is said to be so.
#[tokio::test]
async fn a_list_that_cannot_be_had_finds_nothing() {
    for refusal in [
        || Reply::xml_error(403, "AccessDenied", "no"),
        || Reply::empty(501, ""),
        || Reply::Answer(404, String::new(), b"<html>nothing</html>".to_vec()),
    ] {
        let service = Service::start(move |request, _, _| match request.operation().as_str() {
            "list uploads" => Some(refusal()),
            "list" => Some(Reply::json(200, r#"{"kind":"storage#objects"}"#)),
            _ => None,
        })
        .await;
        let found = service.store().await.leftovers("", None).await.expect("as before");
        assert!(found.found.is_empty() && found.unread.is_empty());
    }
    let gone = |status| Reply::xml_error(status, "NoSuchBucket", "The specified bucket does not exist.");
    let service = Service::start(move |request, _, _| (request.operation() == "list uploads").then(|| gone(404))).await;
    let error = service.store().await.leftovers("", None).await.expect_err("no bucket");
    assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
    let service = Service::start(|request, _, _| match request.operation().as_str() {
        "list uploads" => Some(Reply::empty(501, "")),
        _ => Some(Reply::error(404, "notFound", "The specified bucket does not exist.")),
    })
    .await;
    let error = service.store().await.leftovers("", None).await.expect_err("no bucket");
    assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
}

#[tokio::test]
async fn a_list_that_does_not_end_is_an_error() {
    for more in ["<NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>", ""] {
        let document =
            format!("<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>{more}</ListMultipartUploadsResult>");
        let service = Service::start(move |_, _, _| Some(Reply::xml(200, &document))).await;
        let error = service.store().await.leftovers("", Some("1\na")).await.expect_err("endless");
        assert!(error.to_string().contains("and not where"), "{error}");
    }
}
