//! The adapter against Azurite (`./localstack/up`), or another one at SEALIFT_TEST_AZURE_ENDPOINT.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use azure_core::hmac::hmac_sha256;
use azure_core::http::Url;
use azure_storage_blob::BlobContainerClient;
use azure_storage_blob::models::{
    BlobClientGetPropertiesResultHeaders, BlockBlobClientCommitBlockListOptions, BlockBlobClientUploadOptions,
    BlockListType, BlockLookupList,
};
use bytes::Bytes;
use futures::future::try_join_all;
use sealift::{
    Attempts, Bucket, Budget, Checksum, ChecksumAlgorithm, Codec, CommitOptions, Compressor, ErrorKind, IfExists, Key,
    ObjectStore, Origin, Payload, Removal, Token, Work,
};
use sealift_azure::{AzureOptions, AzureStore, Credentials, Secret};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MIB: usize = 1 << 20;
/// Azurite's, the same everywhere.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn endpoint() -> String {
    std::env::var("SEALIFT_TEST_AZURE_ENDPOINT").unwrap_or_else(|_| format!("http://127.0.0.1:10000/{ACCOUNT}"))
}

/// A signature for everything in the account (Microsoft, "Create an account SAS").
fn sas() -> String {
    let (permissions, expiry, version) = ("rwdlacuptf", "2099-01-01T00:00:00Z", "2021-06-08");
    let text = format!("{ACCOUNT}\n{permissions}\nb\nsco\n\n{expiry}\n\nhttps,http\n{version}\n\n");
    let signature = hmac_sha256(&text, &Secret::new(KEY)).expect("a key");
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("sv={version}&ss=b&srt=sco&sp={permissions}&se={expiry}&spr=https,http&sig={signature}")
}

async fn store_with(container: &str, credentials: Credentials) -> AzureStore {
    let mut options = AzureOptions::new(ACCOUNT, container);
    options.endpoint = Some(endpoint());
    options.credentials = credentials;
    AzureStore::connect(options).await.expect("options are fine")
}

async fn store_on(container: &str) -> AzureStore {
    store_with(container, Credentials::SharedKey(Secret::new(KEY))).await
}

/// The container, without the adapter.
fn raw(container: &str) -> BlobContainerClient {
    let url = Url::parse(&format!("{}/{container}?{}", endpoint(), sas())).expect("a URL");
    BlobContainerClient::new(url, None, None).expect("a client")
}

fn container_of(store: &AzureStore) -> BlobContainerClient {
    raw(store.url().rsplit('/').next().expect("a container"))
}

/// A store on a new container.
async fn new_store() -> AzureStore {
    let container = format!("sealift-{}", Token::random());
    if let Err(error) = raw(&container).create(None).await {
        panic!("no Azurite at {}: run ./localstack/up first ({error})", endpoint());
    }
    store_on(&container).await
}

fn key(key: &str) -> Key {
    key.parse().expect("valid")
}

fn commit(if_exists: IfExists) -> CommitOptions {
    CommitOptions { token: Token::random(), if_exists }
}

fn payload(bytes: &[u8]) -> Payload {
    let checksum = Checksum::of(ChecksumAlgorithm::Crc64Nvme, bytes);
    Payload::from_segments(bytes.chunks(MIB).map(Bytes::copy_from_slice).collect(), checksum)
}

fn data(len: usize, seed: u32) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8).collect()
}

