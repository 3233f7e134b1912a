//! What is read, looked at and listed, and who may.

use crate::outcome::Seen;
use crate::scene::Scene;
use crate::writing::SMALL;
use sealift_tests::cli::{Ended, run, run_with_input};
use sealift_tests::data::noise;

/// Several ranges.
const LARGE: usize = 20 << 20;

pub(crate) async fn got(scene: &Scene) -> Seen {
    let data = noise(LARGE);
    scene.place("read", &data).await;
    let ended = scene.ends(&["get", "read"]).await;
    match ended.code {
        Some(0) if ended.stdout == data => Seen::Works,
        Some(0) => Seen::Untrue { code: 0, words: ended.stderr, shows: "other bytes were read".to_owned() },
        _ => scene.answer(&ended),
    }
}

/// Whether the service keeps a checksum of what Sealift stored there.
pub(crate) async fn verified(scene: &Scene) -> Seen {
    scene.put_anyhow("verified", SMALL).await;
    let ended = scene.ends(&["get", "verified"]).await;
    match ended.code {
        Some(0) if ended.stderr.contains("verified by the service's checksum") => Seen::Works,
        _ => scene.answer(&Ended { stdout: Vec::new(), ..ended }),
    }
}

pub(crate) async fn looked_at(scene: &Scene) -> Seen {
    scene.place("looked-at", SMALL).await;
    let ended = scene.ends(&["stat", "looked-at", "--json"]).await;
    match ended.code {
        Some(0) if ended.json()["bytes_stored"] == SMALL.len() => Seen::Works,
        _ => scene.answer(&ended),
    }
}

pub(crate) async fn missing(scene: &Scene) -> Seen {
    let ended = scene.ends(&["get", "missing"]).await;
    match ended.code {
        Some(3) if ended.stderr.contains("there is no such object") => Seen::Works,
        _ => scene.answer(&ended),
    }
}

pub(crate) async fn without_bucket(scene: &Scene) -> Seen {
    let ended = scene.ends(&["get", "s3://referee-without/missing"]).await;
    match ended.code {
        Some(3) if ended.stderr.contains("there is no such bucket") => Seen::Works,
        _ => scene.answer(&ended),
    }
}

pub(crate) async fn listed(scene: &Scene) -> Seen {
    for (key, size) in [("listed/a", 1), ("listed/b/c", 2), ("listed/b/d", 3)] {
        scene.place(key, &SMALL[..size]).await;
    }
    let ended = scene.ends(&["ls", "listed/"]).await;
    let shown = ended.text();
    let shown = shown.lines().map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "));
    match ended.code {
        Some(0) if shown.eq(["1 listed/a", "2 listed/b/c", "3 listed/b/d"]) => Seen::Works,
        Some(0) => scene.against(&ended, "other keys are there"),
        _ => scene.answer(&ended),
    }
}

pub(crate) async fn wrong_secret(scene: &Scene) -> Seen {
    let mut command = scene.sealift(&["put", "wrong-secret"]);
    command.env("AWS_SECRET_ACCESS_KEY", "another-secret");
    let ended = run_with_input(command, SMALL).await;
    match (ended.code, scene.stored(&ended, "wrong-secret", SMALL, None).await) {
        (Some(4), Seen::Answered { .. }) => Seen::Works,
        (_, Seen::Works) => scene.answer(&ended),
        (_, seen) => seen,
    }
}

/// Trusting the system's authorities only.
pub(crate) async fn unknown_authority(scene: &Scene) -> Seen {
    let mut command = scene.sealift(&["stat", "looked-at"]);
    command.env_remove("SSL_CERT_FILE");
    let ended = run(command).await;
    match ended.code {
        Some(6) if ended.stderr.contains("certificate") => Seen::Works,
        _ => scene.answer(&ended),
    }
}
