//! What is told of an archive's superfluous snapshots: which there are, what those that stay need, and what was removed.

use super::archive::{Place, counted};
use super::prune::time;
use super::{one_line, size};
use sealift_aptos::Snapshot;
use sealift_aptos::prune::{Leaving, Need, Plan, Step, Superfluous};
use serde_json::{Value, json};
use std::time::Duration;

/// What was done.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArchivePruned {
    written: Vec<String>,
    moved: Vec<String>,
    files: u64,
    bytes: u64,
    gone: Vec<String>,
    stays: Vec<String>,
}

impl ArchivePruned {
    pub(crate) fn add(&mut self, step: Step) {
        match step {
            Step::Written(file) => self.written.push(file.to_string()),
            Step::Moved(file) => self.moved.push(file.to_string()),
            Step::Removed(_, bytes) => {
                self.files += 1;
                self.bytes += bytes;
            }
            Step::Gone(group) => self.gone.push(group),
            Step::Stays(group) => self.stays.push(group),
            _ => {}
        }
    }

    pub(crate) fn files_removed(&self) -> u64 {
        self.files
    }
}

/// What would be done, as lines with their ends.
pub(crate) fn would_prune_archive(place: &Place, plan: &Plan, grace: Duration) -> String {
    let mut lines = head(place, plan);
    for Superfluous { snapshot, files, bytes, .. } in &plan.superfluous {
        lines.push(format!("remove  {}: {}, {}", state(snapshot), counted(*files, "file"), size(*bytes)));
    }
    lines.extend(
        plan.write.iter().map(|file| format!("write   {}: {} that stay", file.file(), counted(file.lines(), "line"))),
    );
    lines.extend(plan.moves.iter().map(|file| format!("move    {file} to metadata_backup/")));
    lines.extend(plan.leaving.iter().map(|leaving| waiting(leaving, grace)));
    lines.push(match (plan.superfluous.len(), plan.leaving.len()) {
        (0, 0) => "nothing to remove".to_owned(),
        _ => format!(
            "would make {} unknown, whose files go {} later; --yes does it",
            counted(plan.superfluous.len(), "snapshot"),
            told(grace)
        ),
    });
    ended(lines)
}

/// What was done, as lines with their ends.
pub(crate) fn archive_pruned(place: &Place, plan: &Plan, done: &ArchivePruned, grace: Duration) -> String {
    let mut lines = vec![format!(
        "archive {}: {} made unknown, {} moved; {} of {} removed",
        place.name,
        counted(plan.superfluous.len(), "snapshot"),
        counted(done.moved.len(), "metadata file"),
        counted(usize::try_from(done.files).unwrap_or(usize::MAX), "file"),
        size(done.bytes),
    )];
    if plan.superfluous.iter().any(|it| !done.gone.contains(&group(&it.snapshot))) {
        lines.push(format!("the files of what is unknown now are removed by the first run after {}", told(grace)));
    }
    lines.extend(done.stays.iter().map(|group| format!("{group} stays: it is named again, or written into")));
    ended(lines)
}

/// The same as JSON.
pub(crate) fn archive_pruning_json(place: &Place, plan: &Plan, grace: Duration, done: Option<&ArchivePruned>) -> Value {
    let superfluous = plan.superfluous.iter().map(|Superfluous { snapshot, files, bytes, .. }| {
        json!({ "snapshot": snapshot_json(snapshot), "files": files, "bytes_stored": bytes })
    });
    json!({
        "operation": "prune",
        "location": place.name,
        "window": { "first_version": plan.base.as_ref().map(|base| base.version), "wanted_from": plan.start, "last_version": plan.reached },
        "base": plan.base.as_ref().map(snapshot_json),
        "kept": plan.kept.iter().map(|need| snapshot_json(&need.snapshot)).collect::<Vec<_>>(),
        "superfluous": superfluous.collect::<Vec<_>>(),
        "to_write": plan.write.iter().map(|file| file.file().to_string()).collect::<Vec<_>>(),
        "to_move": plan.moves.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "waiting": plan.leaving.iter().map(|leaving| json!({
            "group": leaving.group,
            "removable_from": time(leaving.at.saturating_add(grace.as_secs())),
        })).collect::<Vec<_>>(),
        "done": done.map(|done| json!({
            "written": done.written,
            "moved": done.moved,
            "files_removed": done.files,
            "bytes_removed": done.bytes,
            "groups_removed": done.gone,
            "groups_left_alone": done.stays,
        })),
    })
}

