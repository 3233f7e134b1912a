//! Every direction: the same bytes arrive, and the proof that is claimed is the one there is.

use crate::scene::{End, Folder, assert_has, at, copied, copy, data, fails, fill, some};
use sealift_tests::azure::TestContainer;
use sealift_tests::cli::run;
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultProxy};
use sealift_tests::{gcs, s3};
use serde_json::json;

async fn objects_arrive<A: End, B: End>() {
    let (from, to) = (A::make().await, B::make().await);
    let objects = some();
    fill(&from, &objects).await;
    let told = copied(&from, &to, &[]).await;
    assert_has(&to, "", &objects).await;
    let count = objects.len() as u64;
    let bytes: usize = objects.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!((told["copied"].as_u64(), told["bytes"].as_u64()), (Some(count), Some(bytes as u64)), "{told}");
    for all in ["ways", "sources", "confirmed"] {
        let counts = told[all].as_object().expect("counts").values().map(|count| count.as_u64().expect("a count"));
        assert_eq!(counts.sum::<u64>(), count, "{told}");
    }
    // Below another name, and with the second run finding all of it.
    let below = format!("{}/x/y", to.whole());
    run(at((&from, &format!("{}/folder", from.whole())), (&to, &below), &[])).await.expect_code(0);
    for key in ["a b+c%20&=?#.txt", "grüße/日本", "middle"] {
        let source = from.load(&format!("folder/{key}")).await;
        assert!(source.is_some() && to.load(&format!("x/y/{key}")).await == source, "{key}");
    }
    let again = copied(&from, &to, &["--sync"]).await;
    assert_eq!(again["copied"], 0, "{again}");
    let same: u64 = again["same"].as_object().expect("counts").values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(same, count, "{again}");
}

macro_rules! directions {
    ($($name:ident: $from:ty, $to:ty;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            objects_arrive::<$from, $to>().await;
        }
    )+};
}

