//! What is stored, replaced, moved and removed.

use crate::outcome::Seen;
use crate::scene::Scene;
use hyper::Method;
use sealift_tests::cli::{self, end, run_with_input};
use sealift_tests::data::noise;
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;

pub(crate) const SMALL: &[u8] = b"some words";
const OTHER: &[u8] = b"quite other words";
/// Two parts and a half.
const LARGE: usize = 12 << 20;

pub(crate) async fn small(scene: &Scene) -> Seen {
    let ended = scene.put("small", SMALL, &[]).await;
    scene.stored(&ended, "small", SMALL, None).await
}

pub(crate) async fn large(scene: &Scene) -> Seen {
    let data = noise(LARGE);
    let ended = scene.put("large", &data, &[]).await;
    scene.stored(&ended, "large", &data, None).await
}

pub(crate) async fn empty(scene: &Scene) -> Seen {
    let ended = scene.put("empty", b"", &["--allow-empty"]).await;
    scene.stored(&ended, "empty", b"", None).await
}

pub(crate) async fn replaced(scene: &Scene) -> Seen {
    scene.place("replaced", OTHER).await;
    let ended = scene.put("replaced", SMALL, &[]).await;
    scene.stored(&ended, "replaced", SMALL, Some(OTHER)).await
}

/// Whether more than a look at it tells that it is what was sent.
pub(crate) async fn confirmed(scene: &Scene) -> Seen {
    let ended = scene.put("confirmed", SMALL, &[]).await;
    match scene.stored(&ended, "confirmed", SMALL, None).await {
        Seen::Works if !ended.text().contains("confirmed by the service's checksum") => scene.answer(&ended),
        seen => seen,
    }
}

/// One bit of the body is another when it arrives. A service that computes the checksum refuses it, and it is sent again.
pub(crate) async fn damaged(scene: &Scene) -> Seen {
    let proxy = FaultProxy::start(&scene.referee.endpoint()).await;
    let put = Match::new(|request| request.method() == Method::PUT && request.path().ends_with("/damaged"));
    let damage = proxy.on(put.times(1), Fault::CorruptRequest { at: 3 });
    let ended = run_with_input(scene.sealift_at(proxy.endpoint(), &["put", "damaged"]), SMALL).await;
    proxy.shutdown().await;
    let seen = scene.stored(&ended, "damaged", SMALL, None).await;
    match seen {
        // A look at token and size claims nothing of the bytes.
        Seen::Untrue { .. } if ended.text().contains("confirmed by a look at its token and size") => {
            scene.answer(&ended)
        }
        seen => {
            assert!(damage.fired() == 1 || !matches!(seen, Seen::Works), "it was sent: {ended:?}");
            seen
        }
    }
}

/// For services that take none. A put in parts can then be checked by its size only.
pub(crate) async fn without_checksums(scene: &Scene) -> Seen {
    let data = noise(LARGE);
    let ended = scene.put("unchecked", &data, &["--checksums=none"]).await;
    match scene.stored(&ended, "unchecked", &data, None).await {
        Seen::Works => {}
        other => return other,
    }
    let got = scene.ends(&["get", "unchecked", "--checksums=none"]).await;
    match got.code {
        Some(0) if got.stdout == data => Seen::Works,
        _ => scene.answer(&got),
    }
}

pub(crate) async fn if_absent(scene: &Scene) -> Seen {
    absent_then_taken(scene, "absent", SMALL).await
}

pub(crate) async fn if_absent_large(scene: &Scene) -> Seen {
    absent_then_taken(scene, "absent-large", &noise(LARGE)).await
}

/// Stored where nothing is, refused where something is.
async fn absent_then_taken(scene: &Scene, key: &str, data: &[u8]) -> Seen {
    let ended = scene.put(key, data, &["--if-absent"]).await;
    match scene.stored(&ended, key, data, None).await {
        Seen::Works => {}
        other => return other,
    }
    let again = scene.put(key, OTHER, &["--if-absent"]).await;
    let kept = scene.shown(key).await.as_deref() == Some(data);
    match again.code {
        Some(5) if kept => Seen::Works,
        _ if kept => scene.answer(&again),
        _ => scene.against(&again, "the object was replaced"),
    }
}

