//! What is written, stamped and moved, on every kind of storage, as the original's rules have it.

use crate::reader::read;
use crate::scene::{Site, Texts, due, factors, loose, mixed, names};
use serde_json::{Value, json};
use std::time::Duration;

async fn sites(files: &Texts) -> Vec<Site> {
    vec![Site::folder().filled(files).await, Site::s3().await.filled(files).await, Site::commands().filled(files).await]
}

/// What an archive covers, but for how many files say so.
async fn covers(site: &Site) -> Value {
    let mut covers = site.run(&["ls", "--aptos", "--json"]).await.expect_code(0).json();
    covers["metadata_files"] = json!(null);
    covers
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_become_few_and_the_archive_reads_the_same() {
    for site in sites(&mixed()).await {
        let covered = covers(&site).await;
        // As aptos-db-tool is told.
        let options =
            ["--metadata-cache-dir", "/nowhere", "--concurrent-downloads", "3", "--remove-compacted-file-after"];
        let factors = factors(2);
        let factors: Vec<&str> = factors.iter().map(String::as_str).collect();
        let compact = |after: &'static str| {
            let arguments = [&["backup-maintenance", "compact"], &factors[..], &options, &[after, "--json"]].concat();
            let site = &site;
            async move { site.run(&arguments).await.expect_code(0).json() }
        };
        let first = compact("86400").await;
        let files = site.files().await;
        assert_eq!(read(&files), read(&mixed()));
        let compacted: Vec<&str> = names(&files).into_iter().filter(|name| name.contains("compacted")).collect();
        let expected = [
            "metadata/epoch_ending_compacted_0-3.meta",
            "metadata/epoch_ending_compacted_4-4.meta",
            "metadata/state_snapshot_compacted_epoch_1_4.meta",
            "metadata/transaction_compacted_0-19.meta",
            "metadata/transaction_compacted_20-39.meta",
            "metadata/transaction_compacted_40-49.meta",
        ];
        assert_eq!(compacted, expected);
        let lines: String = loose(0..2).into_values().collect();
        assert_eq!(files["metadata/transaction_compacted_0-19.meta"], lines);
        assert_eq!((first["stamped"].as_array().expect("a list").len(), &first["moved"]), (10, &json!([])));
        let stamps = first["timestamps"].as_str().expect("a file");
        let stamped: Value = serde_json::from_str(&files[stamps]).expect("JSON");
        let times = &stamped["CompactionTimestamps"]["compaction_timestamps"];
        assert_eq!(times.as_object().expect("a map").len(), 10);
        assert_eq!(times["metadata/transaction_0-9.meta"], stamped["CompactionTimestamps"]["file_compacted_at"]);

        // Too early there is nothing to do, and no file is added.
        let again = compact("86400").await;
        assert_eq!(
            (&again["written"], &again["timestamps"], &again["waiting"]),
            (&json!([]), &json!(null), &json!(10))
        );
        assert_eq!(site.files().await, files);

        tokio::time::sleep(Duration::from_millis(1100)).await;
        let late = compact("0").await;
        assert_eq!(late["moved"].as_array().expect("a list").len(), 10, "{late}");
        let left = site.files().await;
        assert_eq!(read(&left), read(&mixed()));
        let stay = left.keys().filter(|name| name.starts_with("metadata/")).count();
        assert_eq!(stay, expected.len() + 2, "compacted files, the identity, timestamps: {:?}", left.keys());
        for (name, text) in mixed().into_iter().filter(|(name, _)| !name.contains("identity")) {
            assert_eq!(left[&name.replace("metadata/", "metadata_backup/")], text);
        }
        assert_eq!(covers(&site).await, covered);
        let nothing = compact("0").await;
        assert_eq!((&nothing["moved"], &nothing["timestamps"]), (&json!([]), &json!(null)));
        assert_eq!(site.files().await, left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_all_and_changes_nothing() {
    for site in sites(&due()).await {
        let files = site.files().await;
        let told = site.compact(3, &["--dry-run"]).await.expect_code(0);
        assert!(told.stderr.is_empty(), "{}", told.stderr);
        let told = told.text();
        for line in [
            "would write metadata/transaction_compacted_30-49.meta: 2 lines\n",
            "would write metadata/state_snapshot_compacted_epoch_4_4.meta: 1 line\n",
            "would stamp metadata/transaction_30-39.meta\n",
            "would stamp metadata/compaction_timestamps_2000.meta\n",
            "would move metadata/transaction_0-9.meta to metadata_backup/\n",
            "nothing was changed in ",
            "of 9 metadata files, 4 would be stamped and 3 moved, 3 files to be written\n",
        ] {
            assert!(told.contains(line), "{line} is missing in {told}");
        }
        assert!(!told.contains("identity") && !told.contains("_compacted_0-29"), "{told}");
        let planned = site.compact(3, &["--dry-run", "--json"]).await.expect_code(0).json();
        assert_eq!(site.files().await, files);

        let done = site.compact(3, &["--json"]).await.expect_code(0).json();
        let written: Vec<_> =
            planned["write"].as_array().expect("a list").iter().map(|file| file["file"].clone()).collect();
        assert_eq!(done["written"], Value::Array(written));
        assert_eq!((&done["moved"], &done["stamped"]), (&planned["move"], &planned["stamp"]));
        assert_eq!(read(&site.files().await), read(&due()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_factors_each_line_has_a_file_of_its_own() {
    let site = Site::folder().filled(&mixed()).await;
    let told = site.run(&["compact"]).await.expect_code(0).text();
    assert!(
        told.contains("of 11 metadata files, 10 stamped by ") && told.contains("; 10 compacted files written, "),
        "{told}"
    );
    let files = site.files().await;
    assert_eq!(files["metadata/transaction_compacted_10-19.meta"], files["metadata/transaction_10-19.meta"]);
    assert_eq!(read(&files), read(&mixed()));
    assert!(site.run(&["compact", "--quiet"]).await.expect_code(0).stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_told_and_stays() {
    let mut files = due();
    files.insert("metadata/transaction_50-59.meta".to_owned(), String::new());
    let site = Site::folder().filled(&files).await;
    let told = site.compact(3, &["--json"]).await.expect_code(0);
    assert!(told.stderr.contains("metadata/transaction_50-59.meta is empty"), "{}", told.stderr);
    assert!(told.json()["kept"].to_string().contains("transaction_50-59.meta"), "{}", told.text());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    site.compact(3, &["--remove-compacted-file-after=0"]).await.expect_code(0);
    assert!(site.files().await.contains_key("metadata/transaction_50-59.meta"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_moved_over_something_else() {
    let mut files = due();
    let aside = "metadata_backup/transaction_0-9.meta";
    files.insert(aside.to_owned(), files["metadata/transaction_10-19.meta"].clone());
    // A move that was stopped leaves the same in both.
    files.insert("metadata_backup/transaction_20-29.meta".to_owned(), files["metadata/transaction_20-29.meta"].clone());
    for site in [Site::folder().filled(&files).await, Site::s3().await.filled(&files).await] {
        let told = site.compact(3, &["--json"]).await.expect_code(0);
        assert!(
            told.stderr.contains(&format!("metadata/transaction_0-9.meta stays: {aside} holds")),
            "{}",
            told.stderr
        );
        assert_eq!(told.json()["moved"], json!(["metadata/transaction_10-19.meta", "metadata/transaction_20-29.meta"]));
        let left = site.files().await;
        assert_eq!((read(&left), &left[aside]), (read(&due()), &files[aside]));
    }
}
