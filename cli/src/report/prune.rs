//! What is told of superfluous backups: which there are, and why, and what was removed.

use super::archive::counted;
use super::{pasted, size};
use sealift::prune::{Decision, Standing, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is known of the backups in a place, and what was done.
#[derive(Debug)]
pub(crate) struct Pruning {
    location: String,
    pub(crate) groups: Vec<Group>,
    sizes: BTreeMap<String, u64>,
    /// How many names are not of the template.
    others: u64,
    pub(crate) removed: Vec<String>,
}

/// The backups of one thing, the newest first.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) label: String,
    pub(crate) decisions: Vec<Decision>,
}

impl Pruning {
    pub(crate) fn new(location: String, groups: Vec<Group>, sizes: &BTreeMap<String, u64>, others: u64) -> Self {
        Pruning { location, groups, sizes: sizes.clone(), others, removed: Vec::new() }
    }

    fn size(&self, name: &str) -> u64 {
        self.sizes.get(name).copied().unwrap_or_default()
    }

    fn superfluous(&self) -> Vec<&Decision> {
        self.groups.iter().flat_map(|group| &group.decisions).filter(|it| it.verdict.removes()).collect()
    }

    fn has_verified(&self) -> bool {
        let mut all = self.groups.iter().flat_map(|group| &group.decisions);
        all.any(|it| it.backup.standing == Standing::Verified)
    }

    fn left_alone(&self) -> String {
        match self.others {
            0 => String::new(),
            1 => "; 1 name is not of this form, and is left alone".to_owned(),
            others => format!("; {others} names are not of this form, and are left alone"),
        }
    }
}

/// What would be removed, as lines with their ends.
pub(crate) fn would_prune(pruning: &Pruning) -> String {
    let mut lines = Vec::new();
    for Group { label, decisions } in &pruning.groups {
        let verified = decisions.iter().filter(|it| it.backup.standing == Standing::Verified).count();
        lines.push(format!("{}: {}, {verified} verified", pasted(label), counted(decisions.len(), "backup")));
        for Decision { backup, verdict, .. } in decisions {
            let (word, why) = told(verdict);
            let (at, bytes) = (time(backup.at), size(pruning.size(&backup.name)));
            let standing = standing(backup.standing);
            lines.push(format!("{word:<6}  {at}  {bytes:>10}  {}  {standing}: {why}", pasted(&backup.name)));
        }
    }
    let superfluous = pruning.superfluous();
    let bytes: u64 = superfluous.iter().map(|it| pruning.size(&it.backup.name)).sum();
    lines.push(match superfluous.len() {
        0 => format!("nothing to remove{}", pruning.left_alone()),
        count => {
            format!("would remove {}, {}{}; --yes does it", counted(count, "backup"), size(bytes), pruning.left_alone())
        }
    });
    if superfluous.is_empty() && !pruning.has_verified() {
        lines.push(
            "none is known to be verified, and only verified ones make others superfluous: `sealift verify` first, or \
             --unverified-counts"
                .to_owned(),
        );
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// What was removed.
pub(crate) fn pruned(pruning: &Pruning) -> String {
    let bytes: u64 = pruning.removed.iter().map(|name| pruning.size(name)).sum();
    let all: usize = pruning.groups.iter().map(|group| group.decisions.len()).sum();
    let (removed, all) = (pruning.removed.len(), counted(all, "backup"));
    format!("removed {removed} of {all} in {}, {}{}", pruning.location, size(bytes), pruning.left_alone())
}

/// The same as JSON.
pub(crate) fn pruning_json(pruning: &Pruning) -> Value {
    let groups = pruning.groups.iter().map(|Group { label, decisions }| {
        let backups = decisions.iter().map(|Decision { backup, verdict, .. }| {
            let (verdict_word, counts) = match verdict {
                Verdict::Keep(_) => ("keep", true),
                Verdict::KeepUncounted(_) => ("keep", false),
                Verdict::Remove(_) => ("remove", false),
            };
            json!({
                "name": backup.name,
                "time": time(backup.at),
                "bytes_stored": pruning.size(&backup.name),
                "standing": standing(backup.standing),
                "verdict": verdict_word,
                "makes_others_superfluous": counts,
                "reasons": reasons(verdict),
            })
        });
        json!({ "group": label, "backups": backups.collect::<Vec<_>>() })
    });
    json!({
        "operation": "prune",
        "location": pruning.location,
        "groups": groups.collect::<Vec<_>>(),
        "names_left_alone": pruning.others,
        "removed": pruning.removed,
        "bytes_removed": pruning.removed.iter().map(|name| pruning.size(name)).sum::<u64>(),
    })
}

fn told(verdict: &Verdict) -> (&'static str, String) {
    match verdict {
        Verdict::Keep(_) => ("keep", reasons(verdict).join(", ")),
        Verdict::KeepUncounted(_) => ("keep", format!("does not count, else {}", reasons(verdict).join(", "))),
        Verdict::Remove(_) => ("remove", reasons(verdict).join(", ")),
    }
}

fn reasons(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Keep(reasons) | Verdict::KeepUncounted(reasons) => reasons.iter().map(ToString::to_string).collect(),
        Verdict::Remove(misses) => misses.iter().map(ToString::to_string).collect(),
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Verified => "verified",
        Standing::Unverified => "not verified",
        Standing::Empty => "empty",
    }
}

pub(super) fn time(at: u64) -> String {
    let time = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    time.map_or_else(|| format!("{at} seconds after 1970"), |time| time.to_string())
}
