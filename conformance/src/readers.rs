//! Readers: whole, or an error, and nothing that outlives them.

use crate::data::{assert_same, noise, text};
use crate::eventually::eventually;
use crate::leaks::Counts;
use crate::scene::{Scene, handle, read};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Of several parts, and of more than is read ahead of a reader.
const LARGE: usize = 18 << 20;

pub async fn dropped_half_way(scene: &Scene) {
    const READERS: usize = 40;
    let file = scene.write("file", noise(LARGE)).await;
    let before = Counts::now();
    for n in 0..READERS {
        let mut reader = scene.reader(&file).await;
        let mut some = vec![0; n * 1000];
        reader.read_exact(&mut some).await.expect("read");
        assert_same(&some, &noise(LARGE)[..some.len()], "the beginning");
    }
    // While the storage is open: what a reader leaves must not wait for the end. Connections may be kept for others.
    eventually("children end and descriptors do not add up", Duration::from_secs(10), async || match Counts::now() {
        now if now.children <= before.children && now.descriptors < before.descriptors + READERS / 2 => Ok(()),
        now => Err(format!("{now:?}, before {before:?}")),
    })
    .await;
    scene.assert_holds(&file, noise(LARGE)).await;
}

pub async fn two_of_one_file(scene: &Scene) {
    let file = scene.write("file", noise(5_000_000)).await;
    let (mut ahead, mut behind) = (scene.reader(&file).await, scene.reader(&file).await);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    while first.len() < 5_000_000 {
        let mut piece = vec![0; 500_000];
        ahead.read_exact(&mut piece).await.expect("read");
        first.extend_from_slice(&piece);
        behind.read_exact(&mut piece[..100_000]).await.expect("read");
        second.extend_from_slice(&piece[..100_000]);
    }
    ahead.read_to_end(&mut first).await.expect("read");
    behind.read_to_end(&mut second).await.expect("read");
    assert_same(&first, noise(5_000_000), "ahead");
    assert_same(&second, noise(5_000_000), "behind");
}

pub async fn a_missing_file(scene: &Scene) {
    scene.write("file", b"another").await;
    for missing in ["backup/missing", "other/file", "backup/file/below", "file"] {
        read(&*scene.storage(), &handle(missing)).await.expect_err(missing);
    }
    scene.close_with(&["backup/file"]).await;
}

pub async fn a_folder(scene: &Scene) {
    scene.write("file", b"content").await;
    read(&*scene.storage(), &handle("backup")).await.expect_err("a backup is no file");
}

pub async fn small_buffers(scene: &Scene) {
    for (len, buffer) in [(20_000, 1), (200_000, 7), (3_000_000, 4093)] {
        let file = scene.write(&format!("file-{len}"), text(len)).await;
        let mut reader = scene.reader(&file).await;
        let mut found = Vec::new();
        let mut piece = vec![0; buffer];
        loop {
            match reader.read(&mut piece).await.expect("read") {
                0 => break,
                count => found.extend_from_slice(&piece[..count]),
            }
        }
        assert_same(&found, text(len), &file);
    }
}

/// Nothing read into nothing is not the end.
pub async fn an_empty_buffer(scene: &Scene) {
    let file = scene.write("file", noise(100_000)).await;
    let mut reader = scene.reader(&file).await;
    let mut found = vec![0; 50_000];
    assert_eq!(reader.read(&mut []).await.expect("read"), 0);
    reader.read_exact(&mut found).await.expect("read");
    assert_eq!(reader.read(&mut []).await.expect("read"), 0);
    reader.read_to_end(&mut found).await.expect("read");
    assert_same(&found, noise(100_000), "the file");
}

pub async fn after_the_end(scene: &Scene) {
    let file = scene.write("file", noise(1000)).await;
    let mut reader = scene.reader(&file).await;
    reader.read_to_end(&mut Vec::new()).await.expect("read");
    for _ in 0..3 {
        assert_eq!(reader.read(&mut [0; 10]).await.expect("still the end"), 0);
    }
}

/// Never a mixture of the two, and never a part of one of them as if it were all.
pub async fn a_file_replaced_under_its_reader(scene: &Scene) {
    if !scene.traits().replaces_at_once {
        return;
    }
    let file = scene.write("file", noise(LARGE)).await;
    let mut reader = scene.reader(&file).await;
    let mut found = vec![0; 100_000];
    reader.read_exact(&mut found).await.expect("read");
    let (_, mut writer) = scene.writer("file").await;
    writer.write_all(noise(LARGE - 1)).await.expect("written");
    writer.shutdown().await.expect("replaced");
    if reader.read_to_end(&mut found).await.is_ok() {
        assert_same(&found, noise(LARGE), "the file as it was");
    }
    scene.assert_holds(&file, noise(LARGE - 1)).await;
}
