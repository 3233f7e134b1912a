//! The state tree: a binary Merkle tree over the hashes of state keys, in which a subtree with a single leaf is that
//! leaf.

use super::error::ChainError;
use super::hash::{HashValue, Hasher};
use super::state_key::{state_key_hash, state_key_length};
use super::state_pieces::StatePiece;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

static INTERNAL: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("SparseMerkleInternal"));
static LEAF: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("SparseMerkleLeafNode"));
static VALUE: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("StateValue"));

/// The hash of the node above two others.
pub fn state_node_hash(left: HashValue, right: HashValue) -> HashValue {
    INTERNAL.clone().update(left).update(right).finish()
}

/// One item of the state, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateLeaf {
    /// The hash of its key, which is its place in the tree.
    pub key: HashValue,
    /// The hash of its value.
    pub value: HashValue,
}

impl StateLeaf {
    /// The leaf of a record, BCS of `(StateKey, StateValue)`. The value is hashed as it stands, whatever it holds.
    ///
    /// # Errors
    /// As [`state_key_hash`].
    pub fn of(record: &[u8]) -> Result<Self, ChainError> {
        let value = record.get(state_key_length(record)?..).unwrap_or_default();
        Ok(StateLeaf { key: state_key_hash(record)?, value: VALUE.clone().update(value).finish() })
    }

    /// The hash of its node.
    pub fn hash(&self) -> HashValue {
        LEAF.clone().update(self.key).update(self.value).finish()
    }
}

/// Proves, with all items up to one, that they are the beginning of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparseMerkleRangeProof {
    /// What lies to the right of the way from the last item to the root, from the item on.
    pub right_siblings: Vec<HashValue>,
}

/// A state tree that is filled in the order of its keys. It holds the last leaf and the nodes to the left of its way
/// to the root, so its size does not grow with the state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateTree {
    /// The last leaf, or what was put together of the last leaves.
    last: Option<StatePiece>,
    /// The node that is the left sibling of the way at each depth that has one, from the root on.
    left: Vec<(usize, HashValue)>,
    count: u64,
}

const WHAT: &str = "state range proof";

impl StateTree {
    /// What stands where the tree has nothing.
    pub const PLACEHOLDER: HashValue = HashValue::literal("SPARSE_MERKLE_PLACEHOLDER_HASH");

    /// How many leaves it has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The key of the last leaf.
    pub fn last_key(&self) -> Option<HashValue> {
        self.last.map(|last| last.key)
    }

    /// Adds the next leaf.
    ///
    /// # Errors
    /// [`ChainError::Unproven`] when its key is not behind the last one.
    pub fn push(&mut self, leaf: StateLeaf) -> Result<(), ChainError> {
        self.push_piece(StatePiece::leaf(leaf.key, leaf.hash()))
    }

