//! What takes effect after it was given up, and answers that leave open what was done: named, or made sure of.

use crate::scene::{Scene, THREE_PARTS, incompressible, key};
use sealift::{Certainty, Error, ErrorKind, IfExists, Remnant};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Client, Fault};
use std::time::Duration;

/// Whether the errors name the object as one that may be there.
fn name_the_object<C: Cloud>(scene: &Scene<C>, errors: &[Error]) -> Option<Certainty> {
    let object = Remnant::Object(format!("{}/{}", scene.remote.url(), key()));
    let mut left = errors.iter().flat_map(Error::left_behind);
    left.find(|left| *left.remnant() == object).map(|left| left.certainty())
}

pub(crate) async fn a_put_that_takes_effect_after_everything_was_stopped_is_named<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let late = scene.proxy.on(C::on(Step::Put), Fault::ApplyLater(Client::Waits));
    let mut writing = Box::pin(scene.write(1000, IfExists::Replace));
    tokio::select! {
        _ = &mut writing => panic!("the answer is held"),
        () = late.wait_fired(1) => scene.bucket.stop(),
    }
    let error = writing.await.expect_err("it was stopped");
    late.apply_now().await;
    assert_eq!(name_the_object(&scene, &[error]), Some(Certainty::Perhaps));
    scene.assert_stored(1000).await;
    scene.end().await;
}

pub(crate) async fn a_completion_that_was_given_up_takes_no_effect_later<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let late = scene.proxy.on(C::on(Step::Complete), Fault::ApplyLater(Client::Waits));
    let mut sink = scene.filled(IfExists::Replace, THREE_PARTS).await;
    tokio::select! {
        _ = tokio::io::AsyncWriteExt::shutdown(&mut sink) => panic!("the answer is held"),
        () = late.wait_fired(1) => {}
    }
    drop(sink);
    scene.bucket.close().await.expect("nothing left");
    late.apply_now().await;
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_put_whose_every_attempt_was_cut_is_perhaps_the_object<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let late = scene.proxy.on(C::on(Step::Put), Fault::ApplyLater(Client::IsCut));
    let error = scene.write(1000, IfExists::Replace).await.expect_err("no answer came");
    assert!(late.fired() >= 1);
    assert!(scene.remote.objects().await.is_empty());
    late.apply_now().await;
    assert_eq!(name_the_object(&scene, &[error]), Some(Certainty::Perhaps));
    scene.assert_stored(1000).await;
    scene.end().await;
}

pub(crate) async fn a_lost_put_whose_retry_and_look_are_refused_is_named<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let lost = scene.proxy.on(C::on(Step::Put).times(1), Fault::ApplyThenCut);
    let refused = scene.proxy.on(C::on(Step::Put), C::problem(Problem::Expired));
    let unseen = scene.proxy.on(C::on(Step::Look), C::problem(Problem::Expired));
    let error = scene.write(1000, IfExists::Replace).await.expect_err("nobody knows");
    assert_eq!((lost.fired(), refused.fired() > 0, unseen.fired() > 0), (1, true, true));
    assert_eq!(name_the_object(&scene, &[error]), Some(Certainty::Perhaps));
    scene.end().await;
}

pub(crate) async fn a_put_that_was_lost_and_then_refused_is_a_success_where_it_is_seen<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let lost = scene.proxy.on(C::on(Step::Put).times(1), Fault::ApplyThenCut);
    let refused = scene.proxy.on(C::on(Step::Put), C::problem(Problem::Denied));
    scene.write(1000, IfExists::Replace).await.expect("it is there");
    assert_eq!((lost.fired(), refused.fired() > 0), (1, true));
    scene.assert_stored(1000).await;
    scene.end().await;
}

pub(crate) async fn an_abort_in_the_moment_of_the_commit_names_the_object<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let held = scene.proxy.on(C::on(Step::Put), Fault::ApplyThenStall);
    let mut sink = scene.sink(IfExists::Replace);
    tokio::io::AsyncWriteExt::write_all(&mut sink, &incompressible(1000)).await.expect("written");
    tokio::select! {
        _ = tokio::io::AsyncWriteExt::shutdown(&mut sink) => panic!("the answer is held"),
        () = held.wait_fired(1) => {}
    }
    let error = sink.abort().await.expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(name_the_object(&scene, &[error]), Some(Certainty::Seen));
    scene.assert_stored(1000).await;
    scene.end().await;
}

/// The first attempt to commit is on its way for long, the second is answered, and then nobody takes the object, so that it is
/// taken back. What that has left, and what is told of it; and the first attempt arrives.
async fn taken_back_before_an_attempt_arrives<C: Cloud>(len: usize, step: Step) -> (Scene<C>, Vec<Error>) {
    let scene = Scene::<C>::new().await;
    let late = scene.proxy.on(C::on(step).times(1), Fault::ApplyLater(Client::IsCut));
    let held = scene.proxy.on(C::on(step).times(1), Fault::ApplyThenStall);
    let mut sink = scene.filled(IfExists::Fail, len).await;
    tokio::select! {
        _ = tokio::io::AsyncWriteExt::shutdown(&mut sink) => panic!("the answer is held"),
        () = held.wait_fired(1) => held.release(),
    }
    // The sink is not asked any more, and the commit goes on.
    let committed = || {
        let left = scene.bucket.under_way().into_iter().flat_map(|work| work.may_leave);
        left.into_iter().any(|left| matches!(left.remnant(), Remnant::Object(_)) && left.certainty() == Certainty::Seen)
    };
    let commits = async {
        while !committed() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), commits).await.expect("it is committed");
    drop(sink);
    let told = scene.bucket.close().await.err().unwrap_or_default();
    assert!(scene.remote.objects().await.is_empty(), "it was taken back");
    assert_eq!(late.fired(), 1);
    late.apply_now().await;
    (scene, told)
}

/// Found by seed 440194 of the campaign.
pub(crate) async fn a_put_that_was_taken_back_and_has_an_attempt_on_its_way_is_named<C: Cloud>() {
    let (scene, told) = taken_back_before_an_attempt_arrives::<C>(1000, Step::Put).await;
    assert_eq!(name_the_object(&scene, &told), Some(Certainty::Perhaps), "{told:?}");
    scene.assert_stored(1000).await;
    scene.end().await;
}

/// The abort makes sure of it.
pub(crate) async fn a_completion_that_was_taken_back_takes_no_effect_later<C: Cloud>() {
    let (scene, told) = taken_back_before_an_attempt_arrives::<C>(THREE_PARTS, Step::Complete).await;
    assert!(told.is_empty(), "{told:?}");
    scene.assert_nothing_left().await;
}
