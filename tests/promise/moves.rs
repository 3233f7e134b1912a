//! Moves: nothing is removed before its copy is proven, and only what was copied.

use crate::scene::{Scene, key};
use sealift::{Error, ErrorKind, IfExists, Key, Remnant};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, Reply};

fn target() -> Key {
    "backups/moved".parse().expect("a key")
}

fn names_the_copy<C: Cloud>(scene: &Scene<C>, error: &Error) -> bool {
    let copy = Remnant::Object(format!("{}/{}", scene.remote.url(), target()));
    error.left_behind().iter().any(|left| *left.remnant() == copy)
}

pub(crate) async fn a_copy_that_was_only_answered_removes_nothing<C: Cloud>() {
    let success = C::success(Step::Copy);
    for reply in [Reply::empty(success), Reply::html(success), C::refusal(Problem::Inside)] {
        let scene = Scene::<C>::new().await;
        scene.write(1000, IfExists::Replace).await.expect("stored");
        let fault = scene.proxy.on(C::on(Step::Copy), Fault::Reply(reply));
        scene.bucket.rename(&key(), &target()).await.expect_err("nothing was copied");
        assert!(fault.fired() >= 1);
        scene.assert_stored(1000).await;
        scene.end().await;
    }
}

pub(crate) async fn what_another_writes_under_the_old_name_is_kept<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.write(1000, IfExists::Replace).await.expect("stored");
    let copied = scene.proxy.on(C::on(Step::Copy), Fault::ApplyThenStall);
    let (from, to) = (key(), target());
    let moving = scene.bucket.rename(&from, &to);
    let another = async {
        copied.wait_fired(1).await;
        scene.remote.put(key().as_ref(), "another's".into()).await;
        copied.release();
    };
    let (moved, ()) = tokio::join!(moving, another);
    let error = moved.expect_err("it was replaced");
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    assert!(names_the_copy(&scene, &error), "{error}");
    assert_eq!(scene.remote.get(key().as_ref()).await.expect("kept"), "another's");
    scene.end().await;
}

pub(crate) async fn an_original_that_cannot_be_removed_leaves_a_copy_that_is_named<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.write(1000, IfExists::Replace).await.expect("stored");
    let fault = scene.proxy.on(C::on(Step::Delete), C::problem(Problem::Denied));
    let error = scene.bucket.rename(&key(), &target()).await.expect_err("it cannot be removed");
    assert!(fault.fired() >= 1);
    assert!(names_the_copy(&scene, &error), "{error}");
    assert_eq!(scene.remote.objects().await, [key().to_string(), target().to_string()]);
    scene.end().await;
}

/// A move goes on when its future is dropped, and closing the bucket waits for it.
pub(crate) async fn a_move_that_is_dropped_is_ended_by_its_owner<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.write(1000, IfExists::Replace).await.expect("stored");
    let copied = scene.proxy.on(C::on(Step::Copy).times(1), Fault::ApplyThenStall);
    let (from, to) = (key(), target());
    tokio::select! {
        _ = scene.bucket.rename(&from, &to) => panic!("the answer is held"),
        () = copied.wait_fired(1) => {}
    }
    copied.release();
    let told = scene.bucket.close().await.err().unwrap_or_default();
    let objects = scene.remote.objects().await;
    match objects.len() {
        1 => {}
        _ => assert!(told.iter().any(|told| names_the_copy(&scene, told)), "{told:?} {objects:?}"),
    }
    scene.end().await;
}

pub(crate) async fn a_removal_that_was_not_answered_as_such_is_an_error<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    scene.write(1000, IfExists::Replace).await.expect("stored");
    let fault = scene.proxy.on(C::on(Step::Delete), Fault::Reply(Reply::html(200)));
    scene.bucket.remove(&key()).await.expect_err("a page is no removal");
    assert!(fault.fired() >= 1);
    scene.assert_stored(1000).await;
    scene.end().await;
}
