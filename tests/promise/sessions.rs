//! Where an upload is a session that nobody can list (Google Cloud Storage): what goes wrong when it is cancelled.

use crate::scene::{Scene, key};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::Fault;

pub(crate) async fn an_abort_that_fails_says_that_nothing_can_be_seen_and_for_how_long<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let abort = scene.proxy.on(C::on(Step::Abort), C::problem(Problem::Failed));
    let sink = scene.with_a_part_stored().await;
    let error = sink.abort().await.expect_err("the abort failed");
    assert!(abort.fired() > 1, "it was tried again");
    let (left, id) = scene.remote.unfinished().await.pop().expect("a session was left");
    assert_eq!(left, key().to_string());
    let said = error.to_string();
    assert!(said.contains(&id) && said.contains(key().as_ref()), "{said}");
    assert!(said.contains("after a week") && !said.contains("sweep"), "{said}");
    assert!(scene.remote.objects().await.is_empty());
    scene.end().await;
}

pub(crate) async fn an_abort_applied_with_its_reply_lost_leaves_nothing<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Abort).times(1), Fault::ApplyThenCut);
    let sink = scene.with_a_part_stored().await;
    sink.abort().await.expect("nothing left");
    assert_eq!(fault.fired(), 1);
    scene.assert_nothing_left().await;
}
