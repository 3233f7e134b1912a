//! What is told of an Aptos archive and its node: what `ls --aptos` finds, and the lines of `backup query`.

use super::{one_line, quoted};
use sealift::Archive;
use sealift_aptos::{Coverage, Covered, DbState, Extent, Known, Obstacle, Restorable, Snapshot};
use serde_json::{Value, json};

/// So many lines of a list are told to people. Of more, the first and the last are.
const SHOWN: usize = 20;
const SHOWN_FIRST: usize = 5;
const SHOWN_LAST: usize = 10;

/// Where an archive is.
#[derive(Debug)]
pub(crate) struct Place {
    /// In words: a URL, or whose commands reach it.
    pub(crate) name: String,
    /// The options that lead a command there.
    pub(crate) options: String,
}

impl Place {
    /// The archive at a URL.
    pub(crate) fn url(url: String) -> Self {
        Place { options: format!("--storage {}", quoted(&url)), name: url }
    }

    /// This archive.
    pub(crate) fn archive(archive: &Archive) -> Self {
        let url = archive.bucket().url();
        Place::url(match archive.prefix() {
            "" => url,
            prefix => format!("{url}/{prefix}"),
        })
    }

    /// The archive behind the commands of this file.
    pub(crate) fn commands(file: &str) -> Self {
        let options = format!("--storage command-adapter --command-adapter-config {}", quoted(file));
        Place { name: format!("by the commands of {file}"), options }
    }
}

/// What an archive covers, as lines with their ends.
pub(crate) fn covers(place: &Place, known: &Known, coverage: &Coverage) -> String {
    let files = counted(coverage.metadata_files, "metadata file");
    let mut lines = vec![format!("archive {}: {files}", one_line(&place.name)), String::new()];
    lines.extend(table(coverage));
    let problems: Vec<_> = known.gaps().into_iter().chain(known.overlaps()).collect();
    if !problems.is_empty() {
        lines.push(String::new());
        lines.extend(some_of(problems));
    }
    lines.push(String::new());
    lines.extend(coverage.restorable.iter().flat_map(reached));
    lines.extend(coverage.obstacle.iter().flat_map(|obstacle| hindered(obstacle, coverage)));
    if lines.iter().any(|line| line.contains('`')) {
        lines.push(format!("The commands take {}.", one_line(&place.options)));
    }
    lines.iter().map(|line| one_line(line).trim_end().to_owned() + "\n").collect()
}

/// What there is of each kind, in columns.
fn table(coverage: &Coverage) -> Vec<String> {
    let Coverage { epoch_endings, transactions, snapshots, .. } = coverage;
    let (epochs, versions) = (width(snapshots, |it| it.epoch), width(snapshots, |it| it.version));
    let states = snapshots.iter().map(|snapshot| {
        let Snapshot { epoch, version, .. } = snapshot;
        format!("epoch {epoch:>epochs$}, version {version:>versions$}")
    });
    let sections = [
        ("epoch endings", ranges(epoch_endings), epoch_endings.backups),
        ("transactions", ranges(transactions), transactions.backups),
        ("state snapshots", some_of(states.collect()), snapshots.len()),
    ];
    let cells = sections.iter().flat_map(|(_, cells, _)| cells);
    let width = cells.map(|cell| cell.chars().count()).max().unwrap_or_default();
    let lines = sections.into_iter().flat_map(|(kind, cells, backups)| {
        cells.into_iter().enumerate().map(move |(at, cell)| match (at, backups) {
            (0, 0) => format!("{kind:<15}  {cell}"),
            (0, _) => format!("{kind:<15}  {cell:<width$}  {}", counted(backups, "backup")),
            _ => format!("{:<15}  {cell}", ""),
        })
    });
    lines.collect()
}

fn ranges(covered: &Covered) -> Vec<String> {
    let (firsts, lasts) = (width(&covered.ranges, |it| it.0), width(&covered.ranges, |it| it.1));
    some_of(covered.ranges.iter().map(|(first, last)| format!("{first:>firsts$} to {last:>lasts$}")).collect())
}

