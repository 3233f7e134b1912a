//! The transaction accumulator with all its proofs. Its leaves are on disk, and of its nodes only the higher ones in
//! memory.

use anyhow::{Context, Result};
use sealift_aptos::chain::{Accumulator, HashValue, TransactionAccumulatorProof, TransactionAccumulatorRangeProof};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;

/// Nodes of this level and above are in memory; those below are hashed again.
const KEPT: usize = 12;

pub(crate) struct Ledger {
    leaves: BufWriter<File>,
    count: u64,
    /// The leaves of the node of the level [`KEPT`] that is not full yet.
    begun: Vec<HashValue>,
    /// The full nodes of the level [`KEPT`] and of each above.
    kept: Vec<Vec<HashValue>>,
}

impl Ledger {
    pub(crate) fn new() -> Result<Self> {
        Ok(Ledger { leaves: BufWriter::new(tempfile::tempfile()?), count: 0, begun: Vec::new(), kept: Vec::new() })
    }

    pub(crate) fn push(&mut self, leaf: HashValue) -> Result<()> {
        self.leaves.write_all(leaf.as_bytes())?;
        self.count += 1;
        self.begun.push(leaf);
        if self.begun.len() == 1 << KEPT {
            let mut node = Accumulator::Transactions.root(&self.begun);
            self.begun.clear();
            for level in 0.. {
                if self.kept.len() == level {
                    self.kept.push(Vec::new());
                }
                let nodes = &mut self.kept[level];
                nodes.push(node);
                match nodes[..] {
                    [.., left, right] if nodes.len().is_multiple_of(2) => {
                        node = Accumulator::Transactions.parent(left, right);
                    }
                    _ => break,
                }
            }
        }
        Ok(())
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Before proofs are asked for: all leaves are to be on disk.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.leaves.flush().context("write the accumulator's leaves")
    }

    /// The root of the tree over the first `count` leaves.
    pub(crate) fn root(&self, count: u64) -> Result<HashValue> {
        self.node(levels(count), 0, count)
    }

    pub(crate) fn proof(&self, version: u64, count: u64) -> Result<TransactionAccumulatorProof> {
        let siblings = (0..levels(count)).map(|level| self.node(level, version >> level ^ 1, count));
        Ok(TransactionAccumulatorProof { siblings: siblings.collect::<Result<_>>()? })
    }

    pub(crate) fn range_proof(&self, first: u64, last: u64, count: u64) -> Result<TransactionAccumulatorRangeProof> {
        let (mut left_siblings, mut right_siblings) = (Vec::new(), Vec::new());
        for level in 0..levels(count) {
            let (first, last) = (first >> level, last >> level);
            if first % 2 == 1 {
                left_siblings.push(self.node(level, first - 1, count)?);
            }
            if last.is_multiple_of(2) {
                right_siblings.push(self.node(level, last + 1, count)?);
            }
        }
        Ok(TransactionAccumulatorRangeProof { left_siblings, right_siblings })
    }

    /// A node of the tree over the first `count` leaves.
    fn node(&self, level: usize, index: u64, count: u64) -> Result<HashValue> {
        if index << level >= count {
            return Ok(Accumulator::PLACEHOLDER);
        }
        if level == 0 {
            let mut leaf = [0; HashValue::LENGTH];
            self.leaves.get_ref().read_exact_at(&mut leaf, index * HashValue::LENGTH as u64)?;
            return Ok(HashValue::new(leaf));
        }
        let kept = level.checked_sub(KEPT).filter(|_| (index + 1) << level <= count);
        if let Some(node) = kept.and_then(|above| self.kept.get(above)?.get(index as usize)) {
            return Ok(*node);
        }
        let (left, right) = (self.node(level - 1, 2 * index, count)?, self.node(level - 1, 2 * index + 1, count)?);
        Ok(Accumulator::Transactions.parent(left, right))
    }
}

/// How many levels are below the root of the tree over `count` leaves.
fn levels(count: u64) -> usize {
    count.next_power_of_two().ilog2() as usize
}
