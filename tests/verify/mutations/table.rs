//! What came of mutations, as a table: kind by depth.

use super::kind::Found;
use sealift::verify::Depth;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One mutation that was tried.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    pub(crate) kind: String,
    pub(crate) due: Due,
    pub(crate) why: &'static str,
    /// The first depth that found it.
    pub(crate) found: Option<Depth>,
}

/// Where it is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Found(Found),
    /// Nowhere: other bytes that say the same. Where they are found all the same, that is no error.
    SameInOtherBytes,
}

impl Due {
    fn words(self) -> &'static str {
        match self {
            Due::Found(Found::At(Depth::Exists)) => "exists",
            Due::Found(Found::At(Depth::Stored)) => "stored",
            Due::Found(Found::At(Depth::Content)) => "content",
            Due::Found(Found::At(Depth::Chain)) => "chain",
            Due::Found(Found::Never) => "never",
            Due::SameInOtherBytes => "(same)",
        }
    }
}

#[derive(Debug, Default)]
struct Row {
    why: &'static str,
    tried: usize,
    found: BTreeMap<Depth, usize>,
}

const SAME: &str = "the bytes differ and what they say does not: gzip's own header, or JSON in another form";

/// The table. Each number in a column says how many were found at this depth first.
pub(crate) fn of(all: &[Tried]) -> String {
    let mut rows: BTreeMap<(&str, Due), Row> = BTreeMap::new();
    for tried in all {
        let row = rows.entry((&tried.kind, tried.due)).or_default();
        row.why = if tried.due == Due::SameInOtherBytes { SAME } else { tried.why };
        row.tried += 1;
        if let Some(depth) = tried.found {
            *row.found.entry(depth).or_default() += 1;
        }
    }
    let mut text = format!(
        "{:<82} {:>8} {:>6} {:>6} {:>6} {:>7} {:>6} {:>5}  why\n",
        "kind", "due at", "tried", "exists", "stored", "content", "chain", "none"
    );
    for ((kind, due), row) in &rows {
        let at = |depth| match row.found.get(&depth) {
            Some(count) => count.to_string(),
            None => "·".to_owned(),
        };
        let (exists, stored) = (at(Depth::Exists), at(Depth::Stored));
        let (content, chain) = (at(Depth::Content), at(Depth::Chain));
        let none = row.tried - row.found.values().sum::<usize>();
        let _ = writeln!(
            text,
            "{kind:<82} {:>8} {:>6} {exists:>6} {stored:>6} {content:>7} {chain:>6} {none:>5}  {}",
            due.words(),
            row.tried,
            row.why
        );
    }
    let found = all.iter().filter(|tried| tried.found.is_some()).count();
    let _ = writeln!(text, "{} kinds, {} mutations, {found} found", rows.len(), all.len());
    text
}
