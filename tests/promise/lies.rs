//! What an answer may say that is not so, where not every cloud can say it: 200, and after it an error; another checksum;
//! more to come, and not where.

use crate::scene::{COMMITS, Scene, THREE_PARTS, key};
use futures::TryStreamExt;
use sealift::IfExists;
use sealift_tests::cloud::{Cloud, Field, Spoiled, Step};
use sealift_tests::proxy::{Fault, Rewrite};
use sealift_tests::s3;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) async fn a_complete_answered_200_with_an_error_inside_is_an_error<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let answer = s3::error(200, "InternalError", "We encountered an internal error.");
    let fault = scene.proxy.on(C::on(Step::Complete), Fault::Reply(answer));
    let error = scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("it is an error");
    assert!(fault.fired() >= 1);
    assert!(error.to_string().contains("InternalError"), "{error}");
    scene.assert_nothing_left().await;
}

/// An answer that alone says another checksum is looked into before anything is deleted.
pub(crate) async fn a_wrong_checksum_in_the_answer_alone_deletes_nothing<C: Cloud>() {
    for (len, step) in COMMITS {
        let scene = Scene::<C>::new().await;
        scene.remote.put(key().as_ref(), "old".into()).await;
        let wrong = C::spoiled(step, Field::Checksum, Spoiled::Wrong).expect("it has one");
        let fault = scene.proxy.on(C::on(step), Fault::Rewrite(wrong));
        scene.write(len, IfExists::Replace).await.expect("a look shows the right one");
        assert!(fault.fired() >= 1);
        scene.assert_stored(len).await;
        scene.end().await;
    }
}

/// "There is more", and not where.
pub(crate) async fn a_listing_that_does_not_go_on_is_an_error<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let bucket = &scene.bucket;
    let more = || {
        let said = |text: &str| text.replace("<IsTruncated>false<", "<IsTruncated>true<");
        Fault::Rewrite(Rewrite::text("IsTruncated", said))
    };
    let objects = scene.proxy.on(C::on(Step::List), more());
    let uploads = scene.proxy.on(C::on(Step::ListUploads), more());
    let limit = Duration::from_secs(60);
    let listed: Result<Vec<_>, _> = timeout(limit, bucket.list("").try_collect()).await.expect("it ends");
    listed.expect_err("that was not all");
    timeout(limit, bucket.leftovers("", Duration::ZERO))
        .await
        .expect("it ends")
        .and_then(sealift::Leftovers::all)
        .expect_err("that was not all");
    assert!(objects.fired() >= 1 && uploads.fired() >= 1);
    scene.end().await;
}
