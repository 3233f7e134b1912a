//! What is written, stamped and moved, case by case.

use super::*;
use crate::compact::plan::Why;

/// Something of everything: 3 epoch endings, 3 snapshots, 5 transactions, an identity.
fn mixed() -> Texts {
    let mut files = loose(0..5);
    files.extend(texts(&[
        ("identity.meta", &[r#"{"Identity":{"id":"0a"}}"#.to_owned()]),
        ("epoch_ending_0-0.meta", &[epochs(0, 0, "e0/m")]),
        ("epoch_ending_1-4.meta", &[epochs(1, 4, "e1/m")]),
        ("epoch_ending_5-5.meta", &[epochs(5, 5, "e5/m")]),
        ("state_snapshot_ver_7.meta", &[state(1, 7, "s1/m")]),
        ("state_snapshot_ver_30.meta", &[state(9, 30, "s9/m")]),
        ("state_snapshot_ver_40.meta", &[state(12, 40, "s12/m")]),
    ]));
    files
}

#[test]
fn each_kind_is_cut_into_runs_from_the_beginning() {
    let plan = planned(&mixed(), factors(2, 2, 3), NOW, 10).expect("a plan");
    assert_eq!(
        written(&plan),
        [
            "epoch_ending_compacted_0-4.meta",
            "epoch_ending_compacted_5-5.meta",
            "transaction_compacted_0-29.meta",
            "transaction_compacted_30-49.meta",
            "state_snapshot_compacted_epoch_1_9.meta",
            "state_snapshot_compacted_epoch_12_12.meta",
        ]
    );
    let after = done(mixed(), &plan);
    let expected = format!("{}\n{}\n", epochs(0, 0, "e0/m"), epochs(1, 4, "e1/m"));
    assert_eq!(after["metadata/epoch_ending_compacted_0-4.meta"], expected);
    assert_eq!(read(&after), read(&mixed()));
}

#[test]
fn all_but_what_is_new_is_stamped_by_the_first_run_and_moved_once_its_time_is_over() {
    let first = planned(&mixed(), all(2), NOW, 10).expect("a plan");
    assert_eq!((first.stamp.len(), first.moves.len(), first.waiting), (11, 0, 0));
    assert_eq!(first.kept.iter().map(|kept| kept.why).collect::<Vec<_>>(), [Why::Identity]);
    assert_eq!(first.timestamps_file().expect("stamped").as_ref(), "metadata/compaction_timestamps_1000000.meta");
    let files = done(mixed(), &first);
    let line = &files["metadata/compaction_timestamps_1000000.meta"];
    assert!(line.contains(r#""metadata/epoch_ending_0-0.meta":1000000"#), "{line}");
    assert!(line.contains(r#""file_compacted_at":1000000"#) && !line.contains("_compacted_0"), "{line}");
    assert!(!line.contains("identity"), "{line}");

    // At the very second it is too early, and there is no news to be written.
    let early = planned(&files, all(2), NOW + 10, 10).expect("a plan");
    assert!(early.is_nothing(), "{early:?}");
    assert_eq!((early.waiting, early.next_move_after, early.standing.len()), (11, Some(NOW + 10), 7));
    let late = planned(&files, all(2), NOW + 11, 10).expect("a plan");
    assert_eq!((names(&late.moves), late.timestamps_file()), (names(&first.stamp), None));
    let left = done(files.clone(), &late);
    assert_eq!(read(&left), read(&mixed()));
    assert_eq!(left.len(), 7 + 2, "compacted files, the identity, the timestamps: {:?}", left.keys());
    // Then there is nothing to do, for ever.
    assert!(planned(&left, all(2), NOW + 100_000, 10).expect("a plan").is_nothing());
}

#[test]
fn a_run_that_is_full_stands_and_a_short_one_gives_way() {
    let first = planned(&loose(0..5), all(3), NOW, 10).expect("a plan");
    let mut files = done(loose(0..5), &first);
    files.extend(loose(5..7));
    let second = planned(&files, all(3), NOW + 5, 10).expect("a plan");
    assert_eq!(names(&second.standing), ["transaction_compacted_0-29.meta"]);
    assert_eq!(written(&second), ["transaction_compacted_30-59.meta", "transaction_compacted_60-69.meta"]);
    assert_eq!(
        names(&second.stamp),
        [
            "transaction_50-59.meta",
            "transaction_60-69.meta",
            "transaction_compacted_30-49.meta",
            "compaction_timestamps_1000000.meta"
        ]
    );
    let files = done(files, &second);
    // Those of the first run are due; of the second the time has just begun.
    let third = planned(&files, all(3), NOW + 11, 10).expect("a plan");
    assert_eq!((names(&third.moves), third.waiting), (names(&first.stamp), 4));
    let files = done(files, &third);
    let fourth = planned(&files, all(3), NOW + 16, 10).expect("a plan");
    assert!(names(&fourth.moves).contains(&"transaction_compacted_30-49.meta"));
    assert!(names(&fourth.moves).contains(&"compaction_timestamps_1000000.meta"), "{:?}", fourth.moves);
    let left = done(files, &fourth);
    assert_eq!(read(&left), read(&loose(0..7)));
    assert_eq!(left.len(), 4, "{:?}", left.keys());
}

/// Stopped before a move, the next run has to know when it was due.
#[test]
fn what_is_about_to_be_moved_keeps_its_time_in_new_timestamps() {
    let first = planned(&loose(0..3), all(3), NOW, 10).expect("a plan");
    let mut files = done(loose(0..3), &first);
    files.extend(loose(3..4));
    let mut second = planned(&files, all(3), NOW + 11, 10).expect("a plan");
    assert_eq!((second.moves.len(), second.stamp.len()), (3, 2));
    second.moves.clear();
    let files = done(files, &second);
    assert_eq!(planned(&files, all(3), NOW + 11, 10).expect("a plan").moves.len(), 3);
}

#[test]
fn a_line_in_several_files_is_one() {
    let twice = [versions(0, 9, "t0/m"), versions(0, 9, "t0/m"), versions(10, 19, "t1/m")];
    let mut files = texts(&[("transaction_compacted_0-19.x.meta", &twice)]);
    files.extend(loose(0..4));
    let plan = planned(&files, all(4), NOW, 10).expect("a plan");
    assert_eq!(written(&plan), ["transaction_compacted_0-39.meta"]);
    assert_eq!(plan.write[0].lines(), 4);
    assert_eq!(plan.stamp.len(), 5);
}

#[test]
fn another_factor_cuts_anew_and_both_ways_keep_all_lines() {
    let mut files = done(loose(0..6), &planned(&loose(0..6), all(3), NOW, 10).expect("a plan"));
    for (run, factor) in [2, 3, 6, 1, 100].into_iter().enumerate() {
        let plan = planned(&files, all(factor), NOW + 100 * (run as u64 + 1), 10).expect("a plan");
        files = done(files, &plan);
        assert_eq!(read(&files), read(&loose(0..6)), "{factor}");
    }
}

#[test]
fn gaps_and_overlaps_within_a_run_are_refused() {
    let refused = |files: &Texts, factor| planned(files, all(factor), NOW, 10).expect_err("refused").to_string();
    let mut gap = loose(0..2);
    gap.extend(loose(3..4));
    let told = refused(&gap, 3);
    assert!(told.contains("transactions 20 to 29 are missing: `backup transaction --start-version 20"), "{told}");
    assert!(!told.contains("beside") && told.contains("nothing was written"), "{told}");
    // Between two runs it is none of a compaction's business.
    assert_eq!(written(&planned(&gap, all(2), NOW, 10).expect("a plan")).len(), 2);
    assert_eq!(written(&planned(&loose(5..7), all(2), NOW, 10).expect("a plan")).len(), 1);

    let mut overlap = loose(0..3);
    overlap.extend(texts(&[("transaction_25-39.meta", &[versions(25, 39, "x/m")])]));
    let told = refused(&overlap, 4);
    assert!(told.contains("transactions 20 to 29 (metadata/transaction_20-29.meta) are known beside"), "{told}");
    let mut second = loose(0..3);
    second.extend(texts(&[("transaction_0-9.abcd.meta", &[versions(0, 9, "x/m")])]));
    let told = refused(&second, 2);
    assert!(told.contains("transactions 0 to 9") && told.contains("sealift mv metadata/transaction_0-9"), "{told}");

    let endings = texts(&[
        ("a.meta", &[epochs(0, 1, "a/m")]),
        ("b.meta", &[epochs(3, 4, "b/m")]),
        ("c.meta", &[epochs(4, 5, "c/m")]),
    ]);
    let told = refused(&endings, 3);
    assert!(told.contains("epoch endings 2 to 2 are missing") && told.contains("are known beside"), "{told}");
    // Snapshots need not follow one another, nor be alone of their epoch.
    let states = texts(&[("a.meta", &[state(4, 9, "a/m"), state(4, 9, "b/m"), state(1, 3, "c/m")])]);
    assert_eq!(
        written(&planned(&states, all(9), NOW, 10).expect("a plan")),
        ["state_snapshot_compacted_epoch_1_4.meta"]
    );
}

#[test]
fn the_largest_number_is_followed_by_nothing() {
    let files =
        texts(&[("a.meta", &[versions(0, u64::MAX, "a/m")]), ("b.meta", &[versions(u64::MAX, u64::MAX, "b/m")])]);
    assert!(planned(&files, all(2), NOW, 10).is_err());
    assert_eq!(written(&planned(&files, all(1), NOW, 10).expect("a plan")).len(), 2);
}

#[test]
fn an_empty_file_stays_and_nothing_becomes_of_nothing() {
    let mut files = loose(0..2);
    files.extend(texts(&[("transaction_20-29.meta", &[])]));
    let plan = planned(&files, all(2), NOW, 0).expect("a plan");
    assert_eq!(
        plan.kept,
        [crate::compact::Kept { file: "metadata/transaction_20-29.meta".parse().expect("a handle"), why: Why::Empty }]
    );
    let later = planned(&done(files, &plan), all(2), NOW + 9, 0).expect("a plan");
    assert_eq!((later.moves.len(), later.kept.len()), (2, 1));
    let nothing = planned(&Texts::new(), all(2), NOW, 0).expect("a plan");
    assert!(nothing.is_nothing() && nothing.metadata_files == 0, "{nothing:?}");
    let identity = texts(&[("identity.meta", &[r#"{"Identity":{"id":"0a"}}"#.to_owned()])]);
    assert!(planned(&identity, all(2), NOW, 0).expect("a plan").is_nothing());
}

#[test]
fn of_several_timestamps_the_newest_counts() {
    let mut files = loose(0..4);
    files.extend(texts(&[
        (
            "compaction_timestamps_9.meta",
            &[timestamps(9, &[("transaction_0-9.meta", "5"), ("transaction_30-39.meta", "5")])],
        ),
        (
            "compaction_timestamps_20.meta",
            &[timestamps(
                20,
                &[
                    ("compaction_timestamps_9.meta", "20"),
                    ("transaction_0-9.meta", "15"),
                    ("transaction_10-19.meta", "null"),
                    ("transaction_999-9999.meta", "5"),
                ],
            )],
        ),
    ]));
    let plan = planned(&files, all(4), 30, 10).expect("a plan");
    assert_eq!(names(&plan.moves), ["transaction_0-9.meta"]);
    // What the newest does not name, or does not know the time of, counts from now on.
    assert_eq!(
        names(&plan.stamp),
        ["transaction_10-19.meta", "transaction_20-29.meta", "transaction_30-39.meta", "compaction_timestamps_20.meta"]
    );
    assert_eq!(plan.waiting, 1, "the older timestamps");
    // What is not there any more is forgotten.
    let files = done(files, &plan);
    assert!(!files["metadata/compaction_timestamps_30.meta"].contains("999"), "{files:?}");
}

#[test]
fn a_clock_that_was_wrong_does_no_harm() {
    let mut files = loose(0..1);
    let future = timestamps(NOW + 500, &[("transaction_0-9.meta", "1000400")]);
    files.extend(texts(&[("compaction_timestamps_1000500.meta", &[future])]));
    let plan = planned(&files, all(1), NOW, 10).expect("a plan");
    // It counts from now on, in timestamps that count.
    assert_eq!(plan.timestamps_file().expect("stamped").as_ref(), "metadata/compaction_timestamps_1000501.meta");
    let files = done(files, &plan);
    assert_eq!(names(&planned(&files, all(1), NOW + 11, 10).expect("a plan").moves).len(), 2);
    // A time that no time comes after.
    assert_eq!(planned(&files, all(1), u64::MAX, u64::MAX).expect("a plan").moves.len(), 0);
}
