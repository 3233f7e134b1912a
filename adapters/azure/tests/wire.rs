//! What goes over the wire, and what comes of answers that no emulator gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../s3/tests/wire/server.rs"]
#[allow(dead_code)]
mod server;

use sealift::{
    Attempts, Bucket, Budget, Checksum, ChecksumAlgorithm, Codec, CommitOptions, Compressor, ErrorKind, IfExists, Key,
    ObjectInfo, ObjectStore, Payload, Token, Work,
};
use sealift_azure::{AzureOptions, AzureStore, Checksums, Credentials, Secret, UNREACHABLE_WITHIN};
use server::{Reply, Request, Server};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const ETAG: &str = "etag: \"0x1\"\r\n";
const CREATED: u16 = 201;

fn options(endpoint: &str) -> AzureOptions {
    let mut options = AzureOptions::new("account", "container");
    options.endpoint = Some(endpoint.to_owned());
    options.credentials = Credentials::Sas(Secret::new("sv=1&sig=s3cret"));
    options.checksums = Some(Checksums::Crc64);
    options
}

async fn store(endpoint: &str) -> AzureStore {
    AzureStore::connect(options(endpoint)).await.expect("options are fine")
}

fn key() -> Key {
    "a key".parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions { token: Token::random(), if_exists }
}

/// The check value of CRC-64/NVME, ae8b14860a799888, least significant byte first, in base64.
const DIGITS_CRC: &str = "iJh5CoYUi64=";

fn digits() -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"123456789");
    Payload::from_segments(vec!["1234".into(), "56789".into()], checksum)
}

/// What a look told of an object with this tag.
fn info(etag: &str) -> ObjectInfo {
    ObjectInfo {
        key: "a key".to_owned(),
        size: 9,
        modified: None,
        etag: Some(etag.to_owned()),
        version: None,
        token: None,
        checksum: None,
        kept_checksum: None,
    }
}

fn answer(status: u16, headers: &str) -> Reply {
    Reply::Answer(status, headers.into(), Vec::new())
}

fn error(status: u16, code: &str) -> Reply {
    let body = format!("<Error><Code>{code}</Code><Message>told to</Message></Error>");
    Reply::Answer(status, format!("x-ms-error-code: {code}\r\n"), body.into())
}

/// What a request is: its method, and what it is about.
fn operation(request: &Request) -> String {
    let (method, query) = request.operation();
    let about = query.split('&').find_map(|pair| pair.strip_prefix("comp=")).unwrap_or("blob");
    format!("{method} {about}")
}

fn operations(server: &Server) -> Vec<String> {
    server.requests().iter().map(operation).collect()
}

fn block_list(ids: &[String]) -> Reply {
    let blocks: String = ids.iter().map(|id| format!("<Block><Name>{id}</Name><Size>9</Size></Block>")).collect();
    Reply::xml(
        200,
        &format!("<BlockList><CommittedBlocks/><UncommittedBlocks>{blocks}</UncommittedBlocks></BlockList>"),
    )
}

/// The id in a Put Block.
fn block_id(request: &Request) -> Option<String> {
    let (_, query) = request.operation();
    query.split('&').find_map(|pair| pair.strip_prefix("blockid=")).map(|id| id.replace("%2B", "+").replace("%2F", "/"))
}

fn assert_plain_body(request: &Request) {
    assert_eq!(request.body, b"123456789");
    assert_eq!(request.header("content-length"), Some("9"));
    assert_eq!(request.header("transfer-encoding"), None);
    assert_eq!(request.header("x-ms-content-crc64"), Some(DIGITS_CRC));
    assert!(request.target.contains("sig=s3cret"));
}

#[tokio::test]
async fn bytes_go_with_their_length_and_their_checksum_and_commits_with_their_terms() {
    let server = Server::start(|_, _| answer(CREATED, ETAG)).await;
    let (store, options) = (store(&server.endpoint).await, commit(IfExists::Fail));
    store.put(&key(), digits(), &options, &Attempts::default()).await.expect("stored");
    let upload = store.start(&key(), &options, &Attempts::default()).await.expect("started");
    let part = upload.put_part(7, digits()).await.expect("stored");
    upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect("completed");
    let requests = server.requests();
    assert_eq!(operations(&server), ["PUT blob", "PUT block", "PUT blocklist"]);
    assert_plain_body(&requests[0]);
    assert_plain_body(&requests[1]);
    assert_eq!(requests[0].header("x-ms-blob-type"), Some("BlockBlob"));
    for request in [&requests[0], &requests[2]] {
        assert_eq!(request.header("x-ms-meta-sealift_token"), Some(options.token.as_ref()));
        assert_eq!(request.header("if-none-match"), Some("*"));
    }
    let listed = String::from_utf8(requests[2].body.clone()).expect("text");
    let id = block_id(&requests[1]).expect("a block id");
    assert!(listed.contains(&format!("<Uncommitted>{id}</Uncommitted>")), "{listed}");
}

