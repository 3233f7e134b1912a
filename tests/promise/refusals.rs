//! What a service refuses, and reads that go wrong: clear errors of the right kind.

use crate::scene::{Scene, THREE_PARTS, assert_only_perhaps, incompressible, key, open_bucket};
use sealift::{Error, ErrorKind, IfExists};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, Match};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

async fn read<C: Cloud>(scene: &Scene<C>) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    let read = scene.bucket.open(&key()).await?.read_to_end(&mut data).await;
    read.map(|_| data).map_err(|error| Error::from_io(&error).expect("ours").clone())
}

pub(crate) async fn a_bucket_that_is_missing<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let bucket = open_bucket::<C>("no-such-bucket-of-sealift", &scene.proxy.endpoint()).await;
    let mut sink = bucket.create(&key(), IfExists::Replace).expect("open");
    tokio::io::AsyncWriteExt::write_all(&mut sink, b"x").await.expect("written");
    let error = sink.seal().await.expect_err("no bucket");
    assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
    assert!(error.to_string().contains("no-such-bucket-of-sealift"), "{error}");
    drop(bucket);
    scene.assert_nothing_left().await;
}

pub(crate) async fn credentials_that_are_refused<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(Match::any(), C::problem(Problem::Denied));
    let error = scene.write(1000, IfExists::Replace).await.expect_err("denied");
    assert!(fault.fired() >= 1);
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.hint().is_some(), "{error}");
    scene.end().await;
}

pub(crate) async fn credentials_that_end_in_the_middle<C: Cloud>() {
    for problem in [Problem::Denied, Problem::Expired] {
        for (step, len) in [(Step::Put, 1000), (Step::Part(2), THREE_PARTS), (Step::Complete, THREE_PARTS)] {
            let scene = Scene::<C>::new().await;
            let fault = scene.proxy.on(C::on(step), C::problem(problem));
            let error = scene.write(len, IfExists::Replace).await.expect_err("refused");
            assert!(fault.fired() >= 1, "{step:?}");
            assert_eq!(error.kind(), ErrorKind::Denied, "{step:?}: {error}");
            assert!(error.to_string().contains("expired"), "{error}");
            match step {
                // Its neighbours were cut off, and where blocks may be staged at any time, they may still arrive.
                Step::Part(_) => assert_only_perhaps(&[error]),
                _ => assert!(error.left_behind().is_empty(), "{error}"),
            }
            scene.assert_nothing_left().await;
        }
    }
}

pub(crate) async fn an_endpoint_out_of_reach_is_given_up_in_time<C: Cloud>() {
    // Nothing listens on port 1.
    let store = C::connect("bucket", "http://127.0.0.1:1").await;
    let started = Instant::now();
    let error = sealift::ObjectStore::head(&store, &key()).await.expect_err("out of reach");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

pub(crate) async fn a_read_whose_connection_breaks_goes_on<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.write(THREE_PARTS, IfExists::Replace).await.expect("sealed");
    let fault = scene.proxy.on(C::on(Step::Read).times(2), Fault::CutReply { after_bytes: 100_000 });
    assert!(read(&scene).await.expect("read") == incompressible(THREE_PARTS));
    assert_eq!(fault.fired(), 2);
    scene.end().await;
}

pub(crate) async fn a_reader_dropped_while_the_service_is_silent<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.write(THREE_PARTS, IfExists::Replace).await.expect("sealed");
    let fault = scene.proxy.on(C::on(Step::Read), Fault::Stall);
    let mut reader = scene.bucket.open(&key()).await.expect("opened");
    let mut first = [0];
    tokio::select! {
        _ = reader.read(&mut first) => panic!("the answer is held"),
        () = fault.wait_fired(1) => {}
    }
    drop(reader);
    scene.end().await;
}

pub(crate) async fn a_bit_that_flips_on_the_way_is_read_again<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.write(THREE_PARTS, IfExists::Replace).await.expect("sealed");
    let fault = scene.proxy.on(C::on(Step::Read).times(1), Fault::Corrupt { at: 500_000 });
    let whole = read(&scene).await.expect("read again");
    assert_eq!(fault.fired(), 1);
    scene.proxy.clear();
    assert!(whole == read(&scene).await.expect("whole"));
    let fault = scene.proxy.on(C::on(Step::Read), Fault::Corrupt { at: 500_000 });
    let error = read(&scene).await.expect_err("damaged");
    assert!(fault.fired() >= 3);
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("tried 3 times"), "{error}");
    scene.end().await;
}

pub(crate) async fn an_object_cut_short_in_storage_is_found<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.write(3 << 20, IfExists::Replace).await.expect("sealed");
    let whole = scene.remote.get(key().as_ref()).await.expect("stored");
    for len in [0, 10, whole.len() / 2, whole.len() - 1, whole.len() - 38] {
        scene.remote.put(key().as_ref(), whole.slice(..len)).await;
        let error = read(&scene).await.expect_err("cut");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}: {error}");
    }
    scene.end().await;
}
