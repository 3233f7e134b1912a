//! Two at once, and beside what makes a backup known again.

use crate::archives::assert_restores;
use crate::scene::{Of, Site, WINDOW, compacted};
use sealift_tests::original::all_that_is_named_is_there;

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_no_harm() {
    for site in [Site::folder(), Site::s3().await] {
        let before = compacted();
        let site = site.filled(&before).await;
        site.verify().await;
        let prune = || site.prune(WINDOW, &["--yes", "--grace=0s"]);
        let (one, other, third) = tokio::join!(prune(), prune(), prune());
        for ended in [&one, &other, &third] {
            // One may find that another was faster.
            assert!(matches!(ended.code, Some(0 | 1)), "{}", ended.stderr);
        }
        assert_restores(&before, &site.files().await);
        prune().await.expect_code(0);
        let after = site.files().await;
        assert_restores(&before, &after);
        assert!(
            !after.keys().any(|name| name.starts_with("sealift-prune/") || name.starts_with(&Of::State(1).group()))
        );
        site.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_known_again_stays() {
    let site = Site::folder().filled(&compacted()).await;
    site.verify().await;
    site.prune(WINDOW, &["--yes"]).await.expect_code(0);
    let (file, _) = Of::State(1).line();
    let aside = file.replace("metadata/", "metadata_backup/");
    // A compaction that had read the line before writes it again.
    site.run(&["mv", &aside, &file]).await.expect_code(0);
    // Nothing is superfluous in so wide a window.
    let told = site.prune("84", &["--yes", "--grace=0s", "--unverified-counts"]).await.expect_code(0).text();
    assert!(told.contains("state_epoch_1_ver_10.0a1b stays"), "{told}");
    let files = site.files().await;
    assert_eq!(all_that_is_named_is_there(&files), Ok(()));
    assert!(Of::State(1).files().keys().all(|name| files.contains_key(name)));
    assert!(!Of::State(3).files().keys().any(|name| files.contains_key(name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_writes_into_stays() {
    let site = Site::folder().filled(&compacted()).await;
    site.verify().await;
    site.prune(WINDOW, &["--yes"]).await.expect_code(0);
    // The same backup is made again, and is not known yet.
    let Site::Folder(folder) = &site else { panic!("a folder") };
    std::fs::write(folder.path().join(Of::State(1).group()).join("7-.chunk"), "new").expect("written");
    let told = site.prune(WINDOW, &["--yes", "--grace=0s"]).await.expect_code(0).text();
    assert!(told.contains("state_epoch_1_ver_10.0a1b stays"), "{told}");
    let files = site.files().await;
    assert!(Of::State(1).files().keys().all(|name| files.contains_key(name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_the_way_is_not_written_over() {
    let mut files = compacted();
    let (file, _) = Of::State(1).line();
    files.insert(file.replace("metadata/", "metadata_backup/"), Of::State(9).line().1);
    let site = Site::folder().filled(&files).await;
    let ended = site.prune(WINDOW, &["--yes", "--grace=0s", "--unverified-counts"]).await.expect_code(5);
    assert!(ended.stderr.contains("would be lost"), "{}", ended.stderr);
    assert_eq!(site.files().await, files);
}
