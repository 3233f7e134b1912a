//! What the commands say: summaries, listings, errors. Text for people; with --json the same for programs.

mod archive;
mod compact;
mod doctor;
mod drill;
mod files;
mod prune;
mod prune_archive;

use crate::failure::Failure;
use crate::tally::{CHECKSUM, Tally, word_of};
pub(crate) use archive::{Place, covers, covers_json, node_state, node_state_json, storage_state, storage_state_json};
use bytesize::ByteSize;
pub(crate) use compact::{
    Compacted, Counts, beside_another, compacted, compacted_json, kept, would_compact, would_compact_json,
};
pub(crate) use doctor::{examined, examined_json};
pub(crate) use drill::{ArchiveDrilled, Drilled, Tried, archive_drilled, archive_drilled_json, drilled, drilled_json};
pub(crate) use files::{Fetched, Sizes, fetched, fetched_json, total, total_json};
pub(crate) use prune::{Group, Pruning, pruned, pruning_json, would_prune};
pub(crate) use prune_archive::{
    ArchivePruned, archive_pruned, archive_pruning_json, needs, needs_json, would_prune_archive,
};
use sealift::{Confirmed, LeftBehind, Leftover, ObjectInfo, Origin, Sealed, Verified};
use sealift_aptos::BackedUp;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// Prints a failure and gives its exit code.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    note(format_args!("sealift: {failure}"));
    ExitCode::from(failure.code())
}

/// A line on standard output. What could not be written is told by [`all_written`].
pub(crate) fn line(text: impl std::fmt::Display) {
    remember(writeln!(std::io::stdout(), "{text}"));
}

/// Text that has its line ends, on standard output.
pub(crate) fn text(text: &str) {
    remember(std::io::stdout().write_all(text.as_bytes()));
}

/// The first line that could not be written to standard output.
static UNWRITTEN: OnceLock<std::io::Error> = OnceLock::new();

fn remember(written: std::io::Result<()>) {
    if let Err(error) = written {
        let _ = UNWRITTEN.set(error);
    }
}

/// Whether everything that was told is where it was told to. A reader that has gone has read what it wanted.
pub(crate) fn all_written() -> Result<(), Failure> {
    remember(std::io::stdout().flush());
    match UNWRITTEN.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::anyhow!("it was done, and standard output could not be written: {error}").into())
        }
        _ => Ok(()),
    }
}

/// A line on standard error, where standard output is for data.
pub(crate) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{}", one_line(&text.to_string()));
}

/// Text without what does more to a terminal, or to a log, than being read: names that others gave may hold it.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let shown = |character: char| match acts(character) {
        true => character.escape_unicode().to_string(),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Whether a character is not read but acts: control characters, and those that turn the direction of writing (Unicode, UAX
/// 9, "Explicit directional formatting characters").
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

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

/// What is left besides what was stored, which does not speak against it.
pub(crate) fn left_beside(left: &[LeftBehind]) {
    for left in left {
        note(format_args!("sealift: left behind: {left}"));
    }
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
fn verified_json(verified: Verified) -> Value {
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

/// A name as it can be pasted into a shell's line, on a terminal; what reads a pipe gets it as it is. So no name can
/// forge lines on a terminal, or do anything to it.
pub(crate) fn pasted(name: &str) -> Cow<'_, str> {
    match std::io::stdout().is_terminal() {
        true => quoted(name),
        false => Cow::Borrowed(name),
    }
}

/// A word of a shell's line: in quotes where it has to be. Control characters are escaped as POSIX has it since 2024
/// ("2.2.4 Dollar-Single-Quotes"), and bash, zsh and ksh always had it.
fn quoted(name: &str) -> Cow<'_, str> {
    if !name.chars().any(acts)
        && let Ok(quoted) = shlex::try_quote(name)
    {
        return quoted;
    }
    let mut quoted = "$'".to_owned();
    for character in name.chars() {
        match character {
            '\'' | '\\' => quoted.extend(['\\', character]),
            acting if acts(acting) => {
                let mut bytes = [0; 4];
                quoted.extend(acting.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\{byte:03o}")));
            }
            other => quoted.push(other),
        }
    }
    Cow::Owned(quoted + "'")
}

/// An object as JSON.
pub(crate) fn object_json(name: &str, info: &ObjectInfo) -> Value {
    json!({
        "name": name,
        "bytes_stored": info.size,
        "modified": info.modified.and_then(timestamp),
        "etag": info.etag,
        "version": info.version,
        "checksum": info.checksum.as_deref().map(hex),
        "kept_checksum": info.kept_checksum.as_deref().map(hex),
    })
}

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

fn texts(left: &[LeftBehind]) -> Vec<String> {
    left.iter().map(LeftBehind::to_string).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

fn timestamp(time: SystemTime) -> Option<String> {
    let whole_seconds = jiff::Timestamp::try_from(time).ok()?.as_second();
    jiff::Timestamp::from_second(whole_seconds).ok().map(|time| time.to_string())
}

/// The most memory this process has had resident, in bytes, where the system tells (`VmHWM` in Linux's
/// /proc/self/status, which counts in KiB).
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_forges_a_line() {
        assert_eq!(one_line("read s3://b/\u{fc} b"), "read s3://b/\u{fc} b");
        assert_eq!(one_line("a\n\u{1b}[2Jb\u{202e}"), "a\\u{a}\\u{1b}[2Jb\\u{202e}");
    }

    #[test]
    fn a_name_is_one_word_of_a_shell() {
        for (name, word) in [
            ("a/b-c_d.e:f", "a/b-c_d.e:f"),
            ("\u{fc}", "'\u{fc}'"),
            ("a b", "'a b'"),
            ("it's", r#""it's""#),
            ("$(x)`y`", "'$(x)`y`'"),
            ("a\nb", r"$'a\012b'"),
            ("\u{1b}[2J'\\", r"$'\033[2J\'\\'"),
            ("\u{85}", r"$'\302\205'"),
            ("\u{202e}", r"$'\342\200\256'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(name), word, "{name:?}");
            let shell = std::process::Command::new("bash").args(["-c", &format!("printf %s {word}")]).output();
            if let Ok(shell) = shell {
                assert_eq!(String::from_utf8_lossy(&shell.stdout), name, "{word}");
            }
        }
    }
}
