//! Nobody on the machine can read a secret off a process's arguments.

use crate::s3::on;
use crate::sample::data;
use sealift::BackupStorage;
use sealift_tests::eventually::eventually;
use sealift_tests::process::children_of;
use sealift_tests::s3::TestS3;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const SECRET: &str = "a-secret-that-must-not-be-shown";

fn arguments_of_descendants() -> Vec<String> {
    let descendants = children_of(std::process::id()).into_iter();
    let arguments = descendants.filter_map(|(pid, _, _)| std::fs::read(format!("/proc/{pid}/cmdline")).ok());
    arguments.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect()
}

#[tokio::test]
async fn no_secret_is_in_the_arguments_of_any_process() {
    let remote = TestS3::new().await.bucket("samples").await;
    let storage = on(&remote, &remote.name, SECRET);
    let (backup, name) = ("backup".parse().expect("a handle"), "file".parse().expect("a name"));
    let (_, mut writer) = storage.create_for_write(&backup, &name).await.expect("started");
    writer.write_all(&data(1 << 20)).await.expect("written");
    eventually("gzip and aws run", Duration::from_secs(20), async || {
        let arguments = arguments_of_descendants();
        assert!(!arguments.iter().any(|line| line.contains(SECRET)), "{arguments:?}");
        match ["gzip -c", "aws s3 cp"].iter().all(|program| arguments.iter().any(|line| line.contains(program))) {
            true => Ok(()),
            false => Err(format!("{arguments:?}")),
        }
    })
    .await;
    writer.shutdown().await.expect("stored");
    storage.close().await;
}
