//! Objects: what was read, moved, listed.

use super::{Sizes, pasted, peak_memory, size};
use sealift::{ChecksumAlgorithm, ObjectInfo, Verified};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// The summary of a read.
pub(crate) fn read(location: &str, info: &ObjectInfo, bytes_out: u64, verified: Verified, elapsed: Duration) -> String {
    let (stored, out, seconds) = (size(info.size), size(bytes_out), elapsed.as_secs_f64());
    format!("read {location}: {stored} stored, {out} out, {seconds:.2} s, {verified}")
}

/// The same as JSON.
pub(crate) fn read_json(
    location: &str,
    info: &ObjectInfo,
    bytes_out: u64,
    verified: Verified,
    elapsed: Duration,
) -> Value {
    json!({
        "operation": "get",
        "location": location,
        "bytes_stored": info.size,
        "bytes_out": bytes_out,
        "verified": verified_json(verified),
        "seconds": elapsed.as_secs_f64(),
        "peak_memory_bytes": peak_memory(),
    })
}

/// What was checked, as JSON.
pub(super) fn verified_json(verified: Verified) -> Value {
    json!({
        "service_checksum": verified.service_checksum,
        "kept_checksum": verified.kept_checksum,
        "content_checksums": verified.content_checksums,
    })
}

/// The summary of a command's work, which does not say what it stored or how.
pub(crate) fn by_command(done: &str, handle: &str, bytes: u64, elapsed: Duration) -> String {
    format!("{done} {handle}: {}, {:.2} s, by its command", size(bytes), elapsed.as_secs_f64())
}

/// The same as JSON. `counted` says which way the bytes went.
pub(crate) fn by_command_json(operation: &str, counted: &str, handle: &str, bytes: u64, elapsed: Duration) -> Value {
    json!({ "operation": operation, "location": handle, counted: bytes, "seconds": elapsed.as_secs_f64() })
}

/// The summary of a move, as JSON.
pub(crate) fn moved_json(from: &str, to: &str) -> Value {
    json!({ "operation": "mv", "from": from, "location": to })
}

/// One line of a listing.
pub(crate) fn object(name: &str, info: &ObjectInfo, sizes: Sizes) -> String {
    let modified = info.modified.and_then(timestamp).unwrap_or_default();
    format!("{modified:>20}  {:>12}  {}", sizes.of(info.size), pasted(name))
}

/// An object as JSON.
pub(crate) fn object_json(name: &str, info: &ObjectInfo, algorithm: ChecksumAlgorithm) -> Value {
    let checksum = |value: &Option<Vec<u8>>| value.as_deref().map(|value| algorithm.text_of(value));
    json!({
        "name": name,
        "bytes_stored": info.size,
        "modified": info.modified.and_then(timestamp),
        "etag": info.etag,
        "version": info.version,
        "checksum": checksum(&info.checksum),
        "kept_checksum": checksum(&info.kept_checksum),
    })
}

fn timestamp(time: SystemTime) -> Option<String> {
    let whole_seconds = jiff::Timestamp::try_from(time).ok()?.as_second();
    jiff::Timestamp::from_second(whole_seconds).ok().map(|time| time.to_string())
}
