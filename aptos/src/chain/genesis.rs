//! A chain's first transaction, which nobody signs: everything a node derives from it, up to the waypoint that people
//! compare.

use super::error::ChainError;
use super::hash::{HashValue, Hasher};
use super::ledger_info::{AggregateSignature, BlockInfo, LedgerInfo, LedgerInfoWithSignatures};
use super::reader::Reader;
use super::state_key::state_key_hash;
use super::state_tree::{StateLeaf, StateTree};
use super::transaction::{RecordFormat, TransactionRecord, event_root, take_events, write_ops};
use super::transaction_info::{ExecutionStatus, Outcome, TransactionInfo};
use super::types::WRITE_SET;
use super::validators::{AccountAddress, EpochState, Validator, ValidatorVerifier};
use serde::Deserialize;

/// A genesis transaction and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The transaction in BCS.
    pub transaction: Vec<u8>,
    /// Its events, each in BCS.
    pub events: Vec<Vec<u8>>,
    /// Its write set in BCS.
    pub write_set: Vec<u8>,
    /// The state at version 0: BCS of `(StateKey, StateValue)`, in the order of the state tree.
    pub state: Vec<Vec<u8>>,
    /// Its info, with the root of that state.
    pub info: TransactionInfo,
    /// The ledger info that ends epoch 0, without signatures.
    pub ledger_info: LedgerInfoWithSignatures,
}

/// The resource `0x1::stake::ValidatorSet`, as far as it matters who may vote.
#[derive(Deserialize)]
struct ValidatorSet {
    _scheme: u8,
    active: Vec<ValidatorInfo>,
    pending_inactive: Vec<ValidatorInfo>,
    _pending_active: Vec<ValidatorInfo>,
    _total_voting_power: u128,
    _total_joining_power: u128,
}

#[derive(Deserialize)]
struct ValidatorInfo {
    address: AccountAddress,
    voting_power: u64,
    public_key: Vec<u8>,
    _network_addresses: Vec<u8>,
    _fullnode_addresses: Vec<u8>,
    index: u64,
}

impl Genesis {
    /// Works out what follows from a `Transaction::GenesisTransaction` in BCS.
    ///
    /// # Errors
    /// When it is another transaction, cannot be decoded, or names no validators.
    pub fn of(transaction: &[u8]) -> Result<Self, ChainError> {
        let mut reader = Reader::new("genesis transaction", transaction);
        if (reader.uleb128()?, reader.uleb128()?) != (1, 0) {
            return Err(reader.malformed("it is another kind of transaction"));
        }
        let write_set = WRITE_SET.take(&mut reader)?;
        let events = take_events(&mut reader)?;
        if !reader.left().is_empty() {
            return Err(reader.malformed("there is more behind it"));
        }

        let mut state = Vec::new();
        for op in write_ops(write_set)? {
            if let Some(value) = op.value {
                state.push((state_key_hash(op.key)?, [op.key, &value].concat()));
            }
        }
        state.sort_unstable_by_key(|(key, _)| *key);
        let state: Vec<_> = state.into_iter().map(|(_, record)| record).collect();
        let mut tree = StateTree::default();
        for record in &state {
            tree.push(StateLeaf::of(record)?)?;
        }

        let info = TransactionInfo::V0 {
            outcome: Outcome {
                gas_used: 0,
                status: ExecutionStatus::Success,
                transaction_hash: Hasher::new("Transaction").update(transaction).finish(),
                event_root_hash: event_root(&events),
                state_change_hash: Hasher::new("WriteSet").update(write_set).finish(),
                state_checkpoint_hash: Some(tree.root()),
            },
            auxiliary_info_hash: None,
        };
        let commit_info = BlockInfo {
            epoch: 0,
            round: 0,
            id: HashValue::ZERO,
            // An accumulator of one leaf is that leaf.
            executed_state_id: info.hash()?,
            version: 0,
            timestamp_usecs: 0,
            next_epoch_state: Some(EpochState { epoch: 1, verifier: validators(&state)? }),
        };
        let ledger_info = LedgerInfoWithSignatures::V0 {
            ledger_info: LedgerInfo { commit_info, consensus_data_hash: HashValue::ZERO },
            signatures: AggregateSignature { validator_bitmask: Vec::new(), signature: None },
        };
        Ok(Genesis {
            transaction: transaction.to_vec(),
            events: events.into_iter().map(<[u8]>::to_vec).collect(),
            write_set: write_set.to_vec(),
            state,
            info,
            ledger_info,
        })
    }
}

impl Genesis {
    /// The record that a node serves of it.
    ///
    /// # Errors
    /// As [`TransactionRecord::to_bytes`].
    pub fn record(&self, format: RecordFormat) -> Result<Vec<u8>, ChainError> {
        let record = TransactionRecord {
            transaction: &self.transaction,
            auxiliary_info: match format {
                RecordFormat::V0 => None,
                // The variant that says that there is none.
                RecordFormat::V1 => Some(&[0]),
            },
            info: self.info.clone(),
            events: self.events.iter().map(Vec::as_slice).collect(),
            write_set: &self.write_set,
        };
        record.to_bytes()
    }
}

/// The validators that the state names.
fn validators(state: &[Vec<u8>]) -> Result<ValidatorVerifier, ChainError> {
    const WHAT: &str = "validators in the genesis state";
    let malformed = |reason: String| ChainError::Malformed { what: WHAT, reason };
    let key = validator_set_key();
    let value = state.iter().find_map(|record| record.strip_prefix(&key[..]));
    let mut reader = Reader::new(WHAT, value.ok_or_else(|| malformed("there are none".into()))?);
    // Both variants of a state value begin with the data.
    reader.uleb128()?;
    let set: ValidatorSet = bcs::from_bytes(reader.bytes()?).map_err(|error| malformed(error.to_string()))?;
    // Who is about to leave still votes.
    let mut infos: Vec<_> = set.active.into_iter().chain(set.pending_inactive).collect();
    infos.sort_by_key(|info| info.index);
    let validators = infos.into_iter().map(|info| Validator {
        address: info.address,
        public_key: info.public_key,
        voting_power: info.voting_power,
    });
    Ok(ValidatorVerifier { validators: validators.collect() })
}

/// The key of the resource `0x1::stake::ValidatorSet`.
fn validator_set_key() -> Vec<u8> {
    let mut one = [0; 32];
    one[31] = 1;
    // A path to a resource: its variant, and the name of its type, which takes no arguments.
    let path = [&[1], &one[..], &[5], b"stake", &[12], b"ValidatorSet", &[0]].concat();
    [&[0], &one[..], &[path.len() as u8], &path].concat()
}
