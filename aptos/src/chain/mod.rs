//! What a backup needs to know of the chain's data: encodings, hashes and who signed what. Nothing here knows networks
//! or files; everything works on the bytes of one record.
//!
//! # Unknown variants
//! Node releases add variants to the chain's enums. What a backup must know (an epoch, the hash of a state key) is read
//! from the front of a record and nothing behind it is looked at, so a new kind of transaction or state value does not
//! stop a backup. Where a variant does matter and is not known, [`ChainError::UnknownVariant`] names it.
//!
//! # The format of transaction records
//! A record does not say whether it is of format V0 or V1: what tells them apart stands behind the transaction, whose
//! length can only be found by going through all of it. A backup therefore writes what its node is known to serve.

mod error;
mod hash;
mod ledger_info;
mod reader;
mod state_key;
mod validators;
mod waypoint;

pub use error::ChainError;
pub use hash::{HashValue, Hasher};
pub use ledger_info::{AggregateSignature, BlockInfo, LedgerInfo, LedgerInfoWithSignatures};
pub use state_key::{state_key_hash, state_key_length};
pub use validators::{AccountAddress, EpochState, Validator, ValidatorVerifier};
pub use waypoint::Waypoint;