directions! {
    s3_to_s3: s3::TestBucket, s3::TestBucket;
    s3_to_azure: s3::TestBucket, TestContainer;
    s3_to_gcs: s3::TestBucket, gcs::TestBucket;
    s3_to_a_folder: s3::TestBucket, Folder;
    azure_to_s3: TestContainer, s3::TestBucket;
    azure_to_azure: TestContainer, TestContainer;
    azure_to_gcs: TestContainer, gcs::TestBucket;
    azure_to_a_folder: TestContainer, Folder;
    gcs_to_s3: gcs::TestBucket, s3::TestBucket;
    gcs_to_azure: gcs::TestBucket, TestContainer;
    gcs_to_gcs: gcs::TestBucket, gcs::TestBucket;
    gcs_to_a_folder: gcs::TestBucket, Folder;
    a_folder_to_s3: Folder, s3::TestBucket;
    a_folder_to_azure: Folder, TestContainer;
    a_folder_to_gcs: Folder, gcs::TestBucket;
    a_folder_to_a_folder: Folder, Folder;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_keeps_a_checksum_of_is_said_to_be_read_once() {
    let (from, to) = (Folder::make().await, s3::TestBucket::make().await);
    fill(&from, &[("a", data(1000, 1))]).await;
    let told = copied(&from, &to, &[]).await;
    assert_eq!(told["sources"], json!({ "read-once-under-one-etag": 1 }));
    assert_eq!(told["confirmed"], json!({ "checksum": 1 }));
    let text = run(copy(&from, &to, &[])).await.expect_code(0).text();
    assert!(text.contains("nothing keeps a checksum of the source: it was read once, under one ETag"), "{text}");
    assert!(!text.contains("the source was verified"), "{text}");
    // What Sealift has stored in S3 has a checksum there.
    let back = Folder::make().await;
    let told = copied(&to, &back, &[]).await;
    assert_eq!(told["sources"], json!({ "service-checksum": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_anew_the_content_is_the_same() {
    let (from, to) = (Folder::make().await, s3::TestBucket::make().await);
    fill(&from, &[("a", data(3 << 20, 1)), ("b", data(10, 2))]).await;
    let told = copied(&from, &to, &["--codec", "zstd"]).await;
    assert_eq!(told["ways"], json!({ "recompressed": 2 }));
    let stored = to.load("a").await.expect("stored");
    assert_eq!(stored[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    let again = copied(&from, &to, &["--codec", "zstd", "--sync"]).await;
    assert_eq!((&again["copied"], &again["same"]), (&json!(0), &json!({ "both-read": 2 })));
    let back = Folder::make().await;
    copied(&to, &back, &["--codec", "none"]).await;
    assert_has(&back, "", &[("a", data(3 << 20, 1)), ("b", data(10, 2))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_gets_the_name_that_is_given_or_keeps_its_own_in_a_folder() {
    let (from, to) = (s3::TestBucket::make().await, s3::TestBucket::make().await);
    fill(&from, &[("a/b", data(10, 1)), ("a/bc", data(11, 2))]).await;
    let source = format!("{}/a/b", from.whole());
    for (target, key) in [("/x", "x"), ("/y/", "y/b"), ("", "b")] {
        run(at((&from, &source), (&to, &format!("{}{target}", to.whole())), &[])).await.expect_code(0);
        assert!(to.load(key).await == Some(data(10, 1)), "{key}");
    }
    assert_eq!(to.keys().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused() {
    let (from, to) = (Folder::make().await, Folder::make().await);
    fill(&from, &[("a/b", data(10, 1))]).await;
    for wrong in [
        &["--delete"][..],
        &["--size-only"],
        &["--sync", "--if-absent"],
        &["--sync", "--size-only", "--codec", "gzip"],
        &["--shard", "3/2"],
        &["--include", "a{"],
        &["--bucket", "b"],
    ] {
        fails(&from, &to, wrong, 2).await;
    }
    let within = format!("{}/a/c", from.whole());
    let said = run(at((&from, &from.whole()), (&from, &within), &[])).await.expect_code(2).stderr;
    assert!(said.contains("the one is below the other"), "{said}");
    let nowhere = format!("{}/nowhere", from.whole());
    run(at((&from, &nowhere), (&to, &to.whole()), &[])).await.expect_code(3);
    assert_has(&to, "", &[]).await;
}

/// Within one service nothing passes through here, and each copy is proven.
async fn the_service_copies<C: Cloud>(confirmed: &str) {
    let (origin, from, to) = (Folder::make().await, C::make().await, C::make().await);
    fill(&origin, &some()).await;
    copied(&origin, &from, &[]).await;
    let proxy = FaultProxy::start(from.endpoint()).await;
    let passed = [Step::Read, Step::Put, Step::AnyPart].map(|step| proxy.on(C::on(step), Fault::Pass));
    let by_service = proxy.on(C::on(Step::Copy), Fault::Pass);
    let mut command = copy(&from, &to, &["--json"]);
    command.envs(C::variables(&proxy.endpoint()));
    let told = run(command).await.expect_code(0).json();
    let count = some().len();
    assert_eq!(told["ways"], json!({ "within-service": count }), "{told}");
    assert_eq!(told["confirmed"], json!({ confirmed: count }), "{told}");
    assert_eq!((passed.map(|handle| handle.fired()), by_service.fired()), ([0; 3], count));
    proxy.shutdown().await;
    assert_has(&to, "", &some()).await;

    // Where it is not let, the bytes go through here.
    let proxy = FaultProxy::start(from.endpoint()).await;
    let refused = proxy.on(C::on(Step::Copy), C::problem(Problem::Denied));
    let other = C::make().await;
    let mut command = copy(&from, &other, &["--json"]);
    command.envs(C::variables(&proxy.endpoint()));
    let told = run(command).await.expect_code(0).json();
    assert_eq!(told["ways"], json!({ "through-here": count }), "{told}");
    assert!(refused.fired() >= count);
    proxy.shutdown().await;
    assert_has(&other, "", &some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_copies_by_itself() {
    the_service_copies::<s3::TestBucket>("checksum").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn google_copies_by_itself() {
    the_service_copies::<gcs::TestBucket>("checksum").await;
}

/// Azure keeps no checksum of the whole.
#[tokio::test(flavor = "multi_thread")]
async fn azure_copies_by_itself() {
    the_service_copies::<TestContainer>("token-and-size").await;
}
