//! Where a service is asked for an upload before its first part.

use crate::scene::{Scene, THREE_PARTS, incompressible};
use sealift::IfExists;
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::Fault;
use tokio::io::AsyncWriteExt;

pub(crate) async fn a_start_that_fails<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Start), C::problem(Problem::Failed));
    scene.write(THREE_PARTS, IfExists::Replace).await.expect_err("the start failed");
    assert!(fault.fired() >= 1);
    scene.assert_nothing_left().await;
}

pub(crate) async fn a_writer_dropped_while_its_upload_is_being_started<C: Cloud>() {
    let scene = Scene::<C>::new().await;
    let fault = scene.proxy.on(C::on(Step::Start), Fault::ApplyThenStall);
    let mut sink = scene.sink(IfExists::Replace);
    let data = incompressible(THREE_PARTS);
    // It waits for the start once enough is buffered, so the write may not end.
    tokio::select! {
        written = sink.write_all(&data) => written.expect("written"),
        () = fault.wait_fired(1) => {}
    }
    fault.wait_fired(1).await;
    drop(sink);
    fault.release();
    scene.assert_nothing_left().await;
}
