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
//! length can only be found by going through all of it. [`RecordFormat::of`] does, for one record of a backup.

mod accumulator;
mod error;
mod genesis;
mod hash;
mod ledger_info;
mod reader;
mod shape;
mod signatures;
mod state_key;
mod state_pieces;
mod state_tree;
mod transaction;
mod transaction_info;
mod types;
mod validators;
mod waypoint;

pub use accumulator::{Accumulator, AccumulatorRange, TransactionAccumulatorProof, TransactionAccumulatorRangeProof};
pub use error::ChainError;
pub use genesis::Genesis;
pub use hash::{HashValue, Hasher};
pub use ledger_info::{AggregateSignature, BlockInfo, LedgerInfo, LedgerInfoWithSignatures};
pub use state_key::{state_key_hash, state_key_length};
pub use state_pieces::StatePiece;
pub use state_tree::{SparseMerkleRangeProof, StateLeaf, StateTree, state_node_hash};
pub use transaction::{RecordFormat, TransactionRecord, WriteOp, event_root, write_ops};
pub use transaction_info::{AbortLocation, ExecutionStatus, Outcome, TransactionInfo, TransactionInfoWithProof};
pub use validators::{AccountAddress, EpochState, Validator, ValidatorVerifier};
pub use waypoint::Waypoint;
