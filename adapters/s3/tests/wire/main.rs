//! What goes over the wire, and what comes of answers that no emulator gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod abort;
mod answers;
mod attempts;
mod busy;
mod conditions;
mod copy;
mod credentials;
mod delete;
mod passing;
mod providers;
mod reach;
mod server;
mod start;

use bytes::Bytes;
use sealift::{
    Attempts, Certainty, Checksum, ChecksumAlgorithm, CommitOptions, Effect, ErrorKind, IfExists, Key, Leftover,
    ObjectInfo, ObjectStore, Origin, Payload, Remnant, Removal, RetryPolicy, RetryingStore, Token, Upload, Work,
};
use sealift_s3::aws_credential_types::Credentials as Keys;
use sealift_s3::aws_credential_types::provider::SharedCredentialsProvider;
use sealift_s3::{Conditions, Credentials, Provider, S3Options, S3Store};
use server::{Reply, Request, Server};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long these tests put up with a fault.
const GIVE_UP: Duration = Duration::from_secs(1);

const ETAG: &str = "etag: \"0123\"\r\n";
const NO_SUCH_UPLOAD: (u16, &str) = (404, "NoSuchUpload");
const STARTED: &str = "<InitiateMultipartUploadResult><UploadId>ID1</UploadId></InitiateMultipartUploadResult>";

const COMPLETED: &str = "<CompleteMultipartUploadResult><ETag>\"9-1\"</ETag></CompleteMultipartUploadResult>";

fn options(endpoint: &str) -> S3Options {
    let mut options = S3Options::new("bucket");
    options.endpoint_url = Some(endpoint.to_owned());
    options.region = Some("us-east-1".to_owned());
    let keys = Keys::new("AKIDTEST", "a-secret-key", None, None, "tests");
    options.credentials = Credentials::Provider(SharedCredentialsProvider::new(keys));
    // Where it is not the subject.
    options.conditional_writes = Some(Conditions::Honoured);
    options
}

async fn store(endpoint: &str) -> RetryingStore {
    retrying(S3Store::connect(options(endpoint)).await.expect("options are fine"))
}

/// The store as a bucket uses it, with little patience.
fn retrying(store: S3Store) -> RetryingStore {
    RetryingStore::new(store, RetryPolicy::new(GIVE_UP))
}

/// The same, which waits for longer.
async fn patient(endpoint: &str) -> RetryingStore {
    let store = S3Store::connect(options(endpoint)).await.expect("options are fine");
    RetryingStore::new(store, RetryPolicy::new(Duration::from_secs(100)))
}

/// An upload that the server lets start.
async fn started(server: &Server) -> Box<dyn Upload> {
    let (store, options) = (store(&server.endpoint).await, commit(IfExists::Replace));
    store.start(&key(), &options, &Attempts::default()).await.expect("started")
}

fn key() -> Key {
    "folder/a key".parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions::new(if_exists)
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
        ("HEAD", _) => Reply::ok(&format!(
            "{ETAG}content-length: 9\r\nx-amz-meta-sealift-checksum: crc64nvme:ae8b14860a799888\r\n"
        )),
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
    let kept = store.head(&key()).await.expect("there").kept_checksum;
    assert_eq!(kept, Some(digits().checksum().to_be_bytes()));
    for request in server.requests() {
        assert!(!request.has_header_like("x-amz-checksum") && !request.has_header_like("x-amz-sdk-checksum"));
        assert!(!request.has_header_like("x-amz-mp-object-size"));
        if request.method == "PUT" {
            assert_plain_body(&request, b"123456789");
        }
        // Known before the request of a put, and not at the start of an upload.
        let kept =
            (!request.target.contains("uploadId") && request.method == "PUT").then(|| digits().checksum().to_string());
        assert_eq!(request.header("x-amz-meta-sealift-checksum"), kept.as_deref());
    }
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
    assert_eq!(server.requests().len(), 3, "an InternalError is tried again: {error}");
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
    let leftovers = store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed");
    let [leftover] = &leftovers[..] else { panic!("{leftovers:?}") };
    assert_eq!((leftover.bytes, leftover.origin, leftover.id.as_str()), (7, Origin::Sealift, "U"));
    assert_eq!(leftover.idle.as_secs(), 3600);
    // Listed when the part was not there yet: it has gone on since.
    let mut earlier = leftover.clone();
    (earlier.idle, earlier.bytes) = (Duration::from_secs(7200), 7);
    let error = store.remove_leftover(&earlier).await.expect_err("alive");
    assert_eq!(error.kind(), ErrorKind::Changed);
    assert!(server.requests().iter().all(|request| request.method == "GET"), "it was left alone");
}
