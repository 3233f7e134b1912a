//! The adapter against the emulator (`./localstack/up gcs`), or another one at SEALIFT_TEST_GCS_ENDPOINT.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use bytes::Bytes;
use sealift::{
    Attempts, Bucket, Budget, Checksum, ChecksumAlgorithm, Codec, CommitOptions, Compressor, ErrorKind, IfExists, Key,
    ObjectStore, Payload, Removal, Token,
};
use sealift_gcs::{Credentials, GcsOptions, GcsStore};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const KIB: usize = 1 << 10;
const QUANTUM: usize = 256 * KIB;

fn endpoint() -> String {
    std::env::var("SEALIFT_TEST_GCS_ENDPOINT").unwrap_or_else(|_| "http://127.0.0.1:9023".to_owned())
}

fn options(bucket: &str) -> GcsOptions {
    let mut options = GcsOptions::new(bucket);
    options.endpoint = Some(endpoint());
    options.credentials = Credentials::Anonymous;
    options
}

async fn store_on(bucket: &str) -> GcsStore {
    GcsStore::connect(options(bucket)).await.expect("options are fine")
}

async fn new_bucket() -> String {
    let bucket = format!("sealift-{}", Token::random());
    let made = reqwest::Client::new()
        .post(format!("{}/storage/v1/b?project=test", endpoint()))
        .header("content-type", "application/json")
        .body(format!("{{\"name\": \"{bucket}\"}}"))
        .send()
        .await;
    match made {
        Ok(answer) if answer.status().is_success() => bucket,
        other => panic!("no emulator at {}: run ./localstack/up first ({other:?})", endpoint()),
    }
}

/// A store on a new bucket.
async fn new_store() -> GcsStore {
    store_on(&new_bucket().await).await
}

fn key(key: &str) -> Key {
    key.parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions::new(if_exists)
}

fn payload(bytes: &[u8]) -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc32c, bytes);
    Payload::from_segments(bytes.chunks(100_000).map(Bytes::copy_from_slice).collect(), checksum)
}

fn data(len: usize, seed: u32) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8).collect()
}

async fn keys_of(store: &GcsStore, prefix: &str) -> Vec<String> {
    let (mut keys, mut page) = (Vec::new(), None);
    loop {
        let listed = store.list(prefix, page.as_deref()).await.expect("listed");
        keys.extend(listed.objects.into_iter().map(|object| object.key));
        match listed.next {
            Some(next) => page = Some(next),
            None => return keys,
        }
    }
}

/// As the core moves: a copy that is looked at, and then the original is removed.
async fn rename(store: &GcsStore, from: &Key, to: &Key) -> sealift::Result<()> {
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    let bucket = Bucket::new(store.clone(), compressor, Budget::new(Budget::DEFAULT).expect("enough"));
    bucket.rename(from, to).await
}