#[tokio::test]
async fn a_busy_service_is_asked_again_with_the_whole_body() {
    let server = Server::start(|_, before| match before {
        0 => error(503, "ServerBusy"),
        1 => Reply::Cut,
        _ => answer(CREATED, ETAG),
    })
    .await;
    let store = store(&server.endpoint).await;
    store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let requests = server.requests();
    assert_eq!((requests.len(), store.slow_downs()), (3, 1));
    requests.iter().for_each(assert_plain_body);
}

/// The first commit takes effect and its answer is lost; the second finds no blocks. The token settles it.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_a_commit() {
    let token = Mutex::new(None);
    let server = Server::start(move |request, _| match operation(request).as_str() {
        "PUT block" => answer(CREATED, ""),
        "PUT blocklist" => {
            let sent = request.header("x-ms-meta-sealift_token").expect("a token").to_owned();
            match token.lock().expect("fine").replace(sent) {
                None => Reply::Cut,
                Some(_) => error(400, "InvalidBlockList"),
            }
        }
        "HEAD blob" => match token.lock().expect("fine").as_ref() {
            Some(token) => {
                answer(200, &format!("{ETAG}content-length: 3145729\r\nx-ms-meta-sealift_token: {token}\r\n"))
            }
            None => error(404, "BlobNotFound"),
        },
        other => panic!("{other}"),
    })
    .await;
    let mut options = options(&server.endpoint);
    options.part_size = Some(1 << 20);
    let store = AzureStore::connect(options).await.expect("options are fine");
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("enough"));
    let mut sink = bucket.create(&key(), IfExists::Fail).expect("opened");
    sink.write_all(&vec![7; (3 << 20) + 1]).await.expect("written");
    let sealed = sink.seal().await.expect("sealed");
    assert_eq!((sealed.bytes_stored, sealed.etag.as_deref()), ((3 << 20) + 1, Some("\"0x1\"")));
}

#[tokio::test]
async fn bytes_that_arrived_as_others_are_corrupt() {
    let server = Server::start(|_, _| error(400, "Crc64Mismatch")).await;
    let store = store(&server.endpoint).await;
    let put = store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect_err("refused");
    assert_eq!(put.kind(), ErrorKind::Corrupt, "{put}");
    let upload = store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, digits()).await.expect_err("refused");
    assert_eq!(part.kind(), ErrorKind::Corrupt, "{part}");
    assert!(!format!("{put}{part:?}").contains("s3cret"));
}

#[tokio::test]
async fn an_abort_waits_for_a_block_that_was_never_answered() {
    // The block arrives late: it is listed only from the third look on, until an empty list is committed.
    let (staged, looks, discarded) = (Mutex::new(String::new()), Mutex::new(0), Mutex::new(false));
    let server = Server::start(move |request, _| match operation(request).as_str() {
        "PUT block" => {
            *staged.lock().expect("fine") = block_id(request).expect("an id");
            Reply::Cut
        }
        "GET blocklist" => {
            *looks.lock().expect("fine") += 1;
            let there = *looks.lock().expect("fine") >= 3 && !*discarded.lock().expect("fine");
            match there {
                true => block_list(&[staged.lock().expect("fine").clone()]),
                false => error(404, "BlobNotFound"),
            }
        }
        "PUT blocklist" => {
            *discarded.lock().expect("fine") = true;
            answer(CREATED, "etag: \"0xMARK\"\r\n")
        }
        "HEAD blob" => error(404, "BlobNotFound"),
        _ => answer(202, ""),
    })
    .await;
    let upload = store(&server.endpoint)
        .await
        .start(&key(), &commit(IfExists::Replace), &Attempts::default())
        .await
        .expect("started");
    upload.put_part(1, digits()).await.expect_err("cut off");
    upload.abort().await.expect("aborted");
    let requests = server.requests();
    let find = |wanted: &str| requests.iter().find(|request| operation(request) == wanted).expect("sent");
    assert_eq!(find("PUT blocklist").header("if-none-match"), Some("*"));
    assert!(find("PUT blocklist").header("x-ms-meta-sealift_discarding").is_some());
    assert_eq!(find("DELETE blob").header("if-match"), Some("\"0xMARK\""));
    let blocks = |request: &&Request| operation(request) == "GET blocklist";
    assert!(requests.iter().filter(blocks).count() >= 8, "looks on after the discard");
}

