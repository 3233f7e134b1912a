//! Files of every length at which something in their way is full: a pipe, a block, what is read at a time, a part.

use crate::data::{Kind, data};
use crate::scene::Scene;

const BORDERS: [usize; 3] = [
    64 << 10, // a pipe
    1 << 20,  // a block
    2 << 20,  // what a reader asks for at a time
];

pub async fn noise(scene: &Scene) {
    every_size(scene, Kind::Noise).await;
}

pub async fn text(scene: &Scene) {
    every_size(scene, Kind::Text).await;
}

async fn every_size(scene: &Scene, kind: Kind) {
    let borders = BORDERS.into_iter().chain(scene.traits().part);
    for size in borders.flat_map(|border| [border - 1, border, border + 1]).chain([1, 2]) {
        let data = data(kind, size, size);
        let file = scene.write(&format!("of-{size}"), data).await;
        scene.assert_holds(&file, data).await;
    }
}

pub async fn the_empty_file(scene: &Scene) {
    let file = scene.write("empty", b"").await;
    scene.assert_holds(&file, b"").await;
    scene.close_with(&["backup/empty"]).await;
}

/// Files whose *stored* bytes end around the end of a part, with and without what a codec adds at the end.
pub async fn borders_of_parts(scene: &Scene) {
    let Some(part) = scene.traits().part else { return };
    let end = stored(scene, 0).await;
    // Data that does not compress is stored with the same addition whatever its exact length.
    let near = part - 4096;
    let added = stored(scene, near).await - near;
    for stored_len in [part - 1, part, part + 1].into_iter().flat_map(|len| [len, len + end]) {
        let hit = stored(scene, stored_len - added).await;
        assert_eq!(hit, stored_len, "the test meets the border");
    }
}

/// Writes a file of this length, reads it back, and says how much of it is stored.
async fn stored(scene: &Scene, len: usize) -> usize {
    let data = data(Kind::Noise, len, len);
    let file = scene.write(&format!("of-{len}"), data).await;
    scene.assert_holds(&file, data).await;
    scene.stored_len(&file).await
}
