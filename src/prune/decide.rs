//! What a policy means for the backups that there are.

use super::policy::{Miss, Policy, Reason, Rule};
use std::collections::BTreeSet;

/// A backup of the thing in question. All there are, are complete: what is not sealed cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// Its name.
    pub name: String,
    /// Of when it is, in seconds since 1970.
    pub at: u64,
    /// What is known of it.
    pub standing: Standing,
    /// Whether somebody said that it stays.
    pub hold: Hold,
}

impl Backup {
    /// A backup of which nobody said that it stays.
    pub fn new(name: impl Into<String>, at: u64, standing: Standing) -> Self {
        Backup { name: name.into(), at, standing, hold: Hold::Free }
    }
}

/// What is known of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was read to its end as it is now, and nothing was wrong.
    Verified,
    /// Nobody knows.
    Unverified,
    /// It holds nothing, so whatever is known of it, it replaces no other.
    Empty,
}

/// Whether a backup stays whatever a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It does.
    Held,
    /// The policy decides.
    Free,
}

/// Which backups make others superfluous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counting {
    /// Those that are known to be good.
    #[default]
    Verified,
    /// All but empty ones.
    Sealed,
}

/// What becomes of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Which.
    pub backup: Backup,
    /// What, and why.
    pub verdict: Verdict,
}

/// What becomes of a backup, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept, and makes others superfluous.
    Keep(Vec<Reason>),
    /// It is kept as if it counted, and makes no other superfluous.
    KeepUncounted(Vec<Reason>),
    /// It is superfluous, by this for each rule.
    Remove(Vec<Miss>),
}

impl Verdict {
    /// Whether it is removed.
    pub fn removes(&self) -> bool {
        matches!(self, Verdict::Remove(_))
    }
}

/// Decides about all backups of one thing at the time `now`, in seconds since 1970; the newest comes first.
///
/// A backup is removed only where the policy has no use for it beside those that count and are newer. Those that do not count
/// are treated the same, each by itself: one that would be kept if it counted is kept. So whatever is removed, the policy is
/// met by backups that count, as far as there ever were any; the newest of them is always kept, and where none counts,
/// everything is. A backup whose time is in the future counts only once that has come: it would make all others look old.
pub fn decide(policy: &Policy, mut backups: Vec<Backup>, counting: Counting, now: u64) -> Vec<Decision> {
    backups.sort_by(|one, other| (other.at, &other.name).cmp(&(one.at, &one.name)));
    let counts: Vec<bool> = backups.iter().map(|backup| does_count(backup, counting, now)).collect();
    let counted: Vec<&Backup> = backups.iter().zip(&counts).filter(|(_, counts)| **counts).map(|(it, _)| it).collect();
    let rules: Vec<Counted> = policy.rules().iter().map(|rule| Counted::new(*rule, &counted)).collect();
    let mut newer = 0;
    let mut verdicts = Vec::new();
    for (backup, counts) in backups.iter().zip(&counts) {
        let older = counted.len() - newer - usize::from(*counts);
        verdicts.push(match (kept_for(backup, &rules, newer, older, now), counts) {
            (Err(misses), _) => Verdict::Remove(misses),
            (Ok(reasons), true) => Verdict::Keep(reasons),
            (Ok(reasons), false) => Verdict::KeepUncounted(reasons),
        });
        newer += usize::from(*counts);
    }
    backups.into_iter().zip(verdicts).map(|(backup, verdict)| Decision { backup, verdict }).collect()
}

fn does_count(backup: &Backup, counting: Counting, now: u64) -> bool {
    let good = match (counting, backup.standing) {
        (_, Standing::Empty) => false,
        (Counting::Verified, standing) => standing == Standing::Verified,
        (Counting::Sealed, _) => true,
    };
    good && backup.at <= now
}

/// Why a backup is kept, or why no rule wants it, where so many that count are `newer` and `older`.
fn kept_for(
    backup: &Backup,
    rules: &[Counted<'_>],
    newer: usize,
    older: usize,
    now: u64,
) -> Result<Vec<Reason>, Vec<Miss>> {
    let (mut reasons, mut misses) = (Vec::new(), Vec::new());
    for rule in rules {
        match rule.wants(backup, newer, older) {
            Ok(reason) => reasons.push(reason),
            Err(miss) => misses.push(miss),
        }
    }
    if backup.hold == Hold::Held {
        reasons.push(Reason::Held);
    }
    if backup.at > now {
        reasons.push(Reason::InTheFuture);
    }
    if reasons.is_empty() { Err(misses) } else { Ok(reasons) }
}

/// A rule, and what it needs to know of the backups that count.
struct Counted<'a> {
    rule: Rule,
    /// Those that count, the newest first.
    counted: &'a [&'a Backup],
    /// The period of each, and how many periods there are up to and with it.
    periods: Vec<(i64, usize)>,
}

impl<'a> Counted<'a> {
    fn new(rule: Rule, counted: &'a [&'a Backup]) -> Self {
        let mut seen = BTreeSet::new();
        let periods = match rule {
            Rule::Each(period, _) => counted
                .iter()
                .map(|backup| {
                    let of = period.of(backup.at);
                    seen.insert(of);
                    (of, seen.len())
                })
                .collect(),
            Rule::Last(_) | Rule::Within(_) => Vec::new(),
        };
        Counted { rule, counted, periods }
    }

    /// Whether the rule wants a backup, where so many that count are `newer` and `older`.
    fn wants(&self, backup: &Backup, newer: usize, older: usize) -> Result<Reason, Miss> {
        match self.rule {
            Rule::Last(count) if newer < count.get() => Ok(Reason::Last(newer + 1)),
            Rule::Last(count) => Err(Miss::LastAreNewer(count.get())),
            Rule::Within(time) => match self.counted.first().filter(|newest| newest.at > backup.at) {
                Some(newest) if newest.at - backup.at > time.as_secs() => {
                    Err(Miss::OlderThan(time, newest.name.clone()))
                }
                _ => Ok(Reason::Within(time)),
            },
            Rule::Each(period, count) => {
                let before =
                    newer.checked_sub(1).and_then(|last| Some((self.periods.get(last)?, self.counted.get(last)?)));
                let Some((&(newer_period, periods), newer)) = before else { return Ok(Reason::NewestOf(period)) };
                match newer_period == period.of(backup.at) {
                    // As restic has it: the oldest stands for the periods that are still to come.
                    true if periods < count.get() && older == 0 => Ok(Reason::OldestFor(period)),
                    true => Err(Miss::NewerInPeriod(period, newer.name.clone())),
                    false if periods < count.get() => Ok(Reason::NewestOf(period)),
                    false => Err(Miss::PeriodsAreNewer(period, count.get())),
                }
            }
        }
    }
}
