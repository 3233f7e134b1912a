//! Futures that are dropped before they are ready: what had begun is given up, or is taken up again.

use crate::aborts::LARGE;
use crate::data::{assert_same, noise};
use crate::scene::{self, Scene, for_pauses, for_time, handle, read};
use sealift::FileWriter;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

pub async fn a_shutdown_at_its_first_pause(scene: &Scene) {
    for (name, data) in [("small", noise(1000)), ("large", noise(LARGE))] {
        let mut writer = scene.given(name, data).await;
        assert!(for_pauses(1, writer.shutdown()).await.is_none(), "it has to wait for the storage");
        drop(writer);
        scene.settle().await;
        assert_given_up(scene, &format!("backup/{name}"), data).await;
    }
}

pub async fn a_small_shutdown_at_any_moment(scene: &Scene) {
    at_any_moment(scene, noise(1000)).await;
}

pub async fn a_large_shutdown_at_any_moment(scene: &Scene) {
    at_any_moment(scene, noise(11 << 20)).await;
}

/// At moments spread over the time that a whole shutdown takes, so that some meet each of its steps.
async fn at_any_moment(scene: &Scene, data: &[u8]) {
    const MOMENTS: u32 = 40;
    let mut writer = scene.given("whole", data).await;
    let started = Instant::now();
    writer.shutdown().await.expect("shut down");
    let whole = started.elapsed();
    drop(writer);
    let mut complete = vec![handle("backup/whole")];
    let mut given_up = Vec::new();
    for moment in 0..MOMENTS {
        let (file, mut writer) = scene.writer(&format!("at-{moment:02}")).await;
        writer.write_all(data).await.expect("written");
        match for_time(whole * moment / MOMENTS, writer.shutdown()).await {
            Some(shut_down) => {
                shut_down.expect("shut down");
                complete.push(file);
            }
            None => given_up.push(file),
        }
    }
    assert!(!given_up.is_empty(), "the first are too early to be complete");
    scene.settle().await;
    for file in &complete {
        scene.assert_holds(file, data).await;
    }
    for file in &given_up {
        assert_given_up(scene, file.as_ref(), data).await;
    }
}

/// The file is complete, and its writer goes without having been told.
pub async fn a_shutdown_that_nobody_hears_of(scene: &Scene) {
    if !scene.traits().takes_back {
        return;
    }
    for (name, data) in [("small", noise(1000)), ("large", noise(LARGE))] {
        let writer = complete_and_unheard(scene, name, data).await;
        drop(writer);
        scene.settle_with(&[]).await;
    }
}

/// The same, and it is the storage that ends.
pub async fn a_shutdown_not_heard_of_before_the_storage_closes(scene: &Scene) {
    if !scene.traits().takes_back {
        return;
    }
    let mut writer = complete_and_unheard(scene, "file", noise(1000)).await;
    scene.close_with(&[]).await;
    writer.shutdown().await.expect_err("it was taken back");
    scene.close_with(&[]).await;
}

/// A writer whose shutdown has come to its end since it was last polled.
async fn complete_and_unheard(scene: &Scene, name: &str, data: &[u8]) -> FileWriter {
    // Much longer than a commit takes. It may have to be polled more than once before it goes on by itself.
    const GOES_ON: Duration = Duration::from_secs(2);
    let mut writer = scene.given(name, data).await;
    loop {
        assert!(for_pauses(1, writer.shutdown()).await.is_none(), "it has to wait for the storage");
        let polled = Instant::now();
        while polled.elapsed() < GOES_ON {
            if !scene.files().await.is_empty() {
                return writer;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// That a file whose shutdown was given up is not there; or, where that is all that is promised, whole.
async fn assert_given_up(scene: &Scene, file: &str, data: &[u8]) {
    if !scene.files().await.iter().any(|seen| seen == file) {
        read(&*scene.storage(), &handle(file)).await.expect_err("it cannot be seen");
        return;
    }
    assert!(!scene.traits().takes_back, "{file} is there");
    scene.assert_holds(&handle(file), data).await;
}

/// Dropping the future is not dropping the writer.
pub async fn a_shutdown_that_is_taken_up_again(scene: &Scene) {
    for (name, data) in [("small", noise(1000)), ("large", noise(LARGE))] {
        let mut writer = scene.given(name, data).await;
        while for_pauses(1, writer.shutdown()).await.transpose().expect("shut down").is_none() {
            tokio::task::yield_now().await;
        }
        drop(writer);
        scene.assert_holds(&handle(&format!("backup/{name}")), data).await;
    }
    scene.close_with(&["backup/large", "backup/small"]).await;
}

/// A `write` that was not ready has taken nothing.
pub async fn a_write_that_is_taken_up_again(scene: &Scene) {
    let (file, mut writer) = scene.writer("file").await;
    let mut rest = noise(LARGE);
    let mut given_up = 0;
    while !rest.is_empty() {
        match for_pauses(1, writer.write(&rest[..rest.len().min(400_000)])).await {
            Some(written) => rest = &rest[written.expect("written")..],
            None => {
                given_up += 1;
                let taken = writer.write(&rest[..1]).await.expect("written");
                rest = &rest[taken..];
            }
        }
    }
    assert!(given_up > 0, "some had to wait");
    writer.shutdown().await.expect("shut down");
    scene.assert_holds(&file, noise(LARGE)).await;
}

pub async fn a_shutdown_in_a_task_that_is_cancelled(scene: &Scene) {
    let storage = scene.storage();
    let (begun, has_begun) = oneshot::channel();
    let task = tokio::spawn(async move {
        let (_, mut writer) = scene::writer(&*storage, "file").await;
        writer.write_all(noise(LARGE)).await.expect("written");
        let _ = begun.send(());
        writer.shutdown().await
    });
    has_begun.await.expect("begun");
    task.abort();
    let ended = task.await;
    scene.settle().await;
    match ended {
        // It was quicker.
        Ok(shut_down) => {
            shut_down.expect("shut down");
            let found = read(&*scene.storage(), &handle("backup/file")).await.expect("there");
            assert_same(&found, noise(LARGE), "the file");
        }
        Err(_) => assert_given_up(scene, "backup/file", noise(LARGE)).await,
    }
}
