//! Streams out and in, over the store in memory: what does not depend on a service.

use crate::far_store::FarStore;
use crate::*;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub(crate) const MIB: usize = 1 << 20;

pub(crate) fn bucket(store: &FarStore, codec: Codec, budget: usize) -> Bucket {
    let compressor = Compressor::new(codec, None).expect("threads");
    Bucket::new(store.clone(), Arc::new(compressor), Budget::new(budget as u64).expect("valid"))
}

pub(crate) fn gzip() -> Codec {
    Codec::Gzip(Level::default())
}

pub(crate) fn key(name: &str) -> Key {
    name.parse().expect("a key")
}

/// Half text-like, half random (a linear congruential generator: fast in an unoptimised build).
pub(crate) fn data(len: usize) -> Vec<u8> {
    let mut random = 1u64;
    let mut next = |i: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if (i / 4096).is_multiple_of(2) { (i % 61) as u8 } else { (random >> 56) as u8 }
    };
    (0..len).map(&mut next).collect()
}

pub(crate) async fn read(bucket: &Bucket, name: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let read = bucket.open(&key(name)).await?.read_to_end(&mut out).await;
    match read {
        Ok(_) => Ok(out),
        Err(error) => Err(Error::from_io(&error).expect("ours").clone()),
    }
}

#[tokio::test]
async fn every_size_class_comes_back_identical() {
    let sizes = [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 5 * MIB, 9 * MIB + 17];
    for codec in [gzip(), Codec::Zstd(ZstdLevel::default()), Codec::Plain] {
        for len in sizes {
            let store = FarStore::new();
            let bucket = bucket(&store, codec, 16 * MIB);
            let data = data(len);
            let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
            sink.write_all(&data).await.expect("written");
            let sealed = sink.seal().await.expect("sealed");
            let stored = store.object("a").expect("visible");
            assert_eq!((sealed.bytes_in, sealed.bytes_stored), (len as u64, stored.len() as u64));
            let parts = stored.len().div_ceil(2 * MIB).max(1);
            assert_eq!(sealed.parts as usize, parts, "{len} bytes as {codec:?}");
            assert!(read(&bucket, "a").await.expect("readable") == data, "{len} bytes as {codec:?}");
        }
    }
}

