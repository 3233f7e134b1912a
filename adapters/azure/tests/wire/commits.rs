//! What a commit sends, and what its answers say of what may exist.

use super::*;

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
        assert_eq!(request.header("x-ms-meta-sealift_checksum"), Some("crc64nvme:ae8b14860a799888"));
        assert_eq!(request.header("if-none-match"), Some("*"));
    }
    let listed = String::from_utf8(requests[2].body.clone()).expect("text");
    let id = block_id(&requests[1]);
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
    let store = patient(store(&server.endpoint).await, 20);
    store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let requests = server.requests();
    assert_eq!((requests.len(), store.slow_downs()), (3, 1));
    requests.iter().for_each(assert_plain_body);
}

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

const fn effect(unanswered: usize, unclear: usize, applied: usize) -> Effect {
    Effect { unanswered, unclear, applied }
}

/// The answers to the attempts of one commit, and what they say of what may exist: tried again until one is final.
type Tries = (&'static str, fn(usize) -> Reply, Effect, Option<ErrorKind>);

const AGAIN: [Tries; 10] = [
    ("stored", |_| answer(201, ETAG), effect(0, 0, 1), None),
    (
        "slowed down and stored",
        |before| if before == 0 { error(429, "TooManyRequests") } else { answer(201, ETAG) },
        effect(0, 0, 1),
        None,
    ),
    (
        "failed and stored",
        |before| if before == 0 { error(503, "ServerBusy") } else { answer(201, ETAG) },
        effect(0, 1, 1),
        None,
    ),
    (
        "answered by something in between and stored",
        |before| if before < 3 { Reply::page([502, 504, 408][before], "") } else { answer(201, ETAG) },
        effect(3, 0, 1),
        None,
    ),
    (
        "damaged and stored",
        |before| if before == 0 { error(400, "Md5Mismatch") } else { answer(201, ETAG) },
        effect(0, 0, 1),
        None,
    ),
    (
        "a page and stored",
        |before| if before == 0 { Reply::page(201, ETAG) } else { answer(201, ETAG) },
        effect(0, 1, 1),
        None,
    ),
    (
        "cut and refused",
        |before| if before == 0 { Reply::Cut } else { error(403, "AuthenticationFailed") },
        effect(1, 0, 0),
        Some(ErrorKind::Denied),
    ),
    ("refused", |_| error(403, "x"), effect(0, 0, 0), Some(ErrorKind::Denied)),
    (
        "cut short and stored",
        |before| match before {
            0 => answer(201, "etag: \"0x1\"\r\ncontent-length: 10\r\n"),
            _ => answer(201, ETAG),
        },
        effect(0, 1, 1),
        None,
    ),
    (
        "late, cut, failed and stored",
        |before| match before {
            0 => error(500, "OperationTimedOut"),
            1 => Reply::Cut,
            2 => error(500, "InternalError"),
            _ => answer(201, ETAG),
        },
        effect(2, 1, 1),
        None,
    ),
];

/// The answer to one attempt that is not made again.
const ONCE: [Tries; 6] = [
    ("cut", |_| Reply::Cut, effect(1, 0, 0), Some(ErrorKind::Unreachable)),
    ("failed", |_| error(500, "InternalError"), effect(0, 1, 0), Some(ErrorKind::Service)),
    ("late", |_| error(500, "OperationTimedOut"), effect(1, 0, 0), Some(ErrorKind::TimedOut)),
    ("untagged", |_| answer(201, ""), effect(0, 1, 0), Some(ErrorKind::Service)),
    ("a page", |_| Reply::page(201, ETAG), effect(0, 1, 0), Some(ErrorKind::Service)),
    ("another status", |_| answer(200, ETAG), effect(0, 1, 0), Some(ErrorKind::Service)),
];

/// Each case, and for how many seconds it is tried again.
fn tries() -> impl Iterator<Item = (Tries, u64)> {
    AGAIN.into_iter().map(|tries| (tries, 20)).chain(ONCE.into_iter().map(|tries| (tries, 0)))
}

#[tokio::test]
async fn each_attempt_of_a_put_is_accounted_for() {
    let cases = tries().map(|((case, tries, expected, kind), seconds)| async move {
        let server = Server::start(move |_, before| tries(before)).await;
        let (store, attempts) = (patient(store(&server.endpoint).await, seconds), Attempts::default());
        let put = store.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await;
        assert_eq!(attempts.effect(), expected, "{case}: {put:?}");
        assert_eq!(put.err().map(|error| error.kind()), kind, "{case}");
    });
    futures::future::join_all(cases).await;
}

#[tokio::test]
async fn each_attempt_of_a_completion_is_accounted_for() {
    let cases = tries().map(|((case, tries, expected, kind), seconds)| async move {
        let server = Server::start(move |request, before| match operation(request).as_str() {
            "PUT block" => answer(201, ""),
            _ => tries(before - 1),
        })
        .await;
        let (upload, attempts) = (patient_upload(&server, seconds).await, Attempts::default());
        let part = upload.put_part(1, digits()).await.expect("staged");
        let completed = upload.complete(std::slice::from_ref(&part), part.checksum, &attempts).await;
        assert_eq!(attempts.effect(), expected, "{case}: {completed:?}");
        assert_eq!(completed.err().map(|error| error.kind()), kind, "{case}");
    });
    futures::future::join_all(cases).await;
}

#[tokio::test]
async fn what_was_not_sent_in_whole_cannot_be_stored() {
    let bytes = vec![7; 64 << 20];
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &bytes);
    let payload = Payload::from_segments(vec![bytes.into()], checksum);
    let server = Server::start_reading(|_| false, |_, _| Reply::Cut).await;
    let attempts = Attempts::default();
    let store = store(&server.endpoint).await;
    store.put(&key(), payload, &commit(IfExists::Replace), &attempts).await.expect_err("cut off");
    assert_eq!((server.requests().len(), attempts.effect()), (1, Effect::default()));

    let nobody = AzureStore::connect(options("http://127.0.0.1:1/account")).await.expect("options are fine");
    nobody.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await.expect_err("nobody is there");
    assert_eq!(attempts.effect(), Effect::default());
}

