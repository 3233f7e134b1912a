//! What goes over the wire, and what comes of answers that no emulator gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod busy;
mod server;

use bytes::Bytes;
use sealift::{
    Attempts, Checksum, ChecksumAlgorithm, CommitOptions, Effect, ErrorKind, IfExists, Key, Leftover, ObjectStore,
    Origin, Payload, Token, Work,
};
use sealift_s3::aws_credential_types::Credentials as Keys;
use sealift_s3::aws_credential_types::provider::SharedCredentialsProvider;
use sealift_s3::{Credentials, Provider, S3Options, S3Store, UNREACHABLE_WITHIN};
use server::{Reply, Request, Server};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ETAG: &str = "etag: \"0123\"\r\n";
const NO_SUCH_UPLOAD: (u16, &str) = (404, "NoSuchUpload");
const STARTED: &str = "<InitiateMultipartUploadResult><UploadId>ID1</UploadId></InitiateMultipartUploadResult>";

fn options(endpoint: &str) -> S3Options {
    let mut options = S3Options::new("bucket");
    options.endpoint_url = Some(endpoint.to_owned());
    options.region = Some("us-east-1".to_owned());
    let keys = Keys::new("AKIDTEST", "a-secret-key", None, None, "tests");
    options.credentials = Credentials::Provider(SharedCredentialsProvider::new(keys));
    options
}

async fn store(endpoint: &str) -> S3Store {
    S3Store::connect(options(endpoint)).await.expect("options are fine")
}

fn key() -> Key {
    "folder/a key".parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions { token: Token::random(), if_exists }
}

fn payload(segments: Vec<Bytes>) -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &segments.concat());
    Payload::from_segments(segments, checksum)
}

/// The check value of CRC-64/NVME, ae8b14860a799888, in base64.
const DIGITS_CRC: &str = "rosUhgp5mIg=";

fn digits() -> Payload {
    payload(vec!["1234".into(), "56789".into()])
}

