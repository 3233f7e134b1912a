//! What is kept and what goes, by examples, by complaints about other tools, and by a model.

use super::*;
use crate::template::civil;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

const DAY: u64 = 86_400;
/// 2026-11-28, a Saturday.
const NOW: u64 = 1_795_824_000;

fn count(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("not zero")
}

fn policy(rules: &[Rule]) -> Policy {
    Policy::new(rules.to_vec()).expect("a policy")
}

fn backup(at: u64, standing: Standing) -> Backup {
    Backup { name: format!("{at:012}"), at, standing, hold: Hold::Free }
}

/// One verified backup so many days ago each.
fn days_ago(days: &[u64]) -> Vec<Backup> {
    days.iter().map(|days| backup(NOW - days * DAY, Standing::Verified)).collect()
}

/// How many days ago those were that are kept.
fn kept(rules: &[Rule], backups: Vec<Backup>) -> Vec<u64> {
    let decisions = decide(&policy(rules), backups, Counting::Verified, NOW);
    decisions.iter().filter(|it| !it.verdict.removes()).map(|it| (NOW - it.backup.at) / DAY).collect()
}

#[test]
fn each_rule_keeps_what_restic_keeps() {
    let daily: Vec<u64> = (0..40).collect();
    assert_eq!(kept(&[Rule::Last(count(3))], days_ago(&daily)), [0, 1, 2]);
    assert_eq!(kept(&[Rule::Each(Period::Day, count(3))], days_ago(&[0, 5, 9, 12])), [0, 5, 9]);
    // Saturday, and the Sundays before: weeks end on them.
    assert_eq!(kept(&[Rule::Each(Period::Week, count(3))], days_ago(&daily)), [0, 6, 13]);
    assert_eq!(kept(&[Rule::Each(Period::Month, count(2))], days_ago(&daily)), [0, 28]);
    // One year only, so the oldest stands for the years to come.
    assert_eq!(kept(&[Rule::Each(Period::Year, count(2))], days_ago(&daily)), [0, 39]);
    assert_eq!(kept(&[Rule::Within(Duration::from_secs(2 * DAY))], days_ago(&daily)), [0, 1, 2]);
    assert_eq!(kept(&[Rule::Last(count(1)), Rule::Each(Period::Month, count(2))], days_ago(&daily)), [0, 28]);
}

#[test]
fn the_first_days_of_a_year_are_in_the_week_of_the_year_before() {
    // 2027-01-01 is a Friday of week 53 of 2026.
    let at = |days: u64| Period::Week.of(NOW + days * DAY);
    assert_eq!(
        (civil(NOW + 34 * DAY).map(|it| it.year()), at(31) == at(34), at(34) < at(37)),
        (Some(2027), true, true)
    );
}

#[test]
fn a_policy_that_keeps_nothing_is_refused() {
    assert!(Policy::new(vec![]).is_err());
    assert!(Policy::new(vec![Rule::Last(count(1)), Rule::Within(Duration::ZERO)]).is_err());
}

#[test]
fn two_of_one_time_are_told_apart_by_their_names() {
    let twice = |names: [&str; 2]| names.map(|name| Backup { name: name.into(), ..backup(NOW, Standing::Verified) });
    for names in [["a", "b"], ["b", "a"]] {
        let decisions = decide(&policy(&[Rule::Last(count(1))]), twice(names).to_vec(), Counting::Verified, NOW);
        let told: Vec<_> = decisions.iter().map(|it| (it.backup.name.as_str(), it.verdict.removes())).collect();
        assert_eq!(told, [("b", false), ("a", true)]);
    }
}

#[test]
fn a_backup_of_the_future_makes_no_other_superfluous() {
    let mut backups = days_ago(&[0, 1, 2]);
    backups.push(backup(NOW + 900 * DAY, Standing::Verified));
    backups.push(backup(NOW + 1, Standing::Verified));
    for rule in [Rule::Last(count(3)), Rule::Within(Duration::from_secs(30 * DAY)), Rule::Each(Period::Day, count(3))] {
        let decisions = decide(&policy(&[rule]), backups.clone(), Counting::Verified, NOW);
        assert!(decisions.iter().all(|it| !it.verdict.removes()), "{decisions:?}");
        assert!(matches!(&decisions[0].verdict, Verdict::KeepUncounted(why) if why.contains(&Reason::InTheFuture)));
    }
    // Where this machine's clock is behind, all of them are of the future, and all stay.
    let decisions = decide(&policy(&[Rule::Last(count(1))]), backups, Counting::Verified, NOW - 10 * DAY);
    assert!(decisions.iter().all(|it| !it.verdict.removes()));
}