#[tokio::test]
async fn a_put_that_nobody_waits_for_may_still_be_stored() {
    let (server, name) = (Server::start(|_, _| Reply::Silence).await, key());
    let (store, attempts, options) = (store(&server.endpoint).await, Attempts::default(), commit(IfExists::Replace));
    tokio::select! {
        put = store.put(&name, digits(), &options, &attempts) => panic!("{put:?}"),
        () = server.has_seen(1) => {}
    }
    assert_eq!(attempts.effect(), effect(1, 0, 0));
}

#[tokio::test]
async fn a_commit_tells_its_time_by_the_service() {
    let (date, modified) =
        ("date: Fri, 26 Jun 2015 23:39:12 GMT\r\n", "last-modified: Fri, 26 Jun 2015 23:39:11 GMT\r\n");
    let at = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_435_361_952);
    for (headers, expected) in [
        (format!("{ETAG}{date}"), Some(at)),
        (format!("{ETAG}{date}{modified}"), Some(at - Duration::from_secs(1))),
        (ETAG.to_owned(), None),
    ] {
        let headers = format!("{headers}x-ms-version-id: V\r\n");
        let server = Server::start(move |_, _| answer(CREATED, &headers)).await;
        let store = store(&server.endpoint).await;
        let put = store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
        let upload = upload(&server).await;
        let part = upload.put_part(1, digits()).await.expect("staged");
        let completed = upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await;
        for committed in [put, completed.expect("completed")] {
            assert_eq!((committed.etag.as_deref(), committed.version.as_deref()), (Some("\"0x1\""), Some("V")));
            assert_eq!((committed.at, committed.checksum), (expected, None));
        }
    }
}
