//! Where a service is asked for an upload before its first part.

use crate::scene::{Scene, THREE_PARTS, incompressible};
use sealift::{IfExists, Remnant};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, Reply};
use tokio::io::AsyncWriteExt;

pub(crate) async fn a_start_that_fails<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Start), C::problem(Problem::Failed));
    scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("the start failed");
    assert!(fault.fired() >= 1);
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_writer_dropped_while_its_upload_is_being_started<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Start), Fault::ApplyThenStall);
    let mut sink = scene.sink(IfExists::Replace);
    let data = incompressible(THREE_PARTS);
    // It waits for the start once enough is buffered, so the write may not end.
    tokio::select! {
        written = sink.write_all(&data) => written.expect("written"),
        () = fault.wait_fired(1) => {}
    }
    fault.wait_fired(1).await;
    drop(sink);
    fault.release();
    scene.assert_nothing_left().await;
}

/// A start that was applied, and answered as if it were not, or by what nobody understands.
pub(crate) async fn a_start_whose_answer_does_not_say_so_leaves_nothing_unnamed<C: Cloud>() {
    let unclear = [C::refusal(Problem::Failed), C::refusal(Problem::Inside), Reply::html(200), Reply::empty(200)];
    for reply in unclear {
        let scene = Scene::<C>::new().await;
        let fault = scene.proxy.on(C::on(Step::Start).times(1), Fault::ApplyThenReply(reply));
        let (left, words) = match scene.write(THREE_PARTS, IfExists::Replace).await {
            Ok(sealed) => (sealed.left_behind.clone(), format!("{sealed:?}")),
            Err(error) => (error.left_behind().to_vec(), error.to_string()),
        };
        assert_eq!(fault.fired(), 1);
        for (_, id) in scene.remote.unfinished().await {
            let named = |left: &Remnant| match left {
                Remnant::Upload { id: Some(named), .. } => *named == id,
                Remnant::Upload { id: None, .. } => true,
                _ => false,
            };
            assert!(left.iter().any(|left| named(left.remnant())), "{id} is named: {words}");
        }
        scene.end().await;
    }
}
