//! `sweep --aptos`: sealed files that nothing leads to.

use crate::archives::Spoil;
use crate::scene::{Files, Of, Site, compacted};

/// A backup that was never made known, one that was cut short, a chunk beside those of a manifest, and what is not ours.
fn orphans() -> Files {
    let mut files = Of::State(7).files();
    files.insert("transaction_85-.0a1b/85-.chunk".to_owned(), "cut short".to_owned());
    files.insert(format!("{}/9-.chunk", Of::State(8).group()), "of another cut".to_owned());
    files
}

async fn swept(site: Site) {
    let mut before = compacted();
    before.extend(orphans());
    before.insert("db/dump.sql".to_owned(), "not ours".to_owned());
    before.insert("state_epoch_7_ver_70/0-.chunk".to_owned(), "not named as ours".to_owned());
    let site = site.filled(&before).await;
    // They are young: somebody may be writing them.
    assert_eq!(site.run(&["sweep", "--aptos", "--yes"]).await.expect_code(0).text(), "");
    let told = site.run(&["sweep", "--aptos", "--older-than=0s"]).await.expect_code(0).text();
    for name in orphans().keys() {
        assert!(told.contains(&format!("found: {name}  ")), "{name}: {told}");
    }
    assert_eq!(told.lines().count(), orphans().len(), "{told}");
    assert_eq!(site.files().await, before);
    site.run(&["sweep", "--older-than=0s", "--yes"]).await.expect_code(0);
    assert_eq!(site.files().await, before, "not without --aptos");
    site.run(&["sweep", "--aptos", "--older-than=0s", "--yes"]).await.expect_code(0);
    before.retain(|name, _| !orphans().contains_key(name));
    assert_eq!(site.files().await, before);
    site.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    swept(Site::folder()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    swept(Site::s3().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_archive_that_is_not_understood_nothing_is_swept() {
    let spoil: [(&str, Spoil); 4] = [
        ("a line", |files| _ = files.insert("metadata/new.meta".into(), "{\"HotState\":{}}\n".into())),
        ("an empty file", |files| _ = files.insert("metadata/transaction_85-90.meta".into(), String::new())),
        ("a manifest", |files| _ = files.insert("transaction_0-.0a1b/transaction.manifest".into(), "{}".into())),
        ("no manifest", |files| _ = files.remove("transaction_0-.0a1b/transaction.manifest")),
    ];
    for (what, spoil) in spoil {
        let mut files = compacted();
        files.extend(orphans());
        spoil(&mut files);
        let site = Site::folder().filled(&files).await;
        let ended = site.run(&["sweep", "--aptos", "--older-than=0s", "--yes"]).await;
        assert_eq!(ended.code, Some(7), "{what}: {}", ended.stderr);
        assert_eq!(site.files().await, files, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_pruned_is_left_to_that() {
    let site = Site::folder().filled(&compacted()).await;
    site.verify().await;
    site.prune(crate::scene::WINDOW, &["--yes"]).await.expect_code(0);
    let before = site.files().await;
    assert_eq!(site.run(&["sweep", "--aptos", "--older-than=0s", "--yes"]).await.expect_code(0).text(), "");
    assert_eq!(site.files().await, before);
}
