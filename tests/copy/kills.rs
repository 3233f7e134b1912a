//! SIGKILL at every step: a second run finishes, nothing is lost and nothing doubled. On S3 a step is a request: everything after
//! the n-th is held, and the process is killed. Into a folder a step is a request to the source, of which each call there is.

use crate::scene::{End, Folder, assert_has, copied, copy, data, fill};
use futures::stream::{self, StreamExt};
use sealift_tests::cloud::Cloud;
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use sealift_tests::s3;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn objects() -> Vec<(&'static str, Vec<u8>)> {
    vec![("a", data(10, 1)), ("b/large", data(11 << 20, 2)), ("c", data(3000, 3)), ("d", Vec::new())]
}

/// Kills a copy from `A` to `B` at each request that `B`, or `A` where that is the bucket, gets.
async fn killed_at_every_request<A: End, B: End>(source: &s3::TestBucket) {
    let ran_to_its_end = AtomicUsize::new(usize::MAX);
    let end = &ran_to_its_end;
    let steps = (0..200).map(|step| async move {
        if step > end.load(Ordering::SeqCst) {
            return;
        }
        let (from, to) = (A::make().await, B::make().await);
        fill(&from, &objects()).await;
        let other = [("other", data(5, 5))];
        fill(&to, &other).await;
        let proxy = FaultProxy::start(source.endpoint()).await;
        let requests = Arc::new(AtomicUsize::new(0));
        let after = Match::new(move |_| requests.fetch_add(1, Ordering::SeqCst) >= step);
        let held = proxy.on(after, Fault::Stall);
        let at_once = ["--concurrent-copies=1", "--concurrent-copies=4"][step % 2];
        let mut command = copy(&from, &to, &["--sync", "--delete", at_once]);
        command.envs(s3::TestBucket::variables(&proxy.endpoint()));
        let mut child = command.spawn().expect("starts");
        tokio::select! {
            () = held.wait_fired(1) => child.kill().await.expect("killed"),
            ended = child.wait() => {
                assert!(ended.expect("ends").success(), "step {step}");
                end.fetch_min(step, Ordering::SeqCst);
            }
        }
        // What was sent before the kill may still be done.
        proxy.shutdown().await;
        // No object is there but whole ones.
        for key in to.keys().await.iter().filter(|key| !key.contains(".sealift")) {
            let whole = objects().into_iter().chain(other.clone()).find(|(name, _)| name == key);
            let (_, whole) = whole.unwrap_or_else(|| panic!("{key} at step {step}"));
            assert!(to.load(key).await == Some(whole), "{key} at step {step}");
        }
        copied(&from, &to, &["--sync", "--delete"]).await;
        // An upload that the kill left is `sweep`'s.
        let mut keys: Vec<String> = to.keys().await;
        keys.retain(|key| !key.contains(".sealift"));
        assert_eq!(keys, ["a", "b/large", "c", "d"], "after step {step}");
        for (key, bytes) in objects() {
            assert!(to.load(key).await == Some(bytes), "{key} after step {step}");
        }
        assert_has(&from, "", &objects()).await;
        let again = copied(&from, &to, &["--sync", "--delete"]).await;
        assert_eq!((again["copied"].as_u64(), again["removed"].as_u64()), (Some(0), Some(0)), "{again}");
    });
    stream::iter(steps).buffer_unordered(4).collect::<Vec<()>>().await;
    let steps = ran_to_its_end.load(Ordering::SeqCst);
    assert!((8..200).contains(&steps), "{steps} steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_request_on_the_way_to_s3() {
    let any = s3::TestBucket::make().await;
    killed_at_every_request::<Folder, s3::TestBucket>(&any).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_request_on_the_way_to_a_folder() {
    let any = s3::TestBucket::make().await;
    killed_at_every_request::<s3::TestBucket, Folder>(&any).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_request_from_bucket_to_bucket() {
    let any = s3::TestBucket::make().await;
    killed_at_every_request::<s3::TestBucket, s3::TestBucket>(&any).await;
}
