//! Commits whose answer is lost, late or a lie: exactly one success, or an error and nothing.

use crate::scene::{Scene, THREE_PARTS, in_turn, key};
use sealift::{ErrorKind, IfExists};
use sealift_tests::proxy::{Fault, Match};

#[test]
fn a_complete_applied_with_its_reply_lost_is_one_success() {
    in_turn(async {
        for if_exists in [IfExists::Replace, IfExists::Fail] {
            let scene = Scene::new().await;
            let fault = scene.proxy.on(Match::complete().times(1), Fault::ApplyThenCut);
            let sealed = scene.write(THREE_PARTS, if_exists).await.expect("sealed");
            assert_eq!((fault.fired(), sealed.parts), (1, 3));
            assert_eq!(scene.remote.objects().await, [key().to_string()]);
            assert!(scene.remote.uploads().await.is_empty());
            scene.end().await;
        }
    });
}

#[test]
fn a_complete_applied_with_every_reply_lost_is_one_success() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene.proxy.on(Match::complete(), Fault::ApplyThenCut);
        scene.write(THREE_PARTS, IfExists::Fail).await.expect("sealed");
        assert!(fault.fired() >= 1);
        assert!(scene.remote.uploads().await.is_empty());
        scene.end().await;
    });
}

#[test]
fn a_put_applied_with_its_reply_lost_is_one_success() {
    in_turn(async {
        for if_exists in [IfExists::Replace, IfExists::Fail] {
            let scene = Scene::new().await;
            let fault = scene.proxy.on(Match::put_object().times(1), Fault::ApplyThenCut);
            scene.write(1000, if_exists).await.expect("sealed");
            assert_eq!(fault.fired(), 1);
            assert_eq!(scene.remote.objects().await, [key().to_string()]);
            scene.end().await;
        }
    });
}

#[test]
fn a_complete_answered_200_with_an_error_inside_is_an_error() {
    in_turn(async {
        let scene = Scene::new().await;
        let fault = scene
            .proxy
            .on(Match::complete(), Fault::s3_error(200, "InternalError", "We encountered an internal error."));
        let error = scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("it is an error");
        assert!(fault.fired() >= 1);
        assert!(error.to_string().contains("InternalError"), "{error}");
        scene.assert_nothing_left().await;
    });
}

#[test]
fn a_commit_that_nobody_can_look_at_is_an_error_that_says_so() {
    in_turn(async {
        let scene = Scene::new().await;
        let commit = scene.proxy.on(Match::put_object(), Fault::ApplyThenCut);
        let look = scene.proxy.on(Match::head_object(), Fault::Reset);
        let error = scene.write(1000, IfExists::Replace).await.expect_err("nobody knows");
        assert!(commit.fired() >= 1 && look.fired() >= 1);
        assert!(!error.left_behind().is_empty(), "{error}");
        scene.end().await;
    });
}

#[test]
fn an_object_that_exists_is_kept() {
    in_turn(async {
        for len in [1000, THREE_PARTS] {
            let scene = Scene::new().await;
            scene.remote.put(key().as_ref(), "old".into()).await;
            let error = scene.write(len, IfExists::Fail).await.expect_err("it exists");
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
            assert_eq!(scene.remote.get(key().as_ref()).await.expect("kept"), "old");
            assert!(scene.remote.uploads().await.is_empty());
            scene.end().await;
        }
    });
}

#[test]
fn of_many_writers_of_one_name_one_wins() {
    in_turn(async {
        let scene = Scene::new().await;
        let writes = (0..8).map(|_| scene.write(1000, IfExists::Fail));
        let results = futures::future::join_all(writes).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let lost = results.iter().filter_map(|result| result.as_ref().err());
        assert!(lost.clone().all(|error| error.kind() == ErrorKind::AlreadyExists), "{results:?}");
        scene.end().await;
    });
}
