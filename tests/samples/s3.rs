//! `s3.yaml`, with gzip and aws against the emulator.

use crate::sample::{data, drop_half_way, fails_as_a_whole, keeps_an_archive, sample};
use sealift::BackupStorage;
use sealift_command::CommandStorage;
use sealift_tests::s3::{TestBucket, TestS3, aws};
use tokio::io::AsyncWriteExt;

pub(crate) fn on(remote: &TestBucket, bucket: &str, secret: &str) -> CommandStorage {
    let folder = aws().parent().expect("a folder").to_str().expect("UTF-8").to_owned();
    let path = format!("{folder}:{}", std::env::var("PATH").expect("UTF-8"));
    let environment = [
        ("PATH", path.as_str()),
        ("AWS_ENDPOINT_URL", remote.endpoint()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    sample("s3.yaml", &[("BUCKET", bucket), ("PREFIX", "deep/e1")], &environment)
}

#[tokio::test]
async fn it_keeps_an_archive() {
    let remote = TestS3::new().await.bucket("samples").await;
    let storage = on(&remote, &remote.name, "test");
    keeps_an_archive(&storage).await;
    storage.close().await;
    assert!(remote.objects().await.iter().all(|key| key.starts_with("deep/e1/")));
}

#[tokio::test]
async fn what_is_dropped_is_not_seen() {
    let remote = TestS3::new().await.bucket("samples").await;
    drop_half_way(on(&remote, &remote.name, "test")).await;
    assert_eq!(remote.objects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_an_error_and_not_empty() {
    let remote = TestS3::new().await.bucket("samples").await;
    let storage = on(&remote, "no-such-bucket-of-sealift", "test");
    fails_as_a_whole(&storage, "An error occurred (").await;
    storage.close().await;
}

/// A backup is many files at once.
#[tokio::test]
async fn several_files_at_once() {
    let remote = TestS3::new().await.bucket("samples").await;
    let storage = on(&remote, &remote.name, "test");
    let writes = (0..4).map(async |n| {
        let (backup, name) = ("backup".parse().expect("a handle"), format!("file-{n}").parse().expect("a name"));
        let (_, mut writer) = storage.create_for_write(&backup, &name).await.expect("started");
        writer.write_all(&data(100_000)).await.expect("written");
        writer.shutdown().await.expect("stored");
    });
    futures::future::join_all(writes).await;
    assert_eq!(remote.objects().await.len(), 4);
    storage.close().await;
}
