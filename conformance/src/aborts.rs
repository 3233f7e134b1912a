//! Writers that are dropped before their shutdown: whatever they were doing, no file comes of it and nothing is left.

use crate::data::{LONGEST, noise, text};
use crate::scene::{self, Scene, for_pauses, handle, read};
use std::future::pending;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

/// Of several parts on every backend.
pub(crate) const LARGE: usize = 18 << 20;

pub async fn dropped_before_the_first_byte(scene: &Scene) {
    drop(scene.writer("file").await);
    scene.settle_with(&[]).await;
}

pub async fn dropped_after_some_bytes(scene: &Scene) {
    drop(scene.given("file", noise(1000)).await);
    drop(scene.given("other", text(3 << 20)).await);
    scene.settle_with(&[]).await;
    read(&*scene.storage(), &handle("backup/file")).await.expect_err("it never was");
}

pub async fn dropped_after_several_parts(scene: &Scene) {
    let writer = scene.given("file", noise(LARGE)).await;
    scene.until_unfinished().await;
    drop(writer);
    scene.settle_with(&[]).await;
}

/// At each of its first pauses.
pub async fn dropped_while_a_write_waits(scene: &Scene) {
    for pauses in 1..=8 {
        let (_, mut writer) = scene.writer(&format!("file-{pauses}")).await;
        let endless = async {
            loop {
                writer.write_all(noise(LONGEST)).await.expect("written");
            }
        };
        let given_up: Option<()> = for_pauses(pauses, endless).await;
        assert_eq!(given_up, None);
        drop(writer);
    }
    scene.settle_with(&[]).await;
}

pub async fn dropped_over_an_existing_file(scene: &Scene) {
    let old = text(2 << 20);
    for data in [noise(0), noise(1000), noise(LARGE)] {
        let file = scene.write("file", old).await;
        drop(scene.given("file", data).await);
        if scene.traits().replaces_at_once {
            scene.assert_holds(&file, old).await;
            scene.settle_with(&["backup/file"]).await;
            scene.assert_holds(&file, old).await;
        } else {
            // It may be gone, but not be another.
            scene.settle().await;
            if !scene.files().await.is_empty() {
                scene.assert_holds(&file, old).await;
            }
        }
    }
}

pub async fn many_dropped_at_once(scene: &Scene) {
    let mut writes = JoinSet::new();
    for n in 0..24 {
        let storage = scene.storage();
        writes.spawn(async move {
            let (_, mut writer) = scene::writer(&*storage, &format!("file-{n}")).await;
            writer.write_all(noise(n * 400_000)).await.expect("written");
        });
    }
    writes.join_all().await;
    scene.settle_with(&[]).await;
}

pub async fn dropped_in_a_task_that_is_cancelled(scene: &Scene) {
    let storage = scene.storage();
    let (begun, has_begun) = oneshot::channel();
    let task = tokio::spawn(async move {
        let (_, mut writer) = scene::writer(&*storage, "file").await;
        writer.write_all(noise(LARGE)).await.expect("written");
        let _ = begun.send(());
        pending::<()>().await;
        drop(writer);
    });
    has_begun.await.expect("begun");
    task.abort();
    assert!(task.await.expect_err("cancelled").is_cancelled());
    scene.settle_with(&[]).await;
}

pub async fn dropped_when_its_task_panics(scene: &Scene) {
    let storage = scene.storage();
    let task = tokio::spawn(async move {
        let (_, mut writer) = scene::writer(&*storage, "file").await;
        writer.write_all(noise(LARGE)).await.expect("written");
        // Not `panic!`, which would print a message that looks like a failed test's.
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(task.await.expect_err("panicked").is_panic());
    scene.settle_with(&[]).await;
}

/// What is open when a runtime ends, and how much was written to it.
const OPEN: [(&str, usize); 3] = [("opened", 0), ("small", 1000), ("large", LARGE)];

/// Files open on a runtime that ends: one that has just been opened, one small, one of several parts.
async fn writers_whose_runtime_has_ended(scene: &Scene) -> Vec<sealift::FileWriter> {
    let runtime = Runtime::new().expect("a runtime");
    let storage = scene.storage();
    let opened = runtime.spawn(async move {
        let mut writers = Vec::new();
        for (name, len) in OPEN {
            let (_, mut writer) = scene::writer(&*storage, name).await;
            writer.write_all(noise(len)).await.expect("written");
            writers.push(writer);
        }
        writers
    });
    let writers = opened.await.expect("no panic");
    // Waits for what blocks, and so may not be done on a thread that serves this runtime.
    let ended = timeout(Duration::from_secs(30), spawn_blocking(move || drop(runtime))).await;
    ended.expect("the runtime ends").expect("no panic");
    if !scene.traits().cleans_up_without_runtime {
        scene.may_leave_unfinished();
    }
    writers
}

pub async fn dropped_after_its_runtime(scene: &Scene) {
    let limit = Duration::from_secs(30);
    let mut complete = Vec::new();
    for (mut writer, (name, len)) in writers_whose_runtime_has_ended(scene).await.into_iter().zip(OPEN) {
        let shut_down = timeout(limit, writer.shutdown()).await.expect("a shutdown does not hang");
        // Whoever needs no runtime of its own may still do it.
        if shut_down.is_ok() {
            complete.push((handle(&format!("backup/{name}")), len));
        }
        let written = timeout(limit, writer.write_all(noise(LONGEST))).await.expect("a write does not hang");
        written.expect_err("it has ended");
    }
    scene.close().await;
    let mut files: Vec<String> = complete.iter().map(|(file, _)| file.to_string()).collect();
    files.sort_unstable();
    assert_eq!(scene.files().await, files);
    for (file, len) in complete {
        scene.assert_holds(&file, noise(len)).await;
    }
}

/// As at the end of a program whose runtime went first.
pub async fn everything_dropped_without_a_runtime(scene: &Scene) {
    let writers = writers_whose_runtime_has_ended(scene).await;
    let storage = scene.storage();
    let dropped = std::thread::spawn(move || drop((writers, storage)));
    let joined = timeout(Duration::from_secs(30), spawn_blocking(move || dropped.join())).await;
    joined.expect("dropping does not hang").expect("no panic").expect("no panic");
    scene.close_with(&[]).await;
}
