//! Files that must not exist yet.

use crate::data::{noise, text};
use crate::scene::{Scene, backup, for_time, handle, safe};
use sealift::{BackupStorage, Error, ErrorKind, FileWriter};
use std::time::Instant;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

async fn new_file(storage: &dyn BackupStorage, name: &str) -> FileWriter {
    let backup = backup(storage, "backup").await;
    storage.create_new(&backup, &safe(name)).await.expect("opened").1
}

/// Writes a file and says whether it was the first. Some services say that it is not before all is written.
async fn is_first(mut writer: FileWriter, data: &[u8]) -> bool {
    let written = async {
        writer.write_all(data).await?;
        writer.shutdown().await
    };
    match written.await {
        Ok(()) => true,
        Err(error) => {
            let kind = Error::from_io(&error).expect("a storage's error").kind();
            assert_eq!(kind, ErrorKind::AlreadyExists, "{error}");
            false
        }
    }
}

pub async fn an_existing_one(scene: &Scene) {
    let storage = scene.storage();
    for len in [1000, 9 << 20] {
        let name = format!("file-{len}");
        assert!(is_first(new_file(&*storage, &name).await, noise(len)).await, "{len}");
        let replaced = is_first(new_file(&*storage, &name).await, text(len)).await;
        assert_eq!(replaced, !scene.traits().keeps_existing, "{len}");
        let content = if replaced { text(len) } else { noise(len) };
        scene.assert_holds(&handle(&format!("backup/{name}")), content).await;
    }
}

/// Whatever a writer has begun that must not replace the file, giving it up takes nothing away.
pub async fn given_up_over_an_existing_one(scene: &Scene) {
    const MOMENTS: u32 = 20;
    if !scene.traits().keeps_existing {
        return;
    }
    let storage = scene.storage();
    for len in [1000, 9 << 20] {
        let name = format!("file-{len}");
        let started = Instant::now();
        assert!(is_first(new_file(&*storage, &name).await, noise(len)).await);
        let whole = started.elapsed();
        let mut given_up = 0;
        for moment in 0..MOMENTS {
            let mut writer = new_file(&*storage, &name).await;
            let written = async {
                writer.write_all(text(len)).await?;
                writer.shutdown().await
            };
            match for_time(whole * moment / MOMENTS, written).await {
                Some(ended) => drop(ended.expect_err("it exists")),
                None => given_up += 1,
            }
        }
        assert!(given_up > 0, "the first are too early to have ended");
        scene.settle().await;
        scene.assert_holds(&handle(&format!("backup/{name}")), noise(len)).await;
    }
}

pub async fn two_at_once(scene: &Scene) {
    let contents = [noise(9_000_000), text(9_000_000)];
    let mut writes = JoinSet::new();
    for data in contents {
        let storage = scene.storage();
        writes.spawn(async move { is_first(new_file(&*storage, "file").await, data).await.then_some(data) });
    }
    let first: Vec<_> = writes.join_all().await.into_iter().flatten().collect();
    let file = handle("backup/file");
    match (scene.traits().keeps_existing, first.as_slice()) {
        (true, [first]) => scene.assert_holds(&file, first).await,
        (false, [_, _]) => {
            let found = crate::scene::read(&*scene.storage(), &file).await.expect("there");
            assert!(contents.contains(&found.as_slice()), "{} bytes, of neither", found.len());
        }
        (_, first) => panic!("{} were first", first.len()),
    }
}
