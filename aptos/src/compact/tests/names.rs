//! Names whose content would change: it never does, since tools that have read a name once keep what they have read.

use super::*;
use crate::compact::plan::Why;

fn two_states() -> Texts {
    texts(&[("a.meta", &[state(1, 10, "a/m")]), ("c.meta", &[state(9, 90, "c/m")])])
}

#[test]
fn another_content_of_the_same_range_has_another_name() {
    let mut files = done(two_states(), &planned(&two_states(), all(3), NOW, 10).expect("a plan"));
    // A snapshot of an epoch between the two is backed up later.
    files.extend(texts(&[("b.meta", &[state(5, 50, "b/m")])]));
    let plan = planned(&files, all(3), NOW + 1, 10).expect("a plan");
    let [name] = written(&plan)[..] else { panic!("{plan:?}") };
    assert!(name.starts_with("state_snapshot_compacted_epoch_1_9.") && name.len() == 48, "{name}");
    assert!(names(&plan.stamp).contains(&"state_snapshot_compacted_epoch_1_9.meta"));
    let files = done(files, &plan);
    // It stands from then on, also when the old one is gone.
    let again = planned(&files, all(3), NOW + 100, 10).expect("a plan");
    assert_eq!((written(&again).len(), names(&again.standing)), (0, vec![name]));
    assert!(names(&again.moves).contains(&"state_snapshot_compacted_epoch_1_9.meta"));
    let files = done(files, &again);
    assert_eq!(names(&planned(&files, all(3), NOW + 200, 10).expect("a plan").standing), [name]);
    assert_eq!(read(&files).len(), 3);
}

#[test]
fn two_runs_of_the_same_name_are_two_files() {
    let states = texts(&[("a.meta", &[state(4, 9, "a/m")]), ("b.meta", &[state(4, 9, "b/m")])]);
    let second = texts(&[("a.meta", &[versions(0, 9, "a/m")]), ("b.meta", &[versions(0, 9, "b/m")])]);
    for files in [states, second] {
        let plan = planned(&files, all(1), NOW, 10).expect("a plan");
        assert_eq!(written(&plan).len(), 2);
        let after = done(files.clone(), &plan);
        assert_eq!(read(&after), read(&files));
        let again = planned(&after, all(1), NOW + 1, 10).expect("a plan");
        assert!(again.is_nothing(), "{again:?}");
    }
}

#[test]
fn a_name_that_was_moved_away_is_taken_again_only_with_the_same_content() {
    let usual = "state_snapshot_compacted_epoch_1_9.meta";
    let same = texts(&[(usual, &[state(1, 10, "a/m"), state(9, 90, "c/m")])]);
    let plan = planned_beside(&two_states(), &same, all(3), NOW, 10).expect("a plan");
    assert_eq!(written(&plan), [usual]);
    let other = texts(&[(usual, &[state(1, 10, "a/m")])]);
    let plan = planned_beside(&two_states(), &other, all(3), NOW, 10).expect("a plan");
    assert_ne!(written(&plan), [usual]);
    assert_eq!(written(&plan).len(), 1);
}

#[test]
fn without_a_free_name_nothing_is_done() {
    let plan =
        planned_beside(&two_states(), &texts(&[("state_snapshot_compacted_epoch_1_9.meta", &[])]), all(3), NOW, 10);
    let second = plan.expect("a plan").write[0].file().as_ref().trim_start_matches("metadata/").to_owned();
    let mut files = two_states();
    files.extend(texts(&[("state_snapshot_compacted_epoch_1_9.meta", &[state(1, 10, "a/m")])]));
    files.insert(format!("metadata/{second}"), format!("{}\n", state(9, 90, "c/m")));
    let told = planned(&files, all(3), NOW, 10).expect_err("no name").to_string();
    assert!(told.contains("state_snapshot_compacted_epoch_1_9.meta") && told.contains("all names"), "{told}");
}

#[test]
fn nothing_is_moved_over_something_else() {
    let mut files = loose(0..2);
    let times = timestamps(5, &[("transaction_0-9.meta", "5"), ("transaction_10-19.meta", "5")]);
    files.extend(texts(&[("compaction_timestamps_5.meta", &[times])]));
    // A move that was stopped leaves the same in both; the other was moved away by hand before it was made again.
    let mut aside = loose(0..1);
    aside.extend(texts(&[("transaction_10-19.meta", &[versions(10, 19, "old/m")])]));
    let plan = planned_beside(&files, &aside, all(2), NOW, 10).expect("a plan");
    assert_eq!(names(&plan.moves), ["transaction_0-9.meta"]);
    assert_eq!(plan.kept.iter().map(|kept| kept.why).collect::<Vec<_>>(), [Why::AnotherIsAside]);
    assert_eq!(names(plan.kept.iter().map(|kept| &kept.file)), ["transaction_10-19.meta"]);
}