#[tokio::test]
async fn a_blob_that_cannot_be_kept_as_it_is_is_not_touched() {
    for headers in [
        "x-ms-blob-type: BlockBlob\r\nx-ms-tag-count: 2\r\n",
        "x-ms-blob-type: BlockBlob\r\nx-ms-lease-status: locked\r\n",
        "x-ms-blob-type: BlockBlob\r\nx-ms-legal-hold: true\r\n",
        "x-ms-blob-type: BlockBlob\r\nx-ms-access-tier: Archive\r\n",
        "x-ms-blob-type: BlockBlob\r\nx-ms-encryption-key-sha256: abc\r\n",
        "x-ms-blob-type: AppendBlob\r\n",
        // Put at once, and larger than is read and staged again.
        "x-ms-blob-type: BlockBlob\r\ncontent-length: 99999999999\r\n",
    ] {
        let staged = Mutex::new(String::new());
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => {
                *staged.lock().expect("fine") = block_id(request).expect("an id");
                answer(CREATED, "")
            }
            "GET blocklist" => block_list(&[staged.lock().expect("fine").clone()]),
            _ => answer(200, &format!("{ETAG}{headers}")),
        })
        .await;
        let upload = store(&server.endpoint)
            .await
            .start(&key(), &commit(IfExists::Replace), &Attempts::default())
            .await
            .expect("started");
        upload.put_part(1, digits()).await.expect("stored");
        let error = upload.abort().await.expect_err("left");
        assert!(error.left_behind()[0].to_string().contains(upload.id()), "{error}");
        assert_eq!(operations(&server), ["PUT block", "GET blocklist", "HEAD blob"], "{headers}");
    }
}

#[tokio::test]
async fn a_blob_is_committed_anew_only_as_it_was_and_if_nobody_changed_it() {
    for (status, code) in [(CREATED, ""), (412, "ConditionNotMet")] {
        let staged = Mutex::new(String::new());
        let server = Server::start(move |request, _| match operation(request).as_str() {
            "PUT block" => {
                *staged.lock().expect("fine") = block_id(request).expect("an id");
                answer(CREATED, "")
            }
            "GET blocklist" => {
                let id = std::mem::take(&mut *staged.lock().expect("fine"));
                let mine = format!("<Block><Name>{id}</Name><Size>9</Size></Block>");
                let mine = if id.is_empty() { String::new() } else { mine };
                let theirs = ["QUFB", "QkJC"].map(|id| format!("<Block><Name>{id}</Name><Size>4</Size></Block>"));
                let theirs = theirs.concat();
                let body = format!(
                    "<BlockList><CommittedBlocks>{theirs}</CommittedBlocks>\
                     <UncommittedBlocks>{mine}</UncommittedBlocks></BlockList>"
                );
                Reply::xml(200, &body)
            }
            "HEAD blob" => {
                let kept = "x-ms-blob-type: BlockBlob\r\ncontent-length: 8\r\ncontent-type: text/x-kept\r\n\
                            x-ms-meta-who: me\r\nx-ms-access-tier: Cool\r\n";
                answer(200, &format!("{ETAG}{kept}"))
            }
            _ if status == CREATED => answer(CREATED, "etag: \"0x2\"\r\n"),
            _ => error(status, code),
        })
        .await;
        let upload = store(&server.endpoint)
            .await
            .start(&key(), &commit(IfExists::Replace), &Attempts::default())
            .await
            .expect("started");
        upload.put_part(1, digits()).await.expect("stored");
        upload.abort().await.expect("nothing of it is left");
        let requests = server.requests();
        let anew = requests.iter().find(|request| operation(request) == "PUT blocklist").expect("committed");
        for (name, value) in [
            ("if-match", "\"0x1\""),
            ("x-ms-blob-content-type", "text/x-kept"),
            ("x-ms-meta-who", "me"),
            ("x-ms-access-tier", "Cool"),
        ] {
            assert_eq!(anew.header(name), Some(value), "{name}");
        }
        let body = String::from_utf8(anew.body.clone()).expect("text");
        assert!(body.contains("<Committed>QUFB</Committed><Committed>QkJC</Committed>"), "{body}");
        assert!(!body.contains("Uncommitted"), "{body}");
        assert!(!requests.iter().any(|request| request.method == "DELETE"));
    }
}

