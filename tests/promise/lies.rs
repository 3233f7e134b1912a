//! What S3 may answer to a complete: 200, and after it an error.

use crate::scene::{Scene, THREE_PARTS};
use sealift::IfExists;
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::Fault;
use sealift_tests::s3;

pub(crate) async fn a_complete_answered_200_with_an_error_inside_is_an_error<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let answer = s3::error(200, "InternalError", "We encountered an internal error.");
    let fault = scene.proxy.on(C::on(Step::Complete), Fault::Reply(answer));
    let error = scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("it is an error");
    assert!(fault.fired() >= 1);
    assert!(error.to_string().contains("InternalError"), "{error}");
    scene.assert_nothing_left().await;
}
