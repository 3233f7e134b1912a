//! `--sync`, `--delete`, patterns, lists, shards: exactly what is due is done.

use crate::scene::{End, Folder, assert_has, copied, copy, data, fails, fill, some};
use sealift_tests::cli::{run, run_with_input};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{Fault, FaultProxy};
use sealift_tests::{gcs, s3};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_reads_and_stores_nothing() {
    let (from, to) = (s3::TestBucket::make().await, s3::TestBucket::make().await);
    // By Sealift, so that the service keeps checksums.
    let origin = Folder::make().await;
    fill(&origin, &some()).await;
    copied(&origin, &from, &[]).await;
    copied(&from, &to, &["--sync"]).await;
    let proxy = FaultProxy::start(from.endpoint()).await;
    let counted: Vec<_> = [Step::Put, Step::Start, Step::AnyPart, Step::Complete, Step::Read, Step::Copy, Step::Delete]
        .map(|step| (step, proxy.on(s3::TestBucket::on(step), Fault::Pass)))
        .into();
    let looks = proxy.on(s3::TestBucket::on(Step::Look), Fault::Pass);
    let mut command = copy(&from, &to, &["--sync", "--json"]);
    command.envs(s3::TestBucket::variables(&proxy.endpoint()));
    let told = run(command).await.expect_code(0).json();
    let count = some().len();
    assert_eq!((&told["copied"], &told["same"]), (&json!(0), &json!({ "checksums": count })));
    for (step, handle) in counted {
        assert_eq!(handle.fired(), 0, "{step:?}");
    }
    assert_eq!(looks.fired(), 2 * count);
    proxy.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_copied_also_where_the_size_is_the_same() {
    // Folders keep no checksums, S3 and Google keep different ones.
    content_decides::<Folder, Folder>("both-read").await;
    content_decides::<Folder, gcs::TestBucket>("source-read").await;
    content_decides::<gcs::TestBucket, Folder>("target-read").await;
    content_decides::<gcs::TestBucket, gcs::TestBucket>("checksums").await;
}

async fn content_decides<A: End, B: End>(by: &str) {
    let (from, to) = (A::make().await, B::make().await);
    let objects =
        [("differs", data(5000, 1)), ("longer", data(5001, 1)), ("missing", data(1, 1)), ("same", data(5000, 3))];
    fill(&from, &objects).await;
    fill(&to, &[("differs", data(5000, 2)), ("longer", data(5000, 1)), ("same", data(5000, 3))]).await;
    let planned = run(copy(&from, &to, &["--sync", "--dry-run"])).await.expect_code(0).text();
    for (name, why) in
        [("differs", "what is there"), ("longer", "5001 bytes, and what is there 5000"), ("missing", "it is not there")]
    {
        let line = planned.lines().find(|line| line.starts_with("would copy") && line.contains(name)).expect("told");
        assert!(line.contains(why), "{line}");
    }
    assert!(!planned.contains("/same "), "{planned}");
    assert!(to.load("missing").await.is_none() && to.load("differs").await == Some(data(5000, 2)));
    let blind = copied(&from, &to, &["--sync", "--size-only", "--dry-run"]).await;
    assert_eq!(blind["same"], json!({ "size-only": 2 }), "{blind}");
    let told = copied(&from, &to, &["--sync"]).await;
    assert_eq!((&told["copied"], &told["same"]), (&json!(3), &json!({ by: 1 })), "{told}");
    assert_has(&to, "", &objects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_delete_removes_and_only_what_the_source_has_not() {
    let (from, to) = (Folder::make().await, s3::TestBucket::make().await);
    fill(&from, &[("a", data(10, 1)), ("d/b", data(10, 2))]).await;
    fill(&to, &[("other", data(1, 9)), ("d/other", data(1, 8)), ("kept/x", data(1, 7))]).await;
    copied(&from, &to, &["--sync"]).await;
    assert_eq!(to.keys().await.len(), 5);
    let planned =
        run(copy(&from, &to, &["--sync", "--delete", "--dry-run", "--exclude", "kept/**"])).await.expect_code(0).text();
    assert_eq!(planned.matches("would remove").count(), 2, "{planned}");
    assert_eq!(to.keys().await.len(), 5);
    let told = copied(&from, &to, &["--sync", "--delete", "--exclude", "kept/**"]).await;
    assert_eq!(told["removed"], 2);
    assert_has(&to, "", &[("a", data(10, 1)), ("d/b", data(10, 2)), ("kept/x", data(1, 7))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_after_a_failure() {
    let (from, to) = (s3::TestBucket::make().await, s3::TestBucket::make().await);
    fill(&from, &[("a", data(10, 1)), ("b", data(10, 2))]).await;
    fill(&to, &[("other", data(1, 9))]).await;
    for (step, code) in [(Step::Look, 4), (Step::List, 4)] {
        let proxy = FaultProxy::start(from.endpoint()).await;
        let refused = proxy.on(s3::TestBucket::on(step), s3::TestBucket::problem(Problem::Denied));
        let removed = proxy.on(s3::TestBucket::on(Step::Delete), Fault::Pass);
        let through = proxy.endpoint();
        fails(&from, &to, &["--sync", "--delete", "--from-endpoint-url", &through], code).await;
        assert!(refused.fired() > 0 && removed.fired() == 0);
        assert!(to.load("other").await.is_some());
        proxy.shutdown().await;
    }
    // An empty source is no reason to empty the target.
    let empty = s3::TestBucket::make().await;
    fails(&empty, &to, &["--sync", "--delete"], 3).await;
    assert!(to.load("other").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exists_is_kept_if_absent() {
    let (from, to) = (Folder::make().await, s3::TestBucket::make().await);
    fill(&from, &[("a", data(10, 1)), ("b", data(10, 2))]).await;
    fill(&to, &[("a", data(7, 9))]).await;
    let said = fails(&from, &to, &["--if-absent"], 5).await.stderr;
    assert!(said.contains("1 object was copied"), "{said}");
    assert_has(&to, "", &[("a", data(7, 9)), ("b", data(10, 2))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_lists_and_shards_choose() {
    let from = Folder::make().await;
    let objects: Vec<(String, Vec<u8>)> =
        (0..40).map(|at| (format!("d{}/{at:02}.{}", at % 3, ["gz", "txt"][at % 2]), data(at, at as u8))).collect();
    for (key, bytes) in &objects {
        from.store(key, bytes.clone()).await;
    }
    let chosen = async |arguments: &[&str]| {
        let to = Folder::make().await;
        copied(&from, &to, arguments).await;
        to.keys().await
    };
    let all: Vec<String> = from.keys().await;
    let of = |is: &dyn Fn(&str) -> bool| all.iter().filter(|key| is(key)).cloned().collect::<Vec<_>>();
    assert_eq!(chosen(&["--include", "**/*.gz"]).await, of(&|key| key.ends_with(".gz")));
    assert_eq!(
        chosen(&["--include", "d1/**", "--include", "d2/*", "--exclude", "**/*.txt"]).await,
        of(&|key| !key.starts_with("d0") && key.ends_with(".gz"))
    );
    let mut shards = Vec::new();
    for number in 1..=3 {
        let shard = chosen(&["--shard", &format!("{number}/3")]).await;
        assert!(!shard.is_empty() && shard.len() < all.len());
        shards.extend(shard);
    }
    shards.sort();
    assert_eq!(shards, all, "each is in one shard");

    let to = Folder::make().await;
    let list = format!("{}\n\n{}\n", all[3], all[7]);
    let listed = run_with_input(copy(&from, &to, &["--from-list", "-"]), list.as_bytes()).await;
    listed.expect_code(0);
    assert_eq!(to.keys().await, [all[3].clone(), all[7].clone()]);
    // One that is not there is named, and the others are copied.
    let list = format!("nowhere\n{}\n", all[9]);
    let listed =
        run_with_input(copy(&from, &to, &["--sync", "--from-list", "-"]), list.as_bytes()).await.expect_code(3);
    assert!(listed.stderr.contains("nowhere"), "{}", listed.stderr);
    assert!(to.load(&all[9]).await.is_some());
}
