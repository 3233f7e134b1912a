//! Copies that the service makes.

use crate::server::{Reply, Server};
use crate::*;
use sealift::{Bucket, Budget, Codec, Compressor, Level};
use std::sync::Arc;

#[tokio::test]
async fn a_copy_of_more_than_one_request_takes_goes_in_parts() {
    let server = Server::start(|request, _| match (request.method.as_str(), request.operation().1) {
        ("HEAD", _) => Reply::ok(&format!(
            "{ETAG}content-length: 11000000000\r\nx-amz-meta-sealift-token: T\r\nx-amz-meta-other: O\r\n\
             content-type: text/x\r\nx-amz-checksum-crc64nvme: {DIGITS_CRC}\r\nx-amz-checksum-type: FULL_OBJECT\r\n"
        )),
        ("POST", "uploads") => Reply::xml(200, STARTED),
        ("POST", _) => {
            Reply::xml(200, "<CompleteMultipartUploadResult><ETag>\"9-1\"</ETag></CompleteMultipartUploadResult>")
        }
        ("DELETE", _) => Reply::Answer(204, String::new(), Vec::new()),
        _ => Reply::xml(200, "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>"),
    })
    .await;
    let store = store(&server.endpoint).await;
    let info = store.head(&key()).await.expect("there");
    store.copy(&key(), &info, &"b".parse().expect("valid"), &Work::new("s3://bucket/b")).await.expect("copied");
    let [_look, _head, start, one, two, three, complete] = server.requests().try_into().expect("seven requests");
    assert_eq!(start.header("x-amz-meta-sealift-token"), Some("T"));
    assert_eq!((start.header("x-amz-meta-other"), start.header("content-type")), (Some("O"), Some("text/x")));
    let ranges = ["bytes=0-4999999999", "bytes=5000000000-9999999999", "bytes=10000000000-10999999999"];
    for (part, range) in [one, two, three].iter().zip(ranges) {
        assert_eq!(part.header("x-amz-copy-source-range"), Some(range));
        assert_eq!(part.header("x-amz-copy-source"), Some("bucket/folder/a%20key"));
        assert_eq!(part.header("x-amz-copy-source-if-match"), Some("\"0123\""));
    }
    assert_eq!(complete.header("x-amz-checksum-crc64nvme"), Some(DIGITS_CRC));
    assert_eq!(complete.header("x-amz-mp-object-size"), Some("11000000000"));
}

#[tokio::test]
async fn a_copy_in_parts_that_fails_is_aborted_and_the_original_kept() {
    let server = Server::start(|request, _| match (request.method.as_str(), request.operation().1) {
        ("HEAD", _) => Reply::ok(&format!("{ETAG}content-length: 11000000000\r\n")),
        ("POST", _) => Reply::xml(200, STARTED),
        ("DELETE", _) => Reply::Answer(204, String::new(), Vec::new()),
        ("GET", _) => Reply::error(NO_SUCH_UPLOAD.0, NO_SUCH_UPLOAD.1),
        _ => Reply::error(412, "PreconditionFailed"),
    })
    .await;
    let store = store(&server.endpoint).await;
    let info = store.head(&key()).await.expect("there");
    let (to, work) = ("b".parse().expect("valid"), Work::new("s3://bucket/b"));
    let error = store.copy(&key(), &info, &to, &work).await.expect_err("changed");
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    assert!(error.left_behind().is_empty(), "{error}");
    let operations = server.requests().into_iter().map(|request| request.method).collect::<Vec<_>>();
    assert_eq!(operations, ["HEAD", "HEAD", "POST", "PUT", "DELETE", "GET"]);
}

const KEPT: &str = "x-amz-storage-class: STANDARD_IA\r\nx-amz-server-side-encryption: aws:kms\r\n\
                    x-amz-server-side-encryption-aws-kms-key-id: KEY\r\n\
                    x-amz-server-side-encryption-bucket-key-enabled: true\r\nx-amz-version-id: V 1\r\n";

fn assert_kept(request: &Request) {
    for (header, value) in [
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "KEY"),
        ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
    ] {
        assert_eq!(request.header(header), Some(value), "{header}");
    }
}

async fn copy(server: &Server) -> Result<sealift::Committed, sealift::Error> {
    let store = store(&server.endpoint).await;
    let info = store.head(&key()).await.expect("there");
    store.copy(&key(), &info, &"b".parse().expect("valid"), &Work::new("a copy")).await
}

#[tokio::test]
async fn a_small_copy_keeps_what_the_service_does_not_keep_by_itself() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "HEAD" => Reply::ok(&format!("{ETAG}{KEPT}content-length: 9\r\n")),
        _ => Reply::xml(
            200,
            "<CopyObjectResult><ETag>\"C\"</ETag><LastModified>2020-01-01T12:00:00.000Z</LastModified></CopyObjectResult>",
        ),
    })
    .await;
    let copied = copy(&server).await.expect("copied");
    assert_eq!(copied.etag.as_deref(), Some("\"C\""));
    let at = copied.at.expect("told").duration_since(std::time::UNIX_EPOCH).expect("later");
    assert_eq!(at.as_secs(), 1_577_880_000);
    let request = server.requests().pop().expect("a copy");
    assert_kept(&request);
    assert_eq!(request.header("x-amz-copy-source"), Some("bucket/folder/a%20key?versionId=V%201"));
    assert_eq!(request.header("x-amz-copy-source-if-match"), Some("\"0123\""));
}

