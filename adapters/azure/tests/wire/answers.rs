//! Answers that are not what was asked for.

use super::*;

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
        (206, "content-range: bytes 2-5/9\r\netag: \"0x2\"\r\n", "2345", Some(ErrorKind::Service)),
        (206, ranged, "23456", Some(ErrorKind::Service)),
        (206, "content-range: bytes 2-5/9\r\ncontent-length: 4\r\n", "23", Some(ErrorKind::Unreachable)),
        (206, "content-range: bytes 0-3/9\r\n", "0123", Some(ErrorKind::Service)),
        (200, plain, "0123456789", Some(ErrorKind::Service)),
    ] {
        let server = Server::start(move |_, _| {
            let etag = if headers.contains("etag") { "" } else { ETAG };
            Reply::Answer(status, format!("{etag}x-ms-blob-type: BlockBlob\r\n{headers}"), body.into())
        })
        .await;
        let read = store(&server.endpoint).await.get(&key(), 2..6, Some("\"0x1\"")).await;
        match kind {
            None => assert_eq!(read.expect("read"), "2345"),
            Some(kind) => {
                let error = read.expect_err(body);
                assert_eq!(error.kind(), kind, "{status} {headers}{body}");
                let passing = if kind == ErrorKind::Service { Passing::Unlikely } else { Passing::Outage };
                assert_eq!(error.passing(), Some(passing), "{error}");
            }
        }
        assert_eq!(server.requests()[0].header("if-match"), Some("\"0x1\""));
    }
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_given_up_in_time() {
    for endpoint in ["http://127.0.0.1:1/account", "http://192.0.2.1/account"] {
        let (store, begun) = (store(endpoint).await, Instant::now());
        let error = store.head(&key()).await.expect_err("nobody is there");
        assert_eq!((error.kind(), error.passing()), (ErrorKind::Unreachable, Some(Passing::Outage)), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "one attempt to connect: {:?}", begun.elapsed());
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(!format!("{error} {error:?} {source}").contains("s3cret"), "{error}");
    }
}

