//! What was stored, counted over many files.

use sealift::{Confirmed, LeftBehind, Sealed};
use std::collections::BTreeMap;

/// What was stored.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) files: u64,
    /// Files that were left out, since they were there already.
    pub(crate) skipped: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_stored: u64,
    /// How many files were confirmed in which way.
    pub(crate) confirmed: BTreeMap<&'static str, u64>,
    pub(crate) left_behind: Vec<LeftBehind>,
}

impl Tally {
    pub(crate) fn add(&mut self, sealed: Sealed) {
        self.files += 1;
        self.bytes_in += sealed.bytes_in;
        self.bytes_stored += sealed.bytes_stored;
        *self.confirmed.entry(word_of(&sealed.confirmed)).or_default() += 1;
        self.left_behind.extend(sealed.left_behind);
    }
}

/// How an object was confirmed, for programs.
pub(crate) fn word_of(confirmed: &Confirmed) -> &'static str {
    match confirmed {
        Confirmed::Checksum => CHECKSUM,
        Confirmed::TokenAndSize => "token-and-size",
        Confirmed::EtagAndSize => "etag-and-size",
        Confirmed::Answer { .. } => "answer",
        Confirmed::Replaced => "replaced",
        _ => "otherwise",
    }
}

/// The word for what the service's own checksum has confirmed.
pub(crate) const CHECKSUM: &str = "checksum";
