//! The state at one version as a node has it, with its proofs.

use bytes::Bytes;
use sealift_aptos::chain::{HashValue, SparseMerkleRangeProof, StateLeaf, StateTree, WriteOp, state_node_hash};
use std::collections::BTreeMap;

/// All items by the hashes of their keys, each as its record and its leaf. Copies share the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct State(BTreeMap<HashValue, (Bytes, StateLeaf)>);

impl State {
    /// Adds or replaces an item.
    pub(crate) fn put(&mut self, record: Bytes) {
        let leaf = StateLeaf::of(&record).expect("a state record");
        self.0.insert(leaf.key, (record, leaf));
    }

    /// Does what a write set says.
    pub(crate) fn apply(&mut self, ops: &[WriteOp<'_>]) {
        for op in ops {
            match &op.value {
                Some(value) => self.put([op.key, value].concat().into()),
                None => drop(self.0.remove(&StateLeaf::of(op.key).expect("a state key").key)),
            }
        }
    }

    pub(crate) fn root(&self) -> HashValue {
        let mut tree = StateTree::default();
        self.leaves().for_each(|leaf| tree.push(*leaf).expect("a map is in order"));
        tree.root()
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The records from `first` on, in the tree's order.
    pub(crate) fn records(&self, first: u64) -> impl Iterator<Item = Bytes> + Send + use<> {
        let records: Vec<_> = self.0.values().skip(first as usize).map(|(record, _)| record.clone()).collect();
        records.into_iter()
    }

    /// The proof for all items up to the one with this key; none when there is no such item.
    pub(crate) fn range_proof(&self, last: HashValue) -> Option<SparseMerkleRangeProof> {
        let leaves: Vec<_> = self.leaves().copied().collect();
        self.0.contains_key(&last).then(|| SparseMerkleRangeProof { right_siblings: right_siblings(&leaves, last, 0) })
    }

    fn leaves(&self) -> impl Iterator<Item = &StateLeaf> {
        self.0.values().map(|(_, leaf)| leaf)
    }
}

fn right_siblings(leaves: &[StateLeaf], last: HashValue, depth: usize) -> Vec<HashValue> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = halves(leaves, depth);
    match last.bit(depth) {
        true => right_siblings(right, last, depth + 1),
        false => {
            let mut siblings = right_siblings(left, last, depth + 1);
            siblings.push(node(right, depth + 1));
            siblings
        }
    }
}

fn node(leaves: &[StateLeaf], depth: usize) -> HashValue {
    match leaves {
        [] => StateTree::PLACEHOLDER,
        [leaf] => leaf.hash(),
        _ => {
            let (left, right) = halves(leaves, depth);
            state_node_hash(node(left, depth + 1), node(right, depth + 1))
        }
    }
}

fn halves(leaves: &[StateLeaf], depth: usize) -> (&[StateLeaf], &[StateLeaf]) {
    leaves.split_at(leaves.partition_point(|leaf| !leaf.key.bit(depth)))
}
