//! What a sweep found, and what became of it.

use super::{pasted, size};
use sealift::{Leftover, Origin};
use serde_json::{Value, json};
use std::time::Duration;

/// What became of a leftover.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Listed,
    Removed,
    Alive,
    Foreign,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Fate::Listed => "found",
            Fate::Removed => "removed",
            Fate::Alive => "alive, kept",
            Fate::Foreign => "not marked as Sealift's, kept",
        }
    }
}

/// One line of a sweep.
pub(crate) fn leftover(fate: Fate, leftover: &Leftover) -> String {
    let idle = Duration::from_secs(leftover.idle.as_secs());
    let idle = jiff::SignedDuration::try_from(idle).map(|idle| format!("{idle:#}")).unwrap_or_default();
    let (key, id) = (pasted(&leftover.key), pasted(&leftover.id));
    format!("{}: {key}  {}  idle {idle}  {id}", fate.word(), size(leftover.bytes))
}

/// One line of a sweep of what nothing leads to.
pub(crate) fn orphan(fate: Fate, orphan: &sealift_aptos::Orphan) -> String {
    let idle = Duration::from_secs(orphan.idle.as_secs());
    let idle = jiff::SignedDuration::try_from(idle).map(|idle| format!("{idle:#}")).unwrap_or_default();
    format!("{}: {}  {}  idle {idle}  nothing leads to it", fate.word(), pasted(&orphan.file), size(orphan.bytes))
}

/// The same as JSON.
pub(crate) fn orphan_json(fate: Fate, orphan: &sealift_aptos::Orphan) -> Value {
    json!({
        "fate": fate.word(),
        "key": orphan.file,
        "group": orphan.group,
        "bytes": orphan.bytes,
        "idle_seconds": orphan.idle.as_secs(),
        "named": false,
    })
}

/// What to do about leftovers that may be anybody's.
pub(crate) fn kept_foreign(count: u64) -> String {
    let have = if count == 1 { "1 has" } else { &format!("{count} have") };
    format!(
        "{have} no mark of Sealift's, which some services do not keep: look whose it is, and remove it with --foreign"
    )
}

/// The same as JSON.
pub(crate) fn leftover_json(fate: Fate, leftover: &Leftover) -> Value {
    json!({
        "fate": fate.word(),
        "key": leftover.key,
        "id": leftover.id,
        "bytes": leftover.bytes,
        "idle_seconds": leftover.idle.as_secs(),
        "sealift": leftover.origin == Origin::Sealift,
    })
}
