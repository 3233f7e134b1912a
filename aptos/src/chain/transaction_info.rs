//! Transaction infos: the leaves of the transaction accumulator, which say what a transaction did.

use super::accumulator::TransactionAccumulatorProof;
use super::error::ChainError;
use super::hash::{HashValue, Hasher};
use super::ledger_info::LedgerInfo;
use super::validators::AccountAddress;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Made once: a chain has billions of them.
static INFO: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("TransactionInfo"));

/// What a transaction did, as hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionInfo {
    /// The form of all transactions so far.
    V0 {
        /// What is in both forms.
        outcome: Outcome,
        /// The hash of what else a node keeps about the transaction.
        auxiliary_info_hash: Option<HashValue>,
    },
    /// The form that newer nodes can be told to use.
    V1 {
        /// What is in both forms.
        outcome: Outcome,
        /// The root of the part of the state that nodes keep at hand.
        hot_state_checkpoint_hash: Option<HashValue>,
        /// The hash of what else a node keeps about the transaction.
        auxiliary_info_hash: Option<HashValue>,
        /// Not used yet, or not by what is checked here.
        reserved: Box<[Option<HashValue>; 8]>,
    },
}

/// What every transaction info says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The gas that was used.
    pub gas_used: u64,
    /// How the transaction ended.
    pub status: ExecutionStatus,
    /// The hash of the transaction.
    pub transaction_hash: HashValue,
    /// The root of the accumulator over its events.
    pub event_root_hash: HashValue,
    /// The hash of its write set.
    pub state_change_hash: HashValue,
    /// The root of the state after it, where one was computed: at the end of a block.
    pub state_checkpoint_hash: Option<HashValue>,
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutionStatus {
    /// It did all it should.
    Success,
    /// It ran out of gas.
    OutOfGas,
    /// Its code gave up.
    MoveAbort {
        /// Where.
        location: AbortLocation,
        /// With which code.
        code: u64,
        /// Name and description of the code, where the module has them.
        info: Option<(String, String)>,
    },
    /// Its code failed.
    ExecutionFailure {
        /// Where.
        location: AbortLocation,
        /// In which function.
        function: u16,
        /// At which instruction.
        code_offset: u16,
    },
    /// Something else, with its code where it is known.
    MiscellaneousError(Option<u64>),
}

/// Where code gave up or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AbortLocation {
    /// In a module.
    Module {
        /// Whose.
        address: AccountAddress,
        /// Its name.
        name: String,
    },
    /// In the transaction's own script.
    Script,
}

impl TransactionInfo {
    /// What every transaction info says.
    pub fn outcome(&self) -> &Outcome {
        match self {
            TransactionInfo::V0 { outcome, .. } | TransactionInfo::V1 { outcome, .. } => outcome,
        }
    }

    /// The hash of what else a node keeps about the transaction.
    pub fn auxiliary_info_hash(&self) -> Option<HashValue> {
        match self {
            TransactionInfo::V0 { auxiliary_info_hash, .. } | TransactionInfo::V1 { auxiliary_info_hash, .. } => {
                *auxiliary_info_hash
            }
        }
    }

    /// Its hash, which is the leaf in the transaction accumulator.
    ///
    /// # Errors
    /// When it cannot be encoded, which nothing that was decoded brings about.
    pub fn hash(&self) -> Result<HashValue, ChainError> {
        let bytes = bcs::to_bytes(self)
            .map_err(|error| ChainError::Malformed { what: "transaction info", reason: error.to_string() })?;
        Ok(INFO.clone().update(bytes).finish())
    }
}

/// A transaction info, and the proof that it is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionInfoWithProof {
    /// The proof.
    pub proof: TransactionAccumulatorProof,
    /// The info.
    pub info: TransactionInfo,
}

impl TransactionInfoWithProof {
    /// Checks that the info is at `version` of the ledger that `ledger_info` is of.
    ///
    /// # Errors
    /// As [`TransactionAccumulatorProof::verify`].
    pub fn verify(&self, ledger_info: &LedgerInfo, version: u64) -> Result<(), ChainError> {
        let block = &ledger_info.commit_info;
        match version <= block.version {
            true => self.proof.verify(block.executed_state_id, version, self.info.hash()?),
            false => {
                let reason = format!("version {version} is behind {}, the last one of the ledger info", block.version);
                Err(ChainError::Unproven { what: "transaction info", reason })
            }
        }
    }
}
