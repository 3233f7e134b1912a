//! Writes that fail or are given up: the abort leaves nothing.

use crate::scene::{Scene, THREE_PARTS, key};
use sealift::{ErrorKind, IfExists};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::Fault;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

pub(crate) async fn a_part_that_fails<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Part(2)), C::problem(Problem::Failed));
    let error = scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("a part failed");
    assert!(fault.fired() > 1, "it was tried again");
    assert!(error.to_string().contains("upload part 2"), "{error}");
    assert!(error.left_behind().is_empty(), "{error}");
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_complete_that_fails<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Complete), C::problem(Problem::Failed));
    let error = scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("the commit failed");
    assert!(fault.fired() >= 1);
    assert!(error.left_behind().is_empty(), "{error}");
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_put_that_fails<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Put), C::problem(Problem::Failed));
    scene.write(1000, IfExists::Replace).await.expect_err("the put failed");
    assert!(fault.fired() >= 1);
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_writer_dropped_with_a_part_in_flight<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Part(2)), Fault::Stall);
    let sink = scene.filled(THREE_PARTS).await;
    fault.wait_fired(1).await;
    drop(sink);
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_writer_dropped_while_the_server_has_a_part_but_not_answered<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let sink = scene.with_a_part_stored().await;
    drop(sink);
    scene.assert_nothing_left().await;
}

/// A shutdown of `len` bytes that is dropped when `fault`, which holds the answer back, has been done to `step`.
async fn a_shutdown_dropped<C: Cloud>(len: usize, step: Step, fault: Fault) {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(step), fault);
    let mut sink = scene.filled(len).await;
    tokio::select! {
        _ = sink.shutdown() => panic!("the answer is held"),
        () = fault.wait_fired(1) => {}
    }
    drop(sink);
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_shutdown_dropped_before_the_server_has_the_complete<C: Cloud>() {
    a_shutdown_dropped::<C>(THREE_PARTS, Step::Complete, Fault::Stall).await;
}

pub(crate) async fn a_shutdown_dropped_before_the_server_has_the_put<C: Cloud>() {
    a_shutdown_dropped::<C>(1000, Step::Put, Fault::Stall).await;
}

pub(crate) async fn a_shutdown_dropped_after_the_server_has_applied_the_complete<C: Cloud>() {
    a_shutdown_dropped::<C>(THREE_PARTS, Step::Complete, Fault::ApplyThenStall).await;
}

pub(crate) async fn a_shutdown_dropped_after_the_server_has_applied_the_put<C: Cloud>() {
    a_shutdown_dropped::<C>(1000, Step::Put, Fault::ApplyThenStall).await;
}

pub(crate) async fn a_writer_dropped_over_an_object_that_is_there<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.remote.put(key().as_ref(), "old".into()).await;
    let sink = scene.with_a_part_stored().await;
    drop(sink);
    scene.bucket.close().await.expect("nothing unheard");
    assert!(scene.remote.unfinished().await.is_empty());
    assert_eq!(scene.remote.get(key().as_ref()).await.expect("as it was"), "old");
    scene.end().await;
}

pub(crate) async fn a_writer_aborted_by_its_owner<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let sink = scene.with_a_part_stored().await;
    sink.abort().await.expect("nothing left");
    scene.assert_nothing_left().await;
}

pub(crate) async fn closing_the_bucket_aborts_a_writer_that_is_still_held<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let mut sink = scene.with_a_part_stored().await;
    scene.bucket.close().await.expect("nothing left");
    scene.remote.assert_untouched().await;
    let error = sink.shutdown().await.expect_err("it was stopped");
    assert_eq!(sealift::Error::from_io(&error).expect("ours").kind(), ErrorKind::Cancelled);
    drop(sink);
    scene.assert_nothing_left().await;
}

/// A runtime that ends with a writer open: no panic, no hang. (What is left then is `sweep`'s.)
pub(crate) async fn a_runtime_that_ends_under_a_writer<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Part(2)), Fault::Stall);
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
}
