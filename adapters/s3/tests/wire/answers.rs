//! Successes that are none, and answers without end.

use crate::server::{Reply, Server};
use crate::*;

const PAGE: &str = "<!DOCTYPE html><html><body>Welcome to our network</body></html>";

fn html(status: u16) -> Reply {
    Reply::Answer(status, format!("content-type: text/html\r\n{ETAG}"), PAGE.into())
}

fn info() -> ObjectInfo {
    let mut info = ObjectInfo::new(key().to_string(), 9);
    info.etag = Some("\"0123\"".to_owned());
    info
}

/// Every call, on a server that lets an upload start and tells of an object, and answers all else with `reply`.
async fn every_call(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Vec<(&'static str, sealift::Error)> {
    let server = Server::start(move |request, before| match (request.method.as_str(), before) {
        ("POST", 0) => Reply::xml(200, STARTED),
        ("HEAD", _) => Reply::ok(&format!("{ETAG}content-length: 9\r\n")),
        _ => reply(request),
    })
    .await;
    let upload = started(&server).await;
    let store = store(&server.endpoint).await;
    let (name, options, attempts) = (key(), commit(IfExists::Replace), Attempts::default());
    let leftover = Leftover::new("k", "U", Origin::Unknown);
    let (to, work) = ("b".parse().expect("valid"), Work::new("a copy"));
    let calls = [
        ("put", store.put(&name, digits(), &options, &attempts).await.map(drop)),
        ("part", upload.put_part(1, digits()).await.map(drop)),
        ("complete", upload.complete(&[], digits().checksum(), &attempts).await.map(drop)),
        ("abort", upload.abort().await),
        ("start", store.start(&name, &options, &attempts).await.map(drop)),
        ("list", store.list("", None).await.map(drop)),
        ("leftovers", store.leftovers("", None).await.and_then(sealift::Leftovers::all).map(drop)),
        ("remove a leftover", store.remove_leftover(&leftover).await),
        ("delete", store.delete(&name, None).await.map(drop)),
        ("delete only", store.delete(&name, Some(&info())).await.map(drop)),
        ("copy", store.copy(&name, &info(), &to, &work).await.map(drop)),
    ];
    assert_eq!(attempts.effect().applied, 0);
    assert_eq!(attempts.effect().unanswered, 0);
    assert!(attempts.effect().unclear >= 3, "put, complete, start: {:?}", attempts.effect());
    calls.into_iter().map(|(call, result)| (call, result.expect_err(call))).collect()
}

#[tokio::test]
async fn another_programs_page_is_no_success_of_any_call() {
    for (call, error) in every_call(|_| html(200)).await {
        assert_eq!(error.kind(), ErrorKind::Service, "{call}: {error}");
        assert!(error.reason().contains("cannot be used"), "{call}: {error}");
    }
}

/// What may have been done is named: `delete` and the calls that read leave nothing.
#[tokio::test]
async fn what_a_call_may_have_done_whose_answer_cannot_be_read_is_named() {
    for (call, error) in every_call(|_| html(200)).await {
        let named = error.left_behind().iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = match call {
            "abort" | "remove a leftover" | "start" => call != "remove a leftover",
            "copy" => true,
            _ => false,
        };
        assert_eq!(!named.is_empty(), expected, "{call}: {named:?}");
    }
}

#[tokio::test]
async fn an_error_inside_a_success_is_no_success_of_any_call() {
    let inside = |_: &Request| Reply::Answer(200, ETAG.into(), "<Error><Code>AccessDenied</Code></Error>".into());
    for (call, error) in every_call(inside).await {
        assert!(matches!(error.kind(), ErrorKind::Service | ErrorKind::Denied), "{call}: {error}");
    }
}

#[tokio::test]
async fn a_body_where_none_belongs_or_of_another_kind_is_no_success_of_any_call() {
    for (call, error) in every_call(|_| Reply::Answer(200, ETAG.into(), "{\"ok\":true}".into())).await {
        assert_eq!(error.kind(), ErrorKind::Service, "{call}: {error}");
    }
}

#[tokio::test]
async fn an_empty_success_is_none_where_something_has_to_be_told() {
    for (call, error) in every_call(|request| match request.method.as_str() {
        "DELETE" => html(200),
        _ => Reply::ok(""),
    })
    .await
    {
        assert_eq!(error.kind(), ErrorKind::Service, "{call}: {error}");
    }
}

#[tokio::test]
async fn a_look_needs_a_length_and_an_etag() {
    for (head, lacks) in [
        (format!("HTTP/1.1 200 OK\r\n{ETAG}connection: close\r\n\r\n"), "length"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n".to_owned(), "ETag"),
        (
            "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 9\r\nconnection: close\r\n\r\n"
                .to_owned(),
            "404",
        ),
    ] {
        let server = Server::start(move |_, _| Reply::Raw(head.clone())).await;
        let error = store(&server.endpoint).await.head(&key()).await.expect_err(lacks);
        assert_eq!(error.kind(), ErrorKind::Service, "{error}");
        assert!(error.reason().contains(lacks), "{error}");
    }
}

/// moto's server answers so: every 404 without a body is declared a page, and has AWS's other name for the request's id.
#[tokio::test]
async fn a_404_with_a_request_id_is_the_services_own() {
    for (of_the_bucket, kind) in [(200, ErrorKind::NotFound), (404, ErrorKind::NoSuchBucket)] {
        let server = Server::start(move |request, _| {
            let status = if request.target.contains("/folder/") { 404 } else { of_the_bucket };
            let headers = "content-type: text/html; charset=utf-8\r\nx-amzn-requestid: R\r\n";
            Reply::Answer(status, headers.to_owned(), Vec::new())
        })
        .await;
        let error = store(&server.endpoint).await.head(&key()).await.expect_err("nothing is there");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

/// The SDK passes over XML that is broken, and tells what came before it. As if that was all, nothing else would be listed.
#[tokio::test]
async fn a_document_that_is_broken_is_an_error() {
    let objects = "<Contents><Key>a</Key><Size>1</Size></Contents><Contents><Key>b</Key><Size>2</Size></Contents>";
    let uploads =
        "<Upload><Key>a</Key><UploadId>1</UploadId></Upload><Upload><Key>b</Key><UploadId>2</UploadId></Upload>";
    let parts =
        "<Part><PartNumber>1</PartNumber><Size>5</Size></Part><Part><PartNumber>2</PartNumber><Size>5</Size></Part>";
    let versions = "<Version><Key>a</Key><VersionId>1</VersionId></Version><Version><Key>a</Key><VersionId>2</VersionId></Version>";
    let deleted = "<Deleted><Key>a</Key></Deleted><Deleted><Key>b</Key></Deleted>";
    let document = move |request: &Request| {
        let (root, inside) = match (request.method.as_str(), request.target.as_str()) {
            ("POST", _) => ("DeleteResult", deleted),
            (_, target) if target.contains("uploadId=") => ("ListPartsResult", parts),
            (_, target) if target.contains("uploads") => ("ListMultipartUploadsResult", uploads),
            (_, target) if target.contains("versions") => ("ListVersionsResult", versions),
            _ => ("ListBucketResult", objects),
        };
        format!("<?xml version=\"1.0\"?><{root}>{inside}</{root}>")
    };
    type Break = fn(&str) -> String;
    // Each between the first and the second that is told.
    let breaks: [(&str, Break); 4] = [
        ("whole", str::to_owned),
        ("cut off", |document| document[..document.len() / 2].to_owned()),
        ("an element without a name", |document| {
            let (before, after) = document.split_at(document.len() / 2);
            format!("{before}{}", after.replacen("><", "><><", 1))
        }),
        ("an end that is another's", |document| document.replacen("</", "</x", 3)),
    ];
    for (name, broken) in breaks {
        // The parts of uploads only where the list of those is not broken.
        for only in ["uploadId=", ""] {
            let server = Server::start(move |request, _| {
                let whole = document(request);
                Reply::xml(200, &if request.target.contains(only) { broken(&whole) } else { whole })
            })
            .await;
            let store = store(&server.endpoint).await;
            let keys = ["a", "b"].map(|key| key.parse().expect("valid"));
            let calls = [
                ("list", store.list("", None).await.map(|page| page.objects.len())),
                ("leftovers", store.leftovers("", None).await.and_then(sealift::Leftovers::all).map(|all| all.len())),
                (
                    "delete",
                    store
                        .delete_many(&keys)
                        .await
                        .and_then(|all| all.into_iter().collect::<Result<Vec<_>, _>>())
                        .map(|all| all.len()),
                ),
            ];
            for (call, told) in calls {
                let is_broken = name != "whole" && (only.is_empty() || call == "leftovers");
                match told {
                    Ok(told) => assert!(!is_broken && told == 2, "{call}, {name}: {told}"),
                    Err(error) => {
                        assert!(is_broken && error.kind() == ErrorKind::Service, "{call}, {name}: {error}");
                        assert!(error.reason().contains("its XML is broken"), "{call}, {name}: {error}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_listing_that_says_that_more_follows_and_not_where_is_an_error() {
    let truncated = "<IsTruncated>true</IsTruncated>";
    let upload = "<Upload><Key>k</Key><UploadId>U</UploadId></Upload>";
    for next in ["", "<NextContinuationToken>T</NextContinuationToken>"] {
        let server = Server::start(move |_, _| {
            Reply::xml(200, &format!("<ListBucketResult>{truncated}{next}</ListBucketResult>"))
        })
        .await;
        let error = store(&server.endpoint).await.list("", Some("T")).await.expect_err("no end");
        assert_eq!(error.kind(), ErrorKind::Service, "{error}");
    }
    for next in ["", "<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>U</NextUploadIdMarker>"] {
        let server = Server::start(move |request, _| match request.target.contains("uploadId=") {
            true => Reply::xml(200, "<ListPartsResult/>"),
            false => Reply::xml(
                200,
                &format!("<ListMultipartUploadsResult>{truncated}{next}{upload}</ListMultipartUploadsResult>"),
            ),
        })
        .await;
        let error = store(&server.endpoint).await.leftovers("", Some("U\nk")).await.expect_err("no end");
        assert_eq!(error.kind(), ErrorKind::Service, "{error}");
    }
    for next in ["", "<NextPartNumberMarker>1</NextPartNumberMarker>"] {
        let server = Server::start(move |request, _| match request.target.contains("uploadId=") {
            true => Reply::xml(200, &format!("<ListPartsResult>{truncated}{next}</ListPartsResult>")),
            false => Reply::xml(200, &format!("<ListMultipartUploadsResult>{upload}</ListMultipartUploadsResult>")),
        })
        .await;
        let error = store(&server.endpoint)
            .await
            .leftovers("", None)
            .await
            .and_then(sealift::Leftovers::all)
            .expect_err("no end");
        assert_eq!(error.kind(), ErrorKind::Service, "{error}");
    }
}

/// In each of the SDK's four attempts.
#[tokio::test]
async fn an_answer_without_end_takes_no_more_than_its_limit() {
    for (status, kind, limit) in [(403, ErrorKind::Denied, 16 << 20), (200, ErrorKind::Service, 320 << 20)] {
        let server = Server::start(move |_, _| Reply::Endless(status)).await;
        let error = store(&server.endpoint).await.delete(&key(), None).await.expect_err("no end");
        assert_eq!(error.kind(), kind, "{error}");
        let sent = server.endless.load(std::sync::atomic::Ordering::SeqCst);
        assert!(sent < limit, "{sent} bytes of {status}");
    }
}

#[tokio::test]
async fn a_checksum_of_another_length_is_none() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "HEAD" => Reply::ok(&format!("{ETAG}content-length: 9\r\nx-amz-checksum-crc64nvme: AAAA\r\n")),
        _ => Reply::ok(&format!("{ETAG}x-amz-checksum-crc64nvme: AAAA\r\n")),
    })
    .await;
    let store = store(&server.endpoint).await;
    let put = store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    assert_eq!((put.checksum, store.head(&key()).await.expect("there").checksum), (None, None));
}

#[tokio::test]
async fn reads_that_are_not_what_was_asked_are_errors() {
    let range = "content-range: bytes 5-9/20\r\n";
    for (headers, body, kind) in [
        (format!("{ETAG}{range}"), &b"56789"[..], None),
        (format!("{ETAG}{range}content-length: 5\r\n"), b"567", Some(ErrorKind::Unreachable)),
        (ETAG.to_owned(), b"01234567890123456789", Some(ErrorKind::Service)),
        (format!("etag: \"other\"\r\n{range}"), b"56789", Some(ErrorKind::Changed)),
    ] {
        let reply = headers.clone();
        let server = Server::start(move |_, _| Reply::Answer(206, reply.clone(), body.into())).await;
        let read = store(&server.endpoint).await.get(&key(), 5..10, Some("\"0123\"")).await;
        match kind {
            None => assert_eq!(read.expect("read"), "56789"),
            Some(kind) => assert_eq!(read.expect_err("not what was asked").kind(), kind, "{headers}"),
        }
        let request = server.requests().remove(0);
        assert_eq!((request.header("range"), request.header("if-match")), (Some("bytes=5-9"), Some("\"0123\"")));
    }
    for status in [412, 404, 416] {
        let server =
            Server::start(move |_, _| Reply::error(status, if status == 404 { "NoSuchKey" } else { "X" })).await;
        let read = store(&server.endpoint).await.get(&key(), 5..10, Some("\"0123\"")).await;
        assert_eq!(read.expect_err("changed").kind(), ErrorKind::Changed, "{status}");
    }
}
