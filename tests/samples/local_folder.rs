//! `local-folder.yaml`, with a temporary folder.

use crate::scene::{self, sample};
use sealift::BackupStorage;
use sealift_command::CommandStorage;
use std::fs;
use std::path::Path;

/// Not that it has one; but what is in the environment must not come onto a command line.
const SECRET: &str = "a-secret-that-must-not-be-shown";

fn storage(folder: &Path) -> CommandStorage {
    sample("local-folder", &[("FOLDER", folder.to_str().expect("UTF-8"))], &[("SECRET", SECRET)])
}

#[tokio::test]
async fn it_serves_an_archive() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = storage(folder.path());
    scene::serves(&storage).await;
    let stored = fs::read(folder.path().join("backup.0af1/small")).expect("under its plain name");
    assert_eq!(stored[..2], [0x1f, 0x8b], "gzip");
    assert_eq!(fs::read_dir(folder.path().join("incomplete")).expect("a folder").count(), 0);
    storage.close().await;
}

#[tokio::test]
async fn a_failure_says_what_the_shell_said() {
    let folder = tempfile::tempdir().expect("a folder");
    scene::fails_saying(&storage(&folder.path().join("not-mounted")), "not-mounted").await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_listed_is_not_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = storage(folder.path());
    // A folder without permissions does not stop root.
    fs::write(folder.path().join("metadata"), "a file").expect("written");
    let listed = storage.list_metadata_files().await.expect("what ls says of a file");
    assert_eq!(listed.len(), 1);
    fs::remove_file(folder.path().join("metadata")).expect("removed");
    std::os::unix::fs::symlink("metadata", folder.path().join("metadata")).expect("made");
    storage.list_metadata_files().await.expect_err("a link in a circle");
    storage.close().await;
}

#[tokio::test]
async fn a_file_that_is_dropped_half_way_never_exists() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = storage(folder.path());
    let files = async || {
        let files = fs::read_dir(folder.path().join("backup.0af1")).expect("a folder");
        files.map(|file| file.expect("read").file_name().into_string().expect("UTF-8")).collect()
    };
    scene::leaves_nothing_and_tells_nothing(&storage, "gzip", SECRET, files).await;
}
