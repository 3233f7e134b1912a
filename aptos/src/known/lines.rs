//! The lines of one kind of backup: whether they follow one another from 0 on, as those who restore demand, and what
//! helps where they do not.

use super::extent::{Extent, Kind};
use sealift::FileHandle;

/// A line that makes a backup known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) extent: Extent,
    pub(crate) manifest: FileHandle,
    /// Where it stands: in a file of its own, in a compacted one, or in both.
    pub(crate) places: Vec<Place>,
}

/// A metadata file that has a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: FileHandle,
    /// How many other lines it has.
    pub(crate) others: usize,
}

/// All lines of one kind, in the order of their numbers and manifests, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    kind: Kind,
    lines: Vec<Line>,
}

impl Line {
    /// Where it stands, in words.
    pub(crate) fn at(&self) -> String {
        let places: Vec<_> = self.places.iter().map(|place| place.file.as_ref()).collect();
        places.join(" and ")
    }

    /// How it is moved away.
    fn away(&self) -> String {
        let each = self.places.iter().map(|Place { file, others }| match others {
            0 => format!("`{}` moves it away", command_away(file)),
            others => format!(
                "it is to be taken out of {file}, which has {others} others: store those under another name in \
                     metadata/, and move that file to metadata_backup/"
            ),
        });
        each.collect::<Vec<_>>().join(", and ")
    }
}

/// The command that moves a metadata file away.
pub(crate) fn command_away(file: &FileHandle) -> String {
    format!("sealift mv {file} {}", name_aside(file))
}

/// What a metadata file is called once it is moved away.
pub(crate) fn name_aside(file: &FileHandle) -> String {
    format!("metadata_backup/{}", file.as_ref().strip_prefix("metadata/").unwrap_or(file.as_ref()))
}

impl Lines {
    /// Of `lines` in any order, those of one kind.
    pub(crate) fn new(kind: Kind, lines: impl Iterator<Item = Line>) -> Self {
        let mut lines: Vec<Line> = lines.filter(|line| line.extent.kind() == kind).collect();
        lines.sort_by(|one, other| (one.extent, &one.manifest).cmp(&(other.extent, &other.manifest)));
        lines.dedup_by(|later, first| {
            let same = (later.extent, &later.manifest) == (first.extent, &first.manifest);
            if same {
                first.places.append(&mut later.places);
            }
            same
        });
        Lines { kind, lines }
    }