async fn keys_of(store: &AzureStore, prefix: &str) -> Vec<String> {
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

/// The number of uncommitted blocks of a name; `None` when the service knows no such name.
async fn uncommitted(store: &AzureStore, key: &str) -> Option<usize> {
    let blocks = container_of(store).blob_client(key).block_blob_client();
    match blocks.get_block_list(BlockListType::Uncommitted, None).await {
        Ok(listed) => Some(listed.into_model().expect("a list").uncommitted_blocks.unwrap_or_default().len()),
        Err(error) if error.http_status().map(u16::from) == Some(404) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn put_look_read_list_and_remove() {
    let (store, name, options) = (new_store().await, key("a/b c+ü"), commit(IfExists::Replace));
    let body = data(100_000, 1);
    let committed = store.put(&name, payload(&body), &options, &Attempts::default()).await.expect("stored");
    assert_eq!(committed.checksum, None);

    let info = store.head(&name).await.expect("there");
    assert_eq!((info.size, info.etag.as_ref()), (100_000, committed.etag.as_ref()));
    assert_eq!(info.token.as_deref(), Some(options.token.as_ref()));
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
    let listed = store.list("a/", None).await.expect("listed");
    assert_eq!(listed.objects[1].etag, info.etag, "as in a look");
    assert_eq!(keys_of(&store, "a/").await, ["a/a", "a/b c+ü"]);
    store.delete(&name, None).await.expect("removed");
    store.delete(&name, None).await.expect("no error when it is not there");
    assert_eq!(store.head(&name).await.expect_err("gone").kind(), ErrorKind::NotFound);
    assert_eq!(store.get(&name, 0..1, None).await.expect_err("gone").kind(), ErrorKind::NotFound);
    let gone = store.get(&name, 0..1, etag).await.expect_err("gone");
    assert_eq!(gone.kind(), ErrorKind::Changed, "{gone}");
}

#[tokio::test]
async fn a_payload_is_put_in_one_request() {
    let (store, body) = (new_store().await, data(9 * MIB + 1, 2));
    store.put(&key("large"), payload(&body), &commit(IfExists::Fail), &Attempts::default()).await.expect("stored");
    let blocks = container_of(&store).blob_client("large").block_blob_client();
    let listed = blocks.get_block_list(BlockListType::All, None).await.expect("listed").into_model().expect("a list");
    assert_eq!(listed.committed_blocks.unwrap_or_default().len(), 0, "Put Blob makes no blocks");
    assert!(store.get(&key("large"), 0..body.len() as u64, None).await.expect("read") == body);
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
            let completed = completed.expect("completed");
            let info = store.head(&name).await.expect("there");
            assert_eq!((info.size, info.etag), (whole.byte_count(), completed.etag));
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
    assert!(store.get(&name, 0..whole.byte_count(), None).await.expect("read") == bodies.concat());
    assert!(store.leftovers("").await.expect("listed").is_empty());
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_and_takes_nothing() {
    let (store, name) = (new_store().await, key("aborted"));
    let upload = store.start(&name, &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let part = upload.put_part(1, payload(&data(5 * MIB, 1))).await.expect("stored");
    assert_eq!(uncommitted(&store, "aborted").await, Some(1));
    assert!(keys_of(&store, "").await.is_empty());
    upload.abort().await.expect("aborted");
    upload.abort().await.expect("no error when it is aborted already");
    assert_eq!(uncommitted(&store, "aborted").await, None, "neither a blob nor a block");
    assert!(store.leftovers("").await.expect("listed").is_empty());
    assert!(keys_of(&store, "").await.is_empty());
    let error = upload.put_part(2, payload(b"late")).await.expect_err("it is gone");
    assert!(error.to_string().contains("aborted"), "{error}");
    upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect_err("it is gone");
    assert_eq!(uncommitted(&store, "aborted").await, None);
}

/// What the service keeps of a blob besides its content.
async fn kept(store: &AzureStore, key: &str) -> (HashMap<String, String>, [Option<String>; 5], Option<Vec<u8>>) {
    let found = container_of(store).blob_client(key).get_properties(None).await.expect("there");
    let texts = [
        found.content_type().expect("read"),
        found.cache_control().expect("read"),
        found.content_encoding().expect("read"),
        found.content_disposition().expect("read"),
        found.content_language().expect("read"),
    ];
    (found.metadata().expect("read"), texts, found.content_md5().expect("read"))
}

#[tokio::test]
async fn an_abort_leaves_the_blob_that_is_there_as_it_is() {
    let store = new_store().await;
    let metadata = HashMap::from([("who".to_owned(), "somebody else".to_owned())]);
    let blocks = container_of(&store).blob_client("listed").block_blob_client();
    let (first, second) = (data(MIB, 1), data(1_000, 2));
    for (id, body) in [(b"0001", &first), (b"0002", &second)] {
        blocks.stage_block(id, body.len() as u64, Bytes::from(body.clone()).into(), None).await.expect("staged");
    }
    let list = BlockLookupList { latest: Some(vec![b"0002".to_vec(), b"0001".to_vec()]), ..Default::default() };
    let options = BlockBlobClientCommitBlockListOptions {
        metadata: Some(metadata.clone()),
        blob_content_type: Some("text/x-listed".to_owned()),
        blob_cache_control: Some("no-store".to_owned()),
        blob_content_language: Some("de".to_owned()),
        ..Default::default()
    };
    blocks.commit_block_list(list.try_into().expect("a list"), Some(options)).await.expect("committed");
    let at_once = container_of(&store).blob_client("at-once").block_blob_client();
    let options = BlockBlobClientUploadOptions {
        metadata: Some(metadata),
        blob_content_type: Some("text/x-at-once".to_owned()),
        blob_content_disposition: Some("inline".to_owned()),
        blob_content_encoding: Some("gzip".to_owned()),
        ..Default::default()
    };
    at_once.upload(Bytes::from(first.clone()).into(), Some(options)).await.expect("stored");

    for (name, content) in [("listed", [second, first.clone()].concat()), ("at-once", first)] {
        let before = kept(&store, name).await;
        let upload = store.start(&key(name), &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
        upload.put_part(1, payload(&data(MIB, 9))).await.expect("stored");
        assert_eq!(uncommitted(&store, name).await, Some(1));
        assert_eq!(store.leftovers(name).await.expect("listed").len(), 1, "{name}: found although a blob is there");
        upload.abort().await.expect("aborted");
        assert_eq!(uncommitted(&store, name).await, Some(0), "{name}");
        assert_eq!(kept(&store, name).await, before, "{name}");
        let read = store.get(&key(name), 0..content.len() as u64, None).await.expect("read");
        assert!(read == content, "{name}");
        assert_eq!(store.head(&key(name)).await.expect("there").size, content.len() as u64);
    }
}

#[tokio::test]
async fn two_uploads_to_one_key_never_mix_and_an_abort_spares_the_other() {
    let (store, name) = (new_store().await, key("both"));
    let start = async || store.start(&name, &commit(IfExists::Replace), &Attempts::default()).await.expect("started");
    let (mine, theirs) = (start().await, start().await);
    let my_part = mine.put_part(1, payload(b"mine")).await.expect("stored");
    let their_part = theirs.put_part(1, payload(b"theirs")).await.expect("stored");
    let error = mine.abort().await.expect_err("the other is under way");
    assert!(error.left_behind()[0].to_string().contains(mine.id()), "{error}");
    theirs
        .complete(std::slice::from_ref(&their_part), their_part.checksum, &Attempts::default())
        .await
        .expect("spared");
    assert_eq!(store.get(&name, 0..6, None).await.expect("read"), "theirs");
    assert_eq!(uncommitted(&store, "both").await, Some(0), "the commit took mine along");
    mine.abort().await.expect("nothing is left of it");

    let late = start().await;
    let late_part = late.put_part(1, payload(b"late")).await.expect("stored");
    let other = start().await;
    let other_part = other.put_part(1, payload(b"won")).await.expect("stored");
    other
        .complete(std::slice::from_ref(&other_part), other_part.checksum, &Attempts::default())
        .await
        .expect("completed");
    let error =
        late.complete(&[late_part], my_part.checksum, &Attempts::default()).await.expect_err("its block was discarded");
    assert_eq!(error.kind(), ErrorKind::Service, "{error}");
    assert!(error.to_string().contains("InvalidBlockList") && error.hint().is_some(), "{error}");
    assert_eq!(store.get(&name, 0..3, None).await.expect("read"), "won");
    late.abort().await.expect("nothing is left of it");
}

#[tokio::test]
async fn a_marker_of_a_discard_that_was_cut_short_is_seen_by_nobody() {
    let store = new_store().await;
    let mark = async |name: &str| {
        let nothing = BlockLookupList { latest: Some(Vec::new()), ..Default::default() };
        let metadata = HashMap::from([("sealift_discarding".to_owned(), "1".to_owned())]);
        let options = BlockBlobClientCommitBlockListOptions { metadata: Some(metadata), ..Default::default() };
        let blocks = container_of(&store).blob_client(name).block_blob_client();
        blocks.commit_block_list(nothing.try_into().expect("a list"), Some(options)).await.expect("committed");
    };
    mark("swept").await;
    mark("written").await;
    assert!(keys_of(&store, "").await.is_empty());
    assert_eq!(store.head(&key("swept")).await.expect_err("unseen").kind(), ErrorKind::NotFound);
    store
        .put(&key("written"), payload(b"new"), &commit(IfExists::Fail), &Attempts::default())
        .await
        .expect("the marker gives way");
    assert_eq!(store.head(&key("written")).await.expect("there").size, 3);
    let leftovers = store.leftovers("").await.expect("listed");
    assert_eq!(leftovers.iter().map(|left| left.key.as_str()).collect::<Vec<_>>(), ["swept"]);
    assert_eq!((leftovers[0].origin, leftovers[0].bytes), (Origin::Sealift, 0));
    store.remove_leftover(&leftovers[0]).await.expect("removed");
    store.remove_leftover(&leftovers[0]).await.expect("no error when it is gone");
    assert!(store.leftovers("").await.expect("listed").is_empty());
    assert_eq!(uncommitted(&store, "swept").await, None);
}

#[tokio::test]
async fn leftovers_are_found_and_removed_unless_they_are_alive() {
    let store = new_store().await;
    let start = async |name: &str| {
        store.start(&key(name), &commit(IfExists::Replace), &Attempts::default()).await.expect("started")
    };
    let (idle, alive) = (start("crashed/idle").await, start("crashed/alive").await);
    let elsewhere = start("elsewhere").await;
    for (upload, len) in [(&idle, 5 * MIB), (&alive, 1000), (&elsewhere, 1)] {
        upload.put_part(1, payload(&data(len, 1))).await.expect("stored");
    }
    let leftovers = store.leftovers("crashed/").await.expect("listed");
    let find = |name: &str| leftovers.iter().find(|leftover| leftover.key == name).expect("listed");
    assert_eq!(leftovers.len(), 2, "{leftovers:?}");
    assert_eq!((find("crashed/idle").bytes, find("crashed/idle").id.as_str()), (5 << 20, idle.id()));
    assert!(find("crashed/idle").idle < Duration::from_secs(60));

    alive.put_part(2, payload(b"another part")).await.expect("stored");
    let error = store.remove_leftover(find("crashed/alive")).await.expect_err("alive");
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    store.remove_leftover(find("crashed/idle")).await.expect("removed");
    store.remove_leftover(find("crashed/idle")).await.expect("no error when it is gone");
    let left = store.leftovers("crashed/").await.expect("listed");
    assert_eq!(left.iter().map(|left| left.id.as_str()).collect::<Vec<_>>(), [alive.id()]);
    assert_eq!(left[0].origin, Origin::Sealift);
    assert_eq!(uncommitted(&store, "crashed/idle").await, None);
    assert!(keys_of(&store, "").await.is_empty());

    let foreign = container_of(&store).blob_client("foreign").block_blob_client();
    foreign.stage_block(b"0001", 3, Bytes::from_static(b"abc").into(), None).await.expect("staged");
    let found = store.leftovers("foreign").await.expect("listed");
    assert_eq!((found[0].origin, found[0].idle, found[0].bytes), (Origin::Unknown, Duration::ZERO, 3));
    let mine = start("foreign").await.put_part(1, payload(b"x")).await.expect_err("ids of another length");
    assert!(mine.to_string().contains("InvalidBlobOrBlock") && mine.hint().is_some(), "{mine}");
    store.remove_leftover(&found[0]).await.expect("removed");
    assert_eq!(uncommitted(&store, "foreign").await, None);
}

#[tokio::test]
async fn a_copy_keeps_bytes_and_metadata_and_replaces() {
    for sas_too in [false, true] {
        let mut store = new_store().await;
        if sas_too {
            let container = store.url().rsplit('/').next().expect("a container").to_owned();
            store = store_with(&container, Credentials::Sas(Secret::new(sas()))).await;
        }
        let (from, to, options) = (key("old/ü +%41"), key("new/ü +?&#"), commit(IfExists::Replace));
        store.put(&to, payload(b"replaced"), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
        store.put(&from, payload(b"moved"), &options, &Attempts::default()).await.expect("stored");
        let original = store.head(&from).await.expect("there");
        let copied = store.copy(&from, &original, &to, &Work::new("az://test")).await.expect("copied");
        let info = store.head(&to).await.expect("there");
        assert_eq!(info.token.as_deref(), Some(options.token.as_ref()));
        assert_eq!((copied.etag, copied.at), (info.etag.clone(), info.modified));
        assert_eq!(store.get(&to, 0..5, info.etag.as_deref()).await.expect("read"), "moved");
        assert_eq!(store.head(&from).await.expect("kept").etag, original.etag);
        store.put(&from, payload(b"newer"), &options, &Attempts::default()).await.expect("stored");
        let changed = store.copy(&from, &original, &to, &Work::new("az://test")).await.expect_err("another by now");
        assert_eq!(changed.kind(), ErrorKind::Changed, "{changed}");
        assert!(changed.left_behind().is_empty(), "{changed}");
        assert_eq!(store.head(&to).await.expect("there").etag, info.etag, "not touched");
    }
}

#[tokio::test]
async fn only_the_object_that_is_meant_is_removed() {
    let (store, name) = (new_store().await, key("exactly"));
    store.put(&name, payload(b"first"), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    let first = store.head(&name).await.expect("there");
    store.put(&name, payload(b"first"), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    assert_eq!(store.delete(&name, Some(&first)).await.expect("looked"), Removal::Another);
    assert_eq!(store.retract(&name, &first).await.expect("looked"), Removal::Another);
    let second = store.head(&name).await.expect("kept");
    assert_eq!(store.delete(&name, Some(&second)).await.expect("removed"), Removal::Gone);
    assert_eq!(store.retract(&name, &second).await.expect("no error when it is gone"), Removal::Gone);
    assert_eq!(store.head(&name).await.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_missing_container_is_told_from_a_missing_blob() {
    drop(new_store().await);
    let store = store_on("no-such-container-of-sealift").await;
    let (name, options) = (key("k"), commit(IfExists::Replace));
    let upload = store.start(&name, &options, &Attempts::default()).await.expect("nothing is sent");
    for (what, result) in [
        ("head", store.head(&name).await.map(drop)),
        ("get", store.get(&name, 0..1, None).await.map(drop)),
        ("put", store.put(&name, payload(b"x"), &options, &Attempts::default()).await.map(drop)),
        ("part", upload.put_part(1, payload(b"x")).await.map(drop)),
        ("list", store.list("", None).await.map(drop)),
        ("leftovers", store.leftovers("").await.map(drop)),
    ] {
        let error = result.expect_err("no container");
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{what}: {error}");
        assert!(error.hint().is_some(), "{what}: {error}");
    }
    upload.abort().await.expect("nothing can be left");
}

#[tokio::test]
async fn every_way_to_authorise_and_what_is_denied() {
    let store = new_store().await;
    let container = store.url().rsplit('/').next().expect("a container").to_owned();
    let connection = format!("AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={}/", endpoint());
    let by_connection = AzureOptions::from_connection_string(&Secret::new(connection), &container).expect("read");
    let good = [
        AzureStore::connect(by_connection).await.expect("options are fine"),
        store_with(&container, Credentials::Sas(Secret::new(sas()))).await,
        store_with(&container, Credentials::Sas(Secret::new(format!("?{}", sas())))).await,
    ];
    for (store, name) in good.iter().zip(["one", "two", "three"]) {
        let upload = store.start(&key(name), &commit(IfExists::Fail), &Attempts::default()).await.expect("started");
        let part = upload.put_part(1, payload(b"part")).await.expect("stored");
        upload.complete(std::slice::from_ref(&part), part.checksum, &Attempts::default()).await.expect("completed");
        assert_eq!(store.get(&key(name), 0..4, None).await.expect("read"), "part");
    }
    let wrong_key = "d3Jvbmcga2V5IG9mIHNlYWxpZnQ=";
    let wrong_sas = sas().replace("sig=", "sig=AAAA");
    for (credentials, secret) in [
        (Credentials::SharedKey(Secret::new(wrong_key)), wrong_key),
        (Credentials::SharedKey(Secret::new("not base64!")), "not base64!"),
        (Credentials::Sas(Secret::new(wrong_sas)), "sig="),
        (Credentials::Anonymous, KEY),
    ] {
        let store = store_with(&container, credentials).await;
        assert!(!format!("{store:?} {}", store.url()).contains(secret));
        for result in [
            store.put(&key("k"), payload(b"x"), &commit(IfExists::Replace), &Attempts::default()).await.map(drop),
            store.list("", None).await.map(drop),
            store.head(&key("one")).await.map(drop),
        ] {
            let error = result.expect_err("denied");
            assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
            let sources = std::iter::successors(std::error::Error::source(&error), |error| error.source());
            let all = format!("{error} {error:?} {}", sources.map(ToString::to_string).collect::<String>());
            assert!(!all.contains(secret), "{all}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_sealed_or_leave_nothing() {
    let container = new_store().await.url().rsplit('/').next().expect("a container").to_owned();
    let mut options = AzureOptions::new(ACCOUNT, &container);
    options.endpoint = Some(endpoint());
    options.credentials = Credentials::SharedKey(Secret::new(KEY));
    options.part_size = Some(MIB as u64);
    let store = AzureStore::connect(options).await.expect("options are fine");
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    let bucket = Bucket::new(store.clone(), compressor, Budget::new(Budget::DEFAULT).expect("enough"));
    let body = data(20 * MIB + 77, 3);

    let mut sink = bucket.create(&key("sealed"), IfExists::Fail).expect("opened");
    sink.write_all(&body).await.expect("written");
    let sealed = sink.seal().await.expect("sealed");
    assert_eq!((sealed.bytes_stored, sealed.parts), (body.len() as u64, 21));
    let mut read = Vec::new();
    bucket.open(&key("sealed")).await.expect("opened").read_to_end(&mut read).await.expect("read");
    assert!(read == body);

    for name in ["given-up", "sealed"] {
        let mut sink = bucket.create(&key(name), IfExists::Replace).expect("opened");
        sink.write_all(&body[..10 * MIB]).await.expect("written");
        // With blocks under way.
        sink.abort().await.expect("nothing is left");
    }
    assert_eq!(uncommitted(&store, "given-up").await, None);
    assert_eq!(uncommitted(&store, "sealed").await, Some(0));
    assert!(bucket.leftovers("", Duration::ZERO).await.expect("listed").is_empty());
    assert_eq!(keys_of(&store, "").await, ["sealed"]);
    read.clear();
    bucket.open(&key("sealed")).await.expect("opened").read_to_end(&mut read).await.expect("read");
    assert!(read == body, "as it was");
    bucket.close().await.expect("nothing is left");
}
