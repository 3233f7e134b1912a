//! What was stored, streams, files, backups, and what was removed.

use super::{peak_memory, size, texts};
use crate::tally::{CHECKSUM, Tally, word_of};
use sealift::{Confirmed, Sealed};
use sealift_aptos::BackedUp;
use serde_json::{Value, json};
use std::time::Duration;

/// The summary of a write.
pub(crate) fn sealed(sealed: &Sealed) -> String {
    format!(
        "sealed {}: {} in, {} stored (ratio {:.2}), {}, {:.2} s, {} ({})",
        sealed.location,
        size(sealed.bytes_in),
        size(sealed.bytes_stored),
        ratio(sealed),
        parts(sealed.parts),
        sealed.elapsed.as_secs_f64(),
        sealed.checksum,
        sealed.confirmed,
    )
}

/// The same as JSON.
pub(crate) fn sealed_json(operation: &str, sealed: &Sealed) -> Value {
    let unseen = match &sealed.confirmed {
        Confirmed::Answer { unseen } => Some(unseen),
        _ => None,
    };
    json!({
        "operation": operation,
        "location": sealed.location,
        "bytes_in": sealed.bytes_in,
        "bytes_stored": sealed.bytes_stored,
        "ratio": ratio(sealed),
        "parts": sealed.parts,
        "seconds": sealed.elapsed.as_secs_f64(),
        "checksum": sealed.checksum,
        "confirmed": word_of(&sealed.confirmed),
        "unseen": unseen,
        "etag": sealed.etag,
        "version": sealed.version,
        "left_behind": texts(&sealed.left_behind),
        "peak_memory_bytes": peak_memory(),
    })
}

/// The summary of a removal of all below a name.
pub(crate) fn removed(below: &str, count: u64) -> String {
    let objects = if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    format!("removed {objects}: {below} and what was below it")
}

/// The same as JSON.
pub(crate) fn removed_json(below: &str, count: u64) -> Value {
    json!({ "operation": "rm", "location": below, "objects": count, "peak_memory_bytes": peak_memory() })
}

/// The summary of many files. How they were confirmed is only told where it was not all by the service's checksum.
pub(crate) fn stored(below: &str, stored: &Tally, elapsed: Duration) -> String {
    let files = if stored.files == 1 { "1 file".to_owned() } else { format!("{} files", stored.files) };
    let (bytes_in, bytes_stored) = (size(stored.bytes_in), size(stored.bytes_stored));
    let seconds = elapsed.as_secs_f64();
    let confirmed: Vec<String> = stored.confirmed.iter().map(|(way, count)| format!("{way} {count}")).collect();
    let confirmed = match stored.confirmed.keys().all(|way| *way == CHECKSUM) {
        true => String::new(),
        false => format!(", confirmed by {}", confirmed.join(", ")),
    };
    let skipped = match stored.skipped {
        0 => String::new(),
        some => format!(", {some} were there already"),
    };
    format!("sealed {files} below {below}: {bytes_in} in, {bytes_stored} stored, {seconds:.2} s{confirmed}{skipped}")
}

/// The same as JSON.
pub(crate) fn stored_json(below: &str, stored: &Tally, elapsed: Duration) -> Value {
    json!({
        "operation": "put",
        "location": below,
        "files": stored.files,
        "skipped": stored.skipped,
        "bytes_in": stored.bytes_in,
        "bytes_stored": stored.bytes_stored,
        "confirmed": stored.confirmed,
        "left_behind": texts(&stored.left_behind),
        "seconds": elapsed.as_secs_f64(),
        "peak_memory_bytes": peak_memory(),
    })
}

/// The summary of a backup.
pub(crate) fn backed_up(backup: &BackedUp, seconds: f64) -> String {
    let BackedUp { manifest, metadata, chunks, sealed_before, .. } = backup;
    let before = match sealed_before {
        0 => String::new(),
        some => format!(" ({some} of an earlier run)"),
    };
    let chunks = if *chunks == 1 { "1 chunk".to_owned() } else { format!("{chunks} chunks") };
    format!("backed up {manifest}: {chunks}{before}, known by {metadata}, {seconds:.2} s")
}

/// The same as JSON.
pub(crate) fn backed_up_json(backup: &BackedUp, seconds: f64) -> Value {
    json!({
        "operation": "backup",
        "manifest": backup.manifest.as_ref(),
        "metadata": backup.metadata.as_ref(),
        "chunks": backup.chunks,
        "chunks_sealed_before": backup.sealed_before,
        "last_version": backup.last_version,
        "seconds": seconds,
        "peak_memory_bytes": peak_memory(),
    })
}

fn ratio(sealed: &Sealed) -> f64 {
    match sealed.bytes_stored {
        0 => 1.0,
        stored => sealed.bytes_in as f64 / stored as f64,
    }
}

fn parts(count: u32) -> String {
    match count {
        1 => "1 part".to_owned(),
        count => format!("{count} parts"),
    }
}