/// A look that the answer has no length for.
fn unsized_look() -> Reply {
    answer(200, &format!("{ETAG}transfer-encoding: chunked\r\n"))
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_an_error() {
    type Odd = (&'static str, fn() -> Reply);
    let odd: [Odd; 10] = [
        ("head", unsized_look),
        ("head", || answer(200, "content-length: 9\r\n")),
        ("list", || Reply::page(200, "")),
        ("list", || Reply::xml(200, "<BlockList/>")),
        ("list", || Reply::xml(200, "<EnumerationResults><Blobs>")),
        ("list", || answer(200, "")),
        ("delete", || Reply::page(202, "")),
        ("delete", || answer(200, "")),
        ("delete", || Reply::Bare(202)),
        ("delete", || answer(204, "")),
    ];
    for (verb, reply) in odd {
        let server = Server::start(move |_, _| reply()).await;
        let store = store(&server.endpoint).await;
        let done = match verb {
            "head" => vec![store.head(&key()).await.map(drop)],
            "list" => vec![
                store.list("", None).await.map(drop),
                store.leftovers("", None).await.and_then(sealift::Leftovers::all).map(drop),
            ],
            _ => vec![
                store.delete(&key(), None).await.map(drop),
                store.delete(&key(), Some(&info("\"0x1\""))).await.map(drop),
                store.retract(&key(), &info("\"0x1\"")).await.map(drop),
            ],
        };
        for done in done {
            assert_eq!(done.expect_err(verb).kind(), ErrorKind::Service, "{verb}");
        }
        assert!(!server.requests().is_empty());
    }
}

#[tokio::test]
async fn a_page_that_says_404_is_not_the_service() {
    let server = Server::start(|_, _| Reply::page(404, "")).await;
    let store = store(&server.endpoint).await;
    for done in [
        store.head(&key()).await.map(drop),
        store.get(&key(), 0..9, None).await.map(drop),
        store.get(&key(), 0..9, Some("\"0x1\"")).await.map(drop),
        store.delete(&key(), None).await.map(drop),
        store.list("", None).await.map(drop),
    ] {
        assert_eq!(done.expect_err("no answer").kind(), ErrorKind::Service);
    }
}

#[tokio::test]
async fn blocks_are_not_missing_because_a_page_says_so() {
    let server = Server::start(|request, _| match operation(request).as_str() {
        "GET list" => {
            let blob = "<Blob><Name>a</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>";
            Reply::xml(200, &format!("<EnumerationResults><Blobs>{blob}</Blobs><NextMarker/></EnumerationResults>"))
        }
        _ => Reply::page(200, ""),
    })
    .await;
    let error = store(&server.endpoint)
        .await
        .leftovers("", None)
        .await
        .and_then(sealift::Leftovers::all)
        .expect_err("no block list");
    assert_eq!((error.kind(), operations(&server)[1].as_str()), (ErrorKind::Service, "GET blocklist"), "{error}");
}

#[tokio::test]
async fn a_listing_that_stands_still_is_an_error() {
    let server = Server::start(|request, before| {
        let next = if request.target.contains("prefix=two") && before % 2 == 1 { "OTHER" } else { "SAME" };
        Reply::xml(200, &format!("<EnumerationResults><Blobs/><NextMarker>{next}</NextMarker></EnumerationResults>"))
    })
    .await;
    let store = store(&server.endpoint).await;
    let first = store.list("one", None).await.expect("a page");
    assert_eq!(store.list("one", first.next.as_deref()).await.expect_err("again").kind(), ErrorKind::Service);
    let first = store.leftovers("one", None).await.expect("a page");
    assert_eq!(store.leftovers("one", first.next.as_deref()).await.expect_err("again").kind(), ErrorKind::Service);
    let listed = bucket(&server).await.leftovers("two", Duration::ZERO).await;
    assert_eq!(listed.expect_err("in a circle").kind(), ErrorKind::Service);
    assert!(server.requests().len() < 10);
}

#[tokio::test]
async fn a_long_answer_is_not_read_to_its_end() {
    const LENGTH: usize = 300 << 20;
    for (status, limit, kind) in [(403, 32 << 20, ErrorKind::Denied), (200, 96 << 20, ErrorKind::Service)] {
        let server = Server::start(move |_, _| Reply::Long(status, String::new(), LENGTH)).await;
        let error = store(&server.endpoint).await.list("", None).await.expect_err("too long");
        assert_eq!(error.kind(), kind, "{error}");
        assert!((1..limit).contains(&server.sent()), "{} bytes went out", server.sent());
    }
}

#[tokio::test]
async fn the_kept_checksum_tells_a_byte_that_is_another() {
    for (byte, kept) in [("5", "ae8b14860a799888"), ("6", "ae8b14860a799888"), ("6", "nonsense")] {
        let server = Server::start(move |request, _| match request.method.as_str() {
            "HEAD" => {
                answer(200, &format!("{ETAG}content-length: 9\r\nx-ms-meta-Sealift_Checksum: crc64nvme:{kept}\r\n"))
            }
            _ => Reply::Answer(
                206,
                format!("{ETAG}x-ms-blob-type: BlockBlob\r\ncontent-range: bytes 0-8/9\r\n"),
                format!("1234{byte}6789").into(),
            ),
        })
        .await;
        let store = store(&server.endpoint).await;
        let told = store.head(&key()).await.expect("there").kept_checksum;
        assert_eq!(told.is_some(), kept != "nonsense");
        let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
        let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("enough"));
        let mut read = Vec::new();
        let done = match bucket.open(&key()).await {
            Ok(mut reader) => reader.read_to_end(&mut read).await,
            Err(error) => Err(error.into_io()),
        };
        match (byte, kept) {
            ("6", "ae8b14860a799888") => {
                let error = done.expect_err("another byte");
                let error = sealift::Error::from_io(&error).expect("ours");
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            }
            _ => assert_eq!(done.expect("read"), 9),
        }
    }
}

#[tokio::test]
async fn only_what_is_meant_is_removed() {
    for (delete, look, expected) in [
        (answer as fn(u16, &str) -> Reply, 0, Some(Removal::Gone)),
        (|_, _| error(404, "BlobNotFound"), 0, Some(Removal::Gone)),
        (|_, _| error(412, "ConditionNotMet"), 200, Some(Removal::Another)),
        (|_, _| error(412, "ConditionNotMet"), 404, Some(Removal::Gone)),
        (|_, _| error(412, "ConditionNotMet"), 403, None),
    ] {
        let server = Server::start(move |request, _| match (request.method.as_str(), look) {
            ("DELETE", _) => delete(202, ""),
            (_, 200) => answer(200, &format!("{ETAG}content-length: 9\r\n")),
            (_, 404) => error(404, "BlobNotFound"),
            _ => error(403, "AuthorizationPermissionMismatch"),
        })
        .await;
        let removed = store(&server.endpoint).await.delete(&key(), Some(&info("\"0x7\""))).await;
        assert_eq!(removed.ok(), expected);
        assert_eq!(server.requests()[0].header("if-match"), Some("\"0x7\""));
    }
}