    /// Those that have something in common with `extent`.
    pub(crate) fn meeting(&self, extent: Extent) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.extent.meets(extent))
    }

    /// The last number.
    pub(crate) fn last(&self) -> Option<u64> {
        self.ranges().map(|(_, last)| last).max()
    }

    /// The number before the first that is missing.
    pub(crate) fn last_without_gap(&self) -> Option<u64> {
        self.last_following(None)
    }

    /// How far there is no gap after the number `last`.
    pub(crate) fn last_following(&self, mut last: Option<u64>) -> Option<u64> {
        for (first, line_last) in self.ranges() {
            let next = last.map_or(0, |last| last.saturating_add(1));
            if first <= next {
                last = last.max(Some(line_last));
            }
        }
        last
    }

    /// The first number after `last` that a line begins with.
    pub(crate) fn first_after(&self, last: Option<u64>) -> Option<u64> {
        self.ranges().map(|(first, _)| first).find(|&first| Some(first) > last)
    }

    /// What is missing from 0 to the last.
    pub(crate) fn gaps(&self) -> Vec<(u64, u64)> {
        gaps(self.ranges().collect())
    }

    /// The gaps that there are with another backup, and were not without it.
    pub(crate) fn gaps_with(&self, (first, last): (u64, u64)) -> Vec<(u64, u64)> {
        let before = self.gaps();
        let mut with = gaps(self.ranges().chain([(first, last)]).collect());
        with.retain(|gap| !before.contains(gap));
        with
    }

    /// The gaps in words, and how they are closed.
    pub(crate) fn told(&self, gaps: Vec<(u64, u64)>) -> Vec<String> {
        let told = gaps.into_iter().map(|(first, last)| {
            let (what, command) = (self.kind.subject(first, last), self.kind.command(first, last));
            format!("{what} are missing: `{command}` adds them")
        });
        told.collect()
    }

    /// Each line that has something in common with one that is kept, in words, and what helps. Kept are those that
    /// together have most, so that least has to be backed up again.
    pub(crate) fn overlaps(&self) -> Vec<String> {
        let (kept, away): (Vec<_>, Vec<_>) = self.lines.iter().zip(self.kept()).partition(|(_, kept)| *kept);
        let kept_ranges: Vec<_> = kept.iter().map(|(line, _)| line.extent.range()).collect();
        let told = away.into_iter().filter_map(|(line, _)| {
            let (other, _) = kept.iter().find(|(other, _)| other.extent.meets(line.extent))?;
            Some(self.overlap(line, other, &kept_ranges))
        });
        told.collect()
    }

    fn overlap(&self, line: &Line, other: &Line, kept: &[(u64, u64)]) -> String {
        let (extent, at, away) = (line.extent, line.at(), line.away());
        let (with, with_at) = (other.extent, other.at());
        let consequence = match self.kind {
            Kind::State => format!("and only the one of {} is restored", (&line.manifest).max(&other.manifest)),
            Kind::Epochs | Kind::Versions => "and with an overlap nothing can be restored".to_owned(),
        };
        // Of what it has, once it is away.
        let missing = self.told(missing_in(extent.range(), kept));
        let then = match missing.is_empty() {
            true => String::new(),
            false => format!("; then {}", missing.join(", ")),
        };
        format!("{extent} ({at}) are known beside {with} ({with_at}), {consequence}: {away}{then}")
    }

    /// Which lines have most together, and nothing in common; of as good ones the most lines, and the earlier.
    fn kept(&self) -> Vec<bool> {
        let mut by_end: Vec<usize> = (0..self.lines.len()).collect();
        let range = |at: usize| self.lines[at].extent.range();
        by_end.sort_by_key(|&at| (range(at).1, range(at).0));
        // The best of the first so many lines by their ends: how much they have, and how many they are.
        let mut best: Vec<(u128, usize)> = vec![(0, 0)];
        let mut taken: Vec<Option<usize>> = Vec::with_capacity(by_end.len());
        for (count, &at) in by_end.iter().enumerate() {
            let (first, last) = range(at);
            let before = by_end[..count].partition_point(|&other| range(other).1 < first);
            let with = (best[before].0 + u128::from(last - first) + 1, best[before].1 + 1);
            let take = with > best[count];
            taken.push(take.then_some(before));
            best.push(if take { with } else { best[count] });
        }
        let (mut kept, mut count) = (vec![false; self.lines.len()], by_end.len());
        while let Some(last) = count.checked_sub(1) {
            count = match taken[last] {
                Some(before) => {
                    kept[by_end[last]] = true;
                    before
                }
                None => last,
            };
        }
        kept
    }

    fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.lines.iter().map(|line| line.extent.range())
    }
}

/// What ranges in any order leave out from 0 to the last.
pub(crate) fn gaps(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let (mut gaps, mut next) = (Vec::new(), 0);
    for (first, last) in ranges {
        if first > next {
            gaps.push((next, first - 1));
        }
        next = next.max(last.saturating_add(1));
    }
    gaps
}