#[tokio::test]
async fn parts_beyond_the_budget_go_through_a_file_and_come_back_identical() {
    let store = FarStore::with_part_size(4 * MIB as u64);
    let bucket = bucket(&store, Codec::Plain, 16 * MIB);
    let data = data(13 * MIB);
    let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
    sink.write_all(&data).await.expect("written");
    assert_eq!(sink.seal().await.expect("sealed").parts, 4);
    assert!(read(&bucket, "a").await.expect("readable") == data);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_more_writers_and_readers_than_the_budget_has_places_for_all_finish() {
    let store = FarStore::new();
    let bucket = bucket(&store, Codec::Plain, 16 * MIB);
    let data = Arc::new(data(5 * MIB));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (bucket, data) = (bucket.clone(), Arc::clone(&data));
        tasks.spawn(async move {
            let name = format!("object-{n}");
            let mut sink = bucket.create(&key(&name), IfExists::Replace).expect("open");
            sink.write_all(&data).await.expect("written");
            sink.seal().await.expect("sealed");
            // A copy: a reader and a writer in one task.
            let copy = format!("copy-{n}");
            let mut reader = bucket.open(&key(&name)).await.expect("open");
            let mut sink = bucket.create(&key(&copy), IfExists::Replace).expect("open");
            tokio::io::copy(&mut reader, &mut sink).await.expect("copied");
            sink.seal().await.expect("sealed");
            assert!(read(&bucket, &copy).await.expect("readable") == *data);
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
}

#[tokio::test]
async fn a_dropped_writer_leaves_nothing() {
    for len in [0, 100, 7 * MIB] {
        let store = FarStore::new();
        let bucket = bucket(&store, gzip(), 16 * MIB);
        let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
        sink.write_all(&data(len)).await.expect("written");
        drop(sink);
        bucket.close().await.expect("nothing left");
        assert!(store.is_empty(), "{len} bytes");
        assert!(bucket.create(&key("a"), IfExists::Replace).is_err(), "closed");
    }
}

/// Polls `shutdown` until the store has applied the commit, whose answer it holds back.
async fn shut_down_until_applied(sink: &mut Sink, store: &FarStore) {
    poll_fn(|cx| {
        let pending = Pin::new(&mut *sink).poll_shutdown(cx).is_pending();
        assert!(pending, "the answer is held back");
        match store.object("a") {
            Some(_) => Poll::Ready(()),
            None => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_writer_dropped_while_the_commit_is_applied_takes_the_object_back() {
    for len in [100, 7 * MIB] {
        let store = FarStore::with_held_answers();
        let bucket = bucket(&store, gzip(), 16 * MIB);
        let mut sink = bucket.create(&key("a"), IfExists::Fail).expect("open");
        sink.write_all(&data(len)).await.expect("written");
        shut_down_until_applied(&mut sink, &store).await;
        drop(sink);
        store.answer();
        bucket.close().await.expect("nothing left");
        assert!(store.is_empty(), "{len} bytes");
    }
}

#[tokio::test]
async fn a_dropped_shutdown_can_be_taken_up_again() {
    let store = FarStore::with_held_answers();
    let bucket = bucket(&store, gzip(), 16 * MIB);
    let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
    sink.write_all(b"x").await.expect("written");
    shut_down_until_applied(&mut sink, &store).await;
    store.answer();
    sink.shutdown().await.expect("sealed");
    sink.shutdown().await.expect("still sealed");
    assert_eq!(sink.sealed().expect("sealed").bytes_in, 1);
    drop(sink);
    bucket.close().await.expect("nothing left");
    assert!(store.object("a").is_some());
}

#[test]
fn dropping_everything_after_its_runtime_neither_panics_nor_hangs() {
    let store = FarStore::new();
    let bucket = bucket(&store, gzip(), 16 * MIB);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut sink = runtime.block_on(async { bucket.create(&key("a"), IfExists::Replace).expect("open") });
    runtime.block_on(sink.write_all(&data(3 * MIB))).expect("written");
    drop(runtime);
    drop(sink);
    drop(bucket.clone());
    let refused = bucket.create(&key("b"), IfExists::Replace).expect_err("no runtime");
    assert_eq!(refused.kind(), ErrorKind::InvalidConfig);
    assert!(store.object("a").is_none());
}

#[test]
fn a_sink_whose_runtime_is_gone_says_so() {
    let bucket = bucket(&FarStore::new(), gzip(), 16 * MIB);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut sink = runtime.block_on(async { bucket.create(&key("a"), IfExists::Replace).expect("open") });
    drop(runtime);
    let other = tokio::runtime::Runtime::new().expect("a runtime");
    let error = other.block_on(sink.shutdown()).expect_err("nobody uploads");
    assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn flush_promises_nothing_and_nothing_is_written_after_the_end() {
    let store = FarStore::new();
    let bucket = bucket(&store, gzip(), 16 * MIB);
    let mut sink = bucket.create(&key("a"), IfExists::Replace).expect("open");
    sink.write_all(b"x").await.expect("written");
    sink.flush().await.expect("flushed");
    assert!(store.is_empty());
    sink.shutdown().await.expect("sealed");
    assert!(sink.write_all(b"y").await.is_err());
    assert_eq!(read(&bucket, "a").await.expect("readable"), b"x");
}

#[tokio::test]
async fn an_existing_object_is_kept_when_asked() {
    let store = FarStore::new();
    store.insert("a", "old");
    let bucket = bucket(&store, Codec::Plain, 16 * MIB);
    let mut sink = bucket.create(&key("a"), IfExists::Fail).expect("open");
    sink.write_all(b"new").await.expect("written");
    assert_eq!(sink.seal().await.expect_err("exists").kind(), ErrorKind::AlreadyExists);
    bucket.close().await.expect("nothing left");
    assert_eq!(store.object("a").expect("kept"), "old");
}

#[tokio::test]
async fn an_archive_keeps_its_layout() {
    let store = FarStore::new();
    let archive = Archive::new(bucket(&store, gzip(), 16 * MIB), "/e1/").expect("valid");
    assert!(archive.list_metadata_files().await.expect("empty").is_empty());
    let backup = archive.create_backup_with_random_suffix("epoch_ending_0-").await.expect("created");
    assert_eq!(backup.as_ref().len(), "epoch_ending_0-.0123".len());
    let (file, mut writer) =
        archive.create_for_write(&backup, &"0-.chunk".parse().expect("a name")).await.expect("open");
    writer.write_all(b"records").await.expect("written");
    writer.shutdown().await.expect("sealed");
    assert_eq!(file.as_ref(), format!("{backup}/0-.chunk"));
    assert!(store.object(&format!("e1/{file}")).is_some());
    let mut back = String::new();
    archive.open_for_read(&file).await.expect("open").read_to_string(&mut back).await.expect("read");
    assert_eq!(back, "records");

    let (name, line) = ("x.meta".parse().expect("a name"), "{\"a\":1}".parse().expect("a line"));
    let meta = archive.save_metadata_line(&name, &line).await.expect("saved");
    let other = "other".parse().expect("a line");
    assert_eq!(archive.save_metadata_line(&name, &other).await.expect("kept"), meta);
    let error = archive.save_new_metadata_lines(&name, &[other]).await.expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(archive.list_metadata_files().await.expect("listed"), std::slice::from_ref(&meta));
    let mut back = String::new();
    archive.open_for_read(&meta).await.expect("open").read_to_string(&mut back).await.expect("read");
    assert_eq!(back, "{\"a\":1}\n");
    archive.backup_metadata_file(&meta).await.expect("moved");
    assert!(archive.list_metadata_files().await.expect("empty").is_empty());
    assert!(store.object("e1/metadata_backup/x.meta").is_some());
    assert!(archive.backup_metadata_file(&file).await.is_err());
}

#[tokio::test]
async fn a_sink_of_known_length_takes_just_that() {
    for codec in [gzip(), Codec::Plain] {
        for len in [0, 1, 1000, MIB, MIB + 1, 7 * MIB] {
            let store = FarStore::new();
            let bucket = bucket(&store, codec, 16 * MIB);
            let data = data(len + 1);
            let sized = |name| bucket.create_sized(&key(name), IfExists::Replace, len as u64).expect("open");

            let mut sink = sized("exact");
            sink.write_all(&data[..len]).await.expect("written");
            assert_eq!(sink.seal().await.expect("sealed").bytes_in, len as u64);
            assert!(read(&bucket, "exact").await.expect("there") == data[..len]);

            let mut sink = sized("more");
            let error = sink.write_all(&data).await.expect_err("one too many");
            let error = Error::from_io(&error).expect("ours");
            assert!(error.kind() == ErrorKind::Changed && error.to_string().contains("more than"), "{error}");
            assert_eq!(sink.seal().await.expect_err("failed before").kind(), ErrorKind::Changed);

            if len > 0 {
                let mut sink = sized("fewer");
                sink.write_all(&data[..len - 1]).await.expect("written");
                let error = sink.seal().await.expect_err("one is missing");
                assert!(error.kind() == ErrorKind::Changed && error.to_string().contains("1 bytes fewer"), "{error}");
            }
            bucket.close().await.expect("nothing left");
            assert!(store.object("more").is_none() && store.object("fewer").is_none(), "{len} bytes as {codec:?}");
        }
    }
}

/// Many more than would have a place each if their length were not known.
#[tokio::test]
async fn many_short_sinks_are_open_at_once() {
    let store = FarStore::new();
    let bucket = bucket(&store, gzip(), 16 * MIB);
    let mut sinks = Vec::new();
    for n in 0..150 {
        let mut sink = bucket.create_sized(&key(&format!("n{n}")), IfExists::Fail, 10_000).expect("open");
        sink.write_all(&data(9_000)).await.expect("there is room");
        sinks.push(sink);
    }
    for mut sink in sinks {
        sink.write_all(&data(1_000)).await.expect("written");
        sink.seal().await.expect("sealed");
    }
    assert!((0..150).all(|n| store.object(&format!("n{n}")).is_some()));
}

async fn store(bucket: &Bucket, name: &str, data: &[u8]) {
    let mut sink = bucket.create(&key(name), IfExists::Replace).expect("open");
    sink.write_all(data).await.expect("written");
    sink.seal().await.expect("sealed");
}

#[tokio::test(start_paused = true)]
async fn a_service_far_away_gets_more_parts_at_once() {
    let store_far = FarStore::with_capacity(64, 1_000);
    let bucket = bucket(&store_far, Codec::Plain, 64 * MIB);
    store(&bucket, "a", &data(40 * MIB)).await;
    let met = store_far.parts_met();
    assert_eq!((met.len(), store_far.slow_downs()), (640, 0));
    let most = met.iter().max().copied();
    assert!(most > Some(16) && most <= Some(64), "{most:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_to_slow_down_gets_fewer_parts_at_once_of_all_uploads_together() {
    let busy = FarStore::with_capacity(64, 6);
    let bucket = bucket(&busy, Codec::Plain, 64 * MIB);
    let data = data(20 * MIB);
    tokio::join!(store(&bucket, "a", &data), store(&bucket, "b", &data));
    let met = busy.parts_met();
    assert_eq!(met.len(), 640);
    assert!(busy.slow_downs() > 0, "it was never asked for");
    let too_many = met[16..].iter().filter(|met| **met > 6).count();
    assert!(too_many < 64, "{too_many} of 640: {met:?}");
}
