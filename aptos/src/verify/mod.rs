//! Verification of an archive against itself: what its metadata lines and manifests name, and, at the depth of the chain,
//! every hash, proof and signature, without a database and without a node.
//!
//! - `survey`: the metadata lines, the manifests they name, and the pieces they become: one for each manifest;
//! - `check`: a piece, by its kind: `epochs`, `snapshot`, `transactions`;
//! - `signed`: whether a ledger info is one that the chain has agreed on, by `endings` (the epochs' validators, from the
//!   archive itself) and `trust` (the waypoints that whoever asks knows);
//! - `records`: a chunk's records, hashed on all cores and put together in their order.
//!
//! A piece is verified by itself. What it takes from another, that an epoch ended in a certain way, is a fact that it needs,
//! and the piece of that epoch proves.

mod check;
mod endings;
mod epochs;
mod lines;
mod manifests;
mod proofs;
mod records;
mod settings;
mod signed;
mod snapshot;
mod survey;
mod transactions;
mod trust;

pub use check::ChainCheck;
pub use settings::{EndingsLine, EpochEndings, Lagging, Settings};
pub(crate) use survey::piece;
pub use survey::{Surveyed, survey};

use crate::chain::ChainError;
use sealift::verify::{Class, Finding};

/// The kinds of pieces.
pub(crate) mod kind {
    pub(crate) const EPOCHS: &str = "epoch-endings";
    pub(crate) const STATE: &str = "state-snapshot";
    pub(crate) const TRANSACTIONS: &str = "transactions";
}

/// A variant with a higher number is damage: the largest of the chain's enums has not half as many.
const MOST_VARIANTS: u32 = 64;

/// What is wrong with the chain's data in `file`.
fn of_chain(file: &str, error: &ChainError) -> Finding {
    let (rule, class) = match error {
        // Nothing is said of what this version does not know. Releases add variants one by one, and no type has so many.
        ChainError::UnknownVariant { variant, .. } if *variant < MOST_VARIANTS => {
            ("unknown-variant", Class::Unverified)
        }
        ChainError::UnknownVariant { .. } => ("encoding", Class::Wrong),
        ChainError::TooShort { .. } | ChainError::Malformed { .. } | ChainError::Text { .. } => {
            ("encoding", Class::Wrong)
        }
        ChainError::Mismatch { .. } => ("hash", Class::Wrong),
        ChainError::Unproven { .. } => ("proof", Class::Wrong),
    };
    let finding = Finding { class, ..Finding::wrong(file, rule, error.to_string()) };
    match error {
        ChainError::Mismatch { wanted, .. } => finding.expecting(wanted),
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_that_may_come_is_not_known_and_one_that_cannot_is_damage() {
        let class = |variant| of_chain("b/0-.chunk", &ChainError::UnknownVariant { of: "StateKey", variant }).class;
        assert_eq!((class(3), class(63)), (Class::Unverified, Class::Unverified));
        assert_eq!((class(64), class(u32::MAX)), (Class::Wrong, Class::Wrong));
    }
}
