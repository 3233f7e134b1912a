//! Merkle accumulators: trees that only grow to the right. The chain has one over all transactions, and one over the
//! events of each transaction.

use super::error::ChainError;
use super::hash::{HashValue, Hasher};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Which accumulator: their nodes are hashed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulator {
    /// Over the hashes of the infos of all transactions, by version.
    Transactions,
    /// Over the events of one transaction.
    Events,
}

/// More levels than any proof can have: versions are 64-bit numbers of which the highest bit is never used.
const MAX_DEPTH: usize = 63;

static TRANSACTIONS: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("TransactionAccumulator"));
static EVENTS: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("EventAccumulator"));

impl Accumulator {
    /// What stands where a tree has nothing.
    pub const PLACEHOLDER: HashValue = HashValue::literal("ACCUMULATOR_PLACEHOLDER_HASH");

    /// The hash of the node above two others.
    pub fn parent(self, left: HashValue, right: HashValue) -> HashValue {
        let hasher = match self {
            Accumulator::Transactions => TRANSACTIONS.clone(),
            Accumulator::Events => EVENTS.clone(),
        };
        hasher.update(left).update(right).finish()
    }

    /// The nodes of the level above `nodes`, which begin with a left child.
    pub fn level_above(self, nodes: &[HashValue]) -> Vec<HashValue> {
        let above = nodes.chunks(2).map(|pair| match pair {
            [left, right] => self.parent(*left, *right),
            [left] => self.parent(*left, Accumulator::PLACEHOLDER),
            _ => Accumulator::PLACEHOLDER,
        });
        above.collect()
    }

    /// The root over all `leaves`.
    pub fn root(self, leaves: &[HashValue]) -> HashValue {
        let mut nodes = leaves.to_vec();
        while nodes.len() > 1 {
            nodes = self.level_above(&nodes);
        }
        nodes.first().copied().unwrap_or(Accumulator::PLACEHOLDER)
    }
}

/// Proves that one transaction is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionAccumulatorProof {
    /// The other child at each level, from the leaves to the root.
    pub siblings: Vec<HashValue>,
}

impl TransactionAccumulatorProof {
    /// Checks that `leaf` is at `version` in the tree with this `root`.
    ///
    /// # Errors
    /// [`ChainError::Mismatch`] when it is not; [`ChainError::Unproven`] when the proof fits no tree.
    pub fn verify(&self, root: HashValue, version: u64, leaf: HashValue) -> Result<(), ChainError> {
        const WHAT: &str = "transaction accumulator proof";
        check_depth(WHAT, self.siblings.len())?;
        if version >> self.siblings.len() != 0 {
            return Err(unproven(
                WHAT,
                format!("version {version} is outside a tree of {} levels", self.siblings.len()),
            ));
        }
        let found = self.siblings.iter().enumerate().fold(leaf, |node, (level, sibling)| match version >> level & 1 {
            0 => Accumulator::Transactions.parent(node, *sibling),
            _ => Accumulator::Transactions.parent(*sibling, node),
        });
        ChainError::unless_equal(WHAT, found, root)
    }
}

/// Proves that consecutive transactions are in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionAccumulatorRangeProof {
    /// What is missing on the left, from the leaves to the root.
    pub left_siblings: Vec<HashValue>,
    /// What is missing on the right, from the leaves to the root.
    pub right_siblings: Vec<HashValue>,
}

impl TransactionAccumulatorRangeProof {
    /// Checks that `leaves` are at `first` and the versions after it, in the tree with this `root`.
    ///
    /// # Errors
    /// [`ChainError::Mismatch`] when they are not; [`ChainError::Unproven`] when the proof fits no tree.
    pub fn verify(&self, root: HashValue, first: u64, leaves: &[HashValue]) -> Result<(), ChainError> {
        let mut range = AccumulatorRange::new(self.clone(), first)?;
        leaves.iter().try_for_each(|leaf| range.push(*leaf))?;
        range.verify(root)
    }
}

