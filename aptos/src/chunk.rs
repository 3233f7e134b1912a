//! Where one chunk ends and the next begins.

use crate::records::{PREFIX, Run};

/// The largest chunk unless told otherwise, in bytes: 128 MiB, as aptos-db-tool's `--max-chunk-size`.
pub const MAX_CHUNK_SIZE: u64 = 128 << 20;

/// The archive format's rule: a chunk that is not empty ends before a record that would make it longer than the
/// maximum. So no chunk is longer, except one of a single longer record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRule {
    max: u64,
}

impl ChunkRule {
    /// Chunks of at most `max` bytes, lengths of records counted.
    pub fn new(max: u64) -> Self {
        ChunkRule { max }
    }

    /// Whether a chunk of `chunk` bytes ends before a record of `record` bytes, its length not counted.
    pub fn ends_before(self, chunk: u64, record: u64) -> bool {
        chunk > 0 && chunk.saturating_add(PREFIX as u64).saturating_add(record) > self.max
    }
}

/// What to do next with records in the order they come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The chunk ends here.
    Cut,
    /// These go into the chunk.
    Append(Run),
}

/// Cuts a stream of records into chunks.
#[derive(Debug)]
pub(crate) struct Cutter {
    rule: ChunkRule,
    /// The bytes in the chunk so far.
    chunk: u64,
}

impl Cutter {
    pub(crate) fn new(rule: ChunkRule) -> Self {
        Cutter { rule, chunk: 0 }
    }

    pub(crate) fn steps(&mut self, run: Run) -> Vec<Step> {
        let (mut steps, mut from, mut start) = (Vec::with_capacity(1), 0, 0);
        for (at, &end) in run.ends().iter().enumerate() {
            let framed = (end - start) as u64;
            if self.rule.ends_before(self.chunk, framed - PREFIX as u64) {
                if from < at {
                    steps.push(Step::Append(run.part(from, at)));
                }
                steps.push(Step::Cut);
                (self.chunk, from) = (0, at);
            }
            self.chunk += framed;
            start = end;
        }
        let rest = match from {
            0 => run,
            from => run.part(from, run.ends().len()),
        };
        steps.push(Step::Append(rest));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Splitter;
    use bytes::Bytes;

    fn framed(lengths: &[usize]) -> Vec<u8> {
        let record = |&length: &usize| [(length as u32).to_be_bytes().to_vec(), vec![7; length]].concat();
        lengths.iter().flat_map(record).collect()
    }

    /// The records' lengths, chunk by chunk, when they arrive in runs of `together` records.
    fn chunks(max: u64, lengths: &[usize], together: usize) -> Vec<Vec<usize>> {
        let (mut cutter, mut chunks) = (Cutter::new(ChunkRule::new(max)), vec![vec![]]);
        for lengths in lengths.chunks(together) {
            for run in Splitter::new(1 << 20).push(Bytes::from(framed(lengths))).expect("short records") {
                for step in cutter.steps(run) {
                    match step {
                        Step::Cut => chunks.push(vec![]),
                        Step::Append(run) => {
                            chunks.last_mut().expect("one").extend(run.records().map(<[u8]>::len));
                        }
                    }
                }
            }
        }
        chunks
    }

    #[test]
    fn a_chunk_is_as_long_as_allowed_and_not_longer() {
        // Two records of 6 bytes with their lengths are 20 bytes.
        for together in 1..=5 {
            assert_eq!(chunks(20, &[6, 6, 6, 6, 6], together), vec![vec![6, 6], vec![6, 6], vec![6]]);
            assert_eq!(chunks(19, &[6, 6, 6], together), vec![vec![6], vec![6], vec![6]]);
            assert_eq!(chunks(29, &[6, 6, 6], together), vec![vec![6, 6], vec![6]]);
            assert_eq!(chunks(30, &[6, 6, 6], together), vec![vec![6, 6, 6]]);
        }
    }

    #[test]
    fn a_record_longer_than_a_chunk_is_a_chunk_of_its_own() {
        for together in 1..=4 {
            assert_eq!(chunks(10, &[50, 1, 1, 50], together), vec![vec![50], vec![1, 1], vec![50]]);
            assert_eq!(chunks(0, &[0, 0], together), vec![vec![0], vec![0]]);
        }
    }

    #[test]
    fn lengths_near_the_end_of_numbers_do_not_wrap() {
        assert!(ChunkRule::new(u64::MAX - 1).ends_before(u64::MAX - 2, 10));
    }
}
