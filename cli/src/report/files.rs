//! What is said of many objects at once: totals of listings, and of what was read into a folder.

use super::{peak_memory, size};
use serde_json::{Value, json};
use std::time::Duration;

/// How sizes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    Bytes,
    /// With a unit.
    Human,
}

impl Sizes {
    pub(crate) fn of(self, bytes: u64) -> String {
        match self {
            Sizes::Bytes => bytes.to_string(),
            Sizes::Human => size(bytes),
        }
    }
}

/// The last line of a listing.
pub(crate) fn total(count: u64, bytes: u64, sizes: Sizes) -> String {
    let objects = if count == 1 { "object" } else { "objects" };
    let unit = if sizes == Sizes::Bytes { " bytes" } else { "" };
    format!("total: {count} {objects}, {}{unit}", sizes.of(bytes))
}

/// The same as JSON.
pub(crate) fn total_json(count: u64, bytes: u64) -> Value {
    json!({ "operation": "ls", "objects": count, "bytes_stored": bytes })
}

/// What was read into a folder.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    pub(crate) files: u64,
    /// Objects that were left out, since their files were there already.
    pub(crate) skipped: u64,
    pub(crate) bytes_stored: u64,
    pub(crate) bytes_out: u64,
    /// Files of which nothing but the size was verified.
    pub(crate) without_checksum: u64,
}

/// The summary of objects that were read into a folder.
pub(crate) fn fetched(below: &str, folder: &str, fetched: &Fetched, elapsed: Duration) -> String {
    let Fetched { files, skipped, bytes_stored, bytes_out, without_checksum } = fetched;
    let files = if *files == 1 { "1 object".to_owned() } else { format!("{files} objects") };
    let (stored, out, seconds) = (size(*bytes_stored), size(*bytes_out), elapsed.as_secs_f64());
    let skipped = match skipped {
        0 => String::new(),
        some => format!(", {some} were there already"),
    };
    let verified = match without_checksum {
        0 => ", each verified by a checksum".to_owned(),
        some => format!(", {some} of them verified by their size alone"),
    };
    format!("read {files} below {below} to {folder}: {stored} stored, {out} out, {seconds:.2} s{verified}{skipped}")
}

/// The same as JSON.
pub(crate) fn fetched_json(below: &str, folder: &str, fetched: &Fetched, elapsed: Duration) -> Value {
    json!({
        "operation": "get",
        "location": below,
        "folder": folder,
        "files": fetched.files,
        "skipped": fetched.skipped,
        "bytes_stored": fetched.bytes_stored,
        "bytes_out": fetched.bytes_out,
        "without_checksum": fetched.without_checksum,
        "seconds": elapsed.as_secs_f64(),
        "peak_memory_bytes": peak_memory(),
    })
}
