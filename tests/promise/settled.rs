//! What a commit's answer and a look say together: a success needs no look, nothing is a success by its size, and one odd
//! answer deletes nothing.

use crate::scene::{COMMITS, Scene, key};
use sealift::{Confirmed, Error, IfExists, Remnant};
use sealift_tests::cloud::{Cloud, Field, Problem, Spoiled, Step};
use sealift_tests::proxy::{Fault, Reply};

/// The answers to `step` without a checksum, where they had one.
fn without_checksum<C: Cloud>(scene: &Scene<C>, step: Step) {
    if let Some(without) = C::spoiled(step, Field::Checksum, Spoiled::Missing) {
        scene.proxy.on(C::on(step), Fault::Rewrite(without));
    }
}

pub(crate) async fn a_success_needs_no_permission_to_look<C: Cloud>() {
    for (len, step) in COMMITS {
        for problem in [Problem::Denied, Problem::Failed] {
            let scene = Scene::<C>::new().await;
            without_checksum(&scene, step);
            let unseen = scene.proxy.on(C::on(Step::Look), C::problem(problem));
            let sealed = scene.write(len, IfExists::Replace).await.expect("the service has said so");
            assert!(unseen.fired() >= 1);
            assert!(matches!(sealed.confirmed, Confirmed::Answer { .. }), "{:?}", sealed.confirmed);
            scene.proxy.clear();
            scene.assert_stored(len).await;
            scene.end().await;
        }
    }
}

pub(crate) async fn what_the_service_has_not_confirmed_is_not_called_confirmed<C: Cloud>() {
    for (len, step) in COMMITS {
        let scene = Scene::<C>::new().await;
        without_checksum(&scene, step);
        let without = C::spoiled(Step::Look, Field::Checksum, Spoiled::Missing);
        if let Some(without) = without {
            scene.proxy.on(C::on(Step::Look), Fault::Rewrite(without));
        }
        let sealed = scene.write(len, IfExists::Replace).await.expect("sealed");
        assert_eq!(sealed.confirmed, Confirmed::TokenAndSize);
        scene.end().await;
    }
}

/// The answer says yes, and another object of the same size is there.
pub(crate) async fn a_success_over_an_older_object_of_the_same_size_is_settled_by_the_token<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let stored = scene.write(1000, IfExists::Replace).await.expect("stored").bytes_stored as usize;
    let old = vec![b'o'; stored];
    scene.remote.put(key().as_ref(), old.clone().into()).await;
    let yes = Reply::empty(C::success(Step::Put)).with("etag", "\"0123456789abcdef0123456789abcdef\"");
    let fault = scene.proxy.on(C::on(Step::Put), Fault::Reply(yes));
    let error = scene.write(1000, IfExists::Replace).await.expect_err("it is not there");
    assert!(fault.fired() >= 1);
    assert_eq!(scene.remote.get(key().as_ref()).await.expect("as it was"), old, "{error}");
    scene.end().await;
}

/// One page of another program, one look that is empty, one with another size, after a commit that was good.
pub(crate) async fn one_odd_look_after_a_good_commit_deletes_nothing<C: Cloud>() {
    let success = C::success(Step::Look);
    let odd = [
        Fault::Reply(Reply::html(success)),
        Fault::Reply(Reply::empty(success)),
        Fault::Rewrite(C::spoiled(Step::Look, Field::Length, Spoiled::Wrong).expect("a look has one")),
        Fault::Rewrite(C::spoiled(Step::Look, Field::Etag, Spoiled::Missing).expect("a look has one")),
    ];
    for fault in odd {
        for (len, step) in COMMITS {
            let scene = Scene::<C>::new().await;
            scene.remote.put(key().as_ref(), "old".into()).await;
            without_checksum(&scene, step);
            let fault = scene.proxy.on(C::on(Step::Look).times(1), fault.clone());
            let written = scene.write(len, IfExists::Replace).await;
            assert_eq!(fault.fired(), 1);
            if let Err(error) = written {
                let object = Remnant::Object(format!("{}/{}", scene.remote.url(), key()));
                assert!(error.left_behind().iter().any(|left| *left.remnant() == object), "{error}");
            }
            scene.assert_stored(len).await;
            scene.end().await;
        }
    }
}

/// Two writers to one name: whoever fails has not been told a damage that is none, and nothing is lost.
pub(crate) async fn two_puts_to_one_name_are_no_damage<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    for _ in 0..10 {
        let (one, other) = tokio::join!(scene.write(3000, IfExists::Replace), scene.write(4000, IfExists::Replace));
        for error in [&one, &other].into_iter().filter_map(|result| result.as_ref().err()) {
            let told: &Error = error;
            assert_ne!(told.kind(), sealift::ErrorKind::Corrupt, "{told}");
        }
        assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
        assert_eq!(scene.remote.objects().await, [key().to_string()]);
    }
    scene.end().await;
}
