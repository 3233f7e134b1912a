//! Keys that servers may not take.

use crate::outcome::Seen;
use crate::scene::Scene;
use crate::writing::SMALL;

/// What URLs, XML and shells each write in a way of their own.
pub(crate) async fn strange(scene: &Scene) -> Seen {
    there_and_back(scene, "strange/ä b+c%20&<\"'?#~=日本.gz").await
}

/// In a bucket of its own, since a listing with it may be one that cannot be read.
pub(crate) async fn with_control(scene: &Scene) -> Seen {
    let scene = scene.with_another_bucket().await;
    scene.place("control\u{1}character", SMALL).await;
    let ended = scene.ends(&["ls"]).await;
    match ended.code {
        Some(0) if ended.text().contains("control") => Seen::Works,
        Some(0) => scene.against(&ended, "it is there"),
        _ => scene.answer(&ended),
    }
}

/// The longest that S3 takes.
pub(crate) async fn long(scene: &Scene) -> Seen {
    let key = format!("{0}/{0}/{0}/{0}/{0}/{1}", "k".repeat(200), "k".repeat(19));
    assert_eq!(key.len(), 1024);
    there_and_back(scene, &key).await
}

pub(crate) async fn without_slash(scene: &Scene) -> Seen {
    there_and_back(scene, &"k".repeat(1024)).await
}

/// Stored, listed, read and removed.
async fn there_and_back(scene: &Scene, key: &str) -> Seen {
    let ended = scene.put(key, SMALL, &[]).await;
    match scene.stored(&ended, key, SMALL, None).await {
        Seen::Works => {}
        other => return other,
    }
    let got = scene.ends(&["get", key]).await;
    if got.code != Some(0) || got.stdout != SMALL {
        return scene.answer(&got);
    }
    let listed = scene.ends(&["ls", key]).await;
    if listed.code != Some(0) || !listed.text().trim_end().ends_with(key) {
        return scene.answer(&listed);
    }
    let removed = scene.ends(&["rm", key]).await;
    match scene.shown(key).await {
        None if removed.code == Some(0) => Seen::Works,
        _ => scene.answer(&removed),
    }
}
