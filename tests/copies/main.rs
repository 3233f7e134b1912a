//! An archive that one adapter wrote, copied to another cloud with the vendors' own clients, and read there by that
//! cloud's adapter: the same keys, the same stored bytes, the same files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use sealift::{Archive, BackupStorage, Bucket, Budget, Codec, Compressor, FileHandle, Level, ShellSafeName};
use sealift_tests::cli::{Ended, run_with_input};
use sealift_tests::cloud::{Cloud, Errand, PART};
use sealift_tests::data::Pattern;
use sealift_tests::{azure, gcs, s3};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

const PREFIX: &str = "network/e1";

async fn archive<C: Cloud>(remote: &C) -> Archive {
    let store = C::connect(remote.name(), remote.endpoint()).await;
    let compressor = Compressor::new(Codec::Gzip(Level::default()), NonZeroUsize::new(2)).expect("threads");
    let bucket = Bucket::new(store, Arc::new(compressor), Budget::new(Budget::DEFAULT).expect("valid"));
    Archive::new(bucket, PREFIX).expect("a prefix")
}

fn safe(name: &str) -> ShellSafeName {
    name.parse().expect("a name")
}

fn data(len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    Pattern::new(len as u64).fill(&mut data);
    data
}

/// What the archive holds: nothing, a little, and what takes several parts.
const FILES: [(&str, usize); 3] = [("empty.chunk", 0), ("small.chunk", 1000), ("large.chunk", 25 << 20)];
const LINE: &str = "{\"StateSnapshotBackup\":{\"epoch\":1,\"version\":0}}";

/// Writes it, and returns the handles of its files.
async fn write(archive: &Archive) -> Vec<FileHandle> {
    let backup = archive.create_backup(&safe("state_epoch_1_ver_0.0000")).await.expect("a backup");
    let mut handles = Vec::new();
    for (name, len) in FILES {
        let (handle, mut writer) = archive.create_for_write(&backup, &safe(name)).await.expect("a writer");
        writer.write_all(&data(len)).await.expect("written");
        writer.shutdown().await.expect("shut down");
        handles.push(handle);
    }
    let line = LINE.parse().expect("a line");
    archive.save_metadata_line(&safe("state_snapshot_epoch_1.meta"), &line).await.expect("saved");
    handles
}

async fn read(archive: &Archive, file: &FileHandle) -> Vec<u8> {
    let mut data = Vec::new();
    archive.open_for_read(file).await.expect("opened").read_to_end(&mut data).await.expect("read");
    data
}

async fn done(command: Command, input: &[u8]) -> Ended {
    run_with_input(command, input).await.expect_code(0)
}

/// Copies everything as people do it, and returns the keys.
async fn copy<A: Cloud, B: Cloud>(from: &A, to: &B) -> Vec<String> {
    let listed = done(from.vendor(Errand::List), b"").await.text();
    let keys: Vec<String> =
        listed.lines().map(|line| line.split_whitespace().next().expect("a key").to_owned()).collect();
    for key in &keys {
        let stored = done(from.vendor(Errand::Read(key)), b"").await.stdout;
        done(to.vendor(Errand::Write(key)), &stored).await;
    }
    keys
}

async fn an_archive_goes_from_one_cloud_to_another<A: Cloud, B: Cloud>() {
    let (from, to) = (A::new("copies").await, B::new("copies").await);
    let handles = write(&archive(&from).await).await;
    let mut keys = copy(&from, &to).await;
    keys.sort();
    assert_eq!(keys.len(), FILES.len() + 1);
    assert_eq!(to.objects().await, keys);
    assert_eq!(from.objects().await, keys);
    for key in &keys {
        assert!(from.get(key).await.expect("there") == to.get(key).await.expect("copied"), "{key}");
    }

    let there = archive(&to).await;
    for (file, (name, len)) in handles.iter().zip(FILES) {
        assert!(read(&there, file).await == data(len), "{name}");
    }
    let metadata = there.list_metadata_files().await.expect("listed");
    assert_eq!(metadata.len(), 1, "{metadata:?}");
    assert_eq!(read(&there, &metadata[0]).await, format!("{LINE}\n").as_bytes());
    let large = to.get(&format!("{PREFIX}/{}", handles[2])).await.expect("there");
    assert!(large.len() > PART, "it took several parts");
}

macro_rules! copies {
    ($($name:ident: $from:ty, $to:ty;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            an_archive_goes_from_one_cloud_to_another::<$from, $to>().await;
        }
    )+};
}

copies! {
    s3_to_azure: s3::TestBucket, azure::TestContainer;
    azure_to_gcs: azure::TestContainer, gcs::TestBucket;
    gcs_to_s3: gcs::TestBucket, s3::TestBucket;
    s3_to_gcs: s3::TestBucket, gcs::TestBucket;
    gcs_to_azure: gcs::TestBucket, azure::TestContainer;
    azure_to_s3: azure::TestContainer, s3::TestBucket;
}
