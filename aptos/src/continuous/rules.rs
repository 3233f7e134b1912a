//! What is due: the rules of aptos-core's backup coordinator (`storage/backup/backup-cli/src/coordinators/backup.rs`), so
//! that both tools cut an archive alike. Nothing here asks or writes anything.

use super::Position;
use std::ops::RangeInclusive;

/// The epoch whose ending comes next, if it has ended: one at a time.
pub(super) fn next_epoch(last: Option<u64>, node: Position) -> Option<u64> {
    let next = after(last)?;
    (next < node.epoch).then_some(next)
}

/// The epoch whose end state is to be taken next, if it has ended: the newest multiple of `interval` that is not there
/// yet. Those between are left out, since being in time matters more than having all.
pub(super) fn next_snapshot(last: Option<u64>, node: Position, interval: u64) -> Option<u64> {
    let after_last = match last {
        None => 0,
        Some(last) => next_multiple(last, interval)?,
    };
    let newest = node.epoch.saturating_sub(1) / interval * interval;
    let next = after_last.max(newest);
    (next < node.epoch).then_some(next)
}

/// The versions that come next, if all of them are committed: up to the next multiple of `batch`. Version 0 goes alone.
pub(super) fn next_transactions(last: Option<u64>, node: Position, batch: u64) -> Option<RangeInclusive<u64>> {
    let next = match last {
        None => 0..=0,
        Some(last) => last.checked_add(1)?..=next_multiple(last, batch)?,
    };
    (*next.end() <= node.committed_version).then_some(next)
}

/// The versions of a batch that are of epochs that have ended, the last at the version `ended`: what a snapshot needs to
/// be restored. That end is the same for all who work on one archive, and a batch after it ends where it would have.
pub(super) fn part_of_batch(last: Option<u64>, ended: Option<u64>) -> Option<RangeInclusive<u64>> {
    let (next, ended) = (after(last)?, ended?);
    (next <= ended).then_some(next..=ended)
}

/// Of the versions that are due, those before the version `next`, which is known.
pub(super) fn up_to(due: RangeInclusive<u64>, next: Option<u64>) -> RangeInclusive<u64> {
    let (start, end) = due.into_inner();
    let before = next.filter(|&next| next > start).map(|next| next - 1);
    start..=before.map_or(end, |before| before.min(end))
}

/// The number after `last`, if there is one.
fn after(last: Option<u64>) -> Option<u64> {
    last.map_or(Some(0), |last| last.checked_add(1))
}

/// The first multiple of `step` after `last`, if there is one.
fn next_multiple(last: u64, step: u64) -> Option<u64> {
    (last / step).checked_add(1)?.checked_mul(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(epoch: u64, committed_version: u64) -> Position {
        Position { epoch, committed_version }
    }

    #[test]
    fn epochs_come_one_by_one_once_they_have_ended() {
        assert_eq!(next_epoch(None, at(0, 0)), None);
        assert_eq!(next_epoch(None, at(1, 0)), Some(0));
        assert_eq!(next_epoch(Some(6), at(9, 0)), Some(7));
        assert_eq!(next_epoch(Some(6), at(7, 0)), None);
    }

    #[test]
    fn snapshots_are_of_the_newest_epoch_that_is_due() {
        for (last, epoch, next) in [
            (None, 0, None),
            (None, 1, Some(0)),
            (None, 90, Some(0)),
            (None, 250, Some(200)),
            (Some(0), 90, None),
            (Some(0), 100, None),
            (Some(0), 101, Some(100)),
            (Some(0), 200, Some(100)),
            (Some(0), 201, Some(200)),
            (Some(200), 250, None),
            (Some(230), 301, Some(300)),
            (Some(900), 250, None),
        ] {
            assert_eq!(next_snapshot(last, at(epoch, 0), 100), next, "{last:?} {epoch}");
        }
    }

    #[test]
    fn transactions_come_in_batches_that_end_at_multiples() {
        for (last, batch, committed, next) in [
            (None, 100, 0, Some(0..=0)),
            (Some(0), 100, 99, None),
            (Some(0), 100, 100, Some(1..=100)),
            (Some(100), 50, 150, Some(101..=150)),
            (Some(150), 100, 1000, Some(151..=200)),
            (Some(200), 100, 300, Some(201..=300)),
            (Some(7), 1, 8, Some(8..=8)),
            (Some(u64::MAX - 1), u64::MAX, u64::MAX, Some(u64::MAX..=u64::MAX)),
        ] {
            assert_eq!(next_transactions(last, at(0, committed), batch), next, "{last:?} {batch}");
        }
    }

    #[test]
    fn nothing_comes_after_the_last_number() {
        let end = at(u64::MAX, u64::MAX);
        assert_eq!(next_epoch(Some(u64::MAX), end), None);
        assert_eq!(next_epoch(Some(u64::MAX - 2), end), Some(u64::MAX - 1));
        for step in [1, 100, u64::MAX] {
            assert_eq!(next_snapshot(Some(u64::MAX), end, step), None, "{step}");
            assert_eq!(next_transactions(Some(u64::MAX), end, step), None, "{step}");
        }
        assert_eq!(next_transactions(Some(u64::MAX - 1), end, 1), Some(u64::MAX..=u64::MAX));
        assert_eq!(next_transactions(Some(u64::MAX - 1), end, 100), None);
    }

    #[test]
    fn a_part_of_a_batch_ends_with_an_epoch() {
        for (last, ended, part) in [
            (None, None, None),
            (None, Some(0), Some(0..=0)),
            (Some(0), Some(0), None),
            (Some(100), Some(130), Some(101..=130)),
            (Some(130), Some(130), None),
            (Some(200), Some(130), None),
            (Some(100), None, None),
            (Some(u64::MAX), Some(u64::MAX), None),
        ] {
            assert_eq!(part_of_batch(last, ended), part, "{last:?} {ended:?}");
        }
        assert_eq!(next_transactions(Some(130), at(0, 200), 100), Some(131..=200));
    }

    #[test]
    fn what_is_due_ends_before_what_is_known() {
        for (next, due) in [(None, 101..=200), (Some(102), 101..=101), (Some(200), 101..=199), (Some(201), 101..=200)] {
            assert_eq!(up_to(101..=200, next), due, "{next:?}");
        }
    }
}
