//! Answers that are lost or late: exactly one success, or an error and nothing.

use crate::scene::{Scene, THREE_PARTS, key};
use sealift::{ErrorKind, IfExists};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::Fault;

pub(crate) async fn a_complete_applied_with_its_reply_lost_is_one_success<C: Cloud>() {
    for if_exists in [IfExists::Replace, IfExists::Fail] {
        let scene = Scene::<C>::new().await;
        let fault = scene.proxy.on(C::on(Step::Complete).times(1), Fault::ApplyThenCut);
        let sealed = scene.write(THREE_PARTS, if_exists).await.expect("sealed");
        assert_eq!((fault.fired(), sealed.parts), (1, 3));
        scene.assert_stored(THREE_PARTS).await;
        scene.end().await;
    }
}

pub(crate) async fn a_complete_applied_with_every_reply_lost_is_one_success<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Complete), Fault::ApplyThenCut);
    scene.write(THREE_PARTS, IfExists::Fail).await.expect("sealed");
    assert!(fault.fired() >= 1);
    scene.assert_stored(THREE_PARTS).await;
    scene.end().await;
}

pub(crate) async fn a_put_applied_with_its_reply_lost_is_one_success<C: Cloud>() {
    for if_exists in [IfExists::Replace, IfExists::Fail] {
        let scene = Scene::<C>::new().await;
        let fault = scene.proxy.on(C::on(Step::Put).times(1), Fault::ApplyThenCut);
        scene.write(1000, if_exists).await.expect("sealed");
        assert_eq!(fault.fired(), 1);
        scene.assert_stored(1000).await;
        scene.end().await;
    }
}

pub(crate) async fn a_part_applied_with_its_reply_lost_is_stored_once<C: Cloud>() {
    for part in [1, 3] {
        let scene = Scene::<C>::new().await;
        let fault = scene.proxy.on(C::on(Step::Part(part)).times(1), Fault::ApplyThenCut);
        let sealed = scene.write(THREE_PARTS, IfExists::Fail).await.expect("sealed");
        assert_eq!((fault.fired(), sealed.parts), (1, 3));
        scene.assert_stored(THREE_PARTS).await;
        scene.end().await;
    }
}

pub(crate) async fn a_commit_that_nobody_can_look_at_is_an_error_that_says_so<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let commit = scene.proxy.on(C::on(Step::Put), Fault::ApplyThenCut);
    let look = scene.proxy.on(C::on(Step::Look), Fault::Reset);
    let error = scene.write(1000, IfExists::Replace).await.expect_err("nobody knows");
    assert!(commit.fired() >= 1 && look.fired() >= 1);
    assert!(!error.left_behind().is_empty(), "{error}");
    scene.end().await;
}

pub(crate) async fn an_object_that_exists_is_kept<C: Cloud>() {
    for len in [1000, THREE_PARTS] {
        let scene = Scene::<C>::new().await;
        scene.remote.put(key().as_ref(), "old".into()).await;
        let error = scene.write(len, IfExists::Fail).await.expect_err("it exists");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert_eq!(scene.remote.get(key().as_ref()).await.expect("kept"), "old");
        assert!(scene.remote.unfinished().await.is_empty());
        scene.end().await;
    }
}

pub(crate) async fn of_many_writers_of_one_name_one_wins<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let writes = (0..8).map(|_| scene.write(1000, IfExists::Fail));
    let results = futures::future::join_all(writes).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let lost = results.iter().filter_map(|result| result.as_ref().err());
    assert!(lost.clone().all(|error| error.kind() == ErrorKind::AlreadyExists), "{results:?}");
    scene.end().await;
}
