//! Archives: what goes, what stays, and when nothing may go.

use crate::scene::{Files, KEPT, Of, Site, WINDOW, compacted};
use sealift_tests::cli::run;
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::original::{all_that_is_named_is_there, lines, restore};
use sealift_tests::proxy::{FaultProxy, Match};
use sealift_tests::s3::TestBucket;
use serde_json::json;

/// A change that makes an archive one that is not understood, or not whole.
pub(crate) type Spoil = fn(&mut Files);

/// What is left of an archive, held against what it was: every wanted version is restored from the same snapshot.
pub(crate) fn assert_restores(before: &Files, after: &Files) {
    for version in KEPT {
        let expected = restore(before, version).expect("before");
        assert_eq!(restore(after, version), Ok(expected), "version {version}");
    }
    assert_eq!(all_that_is_named_is_there(after), Ok(()));
    let (before, after) = (lines(before), lines(after));
    assert_eq!((before.epoch_endings, before.transactions), (after.epoch_endings, after.transactions));
}

async fn a_whole_life(site: Site) {
    let before = compacted();
    let site = site.filled(&before).await;
    // Nothing is verified.
    let told = site.prune(WINDOW, &["--yes", "--grace=0s"]).await.expect_code(0).text();
    assert!(told.contains("0 snapshots made unknown"), "{told}");
    assert_eq!(site.files().await, before);
    site.verify().await;

    // A dry run changes nothing, and says what would go.
    let told = site.prune(WINDOW, &[]).await.expect_code(0).text();
    assert!(
        told.contains("remove  the state at version 10,") && told.contains("remove  the state at version 30,"),
        "{told}"
    );
    assert!(told.contains("versions 40 to 84 stay restorable"), "{told}");
    assert_eq!(site.files().await, before);
    let needs = site.prune(WINDOW, &["--show-needs", "--json"]).await.expect_code(0).json();
    let versions: Vec<_> =
        needs["needs"].as_array().expect("a list").iter().map(|need| need["versions"].clone()).collect();
    let range = |first: u64, last: u64| json!({ "first": first, "last": last });
    assert_eq!(versions, [range(40, 59), range(60, 79), range(80, 84)]);
    assert_eq!(needs["needs"][0]["transactions"].as_array().map(Vec::len), Some(1));
    assert!(site.prune(WINDOW, &["--show-needs"]).await.expect_code(0).text().contains("versions 60 to 79 need"));

    // The lines go at once, the files after the time of grace.
    let done = site.prune(WINDOW, &["--yes", "--json"]).await.expect_code(0).json();
    assert_eq!(
        (&done["done"]["moved"].as_array().map(Vec::len), &done["done"]["files_removed"]),
        (&Some(2), &json!(0))
    );
    let unknown = site.files().await;
    assert_restores(&before, &unknown);
    assert_eq!(lines(&unknown).snapshots.len(), 3);
    assert!(Of::State(1).files().keys().all(|file| unknown.contains_key(file)));
    let waiting = site.prune(WINDOW, &["--json"]).await.expect_code(0).json();
    assert_eq!((waiting["waiting"].as_array().map(Vec::len), &waiting["superfluous"]), (Some(2), &json!([])));

    let done = site.prune(WINDOW, &["--yes", "--grace=0s", "--json"]).await.expect_code(0).json();
    assert_eq!(done["done"]["files_removed"], 8, "{done}");
    let after = site.files().await;
    assert_restores(&before, &after);
    for (state, there) in [(1, false), (3, false), (4, true), (6, true), (8, true)] {
        assert!(Of::State(state).files().keys().all(|file| after.contains_key(file) == there), "{state}");
    }
    assert!(!after.keys().any(|name| name.starts_with("sealift-prune/")), "{:?}", after.keys());
    // Verification finds nothing missing, and a second run nothing to do.
    site.verify().await;
    let again = site.prune(WINDOW, &["--yes", "--grace=0s"]).await.expect_code(0).text();
    assert!(again.contains("0 snapshots made unknown") && again.contains("0 files of 0 B removed"), "{again}");
    assert_eq!(site.files().await, after);
    site.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    a_whole_life(Site::folder()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    a_whole_life(Site::s3().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_azure() {
    a_whole_life(Site::azure().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_gcs() {
    a_whole_life(Site::gcs().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_verified_makes_a_snapshot_superfluous() {
    let site = Site::folder().filled(&compacted()).await;
    site.verify().await;
    // The snapshot at version 40 is not any more what was verified, so the one before has to stay.
    let Site::Folder(folder) = &site else { panic!("a folder") };
    std::fs::write(folder.path().join(Of::State(4).group()).join("0-.chunk"), "other").expect("written");
    let plan = site.prune(WINDOW, &["--json"]).await.expect_code(0).json();
    assert_eq!((&plan["base"]["version"], plan["superfluous"].as_array().map(Vec::len)), (&json!(30), Some(1)));
    let plan = site.prune(WINDOW, &["--json", "--unverified-counts"]).await.expect_code(0).json();
    assert_eq!((&plan["base"]["version"], plan["superfluous"].as_array().map(Vec::len)), (&json!(40), Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_time_reaches_back_from_the_newest_backup() {
    let site = Site::folder().filled(&compacted()).await;
    site.verify().await;
    let plan = site.prune("30d", &["--json"]).await.expect_code(0).json();
    assert_eq!((&plan["base"], &plan["superfluous"]), (&json!(null), &json!([])), "all are of today");
    // As if the first three were of long ago.
    let site = Site::folder().filled(&compacted()).await;
    let Site::Folder(folder) = &site else { panic!("a folder") };
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 86_400);
    for state in [1, 3, 4] {
        let path = folder.path().join(Of::State(state).group()).join("state.manifest");
        std::fs::File::options().write(true).open(path).expect("there").set_modified(long_ago).expect("set");
    }
    site.verify().await;
    let plan = site.prune("30d", &["--json"]).await.expect_code(0).json();
    assert_eq!((&plan["base"]["version"], plan["superfluous"].as_array().map(Vec::len)), (&json!(40), Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_where_something_is_not_understood_or_missing() {
    let spoil: [(&str, Spoil, i32); 6] = [
        ("a gap", |files| _ = files.remove(&Of::Versions(40, 69).line().0), 7),
        ("an overlap", |files| files.extend([Of::Versions(60, 69).line()]), 7),
        (
            "a line of a newer tool",
            |files| _ = files.insert("metadata/new.meta".into(), "{\"HotState\":{}}\n".into()),
            7,
        ),
        ("a missing manifest", |files| _ = files.remove("transaction_70-.0a1b/transaction.manifest"), 7),
        ("a note that is none", |files| _ = files.insert("sealift-prune/x.json".into(), "{}".into()), 7),
        ("no metadata", |files| files.retain(|name, _| !name.starts_with("metadata/")), 3),
    ];
    for (what, spoil, code) in spoil {
        let mut files = compacted();
        spoil(&mut files);
        let site = Site::folder().filled(&files).await;
        let ended = site.prune(WINDOW, &["--yes", "--grace=0s", "--unverified-counts"]).await;
        assert_eq!(ended.code, Some(code), "{what}: {}", ended.stderr);
        assert_eq!(site.files().await, files, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_do_not_fit_are_refused() {
    let site = Site::folder().filled(&compacted()).await;
    for (arguments, word) in [
        (&["prune", "--aptos"][..], "--recovery-window"),
        (&["prune", "--aptos", "--recovery-window=soon"], "a number of versions"),
        (&["prune", "--aptos", "--recovery-window=5", "--keep-last=3"], "plain objects"),
        (&["prune"], "--group-by"),
    ] {
        let ended = site.run(arguments).await.expect_code(2);
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_record_that_is_there_nothing_goes_and_that_is_a_failure() {
    let before = compacted();
    let site = Site::s3().await.filled(&before).await;
    site.verify().await;
    let Site::S3(bucket) = &site else { panic!("a bucket") };
    let proxy = FaultProxy::start(bucket.endpoint()).await;
    let of_record = Match::new(|request| {
        TestBucket::is(Step::List, request)
            && request.parameter("prefix").is_some_and(|it| it.contains("sealift-verify"))
    });
    let denied = proxy.on(of_record, TestBucket::problem(Problem::Denied));
    let prune = |more: &'static str| {
        let arguments = ["prune", "--aptos", "--recovery-window", WINDOW, "--grace=0s", more];
        run(site.sealift_at(&proxy.endpoint(), &arguments))
    };
    let told = prune("--quiet").await.expect_code(0).stderr;
    assert!(told.contains("nothing is superfluous"), "{told}");
    let refused = prune("--yes").await.expect_code(4).stderr;
    assert!(refused.contains("find out what is verified"), "{refused}");
    assert_eq!(denied.fired(), 2);
    assert_eq!(site.files().await, before);
    proxy.shutdown().await;
    site.clear().await;
}
