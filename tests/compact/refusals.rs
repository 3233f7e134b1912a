//! What is refused, before anything is written.

use crate::scene::{Site, Texts, due, loose, versions};

async fn refused(site: Site, factor: usize, code: i32, words: &[&str]) {
    let files = site.files().await;
    for arguments in [&[][..], &["--dry-run"]] {
        let told = site.compact(factor, arguments).await.expect_code(code);
        for word in words {
            assert!(told.stderr.contains(word), "{word} is missing in: {}", told.stderr);
        }
    }
    assert_eq!(site.files().await, files);
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_overlaps_and_what_is_not_understood_are_refused() {
    let with = |name: &str, text: &str| {
        let mut files = due();
        files.insert(format!("metadata/{name}"), format!("{text}\n"));
        files
    };
    let gap: Texts = loose(0..2).into_iter().chain(loose(3..4)).collect();
    let overlap: Texts = loose(0..3).into_iter().chain([versions(25, 39)]).collect();
    let cases: [(Texts, &[&str]); 6] = [
        (
            gap,
            &["transactions 20 to 29 are missing: `backup transaction --start-version 20 --num_transactions 10` adds"],
        ),
        (overlap, &["are known beside", "with an overlap nothing can be restored", "sealift mv metadata/transaction_"]),
        (with("hot_state.meta", r#"{"HotState":{"version":3}}"#), &["metadata/hot_state.meta", "HotState"]),
        (with("identity2.meta", r#"{"Identity":{"id":"0a","since":1}}"#), &["metadata/identity2.meta", "since"]),
        (with("blank.meta", ""), &["line 1 of metadata/blank.meta"]),
        (with("torn.meta", r#"{"TransactionBackup":{"first_ver"#), &["line 1 of metadata/torn.meta"]),
    ];
    for (files, words) in cases {
        refused(Site::folder().filled(&files).await, 9, 7, words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_cannot_move_metadata_are_told_of_before() {
    let site = Site::commands_with("").filled(&due()).await;
    refused(site, 3, 2, &["no command backup_metadata_file"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_archive_that_is_told() {
    for site in [Site::folder(), Site::s3().await, Site::commands()] {
        refused(site, 3, 3, &["there is no file in its metadata/"]).await;
    }
    let site = Site::folder().filled(&due()).await;
    let zero = site.run(&["compact", "--transaction-file-compact-factor=0"]).await.expect_code(2);
    assert!(zero.stderr.contains("--transaction-file-compact-factor"), "{}", zero.stderr);
    let zstd = site.run(&["compact", "--codec=zstd"]).await.expect_code(2);
    assert!(zstd.stderr.contains("could not restore"), "{}", zstd.stderr);
}
