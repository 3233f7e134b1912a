//! What a writer was given, in whatever pieces, is what a reader gets.

use crate::data::{noise, text};
use crate::scene::{BACKUP, Scene};
use tokio::io::AsyncWriteExt;

/// Around the sizes of pipes and blocks, and far from them.
const PIECES: [usize; 8] = [1, 4093, 65_537, 7, 65_536, 1_048_577, 3, 300_001];

pub async fn odd_pieces(scene: &Scene) {
    for (name, data) in [("noise", noise(6_000_011)), ("text", text(6_000_011))] {
        let (file, mut writer) = scene.writer(name).await;
        let mut rest = data;
        for size in PIECES.into_iter().cycle() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            writer.write_all(piece).await.expect("written");
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        writer.shutdown().await.expect("shut down");
        scene.assert_holds(&file, data).await;
    }
}

pub async fn single_bytes(scene: &Scene) {
    let data = noise(3000);
    let (file, mut writer) = scene.writer("file").await;
    for byte in data {
        assert_eq!(writer.write(&[*byte]).await.expect("written"), 1);
    }
    writer.shutdown().await.expect("shut down");
    scene.assert_holds(&file, data).await;
}

pub async fn flushes(scene: &Scene) {
    let data = noise(2_500_000);
    let (file, mut writer) = scene.writer("file").await;
    writer.flush().await.expect("flushed before the first byte");
    for piece in data.chunks(99_991) {
        writer.write_all(piece).await.expect("written");
        writer.flush().await.expect("flushed");
        writer.flush().await.expect("flushed again");
    }
    if scene.traits().unseen_before_shutdown {
        assert!(scene.files().await.is_empty(), "a flush is no end");
    }
    writer.shutdown().await.expect("shut down");
    scene.assert_holds(&file, data).await;
}

pub async fn a_second_shutdown(scene: &Scene) {
    for (name, data) in [("empty", noise(0)), ("small", noise(1000)), ("large", noise(9 << 20))] {
        let (file, mut writer) = scene.writer(name).await;
        writer.write_all(data).await.expect("written");
        writer.shutdown().await.expect("shut down");
        writer.shutdown().await.expect("nothing more to do");
        drop(writer);
        scene.assert_holds(&file, data).await;
    }
    scene.close_with(&["backup/empty", "backup/large", "backup/small"]).await;
}

pub async fn a_write_after_the_shutdown(scene: &Scene) {
    let (file, mut writer) = scene.writer("file").await;
    writer.write_all(b"all").await.expect("written");
    writer.shutdown().await.expect("shut down");
    writer.write_all(b"more").await.expect_err("it has ended");
    drop(writer);
    scene.close_with(&["backup/file"]).await;
    scene.assert_holds(&file, b"all").await;
}

pub async fn a_file_under_way_is_not_seen(scene: &Scene) {
    if !scene.traits().unseen_before_shutdown {
        return;
    }
    let (file, mut writer) = scene.writer("file").await;
    assert!(scene.files().await.is_empty(), "it has only been opened");
    for piece in noise(18 << 20).chunks(6 << 20) {
        writer.write_all(piece).await.expect("written");
        assert!(scene.files().await.is_empty(), "it is not complete");
    }
    scene.until_unfinished().await;
    assert!(scene.files().await.is_empty(), "it is not complete");
    writer.shutdown().await.expect("shut down");
    assert_eq!(scene.files().await, [file.as_ref()]);
    scene.assert_holds(&file, noise(18 << 20)).await;
}

pub async fn a_file_written_again(scene: &Scene) {
    for (first, second) in [(9 << 20, 1000), (1000, 9 << 20), (1000, 0)] {
        let file = scene.write("file", noise(first)).await;
        let again = scene.write("file", text(second)).await;
        assert_eq!(file, again);
        scene.assert_holds(&file, text(second)).await;
    }
    scene.close_with(&[&format!("{BACKUP}/file")]).await;
}
