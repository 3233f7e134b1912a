//! What is restored: by chance, each as likely as another, and the same again by the same seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::ops::RangeInclusive;

/// What tells one choice from another. A run tells it, so that the choice can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seed(pub(super) u64);

impl Seed {
    /// This, or a random one, as short as can be typed.
    pub(super) fn of(said: Option<u64>) -> Self {
        Seed(said.unwrap_or_else(|| u64::from(rand::random::<u32>())))
    }

    fn generator(self) -> StdRng {
        StdRng::seed_from_u64(self.0)
    }
}

/// A choice of a few among those that come, however many ("reservoir sampling"): no more are held than are chosen.
#[derive(Debug)]
pub(super) struct Chosen<T> {
    generator: StdRng,
    wanted: usize,
    /// How many have come.
    pub(super) among: u64,
    pub(super) chosen: Vec<T>,
}

impl<T> Chosen<T> {
    pub(super) fn new(seed: Seed, wanted: usize) -> Self {
        Chosen { generator: seed.generator(), wanted, among: 0, chosen: Vec::new() }
    }

    pub(super) fn add(&mut self, one: T) {
        self.among += 1;
        if self.chosen.len() < self.wanted {
            self.chosen.push(one);
            return;
        }
        let at = self.generator.random_range(0..self.among);
        if let Some(other) = usize::try_from(at).ok().and_then(|at| self.chosen.get_mut(at)) {
            *other = one;
        }
    }
}

/// One of the numbers in `ranges`; none where there are none.
pub(super) fn number(seed: Seed, ranges: &[RangeInclusive<u64>]) -> Option<u64> {
    let count = |range: &RangeInclusive<u64>| u128::from(range.end().saturating_sub(*range.start())) + 1;
    let all: u128 = ranges.iter().map(count).sum();
    let mut at = (all > 0).then(|| seed.generator().random_range(0..all))?;
    for range in ranges {
        if at < count(range) {
            return range.start().checked_add(u64::try_from(at).ok()?);
        }
        at -= count(range);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn chosen(seed: u64, wanted: usize, of: u64) -> Vec<u64> {
        let mut chosen = Chosen::new(Seed(seed), wanted);
        (0..of).for_each(|one| chosen.add(one));
        assert_eq!(chosen.among, of);
        chosen.chosen
    }

    #[test]
    fn each_is_as_likely_as_another_and_a_seed_tells_which() {
        for (wanted, of) in [(1, 1), (1, 10), (3, 10)] {
            let mut counts = BTreeMap::new();
            for seed in 0..10_000 {
                let one = chosen(seed, wanted, of);
                assert_eq!((one.len(), &one), (wanted, &chosen(seed, wanted, of)));
                one.into_iter().for_each(|one| *counts.entry(one).or_insert(0u64) += 1);
            }
            let expected = 10_000 * wanted as u64 / of;
            assert_eq!(counts.len() as u64, of);
            assert!(counts.values().all(|count| count.abs_diff(expected) <= expected / 10), "{counts:?}");
        }
        assert_eq!(chosen(1, 1, 0), [] as [u64; 0]);
        assert_eq!(chosen(1, 5, 3), [0, 1, 2]);
    }

    #[test]
    fn numbers_are_those_of_the_ranges() {
        let ranges = [3..=3, 10..=14, 20..=23];
        let mut counts = BTreeMap::new();
        for seed in 0..10_000 {
            *counts.entry(number(Seed(seed), &ranges).expect("a number")).or_insert(0u64) += 1;
        }
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [3, 10, 11, 12, 13, 14, 20, 21, 22, 23]);
        assert!(counts.values().all(|count| count.abs_diff(1000) <= 100), "{counts:?}");
        assert_eq!(number(Seed(1), &[]), None);
        assert!(number(Seed(1), &[0..=u64::MAX, 0..=u64::MAX]).is_some());
    }
}
