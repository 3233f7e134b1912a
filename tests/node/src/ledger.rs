//! The transaction accumulator as a node has it, with all proofs.

use sealift_aptos::chain::{Accumulator, HashValue, TransactionAccumulatorProof, TransactionAccumulatorRangeProof};

/// All levels of the tree over some leaves, from the leaves to the root.
pub(crate) struct Ledger(Vec<Vec<HashValue>>);

impl Ledger {
    pub(crate) fn over(leaves: &[HashValue]) -> Self {
        let above = |nodes: &Vec<HashValue>| (nodes.len() > 1).then(|| Accumulator::Transactions.level_above(nodes));
        Ledger(std::iter::successors(Some(leaves.to_vec()), above).collect())
    }

    pub(crate) fn root(&self) -> HashValue {
        self.0.last().and_then(|nodes| nodes.first()).copied().unwrap_or(Accumulator::PLACEHOLDER)
    }

    pub(crate) fn proof(&self, version: u64) -> TransactionAccumulatorProof {
        let siblings = self.below_root().map(|(level, nodes)| node(nodes, version >> level ^ 1));
        TransactionAccumulatorProof { siblings: siblings.collect() }
    }

    pub(crate) fn range_proof(&self, first: u64, last: u64) -> TransactionAccumulatorRangeProof {
        let right_child = |level: usize| first >> level & 1 == 1;
        let left_child = |level: usize| last >> level & 1 == 0;
        let left = self.below_root().filter(|(level, _)| right_child(*level));
        let right = self.below_root().filter(|(level, _)| left_child(*level));
        TransactionAccumulatorRangeProof {
            left_siblings: left.map(|(level, nodes)| node(nodes, (first >> level) - 1)).collect(),
            right_siblings: right.map(|(level, nodes)| node(nodes, (last >> level) + 1)).collect(),
        }
    }

    fn below_root(&self) -> impl Iterator<Item = (usize, &Vec<HashValue>)> {
        self.0.iter().enumerate().take(self.0.len() - 1)
    }
}

fn node(nodes: &[HashValue], index: u64) -> HashValue {
    usize::try_from(index).ok().and_then(|index| nodes.get(index)).copied().unwrap_or(Accumulator::PLACEHOLDER)
}
