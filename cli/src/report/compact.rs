//! What is told of a compaction: what would be done, and what was.

use super::archive::{Place, counted};
use super::one_line;
use jiff::Timestamp;
use sealift::FileHandle;
use sealift_aptos::compact::{Ended, Kept, Plan, Step, Why};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// What a compaction has done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compacted {
    written: Vec<FileHandle>,
    timestamps: Option<FileHandle>,
    moved: Vec<FileHandle>,
    gone: usize,
    changed: Vec<FileHandle>,
}

/// How much a compaction has done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    written: usize,
    stamped: bool,
    moved: usize,
}

impl Compacted {
    pub(crate) fn add(&mut self, step: Step) {
        match step {
            Step::Written(file) => self.written.push(file),
            Step::Stamped(file) => self.timestamps = Some(file),
            Step::Moved(file) => self.moved.push(file),
            Step::Changed(file) => self.changed.push(file),
            // Others have moved it.
            _ => self.gone += 1,
        }
    }

    /// What was to be moved, and was not the same any more.
    pub(crate) fn changed(&self) -> &[FileHandle] {
        &self.changed
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { written: self.written.len(), stamped: self.timestamps.is_some(), moved: self.moved.len() }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { written, stamped, moved } = self;
        let stamped = if *stamped { ", the timestamps were" } else { ", no timestamps were" };
        let written = counted(*written, "compacted file");
        write!(
            f,
            "{written} written{stamped}, {} moved; no line is lost, and the same again goes on",
            counted(*moved, "file")
        )
    }
}

/// Why a file stays, where somebody can do something about it.
pub(crate) fn kept(kept: &Kept) -> Option<String> {
    let Kept { file, why, .. } = kept;
    let aside = file.as_ref().replacen("metadata/", "metadata_backup/", 1);
    match why {
        Why::AnotherIsAside => Some(format!(
            "{file} stays: {aside} holds something else, which would be lost; `sealift mv {aside} {aside}.1` makes room"
        )),
        Why::NotCompacted => Some(format!("{file} stays: it has a line that no compacted file has")),
        // It was told when it was read.
        Why::Empty => None,
        _ => None,
    }
}

/// That the rest is for the next run.
pub(crate) fn beside_another() -> &'static str {
    "another compaction is at work, by whose files this one may not go: what is left is moved by the next run"
}

/// What would be done, as lines with their ends.
pub(crate) fn would_compact(place: &Place, plan: &Plan) -> String {
    let written =
        plan.write.iter().map(|file| format!("would write {}: {}", file.file(), counted(file.lines(), "line")));
    let stamps = plan.timestamps_file();
    let timestamps = stamps.iter().map(|file| format!("would write {file}: since when files are not needed"));
    let stamped = plan.stamp.iter().map(|file| format!("would stamp {file}"));
    let moved = plan.moves.iter().map(|file| format!("would move {file} to metadata_backup/"));
    let lines = written.chain(timestamps).chain(stamped).chain(moved);
    let summary = format!(
        "nothing was changed in {}: of {}, {} would be stamped and {} moved, {} to be written{}",
        place.name,
        counted(plan.metadata_files, "metadata file"),
        plan.stamp.len(),
        plan.moves.len(),
        counted(plan.write.len() + stamps.iter().count(), "file"),
        waiting(plan),
    );
    lines.chain([summary]).map(|line| one_line(&line).into_owned() + "\n").collect()
}

/// The same as JSON.
pub(crate) fn would_compact_json(place: &Place, plan: &Plan) -> Value {
    json!({
        "operation": "compact",
        "location": place.name,
        "dry_run": true,
        "metadata_files": plan.metadata_files,
        "write": plan.write.iter().map(|file| json!({ "file": file.file().as_ref(), "lines": file.lines() })).collect::<Vec<_>>(),
        "standing": texts(&plan.standing),
        "timestamps": plan.timestamps_file().as_ref().map(FileHandle::as_ref),
        "stamp": texts(&plan.stamp),
        "move": texts(&plan.moves),
        "waiting": plan.waiting,
        "next_move_after": plan.next_move_after,
        "kept": all_kept(plan),
    })
}

/// What was done.
pub(crate) fn compacted(place: &Place, plan: &Plan, done: &Compacted, elapsed: Duration) -> String {
    let stamped = match &done.timestamps {
        Some(file) => format!("{} stamped by {file}", plan.stamp.len()),
        None => "none stamped".to_owned(),
    };
    let standing = match plan.standing.len() {
        0 => String::new(),
        some => format!(" ({some} were there)"),
    };
    let gone = match done.gone {
        0 => String::new(),
        some => format!(" ({some} by somebody else)"),
    };
    one_line(&format!(
        "compacted {}: of {}, {stamped}, {} moved to metadata_backup/{gone}; {} written{standing}{}, {:.2} s",
        place.name,
        counted(plan.metadata_files, "metadata file"),
        done.moved.len(),
        counted(done.written.len(), "compacted file"),
        waiting(plan),
        elapsed.as_secs_f64(),
    ))
    .into_owned()
}

/// The same as JSON.
pub(crate) fn compacted_json(place: &Place, plan: &Plan, done: &Compacted, ended: Ended, elapsed: Duration) -> Value {
    json!({
        "operation": "compact",
        "location": place.name,
        "dry_run": false,
        "metadata_files": plan.metadata_files,
        "written": texts(&done.written),
        "standing": texts(&plan.standing),
        "timestamps": done.timestamps.as_ref().map(FileHandle::as_ref),
        "stamped": texts(&plan.stamp),
        "moved": texts(&done.moved),
        "moved_by_others": done.gone,
        "changed": texts(&done.changed),
        "waiting": plan.waiting,
        "next_move_after": plan.next_move_after,
        "kept": all_kept(plan),
        "beside_another": ended == Ended::BesideAnother,
        "seconds": elapsed.as_secs_f64(),
        "peak_memory_bytes": super::peak_memory(),
    })
}

fn waiting(plan: &Plan) -> String {
    let next = plan.next_move_after.and_then(|seconds| i64::try_from(seconds).ok());
    match (plan.waiting, next.and_then(|seconds| Timestamp::from_second(seconds).ok())) {
        (0, _) => String::new(),
        (some, Some(next)) => format!("; {some} wait, the first until {next}"),
        (some, None) => format!("; {some} wait"),
    }
}

fn all_kept(plan: &Plan) -> Vec<Value> {
    let word = |why: Why| match why {
        Why::Identity => "identity",
        Why::Empty => "empty",
        Why::AnotherIsAside => "another-is-aside",
        _ => "not-compacted",
    };
    plan.kept.iter().map(|kept| json!({ "file": kept.file.as_ref(), "why": word(kept.why) })).collect()
}

fn texts(files: &[FileHandle]) -> Vec<&str> {
    files.iter().map(FileHandle::as_ref).collect()
}
