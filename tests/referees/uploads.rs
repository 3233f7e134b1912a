//! What crashes leave.

use crate::outcome::Seen;
use crate::scene::Scene;
use sealift_tests::cli::Ended;
use serde_json::Value;

const PART: &[u8] = b"what a part holds";

/// Whether `sweep` finds an upload, and knows it for Sealift's.
pub(crate) async fn told(scene: &Scene) -> Seen {
    let (ended, upload) = listed(scene, "told").await;
    match upload {
        Some(upload) if upload["sealift"] == true => Seen::Works,
        Some(upload) => Seen::Answered { code: 0, words: upload["fate"].as_str().unwrap_or_default().to_owned() },
        None => nothing_listed(scene, &ended, "told").await,
    }
}

/// Whether it tells how many bytes are in it.
pub(crate) async fn weighed(scene: &Scene) -> Seen {
    let (ended, upload) = listed(scene, "weighed").await;
    match upload {
        Some(upload) if upload["bytes"] == PART.len() => Seen::Works,
        Some(upload) => {
            Seen::Untrue { code: 0, words: upload["bytes"].to_string(), shows: "a part is there".to_owned() }
        }
        None => nothing_listed(scene, &ended, "weighed").await,
    }
}

/// Whether it removes it, whoever made it.
pub(crate) async fn swept(scene: &Scene) -> Seen {
    let id = scene.leave_upload("swept", PART).await;
    let ended = scene.ends(&["sweep", "swept", "--older-than=0s", "--foreign", "--yes"]).await;
    let left = scene.uploads("swept").await;
    match (ended.code, left) {
        (Some(0), Some(left)) if left.is_empty() && ended.text().contains(&id) => Seen::Works,
        (Some(0), _) => scene.against(&ended, "the upload is left"),
        _ => scene.answer(&ended),
    }
}

/// What `sweep` says, and of an upload that was left, where it names it.
async fn listed(scene: &Scene, key: &str) -> (Ended, Option<Value>) {
    let id = scene.leave_upload(key, PART).await;
    let ended = scene.ends(&["sweep", key, "--older-than=0s", "--json"]).await;
    let lines = ended.text();
    let upload =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).find(|line| line["id"] == id);
    (ended, upload)
}

async fn nothing_listed(scene: &Scene, ended: &Ended, key: &str) -> Seen {
    match (ended.code, scene.uploads(key).await) {
        (Some(0), Some(uploads)) if !uploads.is_empty() => scene.against(ended, "an upload is there"),
        _ => scene.answer(ended),
    }
}
