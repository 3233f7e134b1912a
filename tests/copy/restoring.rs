//! The commands of docs/RESTORE.md that are ours, as they stand there, on a bucket with a node's archive.

use crate::archives::{LAST_EPOCH, Site, chain};
use sealift_node::Node;
use sealift_tests::cli::{command_of, run, sealift};
use sealift_tests::cloud::Cloud;
use sealift_tests::s3;
use std::path::Path;

/// Every command in a block that is marked as one for a shell.
fn commands(document: &str) -> Vec<String> {
    let blocks = document.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_of_the_document_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let document = std::fs::read_to_string(root.join("docs/RESTORE.md")).expect("the document");
    let commands = commands(&document);
    assert_eq!(commands.len(), 6, "{commands:?}");

    let node = Node::start(chain(LAST_EPOCH)).await;
    let bucket = s3::TestBucket::new("copy").await;
    Site::of(&bucket).back_all_up(&node).await;
    let (place, version) = (tempfile::tempdir().expect("a folder"), node.chain().last_version().to_string());
    let mut snapshot = String::new();
    let programs = sealift().parent().expect("a folder").display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    for text in &commands {
        let here = text
            .replace("s3://my-bucket/mainnet", &bucket.url())
            .replace("/srv/", &format!("{}/", place.path().display()))
            .replace("--to-version 1000", &format!("--to-version {version}"))
            .replace("SNAPSHOT", &snapshot);
        let mut command = command_of("bash");
        command.args(["-ec", &here]).current_dir(place.path()).env("PATH", &path);
        command.envs(s3::TestBucket::variables(bucket.endpoint()));
        let said = run(command).await.expect_code(0).text();
        if let Some((_, rest)) = said.split_once("from the state snapshot at version ") {
            snapshot = rest.chars().take_while(char::is_ascii_digit).collect();
        }
    }
    assert!(!snapshot.is_empty());
    let read = |name: &str| std::fs::read_dir(place.path().join(name)).expect("copied").count();
    assert_eq!(read("restore"), read("by-commands"));
    bucket.clear().await;
}