/// Another writer's object appears while the parts are under way. Told that the service keeps conditions, Sealift does not
/// try whether it does.
pub(crate) async fn conditional_complete(scene: &Scene) -> Seen {
    let options = ["put", "raced", "--if-absent", "--conditional-writes=honoured"];
    let mut child = scene.sealift(&options).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // More than the pipe holds is taken only after the look whether the name is free.
    let taken = stdin.write_all(&noise(LARGE)).await;
    scene.place("raced", OTHER).await;
    drop(stdin);
    let ended = end(child).await;
    let kept = scene.shown("raced").await.as_deref() == Some(OTHER);
    match ended.code {
        Some(5) if kept && taken.is_ok() => Seen::Works,
        Some(0) if kept => scene.against(&ended, "something else is stored"),
        _ => scene.answer(&ended),
    }
}

/// The producer fails after two parts.
pub(crate) async fn given_up(scene: &Scene) -> Seen {
    let produce = format!("head -c {LARGE} /dev/zero; exit 3");
    let ended = scene.ends(&["run", "given-up", "--", "sh", "-c", &produce]).await;
    let uploads = scene.uploads("given-up").await.unwrap_or_default();
    let says_nothing = ended.stderr.contains("nothing was stored");
    if scene.shown("given-up").await.is_some() {
        return scene.against(&ended, "it is stored");
    }
    match ended.code {
        Some(8) if says_nothing && uploads.is_empty() => Seen::Works,
        _ if says_nothing && !uploads.is_empty() => scene.against(&ended, "an upload is left"),
        _ => remedied(scene, &ended, uploads).await,
    }
}

/// What is left, and whether what is said to remove it does.
async fn remedied(scene: &Scene, ended: &cli::Ended, uploads: Vec<String>) -> Seen {
    if !ended.stderr.contains("`sealift sweep` removes it") {
        return scene.answer(ended);
    }
    let mut sweep = vec!["sweep", "given-up", "--older-than=0s", "--yes"];
    if ended.stderr.contains("with --foreign") {
        sweep.push("--foreign");
    }
    let swept = scene.ends(&sweep).await;
    let left = scene.uploads("given-up").await;
    match (swept.code, left) {
        (Some(0), Some(left)) if left.is_empty() && !uploads.is_empty() => scene.answer(ended),
        (Some(0), _) => scene.against(ended, "`sealift sweep` keeps it"),
        _ => scene.against(ended, "`sealift sweep` cannot"),
    }
}

pub(crate) async fn moved(scene: &Scene) -> Seen {
    scene.put_anyhow("from", SMALL).await;
    is_moved(scene, "from", "to").await
}

/// Without the marks that Sealift gives its objects.
pub(crate) async fn foreign_moved(scene: &Scene) -> Seen {
    scene.place("foreign-from", SMALL).await;
    is_moved(scene, "foreign-from", "foreign-to").await
}

async fn is_moved(scene: &Scene, from: &str, to: &str) -> Seen {
    let ended = scene.ends(&["mv", from, to]).await;
    let (original, copy) = (scene.shown(from).await, scene.shown(to).await);
    match (ended.code, original, copy.as_deref()) {
        (Some(0), None, Some(SMALL)) => Seen::Works,
        (Some(0), ..) => scene.against(&ended, "it was not moved"),
        (_, None, _) => scene.against(&ended, "the original is gone"),
        _ => scene.answer(&ended),
    }
}

pub(crate) async fn removed(scene: &Scene) -> Seen {
    scene.place("removed", SMALL).await;
    let ended = scene.ends(&["rm", "removed"]).await;
    let gone = scene.shown("removed").await.is_none();
    match ended.code {
        Some(0) if gone => Seen::Works,
        Some(0) => scene.against(&ended, "it is there"),
        _ => scene.answer(&ended),
    }
}