#[test]
fn what_is_not_verified_makes_no_other_superfluous() {
    let last = [Rule::Last(count(2))];
    let mut backups = days_ago(&[3, 4, 5, 6]);
    backups.extend([0, 1, 2].map(|days| backup(NOW - days * DAY, Standing::Unverified)));
    backups.push(backup(NOW - 9 * DAY, Standing::Unverified));
    // The new ones may be good, the two before are known to be, and the old one would be superfluous if it were good.
    assert_eq!(kept(&last, backups.clone()), [0, 1, 2, 3, 4]);
    let decisions = decide(&policy(&last), backups.clone(), Counting::Sealed, NOW);
    let kept_all = decisions.iter().filter(|it| !it.verdict.removes()).count();
    assert_eq!(kept_all, 2);
    // Where nothing is verified, nothing goes.
    backups.iter_mut().for_each(|backup| backup.standing = Standing::Unverified);
    assert_eq!(kept(&last, backups).len(), 8);
}

#[test]
fn an_empty_one_replaces_no_other_also_where_all_count() {
    let mut backups = days_ago(&[1, 2]);
    backups.push(backup(NOW, Standing::Empty));
    let decisions = decide(&policy(&[Rule::Last(count(2))]), backups, Counting::Sealed, NOW);
    assert!(decisions.iter().all(|it| !it.verdict.removes()), "{decisions:?}");
}

// Complaints about other tools, by their project and number.

/// Retention by age, which went on after runs that failed: in the end no backup was left.
#[test]
fn orca_204_a_streak_of_failed_nights_uses_up_no_backup() {
    let mut backups = days_ago(&[40, 41, 42, 60]);
    // Nights that failed and left something that nobody could verify.
    backups.extend((0..15).map(|days| backup(NOW - days * DAY, Standing::Unverified)));
    let within = [Rule::Within(Duration::from_secs(14 * DAY))];
    assert_eq!(kept(&within, backups).into_iter().filter(|days| *days >= 40).collect::<Vec<_>>(), [40, 41, 42]);
}

/// Days of retention were counted from today, and not from the last backup that succeeded.
#[test]
fn pgbackweb_121_days_are_counted_from_the_last_backup() {
    let within = [Rule::Within(Duration::from_secs(7 * DAY))];
    assert_eq!(kept(&within, days_ago(&[30, 31, 37, 38])), [30, 31, 37]);
}

/// A failed backup among the last N took the place of a good one.
#[test]
fn portabase_332_a_failed_backup_takes_no_place_among_the_last() {
    let mut backups = days_ago(&[1, 2, 3]);
    backups.push(backup(NOW, Standing::Empty));
    assert_eq!(kept(&[Rule::Last(count(2))], backups), [0, 1, 2]);
}

/// It failed where there were fewer backups than were to be kept.
#[test]
fn wal_g_1245_fewer_backups_than_are_to_be_kept_is_no_failure() {
    assert_eq!(kept(&[Rule::Last(count(7))], days_ago(&[0, 1])), [0, 1]);
    assert_eq!(kept(&[Rule::Last(count(7))], vec![]), Vec::<u64>::new());
}

/// With one backup that was to stay for ever, nothing was removed at all.
#[test]
fn wal_g_1152_one_that_is_held_keeps_no_other() {
    let mut backups = days_ago(&[0, 1, 2, 3, 4]);
    backups[4].hold = Hold::Held;
    assert_eq!(kept(&[Rule::Last(count(2))], backups), [0, 1, 4]);
}

/// Which of those that count a policy keeps, as restic's own loop goes through them, from the newest on.
fn as_restic_does(rules: &[Rule], newest_first: &[&Backup]) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for rule in rules {
        let (mut left, mut last) = (usize::MAX, None);
        if let Rule::Last(count) | Rule::Each(_, count) = rule {
            left = count.get();
        }
        for (at, it) in newest_first.iter().enumerate() {
            let bucket = match rule {
                Rule::Last(_) => at as i64,
                Rule::Each(period, _) => period.of(it.at),
                Rule::Within(time) => {
                    if it.at + time.as_secs() >= newest_first[0].at {
                        kept.insert(it.name.clone());
                    }
                    continue;
                }
            };
            if left > 0 && (last != Some(bucket) || at == newest_first.len() - 1) {
                kept.insert(it.name.clone());
                last = Some(bucket);
                left -= 1;
            }
        }
    }
    kept
}

fn random_rules(random: &mut StdRng) -> Vec<Rule> {
    let mut rules = Vec::new();
    let all = [Period::Day, Period::Week, Period::Month, Period::Year];
    for period in all {
        if random.random_bool(0.4) {
            rules.push(Rule::Each(period, count(random.random_range(1..6))));
        }
    }
    if random.random_bool(0.4) {
        rules.push(Rule::Within(Duration::from_secs(random.random_range(1..60) * DAY / 2)));
    }
    if rules.is_empty() || random.random_bool(0.4) {
        rules.push(Rule::Last(count(random.random_range(1..6))));
    }
    rules
}