/// Consecutive leaves of the transaction accumulator that are held against a range proof as they come. It holds one node
/// of each level, so its size does not grow with the range.
#[derive(Debug)]
pub struct AccumulatorRange {
    proof: TransactionAccumulatorRangeProof,
    /// The index of the next node of each level, from the leaves on.
    next: Vec<u64>,
    /// The last node of each level that has no sibling yet. It is a left one.
    waiting: Vec<Option<HashValue>>,
    /// How many siblings on the left were used.
    left_used: usize,
    count: u64,
}

const RANGE: &str = "transaction accumulator range proof";

impl AccumulatorRange {
    /// For leaves from `first` on.
    ///
    /// # Errors
    /// [`ChainError::Unproven`] when the proof fits no tree.
    pub fn new(proof: TransactionAccumulatorRangeProof, first: u64) -> Result<Self, ChainError> {
        check_depth(RANGE, proof.left_siblings.len())?;
        check_depth(RANGE, proof.right_siblings.len())?;
        Ok(AccumulatorRange { proof, next: vec![first], waiting: vec![None], left_used: 0, count: 0 })
    }

    /// How many leaves came.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Takes the next leaf.
    ///
    /// # Errors
    /// [`ChainError::Unproven`] when the proof has nothing to the left of the first one where something must be.
    pub fn push(&mut self, leaf: HashValue) -> Result<(), ChainError> {
        self.count += 1;
        self.push_at(0, leaf)
    }

    fn push_at(&mut self, mut level: usize, mut node: HashValue) -> Result<(), ChainError> {
        loop {
            if level > MAX_DEPTH {
                return Err(unproven(RANGE, "the range is longer than a tree has leaves".into()));
            }
            if self.next.len() == level {
                // The first node of a level is above the first of the level below.
                let below = level.checked_sub(1).and_then(|below| self.next.get(below));
                self.next.push(below.map_or(0, |next| next.saturating_sub(1) / 2));
                self.waiting.push(None);
            }
            let index = self.next[level];
            self.next[level] = index.wrapping_add(1);
            if index.is_multiple_of(2) {
                self.waiting[level] = Some(node);
                return Ok(());
            }
            let left = match self.waiting[level].take() {
                Some(left) => left,
                None => self.left_sibling()?,
            };
            node = Accumulator::Transactions.parent(left, node);
            level += 1;
        }
    }

    fn left_sibling(&mut self) -> Result<HashValue, ChainError> {
        let sibling = self.proof.left_siblings.get(self.left_used).copied();
        self.left_used += 1;
        sibling.ok_or_else(|| unproven(RANGE, "a sibling on the left is missing".into()))
    }

    /// Checks that the leaves so far are all of the range, in the tree with this `root`.
    ///
    /// # Errors
    /// [`ChainError::Mismatch`] when they are not; [`ChainError::Unproven`] when the proof fits no tree.
    pub fn verify(mut self, root: HashValue) -> Result<(), ChainError> {
        if self.count == 0 {
            return Err(unproven(RANGE, "it is for no transactions".into()));
        }
        let right = std::mem::take(&mut self.proof.right_siblings);
        let mut right = right.into_iter();
        let mut level = 0;
        loop {
            let above = self.waiting.iter().skip(level + 1).any(Option::is_some);
            if let Some(node) = self.waiting.get(level).copied().flatten() {
                let more = above || right.len() > 0 || self.left_used < self.proof.left_siblings.len();
                if !more {
                    return match self.next.get(level) {
                        Some(1) => ChainError::unless_equal(RANGE, node, root),
                        _ => Err(unproven(RANGE, "siblings are missing near the root".into())),
                    };
                }
                let sibling =
                    right.next().ok_or_else(|| unproven(RANGE, "a sibling on the right is missing".into()))?;
                self.waiting[level] = None;
                self.push_at(level + 1, Accumulator::Transactions.parent(node, sibling))?;
            } else if level >= self.waiting.len() {
                return Err(unproven(RANGE, "siblings are missing near the root".into()));
            }
            level += 1;
        }
    }
}

fn check_depth(what: &'static str, siblings: usize) -> Result<(), ChainError> {
    match siblings <= MAX_DEPTH {
        true => Ok(()),
        false => Err(unproven(what, format!("{siblings} siblings are more than a tree has levels"))),
    }
}

