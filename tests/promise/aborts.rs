//! Writes that fail or are given up: the abort leaves nothing.

use crate::scene::{Scene, THREE_PARTS, in_turn, key, open_bucket};
use sealift::{ErrorKind, IfExists};
use sealift_tests::proxy::{Fault, Match};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

const ERROR_500: (u16, &str, &str) = (500, "InternalError", "We encountered an internal error. Please try again.");

fn server_error() -> Fault {
    Fault::s3_error(ERROR_500.0, ERROR_500.1, ERROR_500.2)
}

#[test]
fn a_part_that_fails() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::upload_part(2), server_error());
        let error = scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("a part failed");
        assert!(fault.fired() > 1, "it was tried again");
        assert!(error.to_string().contains("upload part 2"), "{error}");
        assert!(error.left_behind().is_empty(), "{error}");
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_part_that_fails_once_is_tried_again() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::upload_part(1).times(1), Fault::Reset);
        let sealed = scene.write(THREE_PARTS, IfExists::Replace).await.expect("sealed");
        assert_eq!((fault.fired(), sealed.parts), (1, 3));
        scene.end().await;
    });
}

#[test]
fn a_complete_that_fails() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::complete(), server_error());
        let error = scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("the commit failed");
        assert!(fault.fired() >= 1);
        assert!(error.left_behind().is_empty(), "{error}");
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_put_that_fails() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::put_object(), server_error());
        scene.write(1000, IfExists::Replace).await.expect_err("the put failed");
        assert!(fault.fired() >= 1);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_start_that_fails() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::create_multipart(), server_error());
        scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("the start failed");
        assert!(fault.fired() >= 1);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_writer_dropped_with_a_part_in_flight() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::upload_part(2), Fault::Stall);
        let sink = scene.filled(THREE_PARTS).await;
        fault.wait_fired(1).await;
        drop(sink);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_writer_dropped_while_the_server_has_a_part_but_not_answered() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::upload_part(1), Fault::ApplyThenStall);
        let sink = scene.filled(THREE_PARTS).await;
        fault.wait_fired(1).await;
        drop(sink);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_writer_dropped_while_its_upload_is_being_started() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::create_multipart(), Fault::ApplyThenStall);
        let mut sink = scene.sink(IfExists::Replace);
        let data = crate::scene::incompressible(THREE_PARTS);
        // It waits for the start once enough is buffered, so the write may not end.
        tokio::select! {
            written = sink.write_all(&data) => written.expect("written"),
            () = fault.wait_fired(1) => {}
        }
        fault.wait_fired(1).await;
        drop(sink);
        fault.release();
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_shutdown_dropped_before_the_server_has_the_complete() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::complete(), Fault::Stall);
        let mut sink = scene.filled(THREE_PARTS).await;
        tokio::select! {
            _ = sink.shutdown() => panic!("the complete is held"),
            () = fault.wait_fired(1) => {}
        }
        drop(sink);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_shutdown_dropped_after_the_server_has_applied_the_complete() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::complete(), Fault::ApplyThenStall);
        let mut sink = scene.filled(THREE_PARTS).await;
        tokio::select! {
            _ = sink.shutdown() => panic!("the answer is held"),
            () = fault.wait_fired(1) => {}
        }
        drop(sink);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_shutdown_dropped_after_the_server_has_applied_the_put() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::put_object(), Fault::ApplyThenStall);
        let mut sink = scene.filled(1000).await;
        tokio::select! {
            _ = sink.shutdown() => panic!("the answer is held"),
            () = fault.wait_fired(1) => {}
        }
        drop(sink);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_writer_aborted_by_its_owner() {
    in_turn(async {
        let scene = Scene::new().await;
        let sink = scene.filled(THREE_PARTS).await;
        sink.abort().await.expect("nothing left");
        scene.assert_nothing_left().await;
    });
}

#[test]
fn closing_the_bucket_aborts_a_writer_that_is_still_held() {
    in_turn(async {
        let scene = Scene::new().await;
        let mut sink = scene.filled(THREE_PARTS).await;
        scene.bucket.close().await.expect("nothing left");
        scene.remote.assert_untouched().await;
        let error = sink.shutdown().await.expect_err("it was stopped");
        assert_eq!(sealift::Error::from_io(&error).expect("ours").kind(), ErrorKind::Cancelled);
        drop(sink);
        scene.assert_nothing_left().await;
    });
}

#[test]
fn an_abort_that_fails_says_what_is_left_and_a_sweep_removes_it() {
    in_turn(async {
        let scene = Scene::new().await;
        let abort = scene.proxy.on(Match::abort(), server_error());
        let sink = scene.filled(THREE_PARTS).await;
        let error = sink.abort().await.expect_err("the abort failed");
        assert!(abort.fired() >= 1);
        let (left, id) = scene.remote.uploads().await.pop().expect("an upload was left");
        assert_eq!(left, key().to_string());
        assert!(error.to_string().contains(&id), "{error} names {id}");

        let bucket = open_bucket(&scene.remote.name, scene.remote.endpoint()).await;
        let leftovers = bucket.leftovers("backups/", Duration::ZERO).await.expect("listed");
        assert_eq!(leftovers.iter().map(|left| &left.id).collect::<Vec<_>>(), [&id]);
        bucket.remove_leftover(&leftovers[0]).await.expect("removed");
        drop(bucket);
        scene.remote.assert_untouched().await;
        scene.end().await;
    });
}

/// A runtime that ends with a writer open: no panic, no hang. (What is left then is `sweep`'s.)
#[test]
fn a_runtime_that_ends_under_a_writer() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::upload_part(2), Fault::Stall);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sink = runtime.spawn(scene.filled_sink(THREE_PARTS)).await.expect("no panic");
        fault.wait_fired(1).await;
        runtime.shutdown_background();
        let mut sink = sink;
        let error = timeout(Duration::from_secs(10), sink.shutdown()).await.expect("no hang").expect_err("it is gone");
        assert_eq!(sealift::Error::from_io(&error).expect("ours").kind(), ErrorKind::Cancelled);
        drop(sink);
        timeout(Duration::from_secs(10), scene.bucket.close()).await.expect("no hang").expect("nothing unheard");
        scene.end().await;
    });
}
