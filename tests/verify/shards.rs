//! Many machines: any number of shards has one verdict, and one that is lost, doubled or empty is missed.

use crate::scene::{Site, archive};
use sealift_tests::cli::end;
use std::path::PathBuf;
use std::process::Stdio;

async fn plan(site: &Site, name: &str) -> PathBuf {
    site.verify(&["plan", "--plan", name]).await.expect_code(0);
    site.folder.clone().expect("a folder").join("sealift-verify/plans").join(name)
}

async fn work(site: &Site, plan: &str, of: u32) {
    for number in 1..=of {
        let shard = format!("{number}/{of}");
        let ended = site.verify(&["--plan", plan, "--shard", &shard]).await.expect_code(0);
        assert!(ended.text().contains("its report is sealed"), "{}", ended.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_shards_has_one_verdict() {
    let (site, node) = archive().await;
    // Something wrong, so that there is more to agree on.
    let proofs = site.files(".proof");
    std::fs::copy(&proofs[0], &proofs[1]).expect("copied");
    let folder = plan(&site, "nightly").await;
    let mut verdicts = Vec::new();
    for of in [1, 2, 7, 64] {
        work(&site, "nightly", of).await;
        let text = site.verify(&["merge", "--plan", "nightly"]).await.expect_code(7).stdout;
        let json = site.verify(&["merge", "--plan", "nightly", "--json"]).await.expect_code(7).stdout;
        verdicts.push((text, json));
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if !path.ends_with("plan.json") {
                std::fs::remove_file(path).expect("removed");
            }
        }
    }
    assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{verdicts:?}");
    assert!(String::from_utf8_lossy(&verdicts[0].0).contains("found: "));
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_a_doubled_and_an_empty_shard_are_missed() {
    let (site, node) = archive().await;
    let folder = plan(&site, "p").await;
    let ended = site.verify(&["plan", "--plan", "p"]).await.expect_code(5);
    assert!(ended.stderr.contains("plan.json"), "{}", ended.stderr);
    let merged = async |code: i32| site.verify(&["merge", "--plan", "p"]).await.expect_code(code).stderr;
    assert!(merged(7).await.contains("there are no reports"));
    work(&site, "p", 3).await;
    assert!(!merged(0).await.contains("report"));

    let report = |number: u32| folder.join(format!("report-0000{number}-of-00003.json"));
    let second = std::fs::read(report(2)).expect("a report");
    std::fs::remove_file(report(2)).expect("removed");
    assert!(merged(7).await.contains("shard 2/3 is missing"));
    // Another's report in its place.
    std::fs::copy(report(1), report(2)).expect("copied");
    let said = merged(7).await;
    assert!(said.contains("2 reports of shard 1/3") && said.contains("shard 2/3 is missing"), "{said}");
    let text = String::from_utf8(second.clone()).expect("JSON");
    let mut empty: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    empty["pieces"] = serde_json::json!({});
    std::fs::write(report(2), empty.to_string()).expect("written");
    assert!(merged(7).await.contains("has 0 of its 2 pieces"));
    // Half a report, as a tool that writes in place would leave it.
    std::fs::write(report(2), &second[..second.len() / 2]).expect("written");
    assert!(merged(7).await.contains("report-00002-of-00003.json"));
    // The worker again, and all is well.
    site.verify(&["--plan", "p", "--shard", "2/3"]).await.expect_code(0);
    merged(0).await;
    // The plan divided in another way besides.
    site.verify(&["--plan", "p", "--shard", "1/2"]).await.expect_code(0);
    assert!(merged(7).await.contains("into 2, into 3 shards"));
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_repeated_without_harm() {
    let (site, node) = archive().await;
    let folder = plan(&site, "p").await;
    work(&site, "p", 2).await;
    let whole = site.verify(&["merge", "--plan", "p"]).await.expect_code(0).stdout;
    let report = folder.join("report-00002-of-00002.json");
    std::fs::remove_file(&report).expect("removed");
    for delay in [0, 20, 50, 100, 200] {
        let mut worker = site.sealift(&["verify", "--plan", "p", "--shard", "2/2"]);
        let mut worker = worker.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
        worker.start_kill().expect("killed");
        end(worker).await;
        // What it left is no report, or a whole one.
        if report.exists() {
            std::fs::remove_file(&report).expect("removed");
        }
        let said = site.verify(&["merge", "--plan", "p"]).await.expect_code(7).stderr;
        assert!(said.contains("shard 2/2 is missing"), "{said}");
    }
    site.verify(&["--plan", "p", "--shard", "2/2"]).await.expect_code(0);
    assert_eq!(site.verify(&["merge", "--plan", "p"]).await.expect_code(0).stdout, whole);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedulers_say_which_shard_it_is() {
    let (site, node) = archive().await;
    plan(&site, "p").await;
    for index in ["0", "1"] {
        let mut worker = site.sealift(&["verify", "--plan", "p", "--shard", "auto", "--shards", "2"]);
        sealift_tests::cli::run({
            worker.env("JOB_COMPLETION_INDEX", index);
            worker
        })
        .await
        .expect_code(0);
    }
    site.verify(&["merge", "--plan", "p"]).await.expect_code(0);
    let ended = site.verify(&["--plan", "p", "--shard", "auto"]).await.expect_code(2);
    assert!(ended.stderr.contains("JOB_COMPLETION_INDEX"), "{}", ended.stderr);
    node.shutdown().await;
}