fn assert_plain_body(request: &Request, body: &[u8]) {
    assert!(request.body == body);
    assert_eq!(request.header("content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(request.header("transfer-encoding"), None);
    assert_eq!(request.header("content-encoding"), None, "no aws-chunked");
    assert_eq!(request.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    assert!(!request.has_header_like("x-amz-trailer") && !request.has_header_like("x-amz-decoded"));
}

#[tokio::test]
async fn a_put_has_its_length_and_its_checksum_and_nothing_is_hashed_again() {
    let server = Server::start(|_, _| {
        Reply::ok(&format!("{ETAG}x-amz-checksum-crc64nvme: {DIGITS_CRC}\r\nx-amz-checksum-type: FULL_OBJECT\r\n"))
    })
    .await;
    let options = commit(IfExists::Fail);
    let committed =
        store(&server.endpoint).await.put(&key(), digits(), &options, &Attempts::default()).await.expect("stored");
    assert_eq!(committed.checksum, Some(digits().checksum().to_be_bytes()));
    let request = server.request();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("PUT", "/bucket/folder/a%20key?x-id=PutObject"));
    assert_plain_body(&request, b"123456789");
    assert_eq!(request.header("x-amz-checksum-crc64nvme"), Some(DIGITS_CRC));
    assert_eq!(request.header("x-amz-meta-sealift-token"), Some(options.token.as_ref()));
    assert_eq!(request.header("if-none-match"), Some("*"));
}

#[tokio::test]
async fn services_without_these_checksums_see_none() {
    let server = Server::start(|request, _| match request.operation() {
        ("POST", "uploads") => Reply::xml(200, STARTED),
        ("POST", _) => {
            Reply::xml(200, "<CompleteMultipartUploadResult><ETag>\"9-1\"</ETag></CompleteMultipartUploadResult>")
        }
        _ => Reply::ok(ETAG),
    })
    .await;
    let mut options = options(&server.endpoint);
    options.provider = Some(Provider::Scaleway);
    let store = S3Store::connect(options).await.expect("options are fine");
    store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let upload = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, digits()).await.expect("stored");
    let committed = upload.complete(&[part], digits().checksum(), &Attempts::default()).await.expect("completed");
    assert_eq!(committed.checksum, None);
    for request in server.requests() {
        assert!(!request.has_header_like("x-amz-checksum") && !request.has_header_like("x-amz-sdk-checksum"));
        assert!(!request.has_header_like("x-amz-mp-object-size"));
        if request.method == "PUT" {
            assert_plain_body(&request, b"123456789");
        }
    }
}

#[tokio::test]
async fn a_condition_that_a_service_may_ignore_is_refused_before_anything_is_sent() {
    let server = Server::start(|_, _| Reply::ok(ETAG)).await;
    let mut options = options(&server.endpoint);
    options.provider = Some(Provider::GoogleXml);
    let store = S3Store::connect(options).await.expect("options are fine");
    let put = store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.expect_err("refused");
    let start = store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.expect_err("refused");
    assert_eq!((put.kind(), start.kind()), (ErrorKind::InvalidConfig, ErrorKind::InvalidConfig));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_upload_says_the_checksums_of_its_parts_and_of_the_whole() {
    let server = Server::start(|request, _| match request.operation() {
        ("POST", "uploads") => Reply::xml(200, STARTED),
        ("POST", _) => Reply::xml(
            200,
            &format!(
                "<CompleteMultipartUploadResult><ETag>\"9-1\"</ETag><ChecksumCRC64NVME>{DIGITS_CRC}</ChecksumCRC64NVME>\
                 <ChecksumType>FULL_OBJECT</ChecksumType></CompleteMultipartUploadResult>"
            ),
        ),
        _ => Reply::ok(ETAG),
    })
    .await;
    let options = commit(IfExists::Fail);
    let upload = store(&server.endpoint).await.start(&key(), &options, &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, digits()).await.expect("stored");
    let committed = upload.complete(&[part], digits().checksum(), &Attempts::default()).await.expect("completed");
    assert_eq!(committed.etag.as_deref(), Some("\"9-1\""));
    assert_eq!(committed.checksum, Some(digits().checksum().to_be_bytes()));

    let [start, part, complete] = server.requests().try_into().expect("three requests");
    assert_eq!(start.header("x-amz-checksum-algorithm"), Some("CRC64NVME"));
    assert_eq!(start.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert_eq!(start.header("x-amz-meta-sealift-token"), Some(options.token.as_ref()));
    assert_plain_body(&part, b"123456789");
    assert_eq!(part.header("x-amz-checksum-crc64nvme"), Some(DIGITS_CRC));
    assert_eq!(complete.header("x-amz-checksum-crc64nvme"), Some(DIGITS_CRC));
    assert_eq!(complete.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert_eq!(complete.header("x-amz-mp-object-size"), Some("9"));
    assert_eq!(complete.header("if-none-match"), Some("*"));
    let body = String::from_utf8(complete.body).expect("text");
    let crc = format!("<ChecksumCRC64NVME>{DIGITS_CRC}</ChecksumCRC64NVME>");
    assert!(body.contains(&crc) && body.contains("<PartNumber>1</PartNumber>") && body.contains("0123"), "{body}");
}

#[tokio::test]
async fn anonymous_requests_are_not_signed() {
    let server = Server::start(|_, _| Reply::ok(ETAG)).await;
    let mut options = options(&server.endpoint);
    options.credentials = Credentials::Anonymous;
    options.region = None;
    let store = S3Store::connect(options).await.expect("options are fine");
    store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    assert_eq!(server.request().header("authorization"), None);
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_not_repeated_and_names_what_it_may_have_left() {
    let server = Server::start(|request, _| match request.operation() {
        ("POST", _) => Reply::Cut,
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
    let error = store(&server.endpoint)
        .await
        .start(&key(), &commit(IfExists::Replace), &Attempts::default())
        .await
        .expect_err("lost");
    let left: Vec<_> = error.left_behind().iter().map(ToString::to_string).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains("OURS") && left[0].contains("s3://bucket/folder/a key"), "{left:?}");
    let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["POST", "GET"], "one start, one look, no abort");
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
async fn a_complete_answered_200_with_an_error_inside_is_an_error_and_is_tried_again() {
    let server = Server::start(|request, before| match (request.operation(), before) {
        (("POST", "uploads"), _) => Reply::xml(200, STARTED),
        (_, 1) => Reply::error(200, "InternalError"),
        _ => Reply::error(NO_SUCH_UPLOAD.0, NO_SUCH_UPLOAD.1),
    })
    .await;
    let upload = store(&server.endpoint)
        .await
        .start(&key(), &commit(IfExists::Replace), &Attempts::default())
        .await
        .expect("started");
    let error = upload.complete(&[], digits().checksum(), &Attempts::default()).await.expect_err("an error");
    assert_eq!(server.requests().len(), 3, "the SDK tries an InternalError again: {error}");
    assert_eq!(error.kind(), ErrorKind::Service);
    assert!(error.to_string().contains("NoSuchUpload"), "{error}");
}

#[tokio::test]
async fn a_conflict_of_two_commits_is_tried_again() {
    let server = Server::start(|_, before| match before {
        0 => Reply::error(409, "ConditionalRequestConflict"),
        _ => Reply::error(412, "PreconditionFailed"),
    })
    .await;
    let put = store(&server.endpoint).await.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await;
    assert_eq!(put.expect_err("it exists").kind(), ErrorKind::AlreadyExists);
    assert_eq!(server.requests().len(), 2);
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
        let request = server.request();
        assert_eq!((request.header("range"), request.header("if-match")), (Some("bytes=5-9"), Some("\"0123\"")));
    }
    for status in [412, 404, 416] {
        let server =
            Server::start(move |_, _| Reply::error(status, if status == 404 { "NoSuchKey" } else { "X" })).await;
        let read = store(&server.endpoint).await.get(&key(), 5..10, Some("\"0123\"")).await;
        assert_eq!(read.expect_err("changed").kind(), ErrorKind::Changed, "{status}");
    }
}

#[tokio::test]
async fn a_rename_of_more_than_one_copy_takes_goes_in_parts() {
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

/// The times in listings are the service's, and so is the clock they are compared with.
#[tokio::test]
async fn idleness_is_told_by_the_services_clock() {
    let server = Server::start(|request, _| {
        let body = match request.target.contains("uploadId") {
            false => {
                "<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>U</UploadId>\
                 <Initiated>2020-01-01T10:00:00.000Z</Initiated><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>\
                 <ChecksumType>FULL_OBJECT</ChecksumType></Upload></ListMultipartUploadsResult>"
            }
            true => {
                "<ListPartsResult><Part><PartNumber>1</PartNumber><Size>7</Size>\
                 <LastModified>2020-01-01T11:00:00.000Z</LastModified></Part></ListPartsResult>"
            }
        };
        Reply::Answer(200, "date: Wed, 01 Jan 2020 12:00:00 GMT\r\n".into(), body.into())
    })
    .await;
    let store = store(&server.endpoint).await;
    let leftovers = store.leftovers("").await.expect("listed");
    let [leftover] = &leftovers[..] else { panic!("{leftovers:?}") };
    assert_eq!((leftover.bytes, leftover.origin, leftover.id.as_str()), (7, Origin::Sealift, "U"));
    assert_eq!(leftover.idle.as_secs(), 3600);
    // Listed when the part was not there yet: it has gone on since.
    let earlier = Leftover { idle: Duration::from_secs(7200), bytes: 7, ..leftover.clone() };
    let error = store.remove_leftover(&earlier).await.expect_err("alive");
    assert_eq!(error.kind(), ErrorKind::Changed);
    assert!(server.requests().iter().all(|request| request.method == "GET"), "it was left alone");
}

#[tokio::test]
async fn a_refused_connection_is_given_up_in_time() {
    let store = store("http://127.0.0.1:1").await;
    for attempt in [
        store.head(&key()).await.map(drop),
        store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.map(drop),
        store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.map(drop),
    ] {
        let error = attempt.expect_err("out of reach");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
        assert!(error.left_behind().is_empty(), "{error}");
    }
}

/// A listener whose queue is full answers no connection, as a host behind a firewall that drops.
#[tokio::test]
async fn a_connection_that_is_never_answered_is_given_up_in_time() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(1).expect("listening");
    let address = listener.local_addr().expect("bound");
    let mut queued = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        queued.push(stream);
    }
    let mut options = options(&format!("http://{address}"));
    options.connect_timeout = Duration::from_millis(300);
    let store = S3Store::connect(options).await.expect("options are fine");
    let begun = Instant::now();
    for attempt in [
        store.head(&key()).await.map(drop),
        store.put(&key(), digits(), &commit(IfExists::Fail), &Attempts::default()).await.map(drop),
        store.start(&key(), &commit(IfExists::Fail), &Attempts::default()).await.map(drop),
    ] {
        let error = attempt.expect_err("out of reach");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.left_behind().is_empty(), "nothing was sent: {error}");
    }
    assert!(begun.elapsed() < UNREACHABLE_WITHIN / 2, "{:?}", begun.elapsed());
}

/// The SDK alone would call this stalled after 6 s. Segments are large, as the compressor's blocks are.
#[tokio::test]
async fn a_line_that_pauses_is_not_a_line_that_stands_still() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    const LENGTH: usize = 16 << 20;
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut buffer = vec![0; 4096];
        let mut read = stream.read(&mut buffer).await.expect("a head");
        tokio::time::sleep(Duration::from_secs(8)).await;
        while read < LENGTH {
            read += stream.read(&mut buffer).await.expect("a body");
        }
        let answer = format!("HTTP/1.1 200 OK\r\n{ETAG}content-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.expect("answered");
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let payload = payload(vec![Bytes::from(vec![1; LENGTH / 2]), Bytes::from(vec![2; LENGTH / 2])]);
    let put = store(&endpoint).await.put(&key(), payload, &commit(IfExists::Replace), &Attempts::default()).await;
    put.expect("stored");
    served.await.expect("served once");
}
