//! What goes by itself: one failure of a request, which is tried again, and then the write is a success.

use crate::scene::{Scene, THREE_PARTS};
use sealift::IfExists;
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::Fault;
use std::time::{Duration, Instant};

/// Every step of a write, and the length of a stream that comes to it.
const STEPS: [(Step, usize); 4] =
    [(Step::Put, 1000), (Step::Part(1), THREE_PARTS), (Step::Part(3), THREE_PARTS), (Step::Complete, THREE_PARTS)];

/// Injects `fault` once into each step, and returns how long the writes took.
async fn once_in_each_step<C: Cloud>(fault: Fault) -> Vec<Duration> {
    let mut took = Vec::new();
    for (step, len) in STEPS {
        let scene = Scene::<C>::new().await;
        let fault = scene.proxy.on(C::on(step).times(1), fault.clone());
        let started = Instant::now();
        scene.write(len, IfExists::Fail).await.unwrap_or_else(|error| panic!("{step:?}: {error}"));
        took.push(started.elapsed());
        assert_eq!(fault.fired(), 1, "{step:?}");
        scene.assert_stored(len).await;
        scene.end().await;
    }
    took
}

pub(crate) async fn a_connection_that_is_reset<C: Cloud>() {
    once_in_each_step::<C>(Fault::Reset).await;
}

pub(crate) async fn an_internal_error<C: Cloud>() {
    once_in_each_step::<C>(C::problem(Problem::Failed)).await;
}

pub(crate) async fn a_busy_service_is_given_the_time_it_asks_for<C: Cloud>() {
    // Ten times the pause there would be without being asked.
    let retry_after = Duration::from_secs(2);
    let took = once_in_each_step::<C>(C::problem(Problem::Busy { retry_after })).await;
    assert!(took.iter().all(|took| *took >= retry_after), "{took:?}");
}