    /// The same for who has hashed the leaf already, or the next leaves together.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_piece(&mut self, piece: StatePiece) -> Result<(), ChainError> {
        if let Some(last) = self.last {
            let (key, last_key) = (piece.key, last.key);
            if key <= last_key {
                let reason = format!("the key {key} comes after {last_key}");
                return Err(ChainError::Unproven { what: "order of state items", reason });
            }
            let fork = key.common_prefix(&last_key);
            let from = self.depth().max(fork + 1);
            let left = self.climb(last, from, fork + 1, |_| StateTree::PLACEHOLDER);
            self.left.retain(|(depth, _)| *depth < fork);
            self.left.push((fork, left));
        }
        self.last = Some(piece);
        self.count += piece.leaves;
        Ok(())
    }

    /// The root, when there are no more leaves.
    pub fn root(&self) -> HashValue {
        self.node_at(0)
    }

    /// The node at `depth` on the way from the last leaf to the root, when there are no more leaves below it.
    pub(super) fn node_at(&self, depth: usize) -> HashValue {
        match self.last {
            Some(last) => self.climb(last, self.depth(), depth, |_| StateTree::PLACEHOLDER),
            None => StateTree::PLACEHOLDER,
        }
    }

    /// Checks that the leaves so far are all those up to the last one, in the tree with this `root`.
    ///
    /// # Errors
    /// [`ChainError::Mismatch`] when they are not; [`ChainError::Unproven`] when the proof fits no tree.
    pub fn verify(&self, proof: &SparseMerkleRangeProof, root: HashValue) -> Result<(), ChainError> {
        let unproven = |reason: &str| ChainError::Unproven { what: WHAT, reason: reason.to_owned() };
        let last = self.last.ok_or_else(|| unproven("there are no items"))?;
        let siblings = &proof.right_siblings;
        // There is a sibling for each zero in the key, down to the leaf. That is at the last sibling of either side.
        let mut zeros = (0..8 * HashValue::LENGTH).filter(|depth| !last.key.bit(*depth));
        let from_right = match siblings.len() {
            0 => 0,
            count => zeros.nth(count - 1).ok_or_else(|| unproven("it has more siblings than the key has zeros"))? + 1,
        };
        let depth = from_right.max(self.depth());
        if (0..depth).filter(|depth| !last.key.bit(*depth)).count() != siblings.len() {
            return Err(unproven("siblings are missing"));
        }
        let mut siblings = siblings.iter();
        let found = self.climb(last, depth, 0, |_| siblings.next().copied().unwrap_or(StateTree::PLACEHOLDER));
        ChainError::unless_equal(WHAT, found, root)
    }

    /// The depth to which the leaves on the left push the last one down, or at which what was put together is.
    fn depth(&self) -> usize {
        let own = self.last.and_then(|last| last.depth).unwrap_or_default();
        self.left.last().map_or(0, |(depth, _)| depth + 1).max(own)
    }

    /// The node at depth `to` on the way from the last leaf, which is at depth `from`, to the root.
    fn climb(&self, last: StatePiece, from: usize, to: usize, mut right: impl FnMut(usize) -> HashValue) -> HashValue {
        let mut left = self.left.iter().rev().peekable();
        (to..from).rev().fold(last.node, |node, depth| match last.key.bit(depth) {
            true => {
                let sibling = left.next_if(|(own, _)| *own == depth).map_or(StateTree::PLACEHOLDER, |(_, node)| *node);
                state_node_hash(sibling, node)
            }
            false => state_node_hash(node, right(depth)),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The definition, word by word.
    fn subtree(leaves: &[StateLeaf], depth: usize) -> HashValue {
        match leaves {
            [] => StateTree::PLACEHOLDER,
            [leaf] => leaf.hash(),
            _ => {
                let (left, right) = leaves.split_at(leaves.partition_point(|leaf| !leaf.key.bit(depth)));
                state_node_hash(subtree(left, depth + 1), subtree(right, depth + 1))
            }
        }
    }

    fn siblings(leaves: &[StateLeaf], of: &StateLeaf, depth: usize) -> Vec<HashValue> {
        if leaves.len() < 2 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.partition_point(|leaf| !leaf.key.bit(depth)));
        match of.key.bit(depth) {
            true => siblings(right, of, depth + 1),
            false => [siblings(left, of, depth + 1), vec![subtree(right, depth + 1)]].concat(),
        }
    }

    /// Leaves of which many share long prefixes, so that the tree has deep and lopsided places.
    pub(in crate::chain) fn leaves(count: u32) -> Vec<StateLeaf> {
        let leaf = |index: u32| {
            let mut key = *Hasher::new("Key").update(index.to_le_bytes()).finish().as_bytes();
            if index.is_multiple_of(3) {
                key[..2].copy_from_slice(&[0xab, 0x55]);
            }
            if index.is_multiple_of(5) {
                key[..31].fill(0x0f);
            }
            let key = HashValue::new(key);
            (key, StateLeaf { key, value: HashValue::new([index as u8; 32]) })
        };
        (0..count).map(leaf).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    #[test]
    fn filled_in_order_it_has_the_root_of_the_definition() {
        for count in (0..40).chain([300]) {
            let leaves = leaves(count);
            let mut tree = StateTree::default();
            leaves.iter().for_each(|leaf| tree.push(*leaf).unwrap());
            assert_eq!(tree.root(), subtree(&leaves, 0), "{count}");
            assert_eq!(tree.count(), leaves.len() as u64);
        }
    }

    #[test]
    fn every_beginning_is_proven_and_nothing_else() {
        let leaves = leaves(90);
        let (root, mut tree) = (subtree(&leaves, 0), StateTree::default());
        for (index, leaf) in leaves.iter().enumerate() {
            tree.push(*leaf).unwrap();
            let proof = SparseMerkleRangeProof { right_siblings: siblings(&leaves, leaf, 0) };
            tree.verify(&proof, root).unwrap_or_else(|error| panic!("{index}: {error}"));
            assert!(tree.verify(&proof, HashValue::ZERO).is_err());
            let mut longer = proof.clone();
            longer.right_siblings.push(StateTree::PLACEHOLDER);
            assert!(tree.verify(&longer, root).is_err());
            let mut shorter = proof.clone();
            if shorter.right_siblings.pop().is_some() {
                assert!(tree.verify(&shorter, root).is_err());
            }
            let mut other = StateTree::default();
            leaves[..=index].iter().for_each(|leaf| {
                let value = HashValue::new([leaf.value.as_bytes()[0] ^ 1; 32]);
                other.push(StateLeaf { value, ..*leaf }).unwrap();
            });
            assert!(other.verify(&proof, root).is_err());
        }
    }

    #[test]
    fn a_leaf_left_out_is_found() {
        let leaves = leaves(30);
        let proof = SparseMerkleRangeProof { right_siblings: siblings(&leaves, &leaves[20], 0) };
        for missing in 0..20 {
            let mut tree = StateTree::default();
            let kept = leaves[..=20].iter().enumerate().filter(|(index, _)| *index != missing);
            kept.for_each(|(_, leaf)| tree.push(*leaf).unwrap());
            assert!(tree.verify(&proof, subtree(&leaves, 0)).is_err(), "{missing}");
        }
    }

    #[test]
    fn leaves_out_of_order_are_refused() {
        let leaves = leaves(3);
        let mut tree = StateTree::default();
        tree.push(leaves[1]).unwrap();
        assert!(tree.push(leaves[1]).is_err());
        assert!(tree.push(leaves[0]).is_err());
        tree.push(leaves[2]).unwrap();
    }

    #[test]
    fn a_record_is_hashed_as_key_and_value() {
        let record = [&[2, 3][..], b"key", &[0, 2, 7, 7]].concat();
        let leaf = StateLeaf::of(&record).unwrap();
        assert_eq!(leaf.key, state_key_hash(&record).unwrap());
        assert_eq!(leaf.value, Hasher::new("StateValue").update([0, 2, 7, 7]).finish());
    }
}
