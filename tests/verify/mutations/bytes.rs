//! Bytes that change where they are stored. The service knows nothing of it: its tags and checksums stay.

use super::draft::{Draft, SORTS, Sort};
use super::kind::{CHAIN, EXISTS, Found, Kind, STORED, by_stored_bytes};
use super::scene::Scene;
use super::storage::Storage;
use rand::RngExt;

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Bit,
    Byte,
    Zeros,
    Swapped,
    Twice,
    Dropped,
    Cut,
}

const DAMAGES: [Damage; 7] =
    [Damage::Bit, Damage::Byte, Damage::Zeros, Damage::Swapped, Damage::Twice, Damage::Dropped, Damage::Cut];

impl Damage {
    fn words(self) -> &'static str {
        match self {
            Damage::Bit => "a bit flipped",
            Damage::Byte => "a byte changed",
            Damage::Zeros => "bytes zeroed",
            Damage::Swapped => "two bytes swapped",
            Damage::Twice => "a byte twice",
            Damage::Dropped => "a byte dropped",
            Damage::Cut => "its end cut off",
        }
    }

    fn changes_size(self) -> bool {
        matches!(self, Damage::Twice | Damage::Dropped | Damage::Cut)
    }

    /// Does it; `None` where it happens to change nothing.
    fn to(self, bytes: &[u8], draft: &mut Draft<'_>) -> Option<Vec<u8>> {
        let mut damaged = bytes.to_vec();
        let at = draft.below(bytes.len())?;
        match self {
            Damage::Bit => damaged[at] ^= 1 << draft.random.random_range(0..8),
            Damage::Byte => damaged[at] ^= draft.random.random_range(1..=255u8),
            Damage::Zeros => {
                let end = (at + draft.random.random_range(1..64)).min(bytes.len());
                damaged[at..end].fill(0);
            }
            Damage::Swapped => {
                let other = draft.below(bytes.len())?;
                damaged.swap(at, other);
            }
            Damage::Twice => damaged.insert(at, bytes[at]),
            Damage::Dropped => drop(damaged.remove(at)),
            // Not between two lines: that is another kind.
            Damage::Cut if at == 0 || bytes[at - 1] == b'\n' => return None,
            Damage::Cut => damaged.truncate(at),
        }
        (damaged != bytes).then_some(damaged)
    }
}

pub(crate) fn kinds() -> Vec<Kind> {
    let each = SORTS.iter().flat_map(|sort| DAMAGES.iter().map(|damage| of(*sort, *damage)));
    each.collect()
}

fn of(sort: Sort, damage: Damage) -> Kind {
    let why = match sort {
        Sort::Metadata => "every depth reads the lines, in their form, and holds them against the manifests",
        Sort::Manifest => {
            "gzip: every depth reads it; a folder: its numbers agree with one another, hashes with the chain"
        }
        Sort::Chunk | Sort::Proof if damage.changes_size() => "its size is not what was verified",
        Sort::Chunk | Sort::Proof => {
            "gzip and services have checksums; in a folder only the chain's own hashes cover it"
        }
    };
    let name = format!("{}: {}, where it is stored", sort.words(), damage.words());
    let kind = Kind::new(name, CHAIN, why, move |draft| {
        let names = draft.files(sort);
        let name = draft.pick(&names)?;
        let stored = draft.scene.objects[&name].stored.clone();
        let damaged = (0..20).find_map(|_| damage.to(&stored, draft))?;
        draft.rot(&name, damaged);
        Some(())
    });
    kind.by_scene(move |scene| found(scene, sort, damage)).of_bytes()
}

fn found(scene: &Scene, sort: Sort, damage: Damage) -> Found {
    match sort {
        Sort::Metadata => EXISTS,
        Sort::Manifest if scene.storage == Storage::Folder => CHAIN,
        Sort::Manifest => EXISTS,
        Sort::Chunk | Sort::Proof if damage.changes_size() => STORED,
        Sort::Chunk | Sort::Proof => by_stored_bytes(scene),
    }
}
