//! `local-folder.yaml`, with gzip.

use crate::sample::{drop_half_way, fails_as_a_whole, keeps_an_archive, sample};
use std::path::Path;

fn folder(root: &Path) -> sealift_command::CommandStorage {
    sample("local-folder.yaml", &[("FOLDER", root.to_str().expect("UTF-8"))], &[])
}

#[tokio::test]
async fn it_keeps_an_archive() {
    let root = tempfile::tempdir().expect("a folder");
    let storage = folder(&root.path().join("not there yet"));
    keeps_an_archive(&storage).await;
    storage.close().await;
    let left = std::fs::read_dir(root.path().join("not there yet/.incomplete")).expect("a folder").count();
    assert_eq!(left, 0, "nothing incomplete");
}

#[tokio::test]
async fn what_is_dropped_is_not_seen() {
    let root = tempfile::tempdir().expect("a folder");
    drop_half_way(folder(root.path())).await;
    assert!(!root.path().join("dropped").exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_an_error_and_not_empty() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::write(root.path().join("file"), "x").expect("written");
    let storage = folder(&root.path().join("file/below"));
    fails_as_a_whole(&storage, "Not a directory").await;
    storage.close().await;
}
