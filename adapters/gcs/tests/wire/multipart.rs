//! Uploads in parts by the XML API: what goes over the wire, and what each answer means for what is stored.

use crate::server::Reply;
use crate::uploads::{ID, KEY, Service, completed, no_such_upload, part_number};
use crate::{commit, data, holds, key, payload, resource, started};
use bytes::Bytes;
use sealift::{
    Attempts, Bucket, Budget, Codec, Committed, Compressor, Error, ErrorKind, IfExists, ObjectStore, Passing, Result,
    RetryPolicy, RetryingStore, Sealed,
};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Two parts and the end of `store`'s upload.
async fn upload(store: &impl ObjectStore, bodies: [&[u8]; 2], attempts: &Attempts) -> Result<Committed> {
    let upload = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await?;
    let first = upload.put_part(1, payload(bodies[0])).await?;
    let second = upload.put_part(2, payload(bodies[1])).await?;
    upload.complete(&[first, second], payload(&bodies.concat()).checksum(), attempts).await
}

/// The service with everything above the adapter: 12 MiB as they are, in parts of 5 MiB.
async fn stored(service: &Service, if_exists: IfExists) -> Result<Sealed, Error> {
    let compressor = Arc::new(Compressor::new(Codec::Plain, NonZeroUsize::new(1)).expect("threads"));
    let bucket = Bucket::new(service.store().await, compressor, Budget::new(64 << 20).expect("enough"))
        .with_retry_policy(RetryPolicy::new(Duration::from_secs(5)));
    let sealed = bucket.put(&key(), whole(), if_exists).await;
    bucket.close().await.expect("nothing else is left");
    sealed
}

fn whole() -> Bytes {
    data(12 << 20).into()
}

async fn retrying(service: &Service) -> RetryingStore {
    RetryingStore::new(service.store().await, RetryPolicy::new(Duration::from_secs(5)))
}

#[tokio::test]
async fn requests_are_as_google_describes_them() {
    let service = Service::start(|_, _, _| None).await;
    let body = data(1_000_000);
    let attempts = Attempts::default();
    let made = upload(&service.store().await, [&body[..600_000], &body[600_000..]], &attempts).await.expect("made");
    assert_eq!((made.etag.as_deref(), made.version.as_deref(), made.checksum), (Some("17"), Some("17"), None));
    assert!(made.at.is_some(), "by the service's clock");
    assert_eq!((attempts.effect().applied, attempts.effect().unanswered), (1, 0));
    assert!(service.holds().object.as_ref() == Some(&body));
    assert_eq!(service.server.operations(), ["initiate", "part", "part", "complete"]);
    let requests = service.server.requests();
    let id = "uploadId=VXBsb2Fk%2B%2F%3D";
    let queries: Vec<_> = requests.iter().map(|request| request.query.as_str()).collect();
    assert_eq!(queries, ["uploads=", &format!("partNumber=1&{id}"), &format!("partNumber=2&{id}"), id]);
    assert!(requests.iter().all(|request| request.path == "/bucket/a%2Fkey%20%2B%25"));
    assert_eq!(requests[0].header("content-type"), Some("application/octet-stream"));
    assert_eq!(requests[0].header("x-goog-meta-sealift-token").map(str::len), Some(32));
    let hashes: Vec<_> = requests.iter().map(|request| request.header("x-goog-hash").is_some()).collect();
    assert_eq!(hashes, [false, true, true, false], "of each part");
    assert_eq!(requests[3].header("content-type"), Some("application/xml"));
    assert_eq!(
        String::from_utf8_lossy(&requests[3].body),
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"tag-1\"</ETag></Part>\
         <Part><PartNumber>2</PartNumber><ETag>\"tag-2\"</ETag></Part></CompleteMultipartUpload>"
    );
}

/// What the answer to the end tells is taken as it is, and nothing else for it: the ETag names no object of Google's.
#[tokio::test]
async fn of_the_end_only_what_is_told_is_known() {
    for (headers, etag, checksum) in [
        ("", None, None),
        ("x-goog-generation: 0\r\n", None, None),
        ("x-goog-hash: md5=AAAA,crc32c=4waSgw==\r\n", None, Some(vec![0xe3, 6, 0x92, 0x83])),
        ("x-goog-hash: md5=AAAA\r\nx-goog-hash: crc32c=4waSgw==\r\n", None, Some(vec![0xe3, 6, 0x92, 0x83])),
        ("x-goog-generation: 9\r\n", Some("9"), None),
    ] {
        let service =
            Service::start(move |request, _, _| (request.operation() == "complete").then(|| completed(headers))).await;
        let made = upload(&service.store().await, [b"a", b"b"], &Attempts::default()).await.expect("made");
        assert_eq!((made.etag.as_deref(), made.checksum), (etag, checksum), "{headers}");
    }
}

