//! Writes that fail or are given up: the abort leaves nothing.

use crate::scene::{Scene, THREE_PARTS, assert_only_perhaps, key};
use sealift::{Certainty, Error, ErrorKind, IfExists, Remnant};
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
    let sink = scene.filled(IfExists::Replace, THREE_PARTS).await;
    fault.wait_fired(1).await;
    drop(sink);
    // Where blocks may be staged at any time, it may still arrive.
    assert_only_perhaps(&scene.bucket.close().await.err().unwrap_or_default());
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_writer_dropped_while_the_server_has_a_part_but_not_answered<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let sink = scene.with_a_part_stored().await;
    drop(sink);
    assert_only_perhaps(&scene.bucket.close().await.err().unwrap_or_default());
    scene.assert_nothing_left().await;
}

/// A shutdown of `len` bytes that is dropped when `fault`, which holds the answer back, has been done to `step`; and
/// what closing the bucket tells of it.
async fn a_shutdown_dropped<C: Cloud>(
    scene: &Scene<C>,
    if_exists: IfExists,
    len: usize,
    step: Step,
    fault: Fault,
) -> Vec<Error> {
    let fault = scene.proxy.on(C::on(step), fault);
    let mut sink = scene.filled(if_exists, len).await;
    tokio::select! {
        _ = sink.shutdown() => panic!("the answer is held"),
        () = fault.wait_fired(1) => {}
    }
    drop(sink);
    scene.bucket.close().await.err().unwrap_or_default()
}

/// The abort makes sure of it.
pub(crate) async fn a_shutdown_dropped_before_the_server_has_the_complete<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let told = a_shutdown_dropped(&scene, IfExists::Replace, THREE_PARTS, Step::Complete, Fault::Stall).await;
    assert!(told.is_empty(), "{told:?}");
    scene.assert_nothing_left().await;
}

/// Nothing can make sure of a put that was sent.
pub(crate) async fn a_shutdown_dropped_before_the_server_has_the_put<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let told = a_shutdown_dropped(&scene, IfExists::Replace, 1000, Step::Put, Fault::Stall).await;
    assert_names_the_object(&scene, &told, Certainty::Perhaps);
    scene.assert_nothing_left().await;
}

/// What it may have replaced cannot be brought back.
pub(crate) async fn a_replacing_commit_applied_when_its_shutdown_is_dropped_stands_and_is_named<C: Cloud>() {
    for (len, step) in [(1000, Step::Put), (THREE_PARTS, Step::Complete)] {
        let scene = Scene::<C>::new().await;
        let told = a_shutdown_dropped(&scene, IfExists::Replace, len, step, Fault::ApplyThenStall).await;
        assert_names_the_object(&scene, &told, Certainty::Seen);
        scene.assert_stored(len).await;
        scene.end().await;
    }
}

pub(crate) async fn a_commit_that_replaces_nothing_applied_when_its_shutdown_is_dropped_is_taken_back<C: Cloud>() {
    for (len, step) in [(1000, Step::Put), (THREE_PARTS, Step::Complete)] {
        let scene = Scene::<C>::new().await;
        let told = a_shutdown_dropped(&scene, IfExists::Fail, len, step, Fault::ApplyThenStall).await;
        assert!(told.is_empty(), "{told:?}");
        scene.assert_nothing_left().await;
    }
}

fn assert_names_the_object<C: Cloud>(scene: &Scene<C>, told: &[Error], certainty: Certainty) {
    let object = Remnant::Object(format!("{}/{}", scene.remote.url(), key()));
    let mut left = told.iter().flat_map(Error::left_behind);
    assert!(left.any(|left| *left.remnant() == object && left.certainty() == certainty), "{told:?}");
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

/// A runtime that ends with a writer open: no panic, no hang, and what it left is named, twice.
pub(crate) async fn a_runtime_that_ends_under_a_writer<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let stored = scene.proxy.on(C::on(Step::Part(1)).times(1), Fault::Pass);
    let fault = scene.proxy.on(C::on(Step::Part(2)), Fault::Stall);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sink = runtime.spawn(scene.filled_sink(IfExists::Replace, THREE_PARTS)).await.expect("no panic");
    fault.wait_fired(1).await;
    stored.wait_fired(1).await;
    runtime.shutdown_background();
    let mut sink = sink;
    let error = timeout(Duration::from_secs(10), sink.shutdown()).await.expect("no hang").expect_err("it is gone");
    let error = sealift::Error::from_io(&error).expect("ours");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let (_, id) = scene.remote.unfinished().await.pop().expect("an upload was left");
    assert!(error.left_behind().iter().any(|left| left.to_string().contains(&id)), "{error} names {id}");
    drop(sink);
    let told = timeout(Duration::from_secs(10), scene.bucket.close()).await.expect("no hang").expect_err("it was left");
    assert!(told.iter().any(|told| told.to_string().contains(&id)), "{told:?} names {id}");
    scene.end().await;
}