#[tokio::test]
async fn a_large_copy_keeps_everything_and_its_tags() {
    let server = Server::start(|request, _| match (request.method.as_str(), request.operation().1) {
        ("HEAD", _) => Reply::ok(&format!("{ETAG}{KEPT}content-length: 5000000001\r\nx-amz-tagging-count: 2\r\n")),
        ("GET", _) => Reply::xml(
            200,
            "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag><Tag><Key>c</Key><Value></Value></Tag>\
             </TagSet></Tagging>",
        ),
        ("POST", "uploads") => Reply::xml(200, STARTED),
        ("POST", _) => Reply::xml(200, COMPLETED),
        _ => Reply::xml(200, "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>"),
    })
    .await;
    copy(&server).await.expect("copied");
    let requests = server.requests();
    let tags = requests.iter().find(|request| request.method == "GET").expect("the tags");
    assert!(tags.target.contains("tagging") && tags.target.contains("versionId=V%201"), "{}", tags.target);
    let start = requests.iter().find(|request| request.method == "POST").expect("a start");
    assert_kept(start);
    assert_eq!(start.header("x-amz-tagging"), Some("a%20b=1%262&c="));
    let part = requests.iter().find(|request| request.method == "PUT").expect("a part");
    assert_eq!(part.header("x-amz-copy-source"), Some("bucket/folder/a%20key?versionId=V%201"));
}

#[tokio::test]
async fn a_copy_whose_answer_is_empty_or_an_error_is_none() {
    for (body, kind) in [
        ("", ErrorKind::Service),
        ("<CopyObjectResult/>", ErrorKind::Service),
        ("<Error><Code>AccessDenied</Code></Error>", ErrorKind::Denied),
    ] {
        let server = Server::start(move |request, _| match request.method.as_str() {
            "HEAD" => Reply::ok(&format!("{ETAG}content-length: 9\r\n")),
            _ => Reply::xml(200, body),
        })
        .await;
        let error = copy(&server).await.expect_err("no copy");
        assert_eq!(error.kind(), kind, "{body}: {error}");
        let [left] = error.left_behind() else { panic!("{error}") };
        assert_eq!(left.certainty(), Certainty::Perhaps);
        assert!(left.to_string().contains("the object s3://bucket/b"), "{left}");
    }
}

#[tokio::test]
async fn a_copy_of_what_has_been_replaced_is_refused_before_anything_is_sent() {
    let server = Server::start(|_, before| match before {
        0 => Reply::ok(&format!("{ETAG}content-length: 9\r\n")),
        _ => Reply::ok("etag: \"other\"\r\ncontent-length: 9\r\n"),
    })
    .await;
    let error = copy(&server).await.expect_err("another content");
    assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Changed, 0), "{error}");
    assert_eq!(server.requests().len(), 2);
}

async fn bucket(server: &Server) -> Bucket {
    let compressor = Compressor::new(Codec::Gzip(Level::default()), None).expect("threads");
    let budget = Budget::new(64 << 20).expect("enough");
    Bucket::new(store(&server.endpoint).await, Arc::new(compressor), budget)
}

/// Waits until a copy of the object, or of a part of it, has come.
async fn copy_came(server: &Server) {
    while server.requests().last().is_none_or(|request| request.method != "PUT") {
        server.request_came().await;
    }
}

/// Time is put forward once it is asked to stop.
#[tokio::test]
async fn a_small_copy_that_is_stopped_and_not_answered_is_named() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "HEAD" => Reply::ok(&format!("{ETAG}content-length: 9\r\n")),
        _ => Reply::Silence,
    })
    .await;
    let bucket = bucket(&server).await;
    let (name, to) = (key(), "b".parse().expect("valid"));
    let moved = async {
        let error = bucket.rename(&name, &to).await.expect_err("stopped");
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        let [left] = error.left_behind() else { panic!("{error}") };
        assert_eq!(left.certainty(), Certainty::Perhaps);
        assert!(left.to_string().contains("the object s3://bucket/b"), "{left}");
    };
    let stop = async {
        copy_came(&server).await;
        bucket.stop();
        tokio::task::yield_now().await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(6)).await;
        tokio::time::resume();
    };
    tokio::join!(moved, stop);
    assert!(server.requests().iter().all(|request| request.method != "DELETE"), "the original is kept");
}

/// The move of an object that takes long, asked to stop while a part of it is copied.
#[tokio::test]
async fn a_large_copy_that_is_stopped_is_aborted_and_says_so_meanwhile() {
    let server = Server::start(|request, _| match (request.method.as_str(), request.operation().1) {
        ("HEAD", _) => Reply::ok(&format!("{ETAG}content-length: 5000000001\r\n")),
        ("POST", _) => Reply::xml(200, STARTED),
        ("PUT", _) => Reply::Silence,
        ("DELETE", _) => Reply::Answer(204, String::new(), Vec::new()),
        _ => Reply::error(NO_SUCH_UPLOAD.0, NO_SUCH_UPLOAD.1),
    })
    .await;
    let bucket = bucket(&server).await;
    let to = "b".parse().expect("valid");
    let name = key();
    let moved = async {
        let error = bucket.rename(&name, &to).await.expect_err("stopped");
        assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Cancelled, 0), "{error}");
    };
    let stop = async {
        copy_came(&server).await;
        let under_way = bucket.under_way();
        assert!(under_way[0].to_string().contains("upload id ID1"), "{under_way:?}");
        bucket.stop();
    };
    tokio::join!(moved, stop);
    let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods[methods.len() - 2..], ["DELETE", "GET"], "{methods:?}");
}
