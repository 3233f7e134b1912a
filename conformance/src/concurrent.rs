//! Many files at once, which share a storage's memory, connections and threads.

use crate::data::{Kind, LONGEST, assert_same, data, noise, text};
use crate::scene::{self, Scene, handle};
use sealift::FileHandle;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

/// The content of the `n`th file: some of a few bytes, some of several blocks, some of several parts.
fn content(n: usize) -> &'static [u8] {
    let len = [700, 90_000, 1_200_000, 3_000_000, 11_000_000][n % 5] + n;
    data(if n.is_multiple_of(10) { Kind::Noise } else { Kind::Text }, len, n)
}

pub async fn many_files_at_once(scene: &Scene) {
    let mut writes = JoinSet::new();
    for n in 0..32 {
        let storage = scene.storage();
        writes.spawn(async move { scene::write(&*storage, &format!("file-{n:02}"), content(n)).await });
    }
    writes.join_all().await;
    let names: Vec<String> = (0..32).map(|n| format!("backup/file-{n:02}")).collect();
    for (n, name) in names.iter().enumerate() {
        scene.assert_holds(&handle(name), content(n)).await;
    }
    scene.close_with(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

/// One of them is the last; what is there is whole and of one of them.
pub async fn two_writers_of_one_file(scene: &Scene) {
    let contents = [noise(7_000_000), text(2_000_000)];
    let mut writes = JoinSet::new();
    for data in contents {
        let storage = scene.storage();
        writes.spawn(async move { scene::write(&*storage, "file", data).await });
    }
    writes.join_all().await;
    let found = scene::read(&*scene.storage(), &handle("backup/file")).await.expect("there");
    assert!(contents.contains(&found.as_slice()), "{} bytes, of neither", found.len());
    scene.close_with(&["backup/file"]).await;
}

/// One after another in turn, as a loop over chunks does.
pub async fn writers_in_one_task(scene: &Scene) {
    let mut writers = Vec::new();
    for n in 0..4 {
        writers.push(scene.writer(&format!("file-{n}")).await);
    }
    let contents: Vec<&[u8]> = (0..4).map(|n| data(Kind::Noise, 2_500_000, n)).collect();
    for at in (0..2_500_000).step_by(100_000) {
        for ((_, writer), content) in writers.iter_mut().zip(&contents) {
            writer.write_all(&content[at..at + 100_000]).await.expect("written");
        }
    }
    for ((file, writer), content) in writers.iter_mut().zip(&contents) {
        writer.shutdown().await.expect("shut down");
        scene.assert_holds(file, content).await;
    }
}

pub async fn readers_and_writers_at_once(scene: &Scene) {
    let source = scene.write("source", noise(6_000_000)).await;
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let (storage, source) = (scene.storage(), source.clone());
        tasks.spawn(async move { scene::assert_holds(&*storage, &source, noise(6_000_000)).await });
        let storage = scene.storage();
        tasks.spawn(async move {
            let file = scene::write(&*storage, &format!("file-{n}"), content(n)).await;
            scene::assert_holds(&*storage, &file, content(n)).await;
        });
    }
    tasks.join_all().await;
}

/// Tasks that hold a reader and a writer each must not wait for one another in a circle.
pub async fn copies(scene: &Scene) {
    let source = scene.write("source", noise(LONGEST)).await;
    let mut copies = JoinSet::new();
    for n in 0..8 {
        let (storage, source) = (scene.storage(), source.clone());
        copies.spawn(async move {
            let mut reader = storage.open_for_read(&source).await.expect("opened");
            let (file, mut writer) = scene::writer(&*storage, &format!("copy-{n}")).await;
            // The first half is enough to fill parts on both sides.
            let mut half = tokio::io::AsyncReadExt::take(&mut reader, LONGEST as u64 / 2);
            tokio::io::copy(&mut half, &mut writer).await.expect("copied");
            writer.shutdown().await.expect("shut down");
            file
        });
    }
    let files: Vec<FileHandle> = copies.join_all().await;
    // One is looked at; the others came the same way.
    let found = scene::read(&*scene.storage(), &files[0]).await.expect("there");
    assert_same(&found, &noise(LONGEST)[..LONGEST / 2], "the copy");
    assert_eq!(scene.files().await.len(), 9);
}