/// What each kept snapshot's versions need, as lines with their ends.
pub(crate) fn needs(place: &Place, plan: &Plan) -> String {
    let mut lines = head(place, plan);
    for Need { snapshot, versions, epoch_endings, transactions, .. } in &plan.kept {
        lines.push(match versions {
            Some((first, last)) => format!("versions {first} to {last} need"),
            None => format!("{}: no version is restored from it yet", state(snapshot)),
        });
        let of = |kind: &'static str, files: &[sealift::FileHandle]| {
            files.iter().map(move |file| format!("  {kind:<15}  {file}")).collect::<Vec<_>>()
        };
        lines.extend(of("state snapshot", std::slice::from_ref(&snapshot.manifest)));
        lines.extend(of("epoch endings", epoch_endings));
        lines.extend(of("transactions", transactions));
    }
    ended(lines)
}

/// The same as JSON.
pub(crate) fn needs_json(place: &Place, plan: &Plan) -> Value {
    let texts = |files: &[sealift::FileHandle]| files.iter().map(ToString::to_string).collect::<Vec<_>>();
    let needs = plan.kept.iter().map(|need| {
        json!({
            "versions": need.versions.map(|(first, last)| json!({ "first": first, "last": last })),
            "state_snapshot": snapshot_json(&need.snapshot),
            "epoch_endings": texts(&need.epoch_endings),
            "transactions": texts(&need.transactions),
        })
    });
    json!({ "operation": "prune", "location": place.name, "needs": needs.collect::<Vec<_>>() })
}

fn head(place: &Place, plan: &Plan) -> Vec<String> {
    let reached = plan.reached;
    let window = match (&plan.start, &plan.base) {
        (Some(_), Some(base)) => {
            format!("versions {} to {reached} stay restorable, from {} on", base.version, state(base))
        }
        (Some(start), None) => format!(
            "all stays: there is no snapshot at version {start} or before from which that version is restored by backups that \
             count; `sealift verify` makes them count, or --unverified-counts"
        ),
        (None, _) => "all stays: no snapshot is from before the recovery window".to_owned(),
    };
    let mut lines = vec![format!("archive {}: {window}", place.name)];
    let snapshots = plan.kept.iter().map(|need| &need.snapshot);
    lines.extend(snapshots.map(|snapshot| format!("keep    {}", state(snapshot))));
    lines
}

fn waiting(leaving: &Leaving, grace: Duration) -> String {
    let from = time(leaving.at.saturating_add(grace.as_secs()));
    format!("remove  {}, which nothing names since an earlier run: from {from} on", leaving.group)
}

fn state(snapshot: &Snapshot) -> String {
    format!("the state at version {}, the end of epoch {}", snapshot.version, snapshot.epoch)
}

fn group(snapshot: &Snapshot) -> String {
    snapshot.manifest.as_ref().split('/').next().unwrap_or_default().to_owned()
}

fn snapshot_json(snapshot: &Snapshot) -> Value {
    json!({ "epoch": snapshot.epoch, "version": snapshot.version, "manifest": snapshot.manifest.as_ref() })
}

fn told(time: Duration) -> String {
    jiff::SignedDuration::try_from(time).map(|time| format!("{time:#}")).unwrap_or_default()
}

fn ended(lines: Vec<String>) -> String {
    lines.iter().map(|line| one_line(line).into_owned() + "\n").collect()
}
