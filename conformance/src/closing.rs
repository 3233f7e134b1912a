//! Closing a storage: what is under way ends, what is complete stays.

use crate::aborts::LARGE;
use crate::data::noise;
use crate::scene::{BACKUP, Scene, handle, read, safe};
use tokio::io::AsyncWriteExt;

pub async fn a_writer_that_is_held(scene: &Scene) {
    let mut writers = vec![scene.given("small", noise(1000)).await, scene.given("large", noise(LARGE)).await];
    scene.until_unfinished().await;
    // Nothing is left when it returns, although the writers live.
    scene.close_with(&[]).await;
    for writer in &mut writers {
        writer.shutdown().await.expect_err("it was stopped");
        writer.shutdown().await.expect_err("it stays so");
        writer.write_all(noise(1000)).await.expect_err("it was stopped");
    }
    drop(writers);
    scene.close_with(&[]).await;
}

pub async fn a_writer_without_bytes(scene: &Scene) {
    let (_, mut writer) = scene.writer("file").await;
    scene.close_with(&[]).await;
    writer.shutdown().await.expect_err("it was stopped");
    scene.close_with(&[]).await;
}

/// Whichever was first, both say the same: an `Ok` stands, an error has left nothing.
pub async fn a_shutdown_under_way(scene: &Scene) {
    let mut small = scene.given("small", noise(1000)).await;
    let mut large = scene.given("large", noise(LARGE)).await;
    let (small, large, ()) = tokio::join!(small.shutdown(), large.shutdown(), scene.close());
    let mut complete = Vec::new();
    for (name, shut_down, data) in [("backup/large", large, noise(LARGE)), ("backup/small", small, noise(1000))] {
        if shut_down.is_ok() {
            complete.push(name);
            scene.assert_holds(&handle(name), data).await;
        }
    }
    scene.close_with(&complete).await;
}

pub async fn twice(scene: &Scene) {
    drop(scene.given("file", noise(LARGE)).await);
    tokio::join!(scene.close(), scene.close());
    scene.close_with(&[]).await;
}

pub async fn nothing_new_afterwards(scene: &Scene) {
    let storage = scene.storage();
    let backup = storage.create_backup(&safe(BACKUP)).await.expect("opened");
    scene.close().await;
    // It may be refused when it is opened or when it is to end.
    if let Ok((_, mut writer)) = storage.create_for_write(&backup, &safe("file")).await {
        writer.shutdown().await.expect_err("it is closed");
    }
    storage.save_metadata_line(&safe("name.meta"), &"line".parse().expect("a line")).await.expect_err("it is closed");
    scene.close_with(&[]).await;
}

pub async fn what_is_complete_stays(scene: &Scene) {
    let storage = scene.storage();
    let file = scene.write("file", noise(LARGE)).await;
    let metadata =
        storage.save_metadata_line(&safe("name.meta"), &"line".parse().expect("a line")).await.expect("saved");
    let (other, mut writer) = scene.writer("other").await;
    writer.shutdown().await.expect("shut down");
    scene.close_with(&["backup/file", "backup/other", "metadata/name.meta"]).await;
    drop(writer);
    scene.close().await;
    scene.assert_holds(&file, noise(LARGE)).await;
    scene.assert_holds(&other, b"").await;
    assert_eq!(read(&*storage, &metadata).await.expect("there"), b"line\n");
}
