//! Reports become a verdict, which proves that nothing was passed over.

use super::depth::Depth;
use super::files::How;
use super::finding::{Class, Finding};
use super::piece::{Facts, Outcome, Piece};
use super::plan::{LeftOut, Plan};
use super::shard::Shard;
use super::worker::Report;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of everything in a plan. It says the same whichever shards did the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// The URL of what was verified.
    pub of: String,
    /// The plan's id.
    pub plan: String,
    /// When the plan was made, in seconds since 1970.
    pub planned_at: u64,
    /// How deep.
    pub depth: Depth,
    /// What the check was asked for.
    pub settings: Value,
    /// How many pieces of each kind were verified.
    pub pieces: BTreeMap<Cow<'static, str>, u64>,
    /// How many files, by what.
    pub files: BTreeMap<How, u64>,
    /// How many bytes are stored of them, as far as the storage tells.
    pub bytes: u64,
    /// How many pieces were not verified, because the record says that they were.
    pub verified_before: u64,
    /// What was left for another time.
    pub left_out: LeftOut,
    /// The piece that was verified longest ago; none where some were never verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_ago: Option<Oldest>,
    /// What was taken for granted because whoever asked said so.
    pub trusts: BTreeSet<String>,
    /// What is wrong, or could not be told, in order.
    pub findings: Vec<Finding>,
    /// What else is to be known, in order, each once.
    pub notes: BTreeSet<String>,
}

/// The piece that was verified longest ago.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Oldest {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Which.
    pub piece: String,
}

impl Verdict {
    /// The worst there is; none when all is well.
    pub fn class(&self) -> Option<Class> {
        self.findings.iter().map(|finding| finding.class).min()
    }
}

/// Makes one verdict of all shards' reports.
///
/// # Errors
/// Why these reports are not all of this plan, each reason in words: a shard is missing, there twice, of another plan, or has
/// not verified exactly what was its own.
pub fn merge(plan: &Plan, reports: Vec<Report>) -> Result<Verdict, Vec<String>> {
    check_complete(plan, &reports)?;
    let mut pieces = BTreeMap::new();
    let mut left_out = plan.left_out.clone();
    for report in reports {
        left_out_unfinished(plan, &report, &mut left_out);
        pieces.extend(report.pieces);
    }
    Ok(verdict(plan, &pieces, left_out))
}

fn check_complete(plan: &Plan, reports: &[Report]) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    for report in reports {
        if report.plan != plan.id {
            wrong.push(format!("the report of shard {} is of another plan", report.shard));
        }
        if report.depth != plan.depth {
            wrong
                .push(format!("the report of shard {} is of depth {}, not {}", report.shard, report.depth, plan.depth));
        }
    }
    let of: BTreeSet<u32> = reports.iter().map(|report| report.shard.of()).collect();
    if of.len() > 1 {
        let of: Vec<_> = of.iter().map(u32::to_string).collect();
        wrong.push(format!("the plan was divided in different ways: into {} shards", of.join(", into ")));
    } else if let Some(of) = of.first() {
        for number in 1..=*of {
            match reports.iter().filter(|report| report.shard.number() == number).count() {
                0 => wrong.push(format!("the report of shard {number}/{of} is missing")),
                1 => {}
                count => wrong.push(format!("there are {count} reports of shard {number}/{of}")),
            }
        }
    } else {
        wrong.push("there are no reports".to_owned());
    }
    wrong.extend(reports.iter().filter_map(|report| not_its_own(plan, report)));
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What a report has too much or too little of.
fn not_its_own(plan: &Plan, report: &Report) -> Option<String> {
    let share = own(plan, report.shard);
    let has: BTreeSet<&str> = report.pieces.keys().chain(&report.unfinished).map(String::as_str).collect();
    let (missing, foreign) = (share.difference(&has).next(), has.difference(&share).next());
    match (missing, foreign) {
        (None, None) => None,
        (Some(missing), _) => Some(format!(
            "the report of shard {} has {} of its {} pieces; {missing} is missing",
            report.shard,
            has.intersection(&share).count(),
            share.len(),
        )),
        (None, Some(foreign)) => {
            Some(format!("the report of shard {} has {foreign}, which is another's", report.shard))
        }
    }
}

