//! The adapter against LocalStack (`./localstack/up`), or another S3 service at SEALIFT_TEST_S3_ENDPOINT.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials as Keys, Region};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use bytes::Bytes;
use futures::future::try_join_all;
use sealift::{
    Attempts, Checksum, ChecksumAlgorithm, CommitOptions, ErrorKind, IfExists, Key, ObjectStore, Origin, Payload,
    Removal, Token, Work,
};
use sealift_s3::aws_credential_types::provider::SharedCredentialsProvider;
use sealift_s3::{Credentials, S3Options, S3Store};
use std::time::Duration;

const MIB: usize = 1 << 20;

fn endpoint() -> String {
    std::env::var("SEALIFT_TEST_S3_ENDPOINT").unwrap_or_else(|_| "http://127.0.0.1:4566".into())
}

fn keys() -> Keys {
    Keys::new("test", "test", None, None, "tests")
}

async fn store_on(bucket: &str) -> S3Store {
    let mut options = S3Options::new(bucket);
    options.endpoint_url = Some(endpoint());
    options.region = Some("us-east-1".to_owned());
    options.credentials = Credentials::Provider(SharedCredentialsProvider::new(keys()));
    S3Store::connect(options).await.expect("options are fine")
}

/// A store on a new bucket.
async fn new_store() -> S3Store {
    let (_, bucket) = new_bucket().await;
    store_on(&bucket).await
}

async fn new_bucket() -> (Client, String) {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(keys())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint())
        .force_path_style(true)
        .build();
    let bucket = format!("sealift-s3-{}", Token::random());
    let client = Client::from_conf(config);
    let made = client.create_bucket().bucket(&bucket).send().await;
    if let Err(error) = made {
        panic!("no S3 service at {}: run ./localstack/up first ({error:?})", endpoint());
    }
    (client, bucket)
}

fn key(key: &str) -> Key {
    key.parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions::new(if_exists)
}

fn payload(bytes: &[u8]) -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, bytes);
    Payload::from_segments(bytes.chunks(MIB).map(Bytes::copy_from_slice).collect(), checksum)
}

fn data(len: usize, seed: u32) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8).collect()
}