/// What `ranges` leave out of `first..=last`.
pub(crate) fn missing_in((first, last): (u64, u64), ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let end = ranges.iter().map(|&(_, last)| last).max();
    let after = match end {
        Some(end) => end.checked_add(1),
        None => Some(0),
    };
    let gaps = gaps(ranges.to_vec()).into_iter().chain(after.map(|after| (after, u64::MAX)));
    let within = gaps.map(|(gap_first, gap_last)| (first.max(gap_first), last.min(gap_last)));
    within.filter(|(first, last)| first <= last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(first: u64, last: u64, manifest: &str, file: &str) -> Line {
        let place = Place { file: file.parse().expect("a handle"), others: 0 };
        let manifest = manifest.parse().expect("a handle");
        Line { extent: Extent::Versions { first, last }, manifest, places: vec![place] }
    }

    fn versions(ranges: &[(u64, u64)]) -> Lines {
        let lines = ranges.iter().enumerate().map(|(at, &(first, last))| {
            line(first, last, &format!("b{at}/m"), &format!("metadata/transaction_{first}-{last}.meta"))
        });
        Lines::new(Kind::Versions, lines)
    }

    fn away(ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let lines = versions(ranges);
        let kept = lines.kept();
        lines.ranges().zip(kept).filter(|(_, kept)| !kept).map(|(range, _)| range).collect()
    }

    #[test]
    fn gaps_are_what_no_range_covers() {
        let gaps = |ranges: &[(u64, u64)]| versions(ranges).gaps();
        assert_eq!(gaps(&[]), []);
        assert_eq!(gaps(&[(0, 0), (1, 100)]), []);
        assert_eq!(gaps(&[(51, 100), (0, 60)]), []);
        assert_eq!(gaps(&[(8, 9), (0, 0), (4, 5)]), [(1, 3), (6, 7)]);
        assert_eq!(gaps(&[(0, u64::MAX), (3, 4)]), []);
        assert_eq!(versions(&[(0, 0), (4, 5)]).gaps_with((8, 9)), [(6, 7)]);
        assert_eq!(versions(&[(0, 0), (4, 5)]).gaps_with((2, 3)), [(1, 1)]);
        assert_eq!(versions(&[(0, 0), (4, 5)]).gaps_with((1, 3)), []);
        assert_eq!(versions(&[(0, 3), (5, 5)]).last_without_gap(), Some(3));
        assert_eq!(versions(&[(1, 3)]).last_without_gap(), None);
        assert_eq!(versions(&[(0, u64::MAX)]).last_without_gap(), Some(u64::MAX));
        let lines = versions(&[(0, 0), (4, 5), (5, 9), (10, 12), (20, 22)]);
        for (last, following, first) in [
            (None, Some(0), Some(0)),
            (Some(2), Some(2), Some(4)),
            (Some(3), Some(12), Some(4)),
            (Some(30), Some(30), None),
        ] {
            assert_eq!((lines.last_following(last), lines.first_after(last)), (following, first), "{last:?}");
        }
    }

    #[test]
    fn what_is_moved_away_has_least() {
        assert_eq!(away(&[]), []);
        assert_eq!(away(&[(0, 0), (1, 10), (11, 20)]), []);
        assert_eq!(away(&[(0, 9), (5, 14)]), [(5, 14)]);
        assert_eq!(away(&[(0, 9), (5, 1000)]), [(0, 9)]);
        assert_eq!(away(&[(0, 0), (1, 100), (51, 150), (101, 200)]), [(51, 150)]);
        assert_eq!(away(&[(0, 19), (0, 9), (10, 19)]), [(0, 19)]);
        assert_eq!(away(&[(0, 9), (0, 9)]), [(0, 9)]);
        assert_eq!(away(&[(0, u64::MAX), (3, 4)]), [(3, 4)]);
    }

    #[test]
    fn a_line_in_two_files_is_one() {
        let lines = [line(0, 9, "b/m", "metadata/transaction_0-9.meta"), line(0, 9, "b/m", "metadata/compacted")];
        let lines = Lines::new(Kind::Versions, lines.into_iter());
        assert_eq!((lines.lines.len(), lines.lines[0].places.len()), (1, 2));
        assert_eq!(lines.overlaps(), Vec::<String>::new());
    }

    #[test]
    fn an_overlap_is_told_with_what_helps() {
        let told = versions(&[(0, 9), (5, 14)]).overlaps().join("\n");
        for words in [
            "transactions 5 to 14 (metadata/transaction_5-14.meta)",
            "transactions 0 to 9 (metadata/transaction_0-9.meta)",
            "`sealift mv metadata/transaction_5-14.meta metadata_backup/transaction_5-14.meta` moves it away",
            "then transactions 10 to 14 are missing: `backup transaction --start-version 10 --num_transactions 5`",
        ] {
            assert!(told.contains(words), "{words} is missing in: {told}");
        }
        let mut compacted = line(0, 9, "c/m", "metadata/transaction_compacted_0-99.meta");
        compacted.places[0].others = 3;
        let lines = [line(0, 9, "b/m", "metadata/transaction_0-9.meta"), compacted];
        let told = Lines::new(Kind::Versions, lines.into_iter()).overlaps().join("\n");
        assert!(told.contains("out of metadata/transaction_compacted_0-99.meta, which has 3 others"), "{told}");
        assert!(!told.contains("missing"), "{told}");
    }
}