/// The first part that comes is never answered, and the others come all the same.
#[tokio::test]
async fn parts_are_sent_at_once() {
    let service =
        Service::start(|request, before, _| (request.operation() == "part" && before == 0).then_some(Reply::Hold))
            .await;
    let others = async {
        while service.server.all("part").len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        sealed = stored(&service, IfExists::Replace) => panic!("one part is held: {:?}", sealed.map(drop)),
        came = tokio::time::timeout(Duration::from_secs(20), others) => came.expect("they do not wait for it"),
    }
}

#[tokio::test]
async fn what_is_sealed_is_confirmed() {
    let service = Service::start(|_, _, _| None).await;
    let sealed = stored(&service, IfExists::Replace).await.expect("stored");
    assert!(service.holds().object.as_deref() == Some(&whole()[..]));
    let parts: Vec<_> = service.server.all("part").iter().map(|part| part.body.len()).collect();
    assert_eq!(parts.iter().sum::<usize>(), 12 << 20, "{parts:?}");
    // The answer told no checksum, so the object was looked at.
    assert!(sealed.confirmed.to_string().contains("checksum"), "{}", sealed.confirmed);
    assert_eq!(service.server.operations().last().map(String::as_str), Some("head"));
}

/// The object is made and the answer lost; asked again, the service has no such upload any more. The token tells.
#[tokio::test]
async fn an_end_whose_answer_is_lost_is_settled_by_the_token() {
    let service = Service::start(|request, before, uploads| {
        (request.operation() == "complete" && before == 0).then(|| {
            uploads.complete();
            Reply::Cut
        })
    })
    .await;
    let sealed = stored(&service, IfExists::Replace).await.expect("it is there");
    assert!(service.holds().object.as_deref() == Some(&whole()[..]));
    assert_eq!(sealed.version.as_deref(), Some("17"));
    assert_eq!(service.server.all("complete").len(), 2);
}

/// The same, where nothing was made: nothing is said to be there, and the upload is gone.
#[tokio::test]
async fn an_end_of_what_is_gone_made_nothing() {
    let service = Service::start(|request, _, _| (request.operation() == "complete").then(no_such_upload)).await;
    let error = stored(&service, IfExists::Replace).await.expect_err("nothing was made");
    assert!(error.to_string().contains("404 NoSuchUpload"), "{error}");
    assert!(error.left_behind().is_empty(), "{error}");
    assert!(!service.holds().open && service.holds().object.is_none());
}

#[tokio::test]
async fn a_success_with_an_error_inside_is_none() {
    for (code, times) in [("InternalError", 2), ("InvalidPart", 1)] {
        let service = Service::start(move |request, before, _| {
            (request.operation() == "complete" && before == 0).then(|| Reply::xml_error(200, code, "not so"))
        })
        .await;
        let attempts = Attempts::default();
        let made = upload(&retrying(&service).await, [b"a", b"b"], &attempts).await;
        assert_eq!(service.server.all("complete").len(), times, "{code}");
        assert_eq!(attempts.effect().unclear, 1, "{code}: it is over, and nobody knows what it did");
        match made {
            Ok(_) => assert_eq!(code, "InternalError"),
            Err(error) => assert!(error.to_string().contains("200 InvalidPart: not so"), "{error}"),
        }
    }
}

#[tokio::test]
async fn answers_that_are_others_are_none() {
    let page = || Reply::Answer(200, "content-type: text/html\r\n".into(), b"<html>Welcome</html>".to_vec());
    let other_key = || {
        Reply::xml(
            200,
            "<InitiateMultipartUploadResult><Key>b</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>",
        )
    };
    let no_id = || {
        Reply::xml(
            200,
            &format!(
                "<InitiateMultipartUploadResult><Key>{KEY}</Key><UploadId></UploadId></InitiateMultipartUploadResult>"
            ),
        )
    };
    let other_end = || Reply::xml(200, "<CompleteMultipartUploadResult><Key>b</Key></CompleteMultipartUploadResult>");
    let list = || Reply::xml(200, "<ListPartsResult></ListPartsResult>");
    type Make = Box<dyn Fn() -> Reply + Send + Sync>;
    let cases: [(&str, Make, &str); 9] = [
        ("initiate", Box::new(page), "its XML is not what was asked for"),
        ("initiate", Box::new(|| Reply::empty(200, "")), "its XML is not what was asked for"),
        ("initiate", Box::new(other_key), "another object"),
        ("initiate", Box::new(no_id), "without an id"),
        ("part", Box::new(|| Reply::empty(200, "")), "a part without an ETag"),
        ("part", Box::new(page), "content where there should be none"),
        ("complete", Box::new(page), "its XML is not what was asked for"),
        ("complete", Box::new(other_end), "another object"),
        ("complete", Box::new(list), "a list of parts, which was not asked for"),
    ];
    for (operation, reply, words) in cases {
        let service = Service::start(move |request, _, _| (request.operation() == operation).then(&reply)).await;
        let attempts = Attempts::default();
        let error = upload(&service.store().await, [b"a", b"b"], &attempts).await.expect_err(words);
        assert!(error.to_string().contains(words), "{operation}: {error}");
        assert_eq!(error.passing(), Some(Passing::Unlikely), "{error}");
        assert_eq!(attempts.effect().unclear, usize::from(operation == "complete"));
    }
}

