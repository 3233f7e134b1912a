//! Objects put, looked at, read, listed, copied and removed.

use super::*;

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
