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
    pub(crate) came: Came,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Came {
    /// This depth found it first.
    Found(Depth),
    /// A finding that is not sure: what was changed is now a variant that a newer node may have.
    Unsure,
    Nothing,
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
            Due::Found(Found::ByRecord) => "(record)",
            Due::Found(Found::Never) => "never",
            Due::SameInOtherBytes => "(same)",
        }
    }
}

#[derive(Debug, Default)]
struct Row {
    why: &'static str,
    tried: usize,
    came: BTreeMap<Came, usize>,
}

const SAME: &str = "the bytes differ and what they say does not: gzip's own header, or JSON in another form";

/// The table. Each number in a column says how many were found at this depth first.
pub(crate) fn of(all: &[Tried]) -> String {
    let mut rows: BTreeMap<(&str, Due), Row> = BTreeMap::new();
    for tried in all {
        let row = rows.entry((&tried.kind, tried.due)).or_default();
        row.why = if tried.due == Due::SameInOtherBytes { SAME } else { tried.why };
        row.tried += 1;
        *row.came.entry(tried.came).or_default() += 1;
    }
    let mut text = format!(
        "{:<84} {:>8} {:>6} {:>6} {:>6} {:>7} {:>6} {:>6} {:>7}  why\n",
        "kind", "due at", "tried", "exists", "stored", "content", "chain", "unsure", "nothing"
    );
    for ((kind, due), row) in &rows {
        let of = |came| row.came.get(&came).map_or("·".to_owned(), usize::to_string);
        let at = |depth| of(Came::Found(depth));
        let (exists, stored) = (at(Depth::Exists), at(Depth::Stored));
        let (content, chain) = (at(Depth::Content), at(Depth::Chain));
        let (unsure, nothing) = (of(Came::Unsure), of(Came::Nothing));
        let (due, tried, why) = (due.words(), row.tried, row.why);
        let _ = writeln!(
            text,
            "{kind:<84} {due:>8} {tried:>6} {exists:>6} {stored:>6} {content:>7} {chain:>6} {unsure:>6} {nothing:>7}  {why}"
        );
    }
    let count = |came: fn(&Came) -> bool| all.iter().filter(|tried| came(&tried.came)).count();
    let (found, unsure) = (count(|came| matches!(came, Came::Found(_))), count(|came| *came == Came::Unsure));
    let _ = writeln!(text, "{} rows, {} mutations: {found} found, {unsure} unsure", rows.len(), all.len());
    text
}