async fn keys_of(store: &S3Store, prefix: &str) -> Vec<String> {
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

#[tokio::test]
async fn put_look_read_list_and_remove() {
    let (store, name, options) = (new_store().await, key("a/b c+ü"), commit(IfExists::Replace));
    let body = data(100_000, 1);
    let committed = store.put(&name, payload(&body), &options, &Attempts::default()).await.expect("stored");
    assert_eq!(committed.checksum, Some(payload(&body).checksum().to_be_bytes()));

    let info = store.head(&name).await.expect("there");
    assert_eq!((info.size, info.etag.as_ref()), (100_000, committed.etag.as_ref()));
    assert_eq!(info.token.as_deref(), Some(options.token.as_ref()));
    assert_eq!(info.checksum, committed.checksum);
    assert!(info.modified.is_some());

    let etag = info.etag.as_deref();
    assert_eq!(store.get(&name, 0..100_000, etag).await.expect("read"), body);
    assert_eq!(store.get(&name, 99_999..100_000, None).await.expect("read"), body[99_999..]);
    assert_eq!(store.get(&name, 5_000..70_000, etag).await.expect("read"), body[5_000..70_000]);
    let other = store.get(&name, 0..10, Some("\"0123\"")).await.expect_err("another content");
    assert_eq!(other.kind(), ErrorKind::Changed, "{other}");

    for name in ["a/a", "b/a"] {
        store.put(&key(name), payload(b""), &options, &Attempts::default()).await.expect("stored");
    }
    assert_eq!(keys_of(&store, "a/").await, ["a/a", "a/b c+ü"]);
    store.delete(&name, None).await.expect("removed");
    store.delete(&name, None).await.expect("no error when it is not there");
    assert_eq!(store.head(&name).await.expect_err("gone").kind(), ErrorKind::NotFound);
    assert_eq!(store.get(&name, 0..1, None).await.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn parts_out_of_order_make_one_object_once() {
    let (store, name) = (new_store().await, key("parts"));
    let bodies: Vec<_> = [5 * MIB, 6 * MIB, 1234].into_iter().zip(1..).map(|(len, seed)| data(len, seed)).collect();
    let whole = payload(&bodies.concat()).checksum();
    for (round, if_exists) in [IfExists::Fail, IfExists::Fail].into_iter().enumerate() {
        let options = commit(if_exists);
        let upload = store.start(&name, &options, &Attempts::default()).await.expect("started");
        let puts = [2, 3, 1].map(|number: u32| upload.put_part(number, payload(&bodies[number as usize - 1])));
        let mut parts = try_join_all(puts).await.expect("stored");
        parts.sort_by_key(|part| part.number);
        let completed = upload.complete(&parts, whole, &Attempts::default()).await;
        if round == 0 {
            assert_eq!(completed.expect("completed").checksum, Some(whole.to_be_bytes()));
            let info = store.head(&name).await.expect("there");
            assert_eq!((info.size, info.checksum), (whole.byte_count(), Some(whole.to_be_bytes())));
            assert_eq!(info.token.as_deref(), Some(options.token.as_ref()));
            let across = 5 * MIB - 10..11 * MIB + 10;
            let read = store.get(&name, across.start as u64..across.end as u64, None).await.expect("read");
            assert!(read == bodies.concat()[across]);
            upload.abort().await.expect("no error when it is completed already");
        } else {
            assert_eq!(completed.expect_err("it exists").kind(), ErrorKind::AlreadyExists);
            upload.abort().await.expect("aborted");
        }
    }
    let put = store.put(&name, payload(b"x"), &commit(IfExists::Fail), &Attempts::default()).await;
    assert_eq!(put.expect_err("it exists").kind(), ErrorKind::AlreadyExists);
    assert_eq!(store.head(&name).await.expect("there").size, whole.byte_count());
    assert!(store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed").is_empty());
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_and_takes_nothing() {
    let (store, name) = (new_store().await, key("aborted"));
    let upload = store.start(&name, &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, payload(&data(5 * MIB, 1))).await.expect("stored");
    upload.abort().await.expect("aborted");
    upload.abort().await.expect("no error when it is aborted already");
    assert!(store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed").is_empty());
    assert!(keys_of(&store, "").await.is_empty());
    let error = upload.put_part(2, payload(b"late")).await.expect_err("it is gone");
    assert!(error.to_string().contains("NoSuchUpload"), "{error}");
    upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect_err("it is gone");
}

#[tokio::test]
async fn a_wrong_checksum_is_refused() {
    let (store, name) = (new_store().await, key("wrong"));
    let wrong = Payload::from_segments(vec![Bytes::from_static(b"sent")], payload(b"said").checksum());
    let put =
        store.put(&name, wrong.clone(), &commit(IfExists::Replace), &Attempts::default()).await.expect_err("refused");
    assert_eq!(put.kind(), ErrorKind::Corrupt, "{put}");

    let upload = store.start(&name, &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, wrong).await.expect_err("refused");
    assert_eq!(part.kind(), ErrorKind::Corrupt, "{part}");
    let part = upload.put_part(1, payload(b"sent")).await.expect("stored");
    let completed =
        upload.complete(&[part], payload(b"said").checksum(), &Attempts::default()).await.expect_err("refused");
    assert_eq!(completed.kind(), ErrorKind::Corrupt, "{completed}");
    upload.abort().await.expect("aborted");
    assert!(keys_of(&store, "").await.is_empty());
}

#[tokio::test]
async fn leftovers_are_found_and_removed_unless_they_are_alive() {
    let store = new_store().await;
    let start = async |name: &str| {
        store.start(&key(name), &commit(IfExists::Replace), &Attempts::default()).await.expect("started")
    };
    let (idle, alive) = (start("crashed/idle").await, start("crashed/alive").await);
    let _elsewhere = start("elsewhere").await;
    for (upload, len) in [(&idle, 5 * MIB), (&alive, 1000)] {
        upload.put_part(1, payload(&data(len, 1))).await.expect("stored");
    }
    let leftovers = store.leftovers("crashed/", None).await.and_then(sealift::Leftovers::all).expect("listed");
    let find = |name: &str| leftovers.iter().find(|leftover| leftover.key == name).expect("listed");
    assert_eq!(leftovers.len(), 2, "{leftovers:?}");
    assert_eq!((find("crashed/idle").bytes, find("crashed/idle").id.as_str()), (5 << 20, idle.id()));
    assert!(find("crashed/idle").idle < Duration::from_secs(60));

    alive.put_part(2, payload(b"another part")).await.expect("stored");
    let error = store.remove_leftover(find("crashed/alive")).await.expect_err("alive");
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    store.remove_leftover(find("crashed/idle")).await.expect("removed");
    store.remove_leftover(find("crashed/idle")).await.expect("no error when it is gone");
    let left = store.leftovers("crashed/", None).await.and_then(sealift::Leftovers::all).expect("listed");
    assert_eq!(left.iter().map(|left| left.id.as_str()).collect::<Vec<_>>(), [alive.id()]);
    assert_eq!(left[0].origin, Origin::Sealift);
}

#[tokio::test]
async fn a_copy_keeps_bytes_and_metadata_and_replaces() {
    let (store, from, to, options) =
        (new_store().await, key("old/ü +%41"), key("new/ü +?&#"), commit(IfExists::Replace));
    let put = async |key: &Key, body: &[u8], options: &CommitOptions| {
        store.put(key, payload(body), options, &Attempts::default()).await.expect("stored")
    };
    put(&to, b"replaced", &commit(IfExists::Replace)).await;
    put(&from, b"copied", &options).await;
    let source = store.head(&from).await.expect("there");
    let copied = store.copy(&from, &source, &to, &Work::new("a copy")).await.expect("copied");
    let info = store.head(&to).await.expect("there");
    assert_eq!(info.token.as_deref(), Some(options.token.as_ref()));
    assert_eq!((info.etag, info.checksum), (copied.etag.clone(), source.checksum.clone()));
    assert_eq!(store.get(&to, 0..6, copied.etag.as_deref()).await.expect("read"), "copied");

    put(&from, b"copied", &commit(IfExists::Replace)).await;
    let error = store.copy(&from, &source, &to, &Work::new("a copy")).await.expect_err("another content");
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    store.delete(&from, None).await.expect("removed");
    let error = store.copy(&from, &source, &to, &Work::new("a copy")).await.expect_err("gone");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.left_behind().is_empty(), "{error}");
}

#[tokio::test]
async fn only_the_object_that_is_meant_is_removed() {
    let (store, name) = (new_store().await, key("exactly"));
    let put = async || {
        let options = commit(IfExists::Replace);
        store.put(&name, payload(b"first"), &options, &Attempts::default()).await.expect("stored");
        store.head(&name).await.expect("there")
    };
    // The same bytes, and so the same ETag, of two commits.
    let (first, second) = (put().await, put().await);
    assert_eq!(first.etag, second.etag);
    assert_eq!(store.delete(&name, Some(&first)).await.expect("nothing to do"), Removal::Another);
    assert_eq!(store.retract(&name, &first).await.expect("nothing to do"), Removal::Another);
    store.head(&name).await.expect("kept");
    assert!(!store.retracting_restores(&second));
    assert_eq!(store.delete(&name, Some(&second)).await.expect("removed"), Removal::Gone);
    assert_eq!(store.delete(&name, Some(&second)).await.expect("gone already"), Removal::Gone);
    assert_eq!(store.retract(&name, &second).await.expect("gone already"), Removal::Gone);
    assert_eq!(store.head(&name).await.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn in_a_bucket_with_versions_a_commit_is_undone_and_a_removal_keeps_what_was_there() {
    let (client, bucket) = new_bucket().await;
    let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    client.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioned).send().await.expect("versioned");
    let (store, name) = (store_on(&bucket).await, key("versions"));
    let put = async |body: &[u8]| {
        let options = commit(IfExists::Replace);
        store.put(&name, payload(body), &options, &Attempts::default()).await.expect("stored");
        store.head(&name).await.expect("there")
    };
    let (first, second) = (put(b"first").await, put(b"second").await);
    assert!(store.retracting_restores(&second));
    assert_eq!(store.retract(&name, &second).await.expect("removed"), Removal::Gone);
    assert_eq!(store.head(&name).await.expect("back").version, first.version);

    assert_eq!(store.delete(&name, Some(&first)).await.expect("removed"), Removal::Gone);
    assert_eq!(store.head(&name).await.expect_err("gone").kind(), ErrorKind::NotFound);
    let kept = client.get_object().bucket(&bucket).key("versions").set_version_id(first.version).send().await;
    kept.expect("an earlier version");
}

/// The condition is proven first, since LocalStack is a service that nothing is known of.
#[tokio::test]
async fn the_proof_of_conditions_leaves_nothing() {
    let store = new_store().await;
    let put = store.put(&key("folder/k"), payload(b"x"), &commit(IfExists::Fail), &Attempts::default()).await;
    put.expect("stored");
    assert_eq!(keys_of(&store, "").await, ["folder/k"]);
    assert!(store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed").is_empty());
}

#[tokio::test]
async fn a_missing_bucket_is_told_from_a_missing_object() {
    drop(new_store().await);
    let store = store_on("no-such-bucket-of-sealift-s3").await;
    let (name, options) = (key("k"), commit(IfExists::Replace));
    for (what, result) in [
        ("head", store.head(&name).await.map(drop)),
        ("get", store.get(&name, 0..1, None).await.map(drop)),
        ("put", store.put(&name, payload(b"x"), &options, &Attempts::default()).await.map(drop)),
        ("start", store.start(&name, &options, &Attempts::default()).await.map(drop)),
        ("list", store.list("", None).await.map(drop)),
        ("leftovers", store.leftovers("", None).await.and_then(sealift::Leftovers::all).map(drop)),
    ] {
        let error = result.expect_err("no bucket");
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{what}: {error}");
        assert!(error.hint().is_some(), "{what}: {error}");
    }
}
