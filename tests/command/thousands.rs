//! What adds up over the days of a node: a thousand failed shutdowns and a thousand dropped writers in one process.

use crate::scene::{GZIP_PIPELINE, Scene, data};
use futures::stream::{self, StreamExt};
use sealift_tests::leaks::in_turn;
use tokio::io::AsyncWriteExt;

const COUNT: usize = 1000;
/// How many at a time.
const AT_ONCE: usize = 8;
/// More than the pipes between here and the file hold, so that gzip has some of it.
const LEN: usize = 300_000;

#[test]
fn a_thousand_failed_shutdowns() {
    in_turn(async {
        // gzip gets all of its input, and the last of the pipeline fails.
        let scene = Scene::new("sleep 1000 & gzip -c | (cat >/dev/null; exit 3)");
        let data = data(LEN);
        let failed = stream::iter(0..COUNT)
            .map(async |n| {
                let mut writer = scene.writer(&format!("file-{n}")).await;
                writer.write_all(&data).await.expect("written");
                let error = writer.shutdown().await.expect_err("it fails");
                assert!(error.to_string().contains("status 3"), "{error}");
            })
            .buffer_unordered(AT_ONCE);
        assert_eq!(failed.count().await, COUNT);
        assert_eq!(scene.visible(), Vec::<String>::new());
        scene.end().await;
    });
}

#[test]
fn a_thousand_dropped_writers_commit_nothing() {
    in_turn(async {
        let scene = Scene::new(GZIP_PIPELINE);
        let data = data(LEN);
        let dropped = stream::iter(0..COUNT)
            .map(async |n| {
                let mut writer = scene.writer(&format!("file-{n}")).await;
                writer.write_all(&data).await.expect("written");
            })
            .buffer_unordered(AT_ONCE);
        assert_eq!(dropped.count().await, COUNT);
        scene.storage.close().await;
        assert_eq!(scene.visible(), Vec::<String>::new());
        scene.end().await;
    });
}

/// The same by the control, of which every single one is committed.
#[test]
fn writers_that_the_control_drops_are_all_committed() {
    in_turn(async {
        let scene = Scene::new(GZIP_PIPELINE);
        let data = data(LEN);
        const FEW: usize = 50;
        for n in 0..FEW {
            let mut writer = scene.naive_writer(&format!("file-{n}")).await;
            writer.write_all(&data).await.expect("written");
        }
        sealift_tests::eventually::eventually("all are committed", std::time::Duration::from_secs(20), async || {
            match scene.visible().len() {
                FEW => Ok(()),
                some => Err(format!("{some}")),
            }
        })
        .await;
        scene.end().await;
    });
}
