//! A state tree that is filled from its end: what lies to the right of an item is complete when the item comes, and is
//! the proof of all items up to it.

use sealift_aptos::chain::{HashValue, StateTree, state_node_hash};

/// The tree, with the nodes to the right of the way to the last leaf that came, which is its first.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    first: Option<(HashValue, HashValue)>,
    /// The node that is the right sibling of the way at each depth that has one, from the root on.
    right: Vec<(usize, HashValue)>,
    /// How many nodes were hashed.
    pub(crate) nodes: u64,
}

impl Mirror {
    /// Adds the leaf before those that came.
    pub(crate) fn push(&mut self, key: HashValue, node: HashValue) {
        if let Some((first_key, first_node)) = self.first {
            let fork = key.common_prefix(&first_key);
            let right = self.climb(first_key, first_node, self.depth().max(fork + 1), fork + 1);
            self.right.retain(|(depth, _)| *depth < fork);
            self.right.push((fork, right));
        }
        self.first = Some((key, node));
    }

    /// What lies to the right of the way from the first leaf to the root, from the leaf on. `before` is the key of the
    /// leaf that will come next; it may push the first one further down.
    pub(crate) fn right_siblings(&self, before: Option<HashValue>) -> Vec<HashValue> {
        let Some((key, _)) = self.first else { return Vec::new() };
        let fork = before.map_or(0, |before| before.common_prefix(&key) + 1);
        let depths = (0..self.depth().max(fork)).rev().filter(|depth| !key.bit(*depth));
        depths.map(|depth| self.sibling(depth)).collect()
    }

    /// The root, when there are no more leaves.
    pub(crate) fn root(&mut self) -> HashValue {
        match self.first {
            Some((key, node)) => self.climb(key, node, self.depth(), 0),
            None => StateTree::PLACEHOLDER,
        }
    }

    fn depth(&self) -> usize {
        self.right.last().map_or(0, |(depth, _)| depth + 1)
    }

    fn sibling(&self, depth: usize) -> HashValue {
        let found = self.right.iter().rev().find(|(own, _)| *own == depth);
        found.map_or(StateTree::PLACEHOLDER, |(_, node)| *node)
    }

    fn climb(&mut self, key: HashValue, leaf: HashValue, from: usize, to: usize) -> HashValue {
        self.nodes += (from - to) as u64;
        (to..from).rev().fold(leaf, |node, depth| match key.bit(depth) {
            false => state_node_hash(node, self.sibling(depth)),
            true => state_node_hash(StateTree::PLACEHOLDER, node),
        })
    }
}
