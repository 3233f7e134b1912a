//! Pieces of a state tree: what can be hashed of consecutive leaves without knowing what comes before and behind them. So
//! many runs of leaves are hashed at the same time, and few nodes are left to be put together in order.

use super::error::ChainError;
use super::hash::HashValue;
use super::state_tree::StateTree;

/// A leaf, or a node of the tree that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatePiece {
    /// The key of its last leaf.
    pub key: HashValue,
    /// The hash of the node.
    pub node: HashValue,
    /// The depth of the node; none of a leaf, whose depth is that of the last fork beside it.
    pub(super) depth: Option<usize>,
    /// How many leaves it has.
    pub leaves: u64,
}

impl StatePiece {
    /// A leaf, by its key and the hash of its node.
    pub fn leaf(key: HashValue, node: HashValue) -> Self {
        StatePiece { key, node, depth: None, leaves: 1 }
    }

    /// Puts consecutive leaves together as far as that can be. The first and the last leaf stay leaves: how deep they
    /// are, those beside them decide. Where the leaves are not in order, nothing is put together, so that a tree finds
    /// where.
    pub fn gather(leaves: Vec<StatePiece>) -> Vec<StatePiece> {
        let mut pieces = Vec::new();
        let are_leaves = leaves.iter().all(|piece| piece.depth.is_none());
        match are_leaves && leaves.is_sorted_by(|one, next| one.key < next.key) && edges(&leaves, &mut pieces).is_ok() {
            true => pieces,
            false => leaves,
        }
    }
}

/// The pieces of leaves in order: those below their highest fork, left and right.
fn edges(leaves: &[StatePiece], pieces: &mut Vec<StatePiece>) -> Result<(), ChainError> {
    match fork(leaves) {
        None => pieces.extend(leaves),
        Some((_, left, right)) => {
            // From the first leaf up, and down to the last.
            left_edge(left, pieces)?;
            right_edge(right, pieces)?;
        }
    }
    Ok(())
}

fn left_edge(leaves: &[StatePiece], pieces: &mut Vec<StatePiece>) -> Result<(), ChainError> {
    match fork(leaves) {
        None => pieces.extend(leaves),
        Some((depth, left, right)) => {
            left_edge(left, pieces)?;
            pieces.push(whole(right, depth + 1)?);
        }
    }
    Ok(())
}

fn right_edge(leaves: &[StatePiece], pieces: &mut Vec<StatePiece>) -> Result<(), ChainError> {
    match fork(leaves) {
        None => pieces.extend(leaves),
        Some((depth, left, right)) => {
            pieces.push(whole(left, depth + 1)?);
            right_edge(right, pieces)?;
        }
    }
    Ok(())
}

/// Where the leaves part for the first time, and the leaves on either side; none of a single leaf.
fn fork(leaves: &[StatePiece]) -> Option<(usize, &[StatePiece], &[StatePiece])> {
    let [first, .., last] = leaves else { return None };
    let depth = first.key.common_prefix(&last.key);
    let (left, right) = leaves.split_at(leaves.partition_point(|leaf| !leaf.key.bit(depth)));
    Some((depth, left, right))
}

/// The node at `depth` that has these leaves and no others.
fn whole(leaves: &[StatePiece], depth: usize) -> Result<StatePiece, ChainError> {
    if let [leaf] = leaves {
        return Ok(*leaf);
    }
    let mut tree = StateTree::default();
    leaves.iter().try_for_each(|leaf| tree.push_piece(*leaf))?;
    let key = tree.last_key().unwrap_or(HashValue::ZERO);
    Ok(StatePiece { key, node: tree.node_at(depth), depth: Some(depth), leaves: tree.count() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Hasher;
    use crate::chain::state_tree::tests::leaves;

    fn pieces(count: u32) -> Vec<StatePiece> {
        leaves(count).iter().map(|leaf| StatePiece::leaf(leaf.key, leaf.hash())).collect()
    }

    fn tree(pieces: impl IntoIterator<Item = StatePiece>) -> StateTree {
        let mut tree = StateTree::default();
        pieces.into_iter().for_each(|piece| tree.push_piece(piece).unwrap());
        tree
    }

    #[test]
    fn gathered_anywhere_the_tree_is_the_same() {
        let leaves = pieces(24);
        // Also what it keeps for what comes behind.
        let expected = tree(leaves.clone());
        for run in 1..leaves.len() {
            let gathered = leaves.chunks(run).flat_map(|run| StatePiece::gather(run.to_vec()));
            assert_eq!(tree(gathered), expected, "{run}");
        }
        for from in 0..leaves.len() {
            for to in from..leaves.len() {
                let (before, rest) = leaves.split_at(from);
                let (run, behind) = rest.split_at(to - from);
                let gathered = StatePiece::gather(run.to_vec());
                assert_eq!(gathered.iter().map(|piece| piece.leaves).sum::<u64>(), run.len() as u64);
                let all = [before, &gathered, behind].concat();
                assert_eq!(tree(all), expected, "{from} {to}");
            }
        }
    }

    #[test]
    fn few_pieces_are_left() {
        let leaf = |index: u32| HashValue::new(*Hasher::new("Key").update(index.to_le_bytes()).finish().as_bytes());
        let mut keys: Vec<_> = (0..5000).map(leaf).collect();
        keys.sort();
        let gathered = StatePiece::gather(keys.iter().map(|key| StatePiece::leaf(*key, *key)).collect());
        assert!(gathered.len() < 80, "{}", gathered.len());
        assert_eq!((gathered[0].key, gathered[gathered.len() - 1].key), (keys[0], keys[keys.len() - 1]));
    }

    #[test]
    fn what_is_not_in_order_is_left_for_the_tree_to_find() {
        let mut leaves = pieces(20);
        leaves.swap(7, 8);
        assert_eq!(StatePiece::gather(leaves.clone()), leaves);
        leaves[8] = leaves[7];
        assert_eq!(StatePiece::gather(leaves.clone()), leaves);
        assert_eq!(StatePiece::gather(Vec::new()), []);
    }
}