/// All of a list, or the first and the last of a long one; a word for an empty one.
fn some_of(mut lines: Vec<String>) -> Vec<String> {
    match lines.len() {
        0 => lines.push("none".to_owned()),
        all if all > SHOWN => {
            let more = format!("... {} more (--json has them)", all - SHOWN_FIRST - SHOWN_LAST);
            lines.splice(SHOWN_FIRST..all - SHOWN_LAST, [more]);
        }
        _ => {}
    }
    lines
}

/// What a restore reaches, and with what.
fn reached(restorable: &Restorable) -> Vec<String> {
    let Restorable { version, unsaid_target, snapshot, last_epoch, .. } = restorable;
    let (endings, transactions) = (restorable.epoch_ending_manifests, restorable.transaction_manifests);
    let after = match restorable.transactions_after_snapshot() {
        0 => String::new(),
        1 => ", and 1 transaction after it".to_owned(),
        some => format!(", and {some} transactions after it"),
    };
    let mut lines = vec![
        format!("A restore reaches version {version}: {}{after}.", state(snapshot)),
        format!(
            "It needs epoch endings 0 to {last_epoch}, and reads {} manifests: {endings} of epoch endings, 1 of the \
             state, {transactions} of transactions.",
            endings + 1 + transactions
        ),
    ];
    if version != unsaid_target {
        lines.push(format!(
            "Say --target-version {version} to aptos-db-tool: by itself it aims at version {unsaid_target}, and fails, \
             or restores what it cannot check."
        ));
    }
    lines
}

/// What keeps a restore from a snapshot, and what helps. What was told before is not told at length again.
fn hindered(obstacle: &Obstacle, coverage: &Coverage) -> Vec<String> {
    let Obstacle { snapshot, missing, repeated, .. } = obstacle;
    let nothing = match coverage.restorable {
        Some(_) => "",
        None => "Nothing can be restored yet. ",
    };
    let mut lines = vec![match snapshot {
        Some(snapshot) => format!("{nothing}What keeps a restore from {}:", state(snapshot)),
        None => format!("{nothing}There is no state snapshot:"),
    }];
    let missing_lines = missing.iter().map(|&extent| {
        let command = extent.command();
        match extent {
            Extent::State { .. } => format!("  `{command}` backs up {extent}, if the node has it"),
            _ if is_gap(extent, coverage) => format!("  {extent} are missing, see above"),
            _ => format!("  {extent} are missing: `{command}` adds them"),
        }
    });
    lines.extend(missing_lines);
    lines.extend(repeated.iter().map(|extent| format!("  more than one backup has {extent}, see above")));
    if missing.is_empty() && repeated.is_empty() {
        lines.push(match snapshot {
            Some(_) => "  by the metadata of epoch endings, its version is not the end of its epoch".to_owned(),
            None => "  `backup continuously` backs up all that is due; `backup state-snapshot --state-snapshot-epoch \
                     EPOCH` the state at the end of an epoch that the node has"
                .to_owned(),
        });
    }
    lines
}

/// Whether it is a gap, which is told by itself.
fn is_gap(extent: Extent, coverage: &Coverage) -> bool {
    match extent {
        Extent::Epochs { first, last } => coverage.epoch_endings.missing.contains(&(first, last)),
        Extent::Versions { first, last } => coverage.transactions.missing.contains(&(first, last)),
        Extent::State { .. } => false,
    }
}

fn state(Snapshot { epoch, version, .. }: &Snapshot) -> Extent {
    Extent::State { epoch: *epoch, version: *version }
}

fn width<T>(of: &[T], number: impl Fn(&T) -> u64) -> usize {
    of.iter().map(|it| number(it).to_string().len()).max().unwrap_or_default()
}

pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// What an archive covers, as JSON.
pub(crate) fn covers_json(place: &Place, known: &Known, coverage: &Coverage) -> Value {
    json!({
        "operation": "ls",
        "location": place.name,
        "metadata_files": coverage.metadata_files,
        "epoch_endings": covered_json(&coverage.epoch_endings),
        "transactions": covered_json(&coverage.transactions),
        "state_snapshots": coverage.snapshots.iter().map(snapshot_json).collect::<Vec<_>>(),
        "gaps": known.gaps(),
        "overlaps": known.overlaps(),
        "restorable": coverage.restorable.as_ref().map(|restorable| json!({
            "version": restorable.version,
            "needs_target_version": restorable.version != restorable.unsaid_target,
            "state_snapshot": snapshot_json(&restorable.snapshot),
            "transactions_after_snapshot": restorable.transactions_after_snapshot(),
            "epoch_endings": { "first": 0, "last": restorable.last_epoch },
            "manifests": {
                "epoch_endings": restorable.epoch_ending_manifests,
                "state_snapshots": 1,
                "transactions": restorable.transaction_manifests,
            },
        })),
        "obstacle": coverage.obstacle.as_ref().map(|Obstacle { snapshot, missing, repeated, .. }| json!({
            "state_snapshot": snapshot.as_ref().map(snapshot_json),
            "missing": missing.iter().map(|&extent| {
                json!({ "what": extent.to_string(), "command": extent.command() })
            }).collect::<Vec<_>>(),
            "repeated": repeated.iter().map(Extent::to_string).collect::<Vec<_>>(),
        })),
    })
}

fn covered_json(covered: &Covered) -> Value {
    let ranges = |ranges: &[(u64, u64)]| -> Vec<Value> {
        ranges.iter().map(|(first, last)| json!({ "first": first, "last": last })).collect()
    };
    json!({
        "backups": covered.backups,
        "ranges": ranges(&covered.ranges),
        "missing": ranges(&covered.missing),
        "repeated": ranges(&covered.repeated),
    })
}

fn snapshot_json(Snapshot { epoch, version, manifest, .. }: &Snapshot) -> Value {
    json!({ "epoch": epoch, "version": version, "manifest": manifest.as_ref() })
}

/// The newest of each kind that an archive has, in the words of `aptos-db-tool backup query backup-storage-state`, which
/// scripts read.
pub(crate) fn storage_state(known: &Known) -> String {
    let told = |number: Option<u64>| number.map_or("none".to_owned(), |number| number.to_string());
    let snapshot = known.newest_snapshot();
    format!(
        "latest_epoch_ending_epoch: {}, latest_state_snapshot_epoch: {}, latest_state_snapshot_version: {}, \
         latest_transaction_version: {}",
        told(known.last_epoch()),
        told(snapshot.as_ref().map(|snapshot| snapshot.epoch)),
        told(snapshot.as_ref().map(|snapshot| snapshot.version)),
        told(known.last_version()),
    )
}

/// The same as JSON.
pub(crate) fn storage_state_json(known: &Known) -> Value {
    let snapshot = known.newest_snapshot();
    json!({
        "latest_epoch_ending_epoch": known.last_epoch(),
        "latest_state_snapshot_epoch": snapshot.as_ref().map(|snapshot| snapshot.epoch),
        "latest_state_snapshot_version": snapshot.as_ref().map(|snapshot| snapshot.version),
        "latest_transaction_version": known.last_version(),
    })
}

/// How far a node is, in the words of `aptos-db-tool backup query node-state`, which scripts read.
pub(crate) fn node_state(state: DbState) -> String {
    match state {
        DbState::Empty => "DB not bootstrapped.".to_owned(),
        DbState::At { epoch, committed_version } => format!("epoch: {epoch}, committed_version: {committed_version}"),
    }
}

/// The same as JSON.
pub(crate) fn node_state_json(state: DbState) -> Value {
    let (epoch, committed_version) = match state {
        DbState::Empty => (None, None),
        DbState::At { epoch, committed_version } => (Some(epoch), Some(committed_version)),
    };
    json!({ "epoch": epoch, "committed_version": committed_version })
}
