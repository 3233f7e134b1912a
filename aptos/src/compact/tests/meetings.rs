//! A compaction that ends at any of its calls, and others that do all they do between any two of them.

use super::memory::Worker;
use super::*;
use crate::compact::{Compaction, Ended, Settings, Step};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Lines that three factors have compacted, the last of them all at once, long ago; two that came since; an identity.
fn much() -> Texts {
    let mut files = loose(0..4);
    for (run, factor) in [2, 3, 100].into_iter().enumerate() {
        let plan = planned(&files, all(factor), 10 + run as u64, 1000).expect("a plan");
        files = done(files, &plan);
    }
    files.extend(loose(4..6));
    files.extend(texts(&[("identity.meta", &[r#"{"Identity":{"id":"0a"}}"#.to_owned()])]));
    files
}

fn settings(factor: usize, at_once: usize) -> Settings {
    let at_once = NonZeroUsize::new(at_once).expect("not zero");
    Settings { remove_after: Duration::from_secs(1000), at_once, ..Settings::new(all(factor)) }
}

async fn compact(worker: &Worker, now: u64, settings: Settings) -> Result<Ended> {
    Compaction::prepare_at(now, worker, settings).await?.carry_out(|_| ControlFlow::Continue(())).await
}

fn shared(files: &Texts) -> Arc<Mutex<Texts>> {
    Arc::new(Mutex::new(files.clone()))
}

fn now(files: &Arc<Mutex<Texts>>) -> Texts {
    files.lock().expect("not poisoned").clone()
}

/// What a compaction leaves that nothing disturbs.
async fn undisturbed(factor: usize) -> Texts {
    let files = shared(&much());
    assert_eq!(compact(&Worker::free(&files), NOW, settings(factor, 1)).await.expect("compacted"), Ended::Whole);
    now(&files)
}

#[tokio::test]
async fn ended_at_any_call_nothing_is_lost_and_the_next_run_finishes() {
    for (factor, at_once) in [(3, 1), (2, 4), (4, 3)] {
        let whole = undisturbed(factor).await;
        let mut calls = 0;
        loop {
            let files = shared(&much());
            let worker = Worker::held_before(&files, calls);
            let ended = tokio::select! {
                biased;
                ended = compact(&worker, NOW, settings(factor, at_once)) => Some(ended),
                () = worker.is_held() => None,
            };
            assert_eq!(read(&now(&files)), read(&much()), "ended before call {calls}");
            compact(&Worker::free(&files), NOW + 1, settings(factor, at_once)).await.expect("compacted");
            assert_eq!(read(&now(&files)), read(&much()), "after call {calls}");
            // All is as it would have been, but for when.
            let of = |files: &Texts| -> Vec<String> {
                files.keys().filter(|name| !name.contains("timestamps")).cloned().collect()
            };
            assert_eq!(of(&now(&files)), of(&whole), "after call {calls}");
            if let Some(ended) = ended {
                assert_eq!(ended.expect("compacted"), Ended::Whole);
                break;
            }
            calls += 1;
        }
        assert!(calls > 20, "{calls} calls");
    }
}

#[tokio::test]
async fn whatever_others_do_between_any_two_calls_no_line_is_lost() {
    for (factor, others) in [(3, vec![3]), (3, vec![2, 2]), (2, vec![3, 3, 100]), (100, vec![2, 3, 2])] {
        let mut calls = 0;
        loop {
            let files = shared(&much());
            let worker = Worker::held_before(&files, calls);
            let others_work = async {
                worker.is_held().await;
                for (run, other) in others.iter().enumerate() {
                    let time = NOW + 100 * run as u64;
                    compact(&Worker::free(&files), time, settings(*other, 2)).await.expect("compacted");
                    assert_eq!(read(&now(&files)), read(&much()), "{factor} beside {others:?} at call {calls}");
                }
                worker.release();
                std::future::pending().await
            };
            let ended = tokio::select! {
                ended = compact(&worker, NOW, settings(factor, 1)) => ended,
                never = others_work => never,
            };
            assert_eq!(read(&now(&files)), read(&much()), "{factor} beside {others:?} after call {calls}");
            ended.expect("compacted");
            for later in [2000, 4000, 6000] {
                compact(&Worker::free(&files), NOW + later, settings(factor, 4)).await.expect("compacted");
                assert_eq!(read(&now(&files)), read(&much()), "{factor} beside {others:?}, later");
            }
            let left = now(&files).keys().filter(|name| name.starts_with("metadata/transaction")).count();
            assert_eq!(left, 6_usize.div_ceil(factor), "{:?}", now(&files).keys());
            if worker.calls().0 <= calls {
                break;
            }
            calls += 1;
        }
        assert!(calls > 20, "{calls} calls");
    }
}

/// Others begin and end, and their files' time is over, while one is held before a look. It moves nothing that they rely on.
#[tokio::test]
async fn whoever_is_slower_than_files_stay_looks_before_it_moves() {
    let at_once = |factor| Settings { remove_after: Duration::ZERO, ..settings(factor, 1) };
    for (factor, others) in [(3, vec![2, 2]), (2, vec![3, 3, 3]), (100, vec![2, 3, 3])] {
        let mut lists = 0;
        loop {
            let files = shared(&much());
            let worker = Worker::held_before_list(&files, lists);
            let others_work = async {
                worker.is_held().await;
                for (run, other) in others.iter().enumerate() {
                    let time = NOW + 100 * (run as u64 + 1);
                    compact(&Worker::free(&files), time, at_once(*other)).await.expect("compacted");
                }
                worker.release();
                std::future::pending().await
            };
            let ended = tokio::select! {
                ended = compact(&worker, NOW, at_once(factor)) => ended,
                never = others_work => never,
            };
            ended.expect("compacted");
            assert_eq!(read(&now(&files)), read(&much()), "{factor} beside {others:?} at list {lists}");
            if worker.calls().1 <= lists {
                break;
            }
            lists += 1;
        }
        assert!(lists > 5, "{lists} lists");
    }
}

#[tokio::test]
async fn without_what_it_keeps_nothing_is_moved() {
    let files = shared(&much());
    let worker = Worker::free(&files);
    let compaction = Compaction::prepare_at(NOW, &worker, settings(3, 1)).await.expect("planned");
    let kept = compaction.plan().standing[0].to_string();
    files.lock().expect("not poisoned").remove(&kept).expect("it stands");
    let ended = compaction.carry_out(|_| ControlFlow::Continue(())).await.expect("compacted");
    assert_eq!(ended, Ended::BesideAnother);
    assert_eq!(read(&now(&files)), read(&much()));
    assert!(!now(&files).keys().any(|name| name.starts_with("metadata_backup/")), "{:?}", now(&files).keys());
}

#[tokio::test]
async fn beside_another_the_rest_is_left_to_the_next_run() {
    let files = shared(&much());
    let worker = Worker::free(&files);
    let compaction = Compaction::prepare_at(NOW, &worker, settings(3, 1)).await.expect("planned");
    let due = compaction.plan().moves.len();
    let mut moved = 0;
    let ended = compaction.carry_out(|step| {
        if let Step::Moved(_) = step {
            moved += 1;
            let line = timestamps(NOW + 7, &[]);
            files.lock().expect("not poisoned").extend(texts(&[("compaction_timestamps_1000007.meta", &[line])]));
        }
        ControlFlow::Continue(())
    });
    // The storage is looked at before each move where files are moved at once.
    assert_eq!(ended.await.expect("compacted"), Ended::Whole);
    assert!(moved == due && due > 5, "{moved} of {due}");

    let files = shared(&much());
    let worker = Worker::free(&files);
    let compaction = Compaction::prepare_at(NOW, &worker, settings(3, 1)).await.expect("planned");
    let line = timestamps(NOW + 7, &[]);
    files.lock().expect("not poisoned").extend(texts(&[("compaction_timestamps_1000007.meta", &[line])]));
    let mut steps = Vec::new();
    let ended = compaction.carry_out(|step| {
        steps.push(step);
        ControlFlow::Continue(())
    });
    assert_eq!(ended.await.expect("compacted"), Ended::BesideAnother);
    assert!(!steps.iter().any(|step| matches!(step, Step::Moved(_))), "{steps:?}");
}

#[tokio::test]
async fn told_to_stop_it_ends_after_the_step() {
    let mut steps = 1;
    loop {
        let files = shared(&much());
        let worker = Worker::free(&files);
        let compaction = Compaction::prepare_at(NOW, &worker, settings(3, 1)).await.expect("planned");
        let mut told = 0;
        let ended = compaction.carry_out(|_| {
            told += 1;
            if told == steps { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let ended = ended.await.expect("compacted");
        assert_eq!(read(&now(&files)), read(&much()));
        if ended == Ended::Whole {
            break;
        }
        assert_eq!((ended, told), (Ended::Stopped, steps));
        steps += 1;
    }
    assert!(steps > 10, "{steps}");
}

/// A tool that replaces files may put another line into one that is about to be moved.
#[tokio::test]
async fn a_file_that_has_another_line_by_now_is_not_moved() {
    let files = shared(&much());
    let worker = Worker::free(&files);
    let compaction = Compaction::prepare_at(NOW, &worker, settings(100, 1)).await.expect("planned");
    let name = "metadata/transaction_10-19.meta";
    assert!(compaction.plan().moves.iter().any(|file| file.as_ref() == name));
    files.lock().expect("not poisoned").insert(name.to_owned(), versions(10, 19, "new/m") + "\n");
    let mut changed = Vec::new();
    let ended = compaction.carry_out(|step| {
        if let Step::Changed(file) = step {
            changed.push(file.to_string());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(ended.await.expect("compacted"), Ended::Whole);
    assert_eq!(changed, [name]);
    assert!(now(&files).contains_key(name));
}

/// Whoever writes a name in the same moment has other lines in it: it is neither written over nor relied on.
#[tokio::test]
async fn a_name_that_is_taken_meanwhile_is_left_as_it_is() {
    let states = texts(&[("a.meta", &[state(1, 10, "a/m")]), ("c.meta", &[state(9, 90, "c/m")])]);
    let files = shared(&states);
    let worker = Worker::free(&files);
    let compaction = Compaction::prepare_at(NOW, &worker, settings(3, 1)).await.expect("planned");
    let usual = "metadata/state_snapshot_compacted_epoch_1_9.meta";
    let other = format!("{}\n", state(1, 10, "a/m"));
    files.lock().expect("not poisoned").insert(usual.to_owned(), other.clone());
    let mut written = Vec::new();
    let ended = compaction.carry_out(|step| {
        if let Step::Written(file) = step {
            written.push(file.to_string());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(ended.await.expect("compacted"), Ended::Whole);
    assert!(written.len() == 1 && written[0] != usual, "{written:?}");
    assert_eq!(now(&files)[usual], other);
}