#[tokio::test]
async fn what_is_refused_is_said_at_once() {
    for (operation, status, code, kind) in [
        ("initiate", 403, "AccessDenied", ErrorKind::Denied),
        ("part", 403, "AccessDenied", ErrorKind::Denied),
        ("complete", 400, "InvalidPart", ErrorKind::Service),
    ] {
        let service = Service::start(move |request, _, _| {
            (request.operation() == operation).then(|| Reply::xml_error(status, code, "no"))
        })
        .await;
        let error = stored(&service, IfExists::Replace).await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{operation}: {error}");
        assert!(error.to_string().contains(&format!("{status} {code}: no")), "{error}");
        assert!(error.left_behind().is_empty(), "{error}");
        assert!(!service.holds().open && service.holds().object.is_none(), "{operation}");
        if operation != "part" {
            assert_eq!(service.server.all(operation).len(), 1, "{operation}");
        }
    }
}

#[tokio::test]
async fn a_part_that_came_damaged_or_too_soon_is_sent_again() {
    for reply in [
        || Reply::xml_error(400, "BadDigest", "The CRC you specified did not match what we received."),
        || Reply::xml_error(503, "ServiceUnavailable", "not now"),
        || Reply::Cut,
    ] {
        let service =
            Service::start(move |request, before, _| (request.operation() == "part" && before == 0).then(reply)).await;
        let sealed = stored(&service, IfExists::Replace).await.expect("stored");
        assert!(service.holds().object.as_deref() == Some(&whole()[..]));
        let parts: Vec<_> = service.server.all("part").iter().map(part_number).collect();
        assert_eq!(parts.len(), sealed.parts as usize + 1, "one of them twice: {parts:?}");
        assert_eq!(service.server.all("initiate").len(), 1);
    }
}

/// The service takes no condition with an upload in parts, so whatever was chosen this goes by a session, piece after piece.
#[tokio::test]
async fn what_must_not_replace_anything_goes_by_a_session() {
    let held = Arc::new(std::sync::Mutex::new((Vec::new(), String::new())));
    let service = Service::start(move |request, _, _| {
        let mut held = held.lock().expect("fine");
        Some(match request.operation().as_str() {
            "start" => {
                assert!(request.query.contains("ifGenerationMatch=0"), "{}", request.query);
                let body = String::from_utf8_lossy(&request.body).into_owned();
                held.1 = body.split("\"sealift-token\":\"").nth(1).expect("a token")[..32].to_owned();
                started("http://elsewhere.example")
            }
            operation @ ("piece" | "last") => {
                // The last may bring nothing, and only say that it ends.
                if !request.body.is_empty() && crate::first_of(request) != held.0.len() {
                    return Some(Reply::error(400, "invalid", "two pieces at once"));
                }
                held.0.extend_from_slice(&request.body);
                match operation {
                    "piece" => holds(held.0.len()),
                    _ => resource(&held.0, &held.1),
                }
            }
            "ask" => holds(held.0.len()),
            other => panic!("{other}"),
        })
    })
    .await;
    stored(&service, IfExists::Fail).await.expect("stored");
    let operations = service.server.operations();
    assert!(
        operations.iter().all(|operation| ["start", "piece", "last"].contains(&operation.as_str())),
        "{operations:?}"
    );
    assert!(service.server.all("piece").len() > 1, "{operations:?}");
}

#[tokio::test]
async fn an_id_is_named_and_no_secret() {
    let service = Service::start(|_, _, _| None).await;
    let upload = service.store().await.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await;
    assert_eq!(upload.expect("started").id(), ID);
}