fn own(plan: &Plan, shard: Shard) -> BTreeSet<&str> {
    let share = shard.share(&plan.pieces);
    share.iter().filter_map(|&at| plan.pieces.get(at)).map(|piece| piece.name.as_str()).collect()
}

fn left_out_unfinished(plan: &Plan, report: &Report, left_out: &mut LeftOut) {
    let unfinished: BTreeSet<&str> = report.unfinished.iter().map(String::as_str).collect();
    for piece in plan.pieces.iter().filter(|piece| unfinished.contains(piece.name.as_str())) {
        left_out.add(piece, None);
    }
}

fn verdict(plan: &Plan, outcomes: &BTreeMap<String, Outcome>, left_out: LeftOut) -> Verdict {
    let mut verdict = Verdict {
        of: plan.of.clone(),
        plan: plan.id.clone(),
        planned_at: plan.made_at,
        depth: plan.depth,
        settings: plan.settings.clone(),
        pieces: BTreeMap::new(),
        files: BTreeMap::new(),
        bytes: 0,
        verified_before: 0,
        longest_ago: None,
        trusts: BTreeSet::new(),
        findings: plan.findings.clone(),
        notes: plan.notes.iter().cloned().collect(),
        left_out,
    };
    let done: Vec<(&Piece, &Outcome)> =
        plan.pieces.iter().filter_map(|piece| Some((piece, outcomes.get(&piece.name)?))).collect();
    let now = done.iter().map(|(piece, _)| Oldest { at: plan.made_at, piece: piece.name.clone() });
    let before = plan.earlier.iter().map(|earlier| Oldest { at: earlier.at, piece: earlier.piece.clone() });
    if verdict.left_out.never_verified == 0 {
        verdict.longest_ago = now.chain(before).min();
    }
    for (piece, outcome) in &done {
        *verdict.pieces.entry(piece.kind.clone()).or_default() += 1;
        for file in outcome.files.values() {
            *verdict.files.entry(file.how).or_default() += 1;
            verdict.bytes += file.identity.as_ref().map_or(0, |identity| identity.size);
        }
        verdict.findings.extend(outcome.findings.iter().cloned());
        verdict.notes.extend(outcome.notes.iter().cloned());
    }
    let left_out_before = plan.left_out.pieces - plan.left_out.never_verified;
    verdict.verified_before = plan.earlier.len() as u64 - left_out_before;
    rest(plan, &done, &mut verdict);
    verdict.findings.sort();
    verdict.findings.dedup();
    verdict
}

/// Holds what pieces rest on against what others have proven.
fn rest(plan: &Plan, done: &[(&Piece, &Outcome)], verdict: &mut Verdict) {
    let now = done.iter().map(|(piece, outcome)| (&piece.name, &outcome.facts));
    let earlier = plan.earlier.iter().map(|earlier| (&earlier.piece, &earlier.facts));
    let all: Vec<(&String, &Facts)> = now.chain(earlier).collect();
    let proven: BTreeSet<&String> = all.iter().flat_map(|(_, facts)| &facts.proves).collect();
    verdict.trusts = all.iter().flat_map(|(_, facts)| facts.trusts.iter().cloned()).collect();
    let mut unproven: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (piece, facts) in &all {
        for need in facts.needs.iter().filter(|need| !proven.contains(need)) {
            unproven.entry(need).or_default().push(piece);
        }
    }
    // What proves it may be among what is left for another time.
    if verdict.left_out.pieces > 0 {
        if !unproven.is_empty() {
            let count = unproven.len();
            verdict.notes.insert(format!(
                "what is verified rests on {count} facts that are proven only when the rest is verified"
            ));
        }
        return;
    }
    for (need, pieces) in unproven {
        let (first, others) = (pieces.first().map_or("", |first| first.as_str()), pieces.len().saturating_sub(1));
        let others = if others == 0 { String::new() } else { format!(", and so do {others} others") };
        let found = format!("it rests on this, which nothing proves{others}: {need}");
        verdict.findings.push(Finding::wrong(first, "unproven", found));
    }
}
