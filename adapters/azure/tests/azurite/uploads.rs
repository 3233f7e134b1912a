//! Uploads in blocks, their end, and what crashes left of them.

use super::*;

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
    assert!(store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed").is_empty());
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
    assert!(store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed").is_empty());
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
        assert_eq!(
            store.leftovers(name, None).await.and_then(sealift::Leftovers::all).expect("listed").len(),
            1,
            "{name}: found although a blob is there"
        );
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
    let leftovers = store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed");
    assert_eq!(leftovers.iter().map(|left| left.key.as_str()).collect::<Vec<_>>(), ["swept"]);
    assert_eq!((leftovers[0].origin, leftovers[0].bytes), (Origin::Sealift, 0));
    store.remove_leftover(&leftovers[0]).await.expect("removed");
    store.remove_leftover(&leftovers[0]).await.expect("no error when it is gone");
    assert!(store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed").is_empty());
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
    assert_eq!(uncommitted(&store, "crashed/idle").await, None);
    assert!(keys_of(&store, "").await.is_empty());

    let foreign = container_of(&store).blob_client("foreign").block_blob_client();
    foreign.stage_block(b"0001", 3, Bytes::from_static(b"abc").into(), None).await.expect("staged");
    let found = store.leftovers("foreign", None).await.and_then(sealift::Leftovers::all).expect("listed");
    assert_eq!((found[0].origin, found[0].idle, found[0].bytes), (Origin::Unknown, Duration::ZERO, 3));
    let mine = start("foreign").await.put_part(1, payload(b"x")).await.expect_err("ids of another length");
    assert!(mine.to_string().contains("InvalidBlobOrBlock") && mine.hint().is_some(), "{mine}");
    store.remove_leftover(&found[0]).await.expect("removed");
    assert_eq!(uncommitted(&store, "foreign").await, None);
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
        match sink.abort().await {
            Ok(()) => {
                let left = bucket.leftovers(name, Duration::ZERO).await.and_then(sealift::Leftovers::all);
                assert!(left.expect("listed").is_empty(), "{name}");
                assert_eq!(uncommitted(&store, name).await, (name == "sealed").then_some(0));
            }
            // Where the service did not answer in time, which a busy machine may bring about.
            Err(error) => assert_only_late_blocks(&error),
        }
    }
    assert_eq!(keys_of(&store, "").await, ["sealed"]);
    read.clear();
    bucket.open(&key("sealed")).await.expect("opened").read_to_end(&mut read).await.expect("read");
    assert!(read == body, "as it was");
    bucket.close().await.expect("nothing is left");
}

/// Two writers of one name at a time: each succeeds or says that it was overtaken, and none is told that its bytes are
/// others.
#[tokio::test(flavor = "multi_thread")]
async fn two_puts_to_one_name_at_a_time_are_never_corrupt() {
    let store = new_store().await;
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    let bucket = Bucket::new(store.clone(), compressor, Budget::new(Budget::DEFAULT).expect("enough"));
    for round in 0..40 {
        let name = key(&format!("raced-{round}"));
        let put = async |len: usize| {
            let mut sink = bucket.create(&name, IfExists::Replace).expect("opened");
            sink.write_all(&data(len, 1)).await.expect("written");
            sink.seal().await
        };
        let (mine, theirs) = tokio::join!(put(3_000), put(4_000));
        assert!(mine.is_ok() || theirs.is_ok(), "{mine:?} {theirs:?}");
        for error in [mine.err(), theirs.err()].into_iter().flatten() {
            assert_ne!(error.kind(), ErrorKind::Corrupt, "{error}");
        }
        let size = store.head(&name).await.expect("one of them").size;
        assert!([3_000, 4_000].contains(&size), "{size}");
    }
}
