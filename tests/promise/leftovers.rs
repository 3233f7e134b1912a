//! Where what a failed abort leaves can be found again by others.

use crate::scene::{Scene, key, open_bucket};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, Reply};
use std::time::Duration;

pub(crate) async fn an_abort_that_fails_says_what_is_left_and_a_sweep_removes_it<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let abort = scene.proxy.on(C::on(Step::Abort), C::problem(Problem::Failed));
    let sink = scene.with_a_part_stored().await;
    let error = sink.abort().await.expect_err("the abort failed");
    assert!(abort.fired() >= 1);
    let (left, id) = scene.remote.unfinished().await.pop().expect("an upload was left");
    assert_eq!(left, key().to_string());
    assert!(error.to_string().contains(&id), "{error} names {id}");

    let bucket = open_bucket::<C>(scene.remote.name(), scene.remote.endpoint()).await;
    let leftovers =
        bucket.leftovers("backups/", Duration::ZERO).await.and_then(sealift::Leftovers::all).expect("listed");
    assert_eq!(leftovers.iter().map(|left| &left.id).collect::<Vec<_>>(), [&id]);
    bucket.remove_leftover(&leftovers[0]).await.expect("removed");
    drop(bucket);
    scene.remote.assert_untouched().await;
    scene.end().await;
}

pub(crate) async fn a_list_of_uploads_that_is_none_is_an_error<C: Cloud>() {
    for reply in [Reply::html(200), Reply::empty(200)] {
        let scene = Scene::<C>::new().await;
        let fault = scene.proxy.on(C::on(Step::ListUploads), Fault::Reply(reply.clone()));
        scene.bucket.leftovers("", Duration::ZERO).await.and_then(sealift::Leftovers::all).expect_err("no listing");
        assert!(fault.fired() >= 1);
        scene.end().await;
    }
}
