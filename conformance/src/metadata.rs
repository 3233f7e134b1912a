//! Metadata files: a few lines each, listed, kept, and moved out of the way.

use crate::scene::{Scene, assert_holds, handle, read, safe};
use sealift::{BackupStorage, FileHandle, TextLine};
use std::collections::BTreeSet;

fn line(text: &str) -> TextLine {
    text.parse().expect("a line")
}

async fn save(storage: &dyn BackupStorage, name: &str, text: &str) -> FileHandle {
    storage.save_metadata_line(&safe(name), &line(text)).await.expect("saved")
}

async fn assert_list(scene: &Scene, expected: &[&str]) {
    let listed = scene.storage().list_metadata_files().await.expect("listed");
    assert_eq!(listed.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), expected);
}

pub async fn one_line(scene: &Scene) {
    let file = save(&*scene.storage(), "one.meta", "{\"Identity\":{\"id\":\"0x1\"}}").await;
    assert_eq!(file.as_ref(), "metadata/one.meta");
    scene.assert_holds(&file, b"{\"Identity\":{\"id\":\"0x1\"}}\n").await;
    scene.close_with(&["metadata/one.meta"]).await;
}

pub async fn many_lines(scene: &Scene) {
    let lines: Vec<TextLine> = (0..3000).map(|n| line(&format!("{{\"line\": {n}}}"))).collect();
    let file = scene.storage().save_metadata_lines(&safe("many.meta"), &lines).await.expect("saved");
    let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
    scene.assert_holds(&file, expected.as_bytes()).await;
}

pub async fn odd_lines(scene: &Scene) {
    let storage = scene.storage();
    let long = "x".repeat(200_000);
    let odd = ["", " ", "'\"\\$(false)`false`;|&>", "-n", "%s%n\\n", "ü 日本\t", &long, ""];
    let file = storage.save_metadata_lines(&safe("odd.meta"), &odd.map(line)).await.expect("saved");
    scene.assert_holds(&file, format!("{}\n", odd.join("\n")).as_bytes()).await;
    let none = storage.save_metadata_lines(&safe("none.meta"), &[]).await.expect("saved");
    scene.assert_holds(&none, b"").await;
    assert_list(scene, &["metadata/none.meta", "metadata/odd.meta"]).await;
}

pub async fn an_empty_list(scene: &Scene) {
    assert_list(scene, &[]).await;
    scene.write("file", b"no metadata").await;
    assert_list(scene, &[]).await;
}

pub async fn the_list_is_sorted_and_complete(scene: &Scene) {
    let storage = scene.storage();
    let mut expected = BTreeSet::new();
    // Saved in another order than they are listed in.
    for n in 0..40 {
        let name = format!("epoch_{}-{}.meta", n * 17 % 40, ["a", "B", "_", "0"][n % 4]);
        expected.insert(save(&*storage, &name, &name).await.to_string());
    }
    scene.write("file", b"no metadata").await;
    assert_eq!(expected.len(), 40);
    assert_list(scene, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

pub async fn an_existing_name(scene: &Scene) {
    let storage = scene.storage();
    let file = save(&*storage, "name.meta", "first").await;
    assert_eq!(save(&*storage, "name.meta", "second").await, file);
    let kept: &[u8] = if scene.traits().keeps_metadata { b"first\n" } else { b"second\n" };
    scene.assert_holds(&file, kept).await;
    scene.close_with(&["metadata/name.meta"]).await;
}

/// As when a backup was started twice: each is told that the file is there, and one of them has written it.
pub async fn saved_by_many_at_once(scene: &Scene) {
    let saves = (0..16).map(|n| {
        let storage = scene.storage();
        tokio::spawn(async move { save(&*storage, "name.meta", &format!("by {n}")).await })
    });
    for save in saves.collect::<Vec<_>>() {
        assert_eq!(save.await.expect("no panic"), handle("metadata/name.meta"));
    }
    let content = read(&*scene.storage(), &handle("metadata/name.meta")).await.expect("there");
    let whole = (0..16).any(|n| content == format!("by {n}\n").as_bytes());
    assert!(whole, "{:?}", String::from_utf8_lossy(&content));
    assert_list(scene, &["metadata/name.meta"]).await;
}

pub async fn backed_up(scene: &Scene) {
    let storage = scene.storage();
    let (gone, stays) = (save(&*storage, "gone.meta", "gone").await, save(&*storage, "stays.meta", "stays").await);
    storage.backup_metadata_file(&gone).await.expect("moved");
    assert_list(scene, &["metadata/stays.meta"]).await;
    read(&*storage, &gone).await.expect_err("it is elsewhere");
    scene.assert_holds(&handle("metadata_backup/gone.meta"), b"gone\n").await;
    scene.assert_holds(&stays, b"stays\n").await;
    scene.close_with(&["metadata/stays.meta", "metadata_backup/gone.meta"]).await;
}

pub async fn backed_up_again(scene: &Scene) {
    let storage = scene.storage();
    for content in ["first", "second"] {
        let file = save(&*storage, "name.meta", content).await;
        scene.assert_holds(&file, format!("{content}\n").as_bytes()).await;
        storage.backup_metadata_file(&file).await.expect("moved");
        assert_list(scene, &[]).await;
        scene.assert_holds(&handle("metadata_backup/name.meta"), format!("{content}\n").as_bytes()).await;
    }
    scene.close_with(&["metadata_backup/name.meta"]).await;
}

pub async fn missing(scene: &Scene) {
    let storage = scene.storage();
    save(&*storage, "name.meta", "line").await;
    storage.backup_metadata_file(&handle("metadata/other.meta")).await.expect_err("there is none");
    storage.backup_metadata_file(&handle("metadata/name.meta")).await.expect("moved");
    storage.backup_metadata_file(&handle("metadata/name.meta")).await.expect_err("it is no longer there");
    read(&*storage, &handle("metadata/other.meta")).await.expect_err("there is none");
    // The one that was moved has not been touched by any of it.
    assert_holds(&*storage, &handle("metadata_backup/name.meta"), b"line\n").await;
    scene.close_with(&["metadata_backup/name.meta"]).await;
}

pub async fn odd_handles(scene: &Scene) {
    let storage = scene.storage();
    let file = scene.write("file", b"no metadata").await;
    let saved = save(&*storage, "name.meta", "line").await;
    storage.backup_metadata_file(&file).await.expect_err("not a metadata file");
    for odd in ["metadata", "metadatax/name.meta", "name.meta", "x/metadata/name.meta", "metadata_backup/name.meta"] {
        storage.backup_metadata_file(&handle(odd)).await.expect_err(odd);
    }
    scene.assert_holds(&saved, b"line\n").await;
    scene.close_with(&["backup/file", "metadata/name.meta"]).await;
}