#[tokio::test]
async fn a_copy_in_the_background_is_waited_for() {
    let looks = Mutex::new(0);
    let server = Server::start(move |request, _| match (request.method.as_str(), request.target.contains("new")) {
        ("PUT", _) => answer(202, &format!("{ETAG}x-ms-copy-id: C\r\nx-ms-copy-status: pending\r\n")),
        ("HEAD", true) => {
            *looks.lock().expect("fine") += 1;
            let status = if *looks.lock().expect("fine") < 3 { "pending" } else { "success" };
            answer(200, &format!("{ETAG}x-ms-copy-id: C\r\nx-ms-copy-status: {status}\r\n"))
        }
        ("HEAD", false) => answer(200, ETAG),
        _ => answer(202, ""),
    })
    .await;
    let info = info("\"0x1\"");
    let copied =
        store(&server.endpoint).await.copy(&key(), &info, &"new".parse().expect("valid"), &Work::new("az://c")).await;
    assert_eq!(copied.expect("copied").etag.as_deref(), Some("\"0x1\""));
    let requests = server.requests();
    assert!(requests[0].header("x-ms-copy-source").is_some_and(|source| source.contains("a%20key?sv=1&sig=s3cret")));
    assert_eq!(requests[0].header("x-ms-source-if-match"), Some("\"0x1\""));
    assert!(!requests.iter().any(|request| request.method == "DELETE"));
}

#[tokio::test]
async fn a_listing_has_pages_and_hides_what_is_no_object() {
    let server = Server::start(|request, _| {
        let blob = |name: &str, metadata: &str| {
            format!(
                "<Blob><Name>{name}</Name><Properties><Etag>0x1</Etag><Content-Length>3</Content-Length></Properties>\
                 <Metadata>{metadata}</Metadata></Blob>"
            )
        };
        let (blobs, next) = match request.target.contains("marker=MORE") {
            false => {
                let hidden = blob("b", "<sealift_discarding>1</sealift_discarding>");
                let folder = blob("c", "<hdi_isfolder>true</hdi_isfolder>");
                (format!("{}{hidden}{folder}", blob("a", "<who>me</who>")), "MORE")
            }
            true => (blob("d", ""), ""),
        };
        Reply::xml(
            200,
            &format!("<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{next}</NextMarker></EnumerationResults>"),
        )
    })
    .await;
    let store = store(&server.endpoint).await;
    let first = store.list("p/", None).await.expect("listed");
    assert_eq!(first.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!((first.objects[0].size, first.objects[0].etag.as_deref()), (3, Some("\"0x1\"")));
    let second = store.list("p/", first.next.as_deref()).await.expect("listed");
    assert_eq!((second.objects[0].key.as_str(), second.next), ("d", None));
    assert!(server.requests()[0].target.contains("prefix=p%2F"));
}

#[tokio::test]
async fn reads_that_are_not_what_was_asked_are_errors() {
    let (ranged, plain) = ("content-range: bytes 2-5/9\r\n", "");
    for (status, headers, body, kind) in [
        (206, ranged, "2345", None),
        (206, ranged, "23456", Some(ErrorKind::Unreachable)),
        (206, "content-range: bytes 2-5/9\r\ncontent-length: 4\r\n", "23", Some(ErrorKind::Unreachable)),
        (206, "content-range: bytes 0-3/9\r\n", "0123", Some(ErrorKind::Service)),
        (200, plain, "0123456789", Some(ErrorKind::Service)),
    ] {
        let server = Server::start(move |_, _| {
            Reply::Answer(status, format!("{ETAG}x-ms-blob-type: BlockBlob\r\n{headers}"), body.into())
        })
        .await;
        let read = store(&server.endpoint).await.get(&key(), 2..6, Some("\"0x1\"")).await;
        match kind {
            None => assert_eq!(read.expect("read"), "2345"),
            Some(kind) => assert_eq!(read.expect_err(body).kind(), kind, "{status} {headers}{body}"),
        }
        assert_eq!(server.requests()[0].header("if-match"), Some("\"0x1\""));
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_given_up_in_time() {
    for endpoint in ["http://127.0.0.1:1/account", "http://192.0.2.1/account"] {
        let (store, begun) = (store(endpoint).await, Instant::now());
        let error = store.head(&key()).await.expect_err("nobody is there");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(begun.elapsed() < UNREACHABLE_WITHIN.min(Duration::from_secs(30)), "{:?}", begun.elapsed());
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(!format!("{error} {error:?} {source}").contains("s3cret"), "{error}");
    }
}
