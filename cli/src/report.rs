//! What the commands say: summaries, listings, errors. Text for people; with --json the same for programs.

mod archive;
mod compact;
mod doctor;
mod drill;
mod failure;
mod files;
mod leftovers;
mod objects;
mod prune;
mod prune_archive;
mod text;
mod written;

use crate::failure::Failure;
use crate::stderr::{self, Severity};
pub(crate) use archive::{Place, covers, covers_json, node_state, node_state_json, storage_state, storage_state_json};
use bytesize::ByteSize;
pub(crate) use compact::{
    Compacted, Counts, beside_another, compacted, compacted_json, kept, would_compact, would_compact_json,
};
pub(crate) use doctor::{examined, examined_json};
pub(crate) use drill::{ArchiveDrilled, Drilled, Tried, archive_drilled, archive_drilled_json, drilled, drilled_json};
pub(crate) use failure::{Errors, failure};
pub(crate) use files::{Fetched, Sizes, fetched, fetched_json, total, total_json};
pub(crate) use leftovers::{Fate, kept_foreign, leftover, leftover_json, orphan, orphan_json};
use objects::verified_json;
pub(crate) use objects::{by_command, by_command_json, moved_json, object, object_json, read, read_json};
pub(crate) use prune::{Group, Pruning, pruned, pruning_json, would_prune};
pub(crate) use prune_archive::{
    ArchivePruned, archive_pruned, archive_pruning_json, needs, needs_json, would_prune_archive,
};
use sealift::LeftBehind;
use std::io::{ErrorKind, Write};
use std::sync::OnceLock;
use text::quoted;
pub(crate) use text::{one_line, pasted};
pub(crate) use written::{backed_up, backed_up_json, removed, removed_json, sealed, sealed_json, stored, stored_json};

/// A line on standard output. What could not be written is told by [`all_written`].
pub(crate) fn line(text: impl std::fmt::Display) {
    remember(stderr::without_progress(|| writeln!(std::io::stdout(), "{text}")));
}

/// Text that has its line ends, on standard output.
pub(crate) fn text(text: &str) {
    remember(stderr::without_progress(|| std::io::stdout().write_all(text.as_bytes())));
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

/// What is to be known besides, on standard error.
pub(crate) fn note(text: impl std::fmt::Display) {
    stderr::say(Severity::Notice, &text.to_string());
}

/// A summary, where standard output is for data: the same line whatever the log looks like.
pub(crate) fn summary_beside_data(text: impl std::fmt::Display) {
    stderr::line(&one_line(&text.to_string()));
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// The most memory this process has had resident, in bytes, where the system tells (`VmHWM` in Linux's
/// /proc/self/status, which counts in KiB).
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}

pub(super) fn texts(left: &[LeftBehind]) -> Vec<String> {
    left.iter().map(LeftBehind::to_string).collect()
}

/// What is left besides what was stored, which does not speak against it.
pub(crate) fn left_beside(left: &[LeftBehind]) {
    for left in left {
        note(format_args!("sealift: left behind: {left}"));
    }
}
