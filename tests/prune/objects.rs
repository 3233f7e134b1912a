//! Plain objects, whose names tell their time.

use crate::scene::{Files, Site};
use sealift_tests::cli::{run, run_with_input};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::{FaultProxy, Match};
use sealift_tests::s3::TestBucket;
use serde_json::json;

pub(crate) const BY: &str = "--group-by=db/{name}-{date}.sql.gz";

pub(crate) fn nights() -> Files {
    let mut files = Files::new();
    for name in ["users", "orders"] {
        files.extend((1..=6).map(|day| (format!("db/{name}-2026-03-{day:02}.sql.gz"), format!("{name} {day}"))));
    }
    files.insert("db/readme".to_owned(), "not of the form".to_owned());
    files.insert("other/users-2026-03-01.sql.gz".to_owned(), "elsewhere".to_owned());
    files
}

async fn a_policy_is_carried_out(site: Site) {
    let site = site.filled(&nights()).await;
    let prune = |more: &'static [&'static str]| {
        let arguments = [&["prune", BY, "--keep-last=2", "--keep=db/users-2026-03-01.sql.gz"], more].concat();
        let site = &site;
        async move { site.run(&arguments).await }
    };
    let told = prune(&["--yes"]).await.expect_code(0).text();
    assert!(told.starts_with("removed 0 of 12 backups"), "nothing is verified: {told}");
    site.run(&["verify", "db", "--objects", "--depth=stored", "--quiet"]).await.expect_code(0);
    let told = prune(&["--yes"]).await.expect_code(0).text();
    assert!(told.starts_with("removed 0 of 12 backups"), "what is only looked at is not verified: {told}");
    site.run(&["verify", "db", "--objects", "--quiet"]).await.expect_code(0);
    let told = prune(&[]).await.expect_code(0).text();
    assert!(told.contains("db/users-{date}.sql.gz: 6 backups, 6 verified"), "{told}");
    assert!(told.contains("would remove 7 backups") && told.contains("1 name is not of this form"), "{told}");
    assert_eq!(site.files().await, nights());
    let done = prune(&["--yes", "--json"]).await.expect_code(0).json();
    assert_eq!(done["removed"].as_array().map(Vec::len), Some(7), "{done}");
    let mut left = nights();
    left.retain(|name, _| {
        !name.starts_with("db/") || !["-03-02", "-03-03", "-03-04"].iter().any(|day| name.contains(day))
    });
    left.remove("db/orders-2026-03-01.sql.gz");
    assert_eq!(site.files().await, left);
    assert!(prune(&["--yes"]).await.expect_code(0).text().starts_with("removed 0 of 5 backups"));
    site.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    a_policy_is_carried_out(Site::folder()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    a_policy_is_carried_out(Site::s3().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_azure() {
    a_policy_is_carried_out(Site::azure().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_gcs() {
    a_policy_is_carried_out(Site::gcs().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_replaced_since_it_was_verified_does_not_count() {
    let site = Site::folder().filled(&nights()).await;
    site.run(&["verify", "--objects", "--quiet"]).await.expect_code(0);
    let put = site.sealift(&["put", "db/users-2026-03-06.sql.gz"]);
    run_with_input(put, b"longer than it was").await.expect_code(0);
    let plan = site.run(&["prune", BY, "--keep-last=1", "--json"]).await.expect_code(0).json();
    let verdicts: Vec<_> = plan["groups"][1]["backups"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|backup| (backup["verdict"].clone(), backup["standing"].clone()))
        .collect();
    assert_eq!(
        &verdicts[..3],
        [
            (json!("keep"), json!("not verified")),
            (json!("keep"), json!("verified")),
            (json!("remove"), json!("verified")),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failure_nothing_else_is_removed() {
    let site = Site::s3().await.filled(&nights()).await;
    site.run(&["verify", "--objects", "--quiet"]).await.expect_code(0);
    let Site::S3(bucket) = &site else { panic!("a bucket") };
    let before = site.files().await;
    let mut there = before.len();
    // The group of orders comes first, of which four are superfluous.
    let cases = [
        (Step::List, "", 0),
        (Step::Look, "/db/orders", 0),
        (Step::Delete, "/db/orders", 0),
        (Step::Look, "/db/users", 4),
        (Step::Delete, "/db/users", 0),
    ];
    for (step, of, gone) in cases {
        let proxy = FaultProxy::start(bucket.endpoint()).await;
        let matches = Match::new(move |request| TestBucket::is(step, request) && request.path().contains(of));
        let refused = proxy.on(matches, TestBucket::problem(Problem::Denied));
        let ended =
            run(site.sealift_at(&proxy.endpoint(), &["prune", BY, "--keep-last=2", "--yes"])).await.expect_code(4);
        assert_eq!(refused.fired(), 1, "{step:?}: nothing is asked after it");
        assert!(ended.stderr.contains(&format!("{gone} removed before")), "{step:?}: {}", ended.stderr);
        there -= gone;
        assert_eq!(site.files().await.len(), there, "{step:?}");
        proxy.shutdown().await;
    }
    site.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_may_not_be_read_is_no_reason_to_remove_nothing_in_silence() {
    let site = Site::s3().await.filled(&nights()).await;
    site.run(&["verify", "db", "--objects", "--quiet"]).await.expect_code(0);
    let Site::S3(bucket) = &site else { panic!("a bucket") };
    let prune = |refused: &'static str, more: &'static [&'static str]| {
        let site = &site;
        async move {
            let proxy = FaultProxy::start(bucket.endpoint()).await;
            let of_record = Match::new(move |request| {
                let prefix = request.parameter("prefix").unwrap_or_default().replace("%2F", "/");
                TestBucket::is(Step::List, request) && prefix.starts_with(refused)
            });
            let denied = proxy.on(of_record, TestBucket::problem(Problem::Denied));
            let arguments = [&["prune", BY, "--keep-last=2"], more].concat();
            let ended = run(site.sealift_at(&proxy.endpoint(), &arguments)).await;
            assert!(denied.fired() > 0, "{refused}: {ended:?}");
            proxy.shutdown().await;
            ended
        }
    };
    // There is one below db/, and none in the root.
    let told = prune("db/sealift-verify", &[]).await.expect_code(0);
    assert!(told.stderr.contains("may not be read") && told.stderr.contains("nothing is superfluous"), "{told:?}");
    assert!(told.text().contains("nothing to remove"), "{told:?}");
    let refused = prune("db/sealift-verify", &["--yes"]).await.expect_code(4).stderr;
    assert!(refused.contains("AccessDenied") && refused.contains("--work"), "{refused}");
    assert_eq!(site.files().await, nights());
    let done = prune("sealift-verify", &["--yes"]).await.expect_code(0);
    assert!(done.text().starts_with("removed 8 of 12 backups"), "{done:?}");
    assert!(done.stderr.contains("more may be kept"), "{done:?}");
    let done = prune("db/sealift-verify", &["--yes", "--unverified-counts"]).await.expect_code(0);
    assert!(done.text().starts_with("removed 0 of 4 backups") && done.stderr.is_empty(), "{done:?}");
    site.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_by_time_are_read_again() {
    let site = Site::folder();
    let template = "dumps/{datetime}.gz";
    let put = site.sealift(&["put", "--name-template", template]);
    let stored = run_with_input(put, b"data").await.expect_code(0).text();
    site.run(&["run", "--name-template", "dumps/{date}/{timestamp}", "--", "echo", "data"]).await.expect_code(2);
    let Site::Folder(folder) = &site else { panic!("a folder") };
    let mut run_it = site.sealift(&["run", "--name-template", "hourly/{date}-{hour}.gz"]);
    run_it.args(["--", "echo", "data"]);
    run(run_it).await.expect_code(0);
    assert!(folder.path().join("hourly").is_dir(), "{stored}");
    let by = format!("--group-by={template}");
    let plan = site.run(&["prune", &by, "--keep-last=1", "--json"]).await.expect_code(0).json();
    assert_eq!(plan["groups"][0]["backups"].as_array().map(Vec::len), Some(1), "{plan}");
    assert_eq!(plan["groups"][0]["backups"][0]["time"].as_str().map(str::len), Some(20), "{plan}");
    // Without a time in names it is that of the file.
    let plan = site.run(&["prune", "--group-by=hourly/{*}", "--keep-last=1", "--json"]).await.expect_code(0).json();
    assert_eq!(plan["groups"][0]["backups"].as_array().map(Vec::len), Some(1), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_keep_nothing_or_finds_nothing_is_refused() {
    let site = Site::folder().filled(&nights()).await;
    for (arguments, code, word) in [
        (&["prune", BY, "--yes"][..], 2, "keep nothing"),
        (&["prune", BY, "--keep-last=0"], 2, "keep-last"),
        (&["prune", BY, "--keep-within=0s"], 2, "no time at all"),
        (&["prune", "--group-by=db/{name}", "--keep-last=1"], 2, "a group of its own"),
        (&["prune", "--group-by=db/{date", "--keep-last=1"], 2, "no }"),
        (&["prune", BY, "--keep-last=1", "--keep=db/none"], 2, "no such backup"),
        (&["prune", "--group-by=no/{date}", "--keep-last=1", "--yes"], 3, "no name is of the form"),
    ] {
        let ended = site.run(arguments).await.expect_code(code);
        assert!(ended.stderr.contains(word), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(site.files().await, nights());
    let mut adapter = sealift_tests::cli::command(["prune", BY, "--keep-last=1", "--storage=command-adapter"]);
    adapter.arg("--command-adapter-config=/none");
    assert!(run(adapter).await.expect_code(2).stderr.contains("no command that removes"));
}
