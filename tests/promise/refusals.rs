//! What a service refuses, and reads that go wrong: clear errors of the right kind.

use crate::scene::{Scene, THREE_PARTS, in_turn, incompressible, key, open_bucket, options};
use sealift::{Error, ErrorKind, IfExists};
use sealift_s3::S3Store;
use sealift_tests::proxy::{Fault, Match};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

async fn read(scene: &Scene) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    let read = scene.bucket.open(&key()).await?.read_to_end(&mut data).await;
    read.map(|_| data).map_err(|error| Error::from_io(&error).expect("ours").clone())
}

#[test]
fn a_bucket_that_is_missing() {
    in_turn(async {
        let scene = Scene::new().await;
        let bucket = open_bucket("no-such-bucket-of-sealift", &scene.proxy.endpoint()).await;
        let mut sink = bucket.create(&key(), IfExists::Replace).expect("open");
        tokio::io::AsyncWriteExt::write_all(&mut sink, b"x").await.expect("written");
        let error = sink.seal().await.expect_err("no bucket");
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
        assert!(error.to_string().contains("no-such-bucket-of-sealift"), "{error}");
        drop(bucket);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn credentials_that_are_refused() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::any(), Fault::s3_error(403, "AccessDenied", "Access Denied"));
        let error = scene.write(1000, IfExists::Replace).await.expect_err("denied");
        assert!(fault.fired() >= 1);
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.hint().is_some(), "{error}");
        scene.end().await;
    });
}

#[test]
fn an_endpoint_out_of_reach_is_given_up_in_time() {
    in_turn(async {
        // Nothing listens on port 1.
        let store = S3Store::connect(options("bucket", "http://127.0.0.1:1")).await.expect("options are fine");
        let started = Instant::now();
        let error = sealift::ObjectStore::head(&store, &key()).await.expect_err("out of reach");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    });
}

#[test]
fn a_read_whose_connection_breaks_goes_on() {
    in_turn(async {
        let scene = Scene::new().await;
        scene.write(THREE_PARTS, IfExists::Replace).await.expect("sealed");
        let fault = scene.proxy.on(Match::get_object().times(2), Fault::CutReply { after_bytes: 100_000 });
        assert!(read(&scene).await.expect("read") == incompressible(THREE_PARTS));
        assert_eq!(fault.fired(), 2);
        scene.end().await;
    });
}

#[test]
fn a_bit_that_flips_on_the_way_is_found() {
    in_turn(async {
        let scene = Scene::new().await;
        scene.write(THREE_PARTS, IfExists::Replace).await.expect("sealed");
        let fault = scene.proxy.on(Match::get_object().times(1), Fault::Corrupt { at: 500_000 });
        let error = read(&scene).await.expect_err("damaged");
        assert_eq!(fault.fired(), 1);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        scene.end().await;
    });
}

#[test]
fn an_object_cut_short_in_storage_is_found() {
    in_turn(async {
        let scene = Scene::new().await;
        scene.write(3 << 20, IfExists::Replace).await.expect("sealed");
        let whole = scene.remote.get(key().as_ref()).await.expect("stored");
        for len in [0, 10, whole.len() / 2, whole.len() - 1, whole.len() - 38] {
            scene.remote.put(key().as_ref(), whole.slice(..len)).await;
            let error = read(&scene).await.expect_err("cut");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}: {error}");
        }
        scene.end().await;
    });
}