#[tokio::test]
async fn put_look_read_list_and_remove() {
    let (store, name, options) = (new_store().await, key("a/b c+ü"), commit(IfExists::Replace));
    let body = data(100_000, 1);
    let committed = store.put(&name, payload(&body), &options, &Attempts::default()).await.expect("stored");
    assert_eq!(committed.checksum, Some(payload(&body).checksum().to_be_bytes()));

    let info = store.head(&name).await.expect("there");
    assert_eq!((info.key.as_str(), info.size, &info.etag), ("a/b c+ü", 100_000, &committed.etag));
    assert_eq!((info.token.as_deref(), &info.checksum), (Some(options.token.as_ref()), &committed.checksum));
    assert_eq!((&info.version, &committed.version), (&info.etag, &info.etag));
    let age = info.modified.expect("a time").elapsed().unwrap_or_default();
    assert!(age.as_secs() < 600, "{age:?}");

    let etag = info.etag.as_deref();
    assert!(store.get(&name, 0..100_000, etag).await.expect("read") == body);
    assert_eq!(store.get(&name, 99_999..100_000, None).await.expect("read"), body[99_999..]);
    assert!(store.get(&name, 5_000..70_000, etag).await.expect("read") == body[5_000..70_000]);

    for name in ["a/a", "b/a"] {
        store.put(&key(name), payload(b""), &options, &Attempts::default()).await.expect("stored");
    }
    let listed = store.list("a/", None).await.expect("listed");
    assert_eq!((&listed.objects[1].etag, listed.objects[1].size), (&info.etag, 100_000), "as in a look");
    assert_eq!(listed.objects[1].modified, info.modified);
    assert_eq!(keys_of(&store, "a/").await, ["a/a", "a/b c+ü"]);
    store.delete(&name, None).await.expect("removed");
    store.delete(&name, None).await.expect("no error when it is not there");
    assert_eq!(store.head(&name).await.expect_err("gone").kind(), ErrorKind::NotFound);
    assert_eq!(store.get(&name, 0..1, None).await.expect_err("gone").kind(), ErrorKind::NotFound);
    assert_eq!(store.get(&name, 0..1, etag).await.expect_err("gone").kind(), ErrorKind::Changed);
    assert!(store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("none").is_empty());
}

