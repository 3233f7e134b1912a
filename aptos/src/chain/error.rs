//! What can be wrong with the chain's data.

use super::hash::HashValue;
use thiserror::Error;

/// Data of the chain that cannot be read, or that does not prove what it should.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// An enum has a variant that this version does not know: the node is newer.
    #[error("unknown variant {variant} of {of}: the node that wrote it is newer than this program")]
    UnknownVariant {
        /// The enum's name in the chain's registry of types.
        of: &'static str,
        /// The variant's number.
        variant: u32,
    },
    /// The bytes end inside a value.
    #[error("{what} ends too early: {needed} bytes more were announced, {left} are left")]
    TooShort {
        /// What was being read.
        what: &'static str,
        /// How many bytes the value still needed.
        needed: u64,
        /// How many there were.
        left: usize,
    },
    /// The bytes are no encoding of the value.
    #[error("{what} cannot be decoded: {reason}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// A hash that was computed is not the one that was promised.
    #[error("{what}: the data hash to {found}, but {wanted} is promised")]
    Mismatch {
        /// Of what the hash is.
        what: &'static str,
        /// What was promised.
        wanted: HashValue,
        /// What came out.
        found: HashValue,
    },
    /// A proof that cannot be one, whatever is hashed.
    #[error("{what} proves nothing: {reason}")]
    Unproven {
        /// The proof.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Text that is not what it should be.
    #[error("\"{text}\" is not {wanted}")]
    Text {
        /// The text.
        text: String,
        /// What was expected.
        wanted: &'static str,
    },
}

impl ChainError {
    /// Succeeds when the hash of `what` is the promised one.
    pub(super) fn unless_equal(what: &'static str, found: HashValue, wanted: HashValue) -> Result<(), ChainError> {
        match found == wanted {
            true => Ok(()),
            false => Err(ChainError::Mismatch { what, wanted, found }),
        }
    }
}
