//! Names, and the handles that are made of them.

use crate::data::noise;
use crate::scene::{Scene, assert_holds, backup, safe};
use std::collections::BTreeSet;
use tokio::io::AsyncWriteExt;

async fn write(scene: &Scene, backup_name: &str, name: &str, data: &[u8]) -> String {
    let storage = scene.storage();
    let backup = backup(&*storage, backup_name).await;
    let (file, mut writer) = storage.create_for_write(&backup, &safe(name)).await.expect("opened");
    writer.write_all(data).await.expect("written");
    writer.shutdown().await.expect("shut down");
    assert_holds(&*storage, &file, data).await;
    file.to_string()
}

/// As short and as long as the pattern allows, and with every character of it.
pub async fn the_edges_of_the_pattern(scene: &Scene) {
    let long = ["x".repeat(127), format!("Z{}", "-".repeat(126)), format!("0{}", ".".repeat(126))];
    let every = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    let mut names = vec!["abc", "000", "A..", "a--", "Z__", "1.-", "a.b", "name.gz", "state.part", every];
    names.extend(long.iter().map(String::as_str));
    let mut expected = BTreeSet::new();
    for (n, name) in names.iter().enumerate() {
        let other = names[(n + 1) % names.len()];
        expected.insert(write(scene, name, other, noise(n)).await);
    }
    assert_eq!(expected.len(), names.len());
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    scene.close_with(&expected).await;
}

/// A manifest keeps them, so they are the same in every storage.
pub async fn handles(scene: &Scene) {
    let storage = scene.storage();
    let backup = storage.create_backup(&safe("epoch_ending_0-.0f3a")).await.expect("opened");
    assert_eq!(backup.as_ref(), "epoch_ending_0-.0f3a");
    let (file, mut writer) = storage.create_for_write(&backup, &safe("0-.chunk")).await.expect("opened");
    assert_eq!(file.as_ref(), "epoch_ending_0-.0f3a/0-.chunk");
    writer.shutdown().await.expect("shut down");
    scene.close_with(&["epoch_ending_0-.0f3a/0-.chunk"]).await;
}

pub async fn the_random_suffix(scene: &Scene) {
    let storage = scene.storage();
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let backup = storage.create_backup_with_random_suffix("state_ver_7").await.expect("opened");
        let suffix = backup.as_ref().strip_prefix("state_ver_7.").expect("the name first");
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        assert!(suffix.len() == 4 && suffix.bytes().all(hexadecimal), "{backup}");
        seen.insert(backup);
    }
    // Of 65,536: two may meet now and then, but not half of them.
    assert!(seen.len() > 10, "{seen:?}");
    storage.create_backup_with_random_suffix(&"x".repeat(122)).await.expect("127 characters with the suffix");
    storage.create_backup_with_random_suffix(&"x".repeat(123)).await.expect_err("too long with the suffix");
    storage.create_backup_with_random_suffix("a/b").await.expect_err("not a name");
}

pub async fn a_backup_opened_twice(scene: &Scene) {
    let (first, second) = (backup(&*scene.storage(), "twice").await, backup(&*scene.storage(), "twice").await);
    assert_eq!(first, second);
    write(scene, "twice", "one", b"1").await;
    write(scene, "twice", "two", b"2").await;
    scene.close_with(&["twice/one", "twice/two"]).await;
}

pub async fn the_same_name_in_two_backups(scene: &Scene) {
    let (a, b) = (write(scene, "backup-a", "file", b"a").await, write(scene, "backup-b", "file", b"b").await);
    assert_holds(&*scene.storage(), &a.parse().expect("a handle"), b"a").await;
    scene.close_with(&[&a, &b]).await;
}
