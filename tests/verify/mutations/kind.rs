//! Kinds of mutations, and where each is to be found.

use super::draft::Draft;
use super::scene::Scene;
use super::storage::Storage;
use sealift::verify::Depth;

/// Where a mutation is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Found {
    /// At this depth at the latest.
    At(Depth),
    /// By nothing that is stored now, by design; `stored` may remember from an earlier verification that it was another.
    ByRecord,
    /// At none, by design.
    Never,
}

type Where = Box<dyn Fn(&Scene) -> Found + Send + Sync>;
type Make = Box<dyn Fn(&mut Draft<'_>) -> Option<()> + Send + Sync>;

/// One kind of mutation.
pub(crate) struct Kind {
    pub(crate) name: String,
    found: Where,
    /// Why it is to be found there.
    pub(crate) why: &'static str,
    make: Make,
    /// Whether some of them say the same in other bytes, of which nothing is demanded.
    pub(crate) bytes: Bytes,
}

/// What a kind of mutation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Any bytes, whatever they mean.
    Any,
    /// Something that means something.
    Meant,
}

pub(crate) const EXISTS: Found = Found::At(Depth::Exists);
pub(crate) const STORED: Found = Found::At(Depth::Stored);
pub(crate) const CONTENT: Found = Found::At(Depth::Content);
pub(crate) const CHAIN: Found = Found::At(Depth::Chain);

impl Kind {
    pub(crate) fn new(
        name: impl Into<String>,
        found: Found,
        why: &'static str,
        make: impl Fn(&mut Draft<'_>) -> Option<()> + Send + Sync + 'static,
    ) -> Self {
        let (found, make) = (Box::new(move |_: &Scene| found), Box::new(make));
        Kind { name: name.into(), found, why, make, bytes: Bytes::Meant }
    }

    /// The same, found at a depth that is another for each storage.
    pub(crate) fn by_scene(self, found: impl Fn(&Scene) -> Found + Send + Sync + 'static) -> Self {
        Kind { found: Box::new(found), ..self }
    }

    /// The same, of any bytes.
    pub(crate) fn of_bytes(self) -> Self {
        Kind { bytes: Bytes::Any, ..self }
    }

    pub(crate) fn found(&self, scene: &Scene) -> Found {
        (self.found)(scene)
    }

    /// Changes the draft; `None` when this archive has nothing of the kind.
    pub(crate) fn make(&self, draft: &mut Draft<'_>) -> Option<()> {
        (self.make)(draft)
    }
}

/// Where damage of what is stored is found that is in no JSON.
pub(crate) fn by_stored_bytes(scene: &Scene) -> Found {
    match scene.storage {
        Storage::Folder => CHAIN,
        Storage::Cloud | Storage::Bare => CONTENT,
    }
}

/// Where it is found that a file was written again with something else in it.
pub(crate) fn by_checksum(scene: &Scene) -> Found {
    match scene.storage {
        Storage::Cloud => STORED,
        Storage::Folder | Storage::Bare => CHAIN,
    }
}

/// All kinds.
pub(crate) fn all() -> Vec<Kind> {
    let kinds = [
        super::bytes::kinds(),
        super::objects::kinds(),
        super::lines::kinds(),
        super::manifests::kinds(),
        super::ranges::kinds(),
        super::records::kinds(),
        super::transactions::kinds(),
        super::states::kinds(),
        super::endings::kinds(),
        super::proofs::kinds(),
        super::attacks::kinds(),
    ];
    kinds.into_iter().flatten().collect()
}
