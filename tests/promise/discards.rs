//! Where parts are removed by committing something else (Azure): what goes wrong on that way.

use crate::scene::{Scene, assert_only_perhaps, key, open_bucket};
use hyper::Method;
use sealift::{ErrorKind, IfExists};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, Head, Match};
use std::time::Duration;

pub(crate) async fn an_abort_that_cannot_look_says_what_is_left<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let look = |request: &Head<'_>| request.method() == Method::GET && request.parameter("comp") == Some("blocklist");
    let fault = scene.proxy.on(Match::new(look), C::problem(Problem::Failed));
    let sink = scene.with_a_part_stored().await;
    let error = sink.abort().await.expect_err("nothing could be seen");
    assert!(fault.fired() >= 1);
    let (_, id) = scene.remote.unfinished().await.pop().expect("blocks were left");
    assert!(error.left_behind()[0].to_string().contains(&id), "{error} names {id}");
    scene.end().await;
}

pub(crate) async fn a_discard_applied_with_its_reply_lost_leaves_nothing<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Abort).times(1), Fault::ApplyThenCut);
    let sink = scene.with_a_part_stored().await;
    // The block that was not answered may be staged once more.
    assert_only_perhaps(sink.abort().await.err().as_slice());
    assert_eq!(fault.fired(), 1);
    scene.assert_nothing_left().await;
}

fn deletions() -> Match {
    Match::new(|request| request.method() == Method::DELETE)
}

/// It is asked first whether the mark could be removed.
pub(crate) async fn where_nothing_can_be_deleted_the_blocks_stay_and_are_swept<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(deletions(), C::problem(Problem::Denied));
    let sink = scene.with_a_part_stored().await;
    let error = sink.abort().await.expect_err("something is left");
    assert!(fault.fired() >= 1);
    let (_, id) = scene.remote.unfinished().await.pop().expect("blocks were left");
    assert!(error.left_behind().iter().any(|left| left.to_string().contains(&id)), "{error} names {id}");
    assert_eq!(scene.remote.objects().await, Vec::<String>::new(), "nobody sees them");
    sweep(&scene).await;
    scene.end().await;
}

/// An empty blob stays then, which Sealift marked and does not take for an object.
pub(crate) async fn a_mark_that_cannot_be_removed_is_no_object_and_is_swept<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let asked = scene.proxy.on(deletions().times(1), Fault::Pass);
    let fault = scene.proxy.on(deletions(), C::problem(Problem::Failed));
    let sink = scene.with_a_part_stored().await;
    let error = sink.abort().await.expect_err("something is left");
    assert_eq!((asked.fired(), fault.fired() > 0), (1, true));
    assert!(!error.left_behind().is_empty(), "{error}");
    assert_eq!(scene.remote.objects().await, [key().to_string()], "the mark");
    assert_eq!(scene.remote.get(key().as_ref()).await.expect("there"), "");

    let bucket = open_bucket::<C>(scene.remote.name(), scene.remote.endpoint()).await;
    assert_eq!(bucket.stat(&key()).await.expect_err("no object").kind(), ErrorKind::NotFound);
    bucket.check_writable(&key(), IfExists::Fail).await.expect("nothing in the way");
    drop(bucket);
    sweep(&scene).await;
    scene.end().await;
}

/// Finds what is left, by itself, and removes it.
async fn sweep<C: Cloud>(scene: &Scene<C>) {
    let bucket = open_bucket::<C>(scene.remote.name(), scene.remote.endpoint()).await;
    let leftovers = bucket.leftovers("", Duration::ZERO).await.and_then(sealift::Leftovers::all).expect("listed");
    assert_eq!(leftovers.iter().map(|left| left.key.as_str()).collect::<Vec<_>>(), [key().as_ref()]);
    bucket.remove_leftover(&leftovers[0]).await.expect("removed");
    drop(bucket);
    scene.remote.assert_untouched().await;
}
