//! What came of mutations, as a table: kind by depth.

use super::kind::Found;
use sealift::verify::Depth;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// One mutation that was tried.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    pub(crate) kind: String,
    pub(crate) due: Due,
    pub(crate) why: &'static str,
    /// The depths that found it.
    pub(crate) found: BTreeSet<Depth>,
    /// Those whose finding is not sure: what was changed is now a variant that a newer node may have.
    pub(crate) unsure: BTreeSet<Depth>,
}

/// Where it is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Found(Found),
    /// Nowhere: other bytes that say the same. Where they are found all the same, that is no error.
    SameInOtherBytes,
}

/// Whether a depth is to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsDue {
    Yes,
    /// It may.
    Perhaps,
    No,
}

impl Due {
    /// What is found at a depth is found at each that is deeper. But whether it reads a file or asks for its size, none but
    /// `stored` knows what it was before.
    pub(crate) fn at(self, depth: Depth) -> IsDue {
        match (self, depth) {
            (Due::Found(Found::At(Depth::Stored)), Depth::Content) => IsDue::Perhaps,
            (Due::Found(Found::At(at)), depth) if at <= depth => IsDue::Yes,
            (Due::Found(Found::At(_)) | Due::SameInOtherBytes, _) => IsDue::Perhaps,
            (Due::Found(Found::ByRecord), Depth::Stored) => IsDue::Perhaps,
            (Due::Found(Found::ByRecord | Found::Never), _) => IsDue::No,
        }
    }

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
    found: BTreeMap<Depth, usize>,
    unsure: usize,
}

const SAME: &str = "the bytes differ and what they say does not: gzip's own header, or JSON in another form";

/// The table. Each column says how many were found at this depth, of those that were tried.
pub(crate) fn of(all: &[Tried]) -> String {
    let mut rows: BTreeMap<(&str, Due), Row> = BTreeMap::new();
    for tried in all {
        let row = rows.entry((&tried.kind, tried.due)).or_default();
        row.why = if tried.due == Due::SameInOtherBytes { SAME } else { tried.why };
        row.tried += 1;
        row.unsure += usize::from(tried.unsure.contains(&Depth::Chain));
        for depth in &tried.found {
            *row.found.entry(*depth).or_default() += 1;
        }
    }
    let (kind, due, tried) = ("kind", "due at", "tried");
    let (exists, stored, content, chain) = ("exists", "stored", "content", "chain");
    let mut text = format!(
        "{kind:<84} {due:>8} {tried:>6} {exists:>7} {stored:>7} {content:>7} {chain:>7} {:>7}  why\n",
        "unsure"
    );
    for ((kind, due), row) in &rows {
        let or_none = |count: usize| if count == 0 { "·".to_owned() } else { count.to_string() };
        let at = |depth| or_none(row.found.get(&depth).copied().unwrap_or_default());
        let (exists, stored) = (at(Depth::Exists), at(Depth::Stored));
        let (content, chain, unsure) = (at(Depth::Content), at(Depth::Chain), or_none(row.unsure));
        let (due, tried, why) = (due.words(), row.tried, row.why);
        let _ = writeln!(
            text,
            "{kind:<84} {due:>8} {tried:>6} {exists:>7} {stored:>7} {content:>7} {chain:>7} {unsure:>7}  {why}"
        );
    }
    let count = |is_one: fn(&Tried) -> bool| all.iter().filter(|tried| is_one(tried)).count();
    let (found, unsure) = (count(|tried| !tried.found.is_empty()), count(|tried| !tried.unsure.is_empty()));
    let _ = writeln!(text, "{} rows, {} mutations: {found} found, {unsure} unsure", rows.len(), all.len());
    text
}
