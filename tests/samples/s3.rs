//! `s3.yaml`, with aws and LocalStack.

use crate::scene::{self, PREFIX, sample};
use sealift_command::CommandStorage;
use sealift_tests::cloud::Cloud;
use sealift_tests::s3::{TestBucket, aws};

const SECRET: &str = "s3-secret-that-must-not-be-shown";

async fn bucket() -> TestBucket {
    TestBucket::new("samples").await
}

fn storage(remote: &TestBucket, bucket: &str) -> CommandStorage {
    let aws = aws();
    let path = scene::search_path(aws.parent().expect("a folder"), "aws");
    let environment = [
        ("PATH", path.as_str()),
        ("AWS_ENDPOINT_URL", remote.endpoint()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ];
    sample("s3", &[("BUCKET", bucket), ("PREFIX", PREFIX)], &environment)
}

#[tokio::test]
async fn it_serves_an_archive() {
    let remote = bucket().await;
    let storage = storage(&remote, &remote.name);
    scene::serves(&storage).await;
    let stored = remote.get("backups/e1/backup.0af1/small").await.expect("under its plain name");
    assert_eq!(stored[..2], [0x1f, 0x8b], "gzip");
    storage.close().await;
}

#[tokio::test]
async fn a_failure_says_what_aws_said() {
    let remote = bucket().await;
    let gone = format!("{}-gone", remote.name);
    // For a read and a move, the answer has no body, and aws knows no more than its status.
    scene::fails_saying(&storage(&remote, &gone), "An error occurred").await;
}

#[tokio::test]
async fn a_file_that_is_dropped_half_way_never_exists() {
    let remote = bucket().await;
    let storage = storage(&remote, &remote.name);
    scene::leaves_nothing_and_tells_nothing(&storage, "aws", SECRET, async || remote.objects().await).await;
}
