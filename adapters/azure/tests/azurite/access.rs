//! Who may do what.

use super::*;

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
        ("leftovers", store.leftovers("", None).await.and_then(sealift::Leftovers::all).map(drop)),
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

/// What a backup job may be allowed.
const SETS: [&str; 9] = ["c", "w", "cw", "cd", "cwd", "cwl", "rcw", "rcwd", "rwdlacuptf"];

async fn bucket_for(container: &str, permissions: &str) -> Bucket {
    let mut options = AzureOptions::new(ACCOUNT, container);
    options.endpoint = Some(endpoint());
    options.credentials = Credentials::Sas(Secret::new(sas_for(permissions)));
    let store = AzureStore::connect(options).await.expect("options are fine");
    let compressor = Arc::new(Compressor::new(Codec::Plain, None).expect("threads"));
    Bucket::new(store, compressor, Budget::new(Budget::DEFAULT).expect("enough"))
}

#[tokio::test(flavor = "multi_thread")]
async fn to_store_needs_no_permission_but_to_write() {
    let owner = new_store().await;
    let container = owner.url().rsplit('/').next().expect("a container").to_owned();
    for permissions in SETS {
        let bucket = bucket_for(&container, permissions).await;
        for len in [3_000, 17 * MIB] {
            let name = format!("{permissions}-{len}");
            let body = data(len, 7);
            let mut sink = bucket.create(&key(&name), IfExists::Fail).expect("opened");
            sink.write_all(&body).await.expect("written");
            let sealed = match sink.seal().await {
                Ok(sealed) => sealed,
                // Blocks take more than the permission to create blobs.
                Err(error) if !permissions.contains('w') && len > MIB => {
                    assert_eq!((error.kind(), error.left_behind().len()), (ErrorKind::Denied, 0), "{name}: {error}");
                    assert_eq!(uncommitted(&owner, &name).await, None);
                    continue;
                }
                Err(error) => panic!("{name}: {error}"),
            };
            match permissions.contains('r') {
                true => assert_eq!(sealed.confirmed, Confirmed::TokenAndSize, "{name}"),
                false => assert!(matches!(sealed.confirmed, Confirmed::Answer { .. }), "{name}: {sealed:?}"),
            }
            assert!(sealed.etag.is_some() && sealed.left_behind.is_empty(), "{name}: {sealed:?}");
            assert!(owner.get(&key(&name), 0..len as u64, None).await.expect("read") == body, "{name}");
        }
        bucket.close().await.expect("nothing is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_leaves_nothing_visible_whatever_it_may_do() {
    let owner = new_store().await;
    let container = owner.url().rsplit('/').next().expect("a container").to_owned();
    for permissions in SETS {
        let bucket = bucket_for(&container, permissions).await;
        for len in [3_000, 17 * MIB] {
            let name = format!("{permissions}-{len}");
            let mut sink = bucket.create(&key(&name), IfExists::Replace).expect("opened");
            sink.write_all(&data(len, 7)).await.expect("written");
            // Until a block is at the service, where it may be.
            let staged = len > MIB && permissions.contains('w');
            while staged && uncommitted(&owner, &name).await.is_none() {
                tokio::task::yield_now().await;
            }
            let aborted = sink.abort().await;
            assert!(keys_of(&owner, "").await.is_empty(), "{name}: an object is visible");
            let there = uncommitted(&owner, &name).await.unwrap_or_default() > 0;
            let may_discard = permissions.contains('r') && permissions.contains('d');
            match aborted {
                Ok(()) => assert!(!there && (may_discard || !staged), "{name}: blocks that nobody names"),
                // Where the service did not answer in time, which a busy machine may bring about.
                Err(error) if may_discard => assert_only_late_blocks(&error),
                Err(error) => {
                    assert_eq!(there, staged, "{name}: {error}");
                    let left = error.left_behind();
                    assert_eq!(left.len(), 1, "{name}: {error}");
                    assert!(matches!(left[0].remnant(), Remnant::Upload { id: Some(_), .. }), "{name}: {error}");
                    // Also blocks that were sent, and not answered before the abort.
                    let seen = there && permissions.contains('r');
                    assert_eq!(left[0].certainty() == Certainty::Seen, seen, "{name}: {error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_may_not_be_deleted_is_kept_and_said() {
    let owner = new_store().await;
    let container = owner.url().rsplit('/').next().expect("a container").to_owned();
    owner.put(&key("kept"), payload(b"x"), &commit(IfExists::Fail), &Attempts::default()).await.expect("stored");
    let store = store_with(&container, Credentials::Sas(Secret::new(sas_for("rcw")))).await;
    let info = store.head(&key("kept")).await.expect("there");
    for only in [None, Some(&info)] {
        assert_eq!(store.delete(&key("kept"), only).await.expect_err("denied").kind(), ErrorKind::Denied);
    }
    assert_eq!(owner.head(&key("kept")).await.expect("kept").etag, info.etag);
}