#[tokio::test]
async fn a_replaced_object_is_not_read_on() {
    let (store, name) = (new_store().await, key("replaced"));
    let first =
        store.put(&name, payload(b"first"), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let second =
        store.put(&name, payload(b"second"), &commit(IfExists::Replace), &Attempts::default()).await.expect("replaced");
    assert_ne!(first.etag, second.etag);
    assert_eq!(store.get(&name, 0..5, second.etag.as_deref()).await.expect("read"), "secon");
    for other in [first.etag.as_deref(), Some("0"), Some("\"0x1\"")] {
        let error = store.get(&name, 0..5, other).await.expect_err("another content");
        assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    }
}

#[tokio::test]
async fn only_what_was_seen_is_removed() {
    let (store, name) = (new_store().await, key("mine"));
    store.put(&name, payload(b"first"), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let first = store.head(&name).await.expect("there");
    store.put(&name, payload(b"second"), &commit(IfExists::Replace), &Attempts::default()).await.expect("replaced");
    store.retract(&name, &first).await.expect("it is gone already");
    assert_eq!(store.delete(&name, Some(&first)).await.expect("told"), Removal::Another);
    let second = store.head(&name).await.expect("the other is left alone");
    assert_eq!(store.delete(&name, Some(&second)).await.expect("removed"), Removal::Gone);
    store.put(&name, payload(b"third"), &commit(IfExists::Fail), &Attempts::default()).await.expect("stored");
    let second = store.head(&name).await.expect("there");
    store.retract(&name, &second).await.expect("removed");
    assert_eq!(store.head(&name).await.expect_err("gone").kind(), ErrorKind::NotFound);
    store.retract(&name, &second).await.expect("no error when it is not there");
    let mut listed = second;
    (listed.etag, listed.version) = (None, None);
    assert_eq!(store.retract(&name, &listed).await.expect_err("unknown").kind(), ErrorKind::InvalidConfig);
}

/// Remainders of none, one byte and all but one, in one part and across parts.
#[tokio::test]
async fn parts_in_series_make_one_object() {
    let store = new_store().await;
    for sizes in [
        vec![1],
        vec![QUANTUM],
        vec![QUANTUM - 1, 1],
        vec![QUANTUM + 1, QUANTUM - 1],
        vec![4 * QUANTUM, 2 * QUANTUM],
        vec![4 * QUANTUM, 2 * QUANTUM + 1],
        vec![3 * QUANTUM - 1, 100, 2 * QUANTUM + 7],
        vec![5, 5, 5],
        vec![0],
        vec![],
    ] {
        let name = key(&format!("parts/{sizes:?}"));
        let bodies: Vec<_> = sizes.iter().zip(1..).map(|(len, seed)| data(*len, seed)).collect();
        let (options, whole) = (commit(IfExists::Fail), payload(&bodies.concat()).checksum());
        let upload = store.start(&name, &options, &Attempts::default()).await.expect("started");
        assert_eq!(upload.id(), options.token.as_ref());
        let mut parts = Vec::new();
        for (body, number) in bodies.iter().zip(1..) {
            parts.push(upload.put_part(number, payload(body)).await.expect("stored"));
            assert_eq!(store.head(&name).await.expect_err("not yet").kind(), ErrorKind::NotFound);
        }
        let completed = upload.complete(&parts, whole, &Attempts::default()).await.expect("completed");
        assert_eq!(completed.checksum, Some(whole.to_be_bytes()));
        let info = store.head(&name).await.expect("there");
        assert_eq!((info.size, &info.etag), (whole.byte_count(), &completed.etag), "{sizes:?}");
        assert_eq!(info.token.as_deref(), Some(options.token.as_ref()));
        if whole.byte_count() > 0 {
            assert!(store.get(&name, 0..info.size, info.etag.as_deref()).await.expect("read") == bodies.concat());
        }
        upload.abort().await.expect("no error when it is completed already");
        assert_eq!(store.head(&name).await.expect("still there").etag, info.etag);
    }
}

#[tokio::test]
async fn parts_come_in_order_and_all_of_them() {
    let (store, name) = (new_store().await, key("order"));
    let upload = store.start(&name, &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let error = upload.put_part(2, payload(b"second")).await.expect_err("too early");
    assert!(error.to_string().contains("the next part is 1"), "{error}");
    let first = upload.put_part(1, payload(b"first")).await.expect("stored");
    upload.put_part(1, payload(b"first")).await.expect_err("once only");
    let whole = payload(b"first and more").checksum();
    let error = upload
        .complete(std::slice::from_ref(&first), whole, &Attempts::default())
        .await
        .expect_err("bytes are missing");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    upload.abort().await.expect("aborted");
    assert!(keys_of(&store, "").await.is_empty());
}

#[tokio::test]
async fn a_wrong_checksum_makes_no_object() {
    let (store, name) = (new_store().await, key("wrong"));
    let other = Checksum::of(ChecksumAlgorithm::Crc32c, b"other");
    let lies = Payload::from_segments(vec![Bytes::from_static(b"bytes")], other);
    let error =
        store.put(&name, lies.clone(), &commit(IfExists::Replace), &Attempts::default()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let upload = store.start(&name, &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, lies).await.expect("held back");
    let error = upload.complete(&[part], other, &Attempts::default()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    upload.abort().await.expect("aborted");
    assert!(keys_of(&store, "").await.is_empty());
}

#[tokio::test]
async fn what_exists_is_replaced_or_not_as_asked() {
    let (store, name) = (new_store().await, key("taken"));
    let late = store.start(&name, &commit(IfExists::Fail), &Attempts::default()).await.expect("nothing is there yet");
    let part = late.put_part(1, payload(&data(QUANTUM + 5, 9))).await.expect("stored");
    let first =
        store.put(&name, payload(b"first"), &commit(IfExists::Fail), &Attempts::default()).await.expect("stored");

    let error = store
        .put(&name, payload(b"second"), &commit(IfExists::Fail), &Attempts::default())
        .await
        .expect_err("it exists");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    let error =
        late.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect_err("it exists");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    late.abort().await.expect("aborted");
    let error = store.start(&name, &commit(IfExists::Fail), &Attempts::default()).await.err();
    assert!(error.is_none_or(|error| error.kind() == ErrorKind::AlreadyExists));
    assert_eq!(store.head(&name).await.expect("there").etag, first.etag);

    let upload = store.start(&name, &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, payload(b"third")).await.expect("stored");
    upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect("replaced");
    assert_eq!(store.get(&name, 0..5, None).await.expect("read"), "third");
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_and_takes_nothing() {
    let (store, name) = (new_store().await, key("aborted"));
    let upload = store.start(&name, &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, payload(&data(2 * QUANTUM, 1))).await.expect("stored");
    upload.abort().await.expect("aborted");
    upload.abort().await.expect("no error when it is aborted already");
    assert!(keys_of(&store, "").await.is_empty());
    let error = upload.put_part(2, payload(b"late")).await.expect_err("it is gone");
    assert!(error.to_string().contains("aborted"), "{error}");
    upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect_err("it is gone");
    assert!(keys_of(&store, "").await.is_empty());
}

/// A last piece that was sent before the abort and arrives after it, from somebody who knows the session.
#[tokio::test]
async fn a_late_last_piece_is_refused_by_the_service() {
    let (bucket, client) = (new_bucket().await, reqwest::Client::new());
    let (seen, listener) =
        (Arc::new(std::sync::Mutex::new(String::new())), tokio::net::TcpListener::bind("127.0.0.1:0"));
    let listener = listener.await.expect("a port");
    let proxy = format!("http://{}", listener.local_addr().expect("bound"));
    // Passes everything on and remembers the session's name as it goes by.
    let (upstream, remembered) = (endpoint().trim_start_matches("http://").to_owned(), Arc::clone(&seen));
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (upstream, remembered) = (upstream.clone(), Arc::clone(&remembered));
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(upstream).await.expect("the emulator");
                let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
                loop {
                    tokio::select! {
                        read = near.read(&mut up) => match read { Ok(n) if n > 0 => far.write_all(&up[..n]).await.expect("sent"), _ => return },
                        read = far.read(&mut down) => match read {
                            Ok(n) if n > 0 => {
                                let text = String::from_utf8_lossy(&down[..n]).into_owned();
                                if let Some((_, id)) = text.split_once("upload_id=") {
                                    *remembered.lock().unwrap() = id.split_whitespace().next().unwrap().to_owned();
                                }
                                if near.write_all(&down[..n]).await.is_err() { return }
                            }
                            _ => return,
                        },
                    }
                }
            });
        }
    });
    let mut through = options(&bucket);
    through.endpoint = Some(proxy);
    let store = GcsStore::connect(through).await.expect("options are fine");
    let upload = store.start(&key("late"), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    upload.put_part(1, payload(&data(QUANTUM, 1))).await.expect("stored");
    upload.abort().await.expect("aborted");
    let id = seen.lock().unwrap().clone();
    assert!(id.len() > 10, "the session went by");
    assert!(!format!("{store:?} {upload:?}").contains(&id));
    let late = client
        .put(format!("{}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}", endpoint()))
        .header("content-range", format!("bytes */{QUANTUM}"))
        .header("content-length", "0")
        .send()
        .await
        .expect("answered");
    assert_eq!(late.status().as_u16(), 499);
    assert!(keys_of(&store, "").await.is_empty());
}

const ODD: [&str; 12] = [
    "with space",
    "per%cent",
    "per%2Fcent",
    "pl+us",
    "ha#sh",
    "quest?ion=1&x",
    "ünïcödé/日本",
    "a/b/c",
    "quo\"te'",
    "col:on@;,",
    "back\\slash",
    "~!$()*[]{}|^`<>",
];

#[tokio::test]
async fn odd_keys_are_the_same_everywhere() {
    let store = new_store().await;
    for (name, seed) in ODD.into_iter().zip(1..) {
        let (put, sent, moved) = (key(name), key(&format!("s/{name}")), key(&format!("m/{name}")));
        let body = data(1000, seed);
        store.put(&put, payload(&body), &commit(IfExists::Fail), &Attempts::default()).await.expect(name);
        let upload = store.start(&sent, &commit(IfExists::Fail), &Attempts::default()).await.expect(name);
        let part = upload.put_part(1, payload(&body)).await.expect(name);
        upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect(name);
        for key in [&put, &sent] {
            let info = store.head(key).await.expect(name);
            assert_eq!((info.key.as_str(), info.size), (key.as_ref(), 1000));
            assert_eq!(store.get(key, 0..1000, info.etag.as_deref()).await.expect(name), body);
            assert_eq!(keys_of(&store, key.as_ref()).await, [key.as_ref()]);
        }
        rename(&store, &sent, &moved).await.expect(name);
        assert_eq!(store.head(&moved).await.expect(name).size, 1000);
        store.delete(&put, None).await.expect(name);
        let info = store.head(&moved).await.expect(name);
        store.retract(&moved, &info).await.expect(name);
    }
    assert!(keys_of(&store, "").await.is_empty());
}

#[tokio::test]
async fn a_move_takes_the_token_along_and_replaces() {
    let (store, from, to) = (new_store().await, key("from"), key("to/here"));
    let options = commit(IfExists::Replace);
    store.put(&from, payload(b"moved"), &options, &Attempts::default()).await.expect("stored");
    store.put(&to, payload(b"to be replaced"), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    rename(&store, &from, &from).await.expect("to itself");
    rename(&store, &from, &to).await.expect("moved");
    assert_eq!(keys_of(&store, "").await, ["to/here"]);
    let info = store.head(&to).await.expect("there");
    assert_eq!((info.size, info.token.as_deref()), (5, Some(options.token.as_ref())));
    let error = rename(&store, &from, &to).await.expect_err("nothing is there");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn a_long_listing_has_pages() {
    let store = new_store().await;
    let names: Vec<_> = (0..1003).map(|number| format!("p/{number:04}")).collect();
    for chunk in names.chunks(50) {
        let puts = chunk.iter().map(|name| {
            let (store, name) = (store.clone(), key(name));
            async move { store.put(&name, payload(b"x"), &commit(IfExists::Fail), &Attempts::default()).await }
        });
        futures::future::try_join_all(puts).await.expect("stored");
    }
    let first = store.list("p/", None).await.expect("listed");
    assert_eq!(first.objects.len(), 1000);
    assert!(first.next.is_some());
    assert_eq!(keys_of(&store, "p/").await, names);
    assert_eq!(keys_of(&store, "q/").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_missing_bucket_is_told_from_a_missing_object() {
    let store = store_on("sealift-there-is-no-such-bucket").await;
    let (name, options) = (key("k"), commit(IfExists::Replace));
    let put = store.put(&name, payload(b"x"), &options, &Attempts::default()).await.expect_err("no bucket");
    let start = store.start(&name, &options, &Attempts::default()).await.expect_err("no bucket");
    let list = store.list("", None).await.expect_err("no bucket");
    for error in [put, start, list] {
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
        assert!(error.hint().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_sealed_and_read_back() {
    let mut options = options(&new_bucket().await);
    options.part_size = Some(2 * QUANTUM as u64);
    let store = GcsStore::connect(options).await.expect("options are fine");
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    let bucket = Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("enough"));
    let body = data(7 * QUANTUM + 13, 4);
    for name in ["one", "two"] {
        let mut sink = bucket.create(&key(name), IfExists::Fail).expect("opened");
        sink.write_all(&body).await.expect("written");
        let sealed = sink.seal().await.expect("sealed");
        assert_eq!((sealed.bytes_stored, sealed.parts), (body.len() as u64, 4));
    }
    let mut read = Vec::new();
    let mut reader = bucket.open(&key("two")).await.expect("there");
    reader.read_to_end(&mut read).await.expect("read");
    assert!(read == body);
}

#[tokio::test]
async fn a_missing_credentials_file_is_named() {
    let mut options = options("bucket");
    options.credentials = Credentials::File("/nowhere/key.json".into());
    let error = GcsStore::connect(options).await.expect_err("no such file");
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("/nowhere/key.json") && error.hint().is_some(), "{error}");
}
