//! Futures that are dropped before they are ready: what had begun is given up, or is taken up again.

use crate::aborts::LARGE;
use crate::data::{assert_same, noise};
use crate::scene::{self, Scene, for_pauses, handle, read};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

pub(crate) async fn a_shutdown_at_its_first_pause(scene: &Scene) {
    given_up(scene, noise(1000), 1).await;
}

pub(crate) async fn a_long_shutdown_at_its_first_pause(scene: &Scene) {
    given_up(scene, noise(LARGE), 1).await;
}

async fn given_up(scene: &Scene, data: &[u8], pauses: usize) {
    let mut writer = scene.given("file", data).await;
    assert!(for_pauses(pauses, writer.shutdown()).await.is_none(), "it has to wait for the storage");
    drop(writer);
    scene.close().await;
    assert_given_up(scene, "backup/file", data).await;
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

/// One pause later each time, until a shutdown needs no more of them.
pub(crate) async fn a_shutdown_at_every_pause(scene: &Scene) {
    for (kind, data) in [("small", noise(1000)), ("large", noise(11 << 20))] {
        let mut pauses = 1;
        loop {
            let name = format!("{kind}-{pauses}");
            let mut writer = scene.given(&name, data).await;
            if let Some(shut_down) = for_pauses(pauses, writer.shutdown()).await {
                shut_down.expect("shut down");
                break;
            }
            drop(writer);
            pauses += 1;
            assert!(pauses < 1000, "it ends some time");
        }
        let complete = format!("backup/{kind}-{pauses}");
        scene.assert_holds(&handle(&complete), data).await;
        assert!(pauses > 1, "some were given up");
    }
    scene.close().await;
    let files = scene.files().await;
    let stands = |kind: &str| files.iter().filter(|file| file.starts_with(&format!("backup/{kind}"))).count();
    for (kind, data) in [("small", noise(1000)), ("large", noise(11 << 20))] {
        for file in files.iter().filter(|file| file.starts_with(&format!("backup/{kind}"))) {
            scene.assert_holds(&handle(file), data).await;
        }
        assert!(stands(kind) == 1 || !scene.traits().takes_back, "only the last one of each stands: {files:?}");
    }
}

/// Dropping the future is not dropping the writer.
pub(crate) async fn a_shutdown_that_is_taken_up_again(scene: &Scene) {
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
pub(crate) async fn a_write_that_is_taken_up_again(scene: &Scene) {
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

pub(crate) async fn a_shutdown_in_a_task_that_is_cancelled(scene: &Scene) {
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
    scene.close().await;
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
