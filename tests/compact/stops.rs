//! Signals: the first one stops between two steps, and says what was done. What fails in the middle does too.

use crate::reader::read;
use crate::scene::{Site, due, factors};
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{end, run};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::eventually::eventually;
use sealift_tests::proxy::{Fault, FaultProxy};
use sealift_tests::s3::TestBucket;
use std::time::Duration;
use tokio::process::Command;

/// `sealift compact` of one file at a time.
fn compact(site: &Site, endpoint: &str) -> Command {
    let factors = factors(3);
    let factors: Vec<&str> = factors.iter().map(String::as_str).collect();
    site.sealift_at(endpoint, &[&["compact", "--concurrent-downloads=1"], &factors[..]].concat())
}

async fn terminated(mut command: Command, when: impl Future<Output = ()>, code: i32) -> String {
    let child = command.spawn().expect("starts");
    let id = Pid::from_raw(child.id().expect("running") as i32).expect("a pid");
    when.await;
    kill_process(id, Signal::TERM).expect("sent");
    end(child).await.expect_code(code).stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_after_the_move_that_is_under_way() {
    let slow = "backup_metadata_file: 'mkdir -p \"$FOLDER/metadata_backup\"; touch \"$FOLDER/.moving\"; sleep 1; mv \"$FOLDER/metadata/$FILE_NAME\" \"$FOLDER/metadata_backup/$FILE_NAME\"'";
    let site = Site::commands_with(slow).filled(&due()).await;
    let Site::Commands(folder) = &site else { panic!("commands") };
    let moving = folder.path().join(".moving");
    let is_moving = eventually("a file is moved", Duration::from_secs(60), async || match moving.exists() {
        true => Ok(()),
        false => Err("not yet".to_owned()),
    });
    let told = terminated(compact(&site, ""), is_moving, 143).await;
    let expected = "stopped by SIGTERM; 2 compacted files written, the timestamps were, 1 file moved; no line is lost";
    assert!(told.contains(expected), "{told}");
    let files = site.files().await;
    assert_eq!(read(&files), read(&due()));
    assert_eq!(files.keys().filter(|name| name.starts_with("metadata_backup/")).count(), 1);
    let rest = site.compact(3, &["--json"]).await.expect_code(0).json();
    assert_eq!(rest["moved"].as_array().expect("a list").len(), 2, "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_does_not_wait_for_ever() {
    // Of what was sent and not answered nobody knows whether it may still appear.
    for (step, code, done) in
        [(Step::Put, 10, "0 compacted files written, no timestamps"), (Step::Read, 143, "stopped by")]
    {
        let site = Site::s3().await.filled(&due()).await;
        let Site::S3(bucket) = &site else { panic!("a bucket") };
        let proxy = FaultProxy::start(bucket.endpoint()).await;
        let held = proxy.on(TestBucket::on(step), Fault::Stall);
        let told = terminated(compact(&site, &proxy.endpoint()), held.wait_fired(1), code).await;
        assert!(told.contains(done), "{told}");
        assert_eq!(read(&site.files().await), read(&due()));
        proxy.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_with_what_was_done_and_nothing_is_moved_before_all_is_written() {
    let cases = [
        (Step::Put, "0 compacted files written, no timestamps were, 0 files moved"),
        (Step::Copy, "2 compacted files written, the timestamps were, 0 files moved"),
    ];
    for (step, done) in cases {
        let site = Site::s3().await.filled(&due()).await;
        let Site::S3(bucket) = &site else { panic!("a bucket") };
        let proxy = FaultProxy::start(bucket.endpoint()).await;
        let refused = proxy.on(TestBucket::on(step), TestBucket::problem(Problem::Denied));
        let told = run(compact(&site, &proxy.endpoint())).await.expect_code(4).stderr;
        assert!(told.contains(done) && refused.fired() > 0, "{told}");
        let files = site.files().await;
        assert_eq!(read(&files), read(&due()));
        assert!(!files.keys().any(|name| name.starts_with("metadata_backup/")), "{:?}", files.keys());
        proxy.clear();
        site.compact(3, &[]).await.expect_code(0);
        proxy.shutdown().await;
    }
}

/// A compacted file that does not read as it was written.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_read_as_it_was_written_is_not_relied_on() {
    let spoiling = crate::scene::MOVES;
    let site = Site::commands_with(spoiling).filled(&due()).await;
    let Site::Commands(folder) = &site else { panic!("commands") };
    let config = folder.path().join("config.yaml");
    let yaml = std::fs::read_to_string(&config).expect("read");
    // The last line is lost on the way.
    std::fs::write(&config, yaml.replace("gzip -c > \"$temporary\"", "head -n -1 | gzip -c > \"$temporary\""))
        .expect("written");
    let told = site.compact(2, &[]).await.expect_code(5).stderr;
    assert!(told.contains("has other lines by now") && told.contains("0 files moved"), "{told}");
    let files = site.files().await;
    assert_eq!(read(&files), read(&due()));
    assert!(!files.keys().any(|name| name.starts_with("metadata_backup/")), "{:?}", files.keys());
}