fn random_backup(random: &mut StdRng) -> Backup {
    let at = NOW + 10 * DAY - random.random_range(0..400 * 4) * DAY / 4;
    let standing = match random.random_range(0..10) {
        0..6 => Standing::Verified,
        6..9 => Standing::Unverified,
        _ => Standing::Empty,
    };
    let hold = if random.random_bool(0.03) { Hold::Held } else { Hold::Free };
    Backup { name: format!("{at}-{}", random.random::<u32>()), at, standing, hold }
}

/// Every history, policy and moment: what is kept is what restic would keep of those that count; one that does not count is
/// kept exactly when restic would keep it among them; nothing else goes, and never all.
#[test]
fn a_model_of_random_histories_and_policies() {
    let mut removed = 0;
    for seed in 0..3000 {
        let mut random = StdRng::seed_from_u64(seed);
        let rules = random_rules(&mut random);
        let size = random.random_range(0..40);
        let mut backups: Vec<Backup> = (0..size).map(|_| random_backup(&mut random)).collect();
        backups.sort_by(|one, other| (other.at, &other.name).cmp(&(one.at, &one.name)));
        let counting = if random.random_bool(0.5) { Counting::Verified } else { Counting::Sealed };
        let counts = |it: &&Backup| {
            let good = it.standing == Standing::Verified
                || (counting == Counting::Sealed && it.standing == Standing::Unverified);
            good && it.at <= NOW
        };
        let counted: Vec<&Backup> = backups.iter().filter(counts).collect();
        let decisions = decide(&policy(&rules), backups.clone(), counting, NOW);
        for (decision, original) in decisions.iter().zip(&backups) {
            let it = &decision.backup;
            assert_eq!(it, original);
            let mut with = counted.clone();
            if !counts(&original) {
                with.push(original);
                with.sort_by(|one, other| (other.at, &other.name).cmp(&(one.at, &one.name)));
            }
            let wanted = as_restic_does(&rules, &with).contains(&it.name);
            let expected = wanted || it.hold == Hold::Held || it.at > NOW;
            assert_eq!(!decision.verdict.removes(), expected, "seed {seed}: {rules:?} {it:?} {counted:?}");
            removed += usize::from(decision.verdict.removes());
        }
        let left: Vec<_> = decisions.iter().filter(|it| !it.verdict.removes()).collect();
        assert!(backups.is_empty() || !left.is_empty(), "seed {seed}");
        if let Some(newest) = counted.first() {
            assert!(left.iter().any(|it| it.backup == **newest), "seed {seed}: the newest that counts stays");
        }
        // A second run with nothing new removes nothing more.
        let left: Vec<Backup> = left.iter().map(|it| it.backup.clone()).collect();
        let again = decide(&policy(&rules), left, counting, NOW);
        assert!(again.iter().all(|it| !it.verdict.removes()), "seed {seed}");
    }
    assert!(removed > 10_000, "{removed} were removed");
}

/// Years of nights, many of which fail, each followed by a run that may be cut short after any removal: there are always as
/// many good backups as the policy wants, or as there ever were.
#[test]
fn a_model_of_years_of_nights_that_fail() {
    for seed in 0..10 {
        let mut random = StdRng::seed_from_u64(seed);
        let wanted = random.random_range(1..8);
        let mut rules = random_rules(&mut random);
        rules.push(Rule::Last(count(wanted)));
        let (mut backups, mut good_ever, mut fails) = (Vec::<Backup>::new(), 0, false);
        for night in 0..700 {
            let now = NOW + night * DAY;
            fails ^= random.random_bool(0.1);
            let standing = match (fails, random.random_bool(0.5)) {
                (false, _) => Standing::Verified,
                (true, true) => Standing::Unverified,
                (true, false) => Standing::Empty,
            };
            good_ever += usize::from(standing == Standing::Verified);
            backups.push(backup(now, standing));
            let decisions = decide(&policy(&rules), backups.clone(), Counting::Verified, now);
            let gone: Vec<&Backup> = decisions.iter().filter(|it| it.verdict.removes()).map(|it| &it.backup).collect();
            let cut = if random.random_bool(0.2) { random.random_range(0..=gone.len()) } else { gone.len() };
            backups.retain(|it| !gone.iter().rev().take(cut).any(|gone| *gone == it));
            let good = backups.iter().filter(|it| it.standing == Standing::Verified).count();
            assert!(good >= wanted.min(good_ever), "seed {seed}, night {night}: {good} of {wanted}");
        }
    }
}