fn unproven(what: &'static str, reason: String) -> ChainError {
    ChainError::Unproven { what, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<HashValue> {
        (1..=count).map(|leaf| HashValue::new([leaf; 32])).collect()
    }

    /// All nodes of each level, from the leaves to the root.
    fn levels(leaves: &[HashValue]) -> Vec<Vec<HashValue>> {
        let above = |nodes: &Vec<HashValue>| (nodes.len() > 1).then(|| Accumulator::Transactions.level_above(nodes));
        std::iter::successors(Some(leaves.to_vec()), above).collect()
    }

    fn range_proof(leaves: &[HashValue], first: usize, last: usize) -> TransactionAccumulatorRangeProof {
        let levels = levels(leaves);
        let (mut left_siblings, mut right_siblings) = (Vec::new(), Vec::new());
        for (level, nodes) in levels[..levels.len() - 1].iter().enumerate() {
            let (first, last) = (first >> level, last >> level);
            if first % 2 == 1 {
                left_siblings.push(nodes[first - 1]);
            }
            if last % 2 == 0 {
                right_siblings.push(nodes.get(last + 1).copied().unwrap_or(Accumulator::PLACEHOLDER));
            }
        }
        TransactionAccumulatorRangeProof { left_siblings, right_siblings }
    }

    #[test]
    fn small_trees_are_what_one_writes_by_hand() {
        let (of, leaves) = (Accumulator::Transactions, leaves(5));
        let [a, b, c, d, e] = leaves[..] else { panic!("five") };
        let none = Accumulator::PLACEHOLDER;
        assert_eq!(of.root(&[]), none);
        assert_eq!(of.root(&[a]), a);
        assert_eq!(of.root(&[a, b, c]), of.parent(of.parent(a, b), of.parent(c, none)));
        let (left, right) = (of.parent(of.parent(a, b), of.parent(c, d)), of.parent(of.parent(e, none), none));
        assert_eq!(of.root(&leaves), of.parent(left, right));
        assert_ne!(Accumulator::Events.root(&leaves), of.root(&leaves));
        assert_eq!(&none.as_bytes()[..], b"ACCUMULATOR_PLACEHOLDER_HASH\0\0\0\0");
    }

    #[test]
    fn every_range_of_every_small_tree_is_proven_and_nothing_else() {
        for count in 1..=17 {
            let leaves = leaves(count);
            let root = Accumulator::Transactions.root(&leaves);
            for first in 0..leaves.len() {
                for last in first..leaves.len() {
                    let (proof, range) = (range_proof(&leaves, first, last), &leaves[first..=last]);
                    proof.verify(root, first as u64, range).unwrap();
                    assert!(proof.verify(root, first as u64, &range[1..]).is_err());
                    assert!(proof.verify(root, first as u64 + 1, range).is_err(), "{count} {first} {last}");
                    assert!(proof.verify(HashValue::ZERO, first as u64, range).is_err());
                    let mut other = range.to_vec();
                    other[0] = HashValue::ZERO;
                    assert!(proof.verify(root, first as u64, &other).is_err());
                    let mut longer = proof;
                    longer.left_siblings.push(HashValue::ZERO);
                    assert!(longer.verify(root, first as u64, range).is_err());
                }
            }
        }
    }

    #[test]
    fn one_transaction_is_proven_at_its_version_only() {
        let leaves = leaves(11);
        let (root, levels) = (Accumulator::Transactions.root(&leaves), levels(&leaves));
        for (version, leaf) in leaves.iter().enumerate() {
            let sibling = |(level, nodes): (usize, &Vec<HashValue>)| {
                nodes.get((version >> level) ^ 1).copied().unwrap_or(Accumulator::PLACEHOLDER)
            };
            let siblings = levels[..levels.len() - 1].iter().enumerate().map(sibling).collect();
            let proof = TransactionAccumulatorProof { siblings };
            proof.verify(root, version as u64, *leaf).unwrap();
            for other in [version as u64 ^ 1, version as u64 + 16] {
                assert!(proof.verify(root, other, *leaf).is_err());
            }
            assert!(proof.verify(root, version as u64, HashValue::ZERO).is_err());
        }
    }
}
