//! The state's root hash in the node's proof of it. The proof itself goes into the archive as it came; what it proves is
//! for verification to find out.

use crate::chain::{HashValue, LedgerInfoWithSignatures};
use serde::Deserialize;

/// BCS of the transaction info at a version with its accumulator proof, and the ledger info that it leads to.
#[derive(Debug, Deserialize)]
struct RootProof {
    #[expect(dead_code, reason = "stands before what is needed")]
    accumulator_proof: Vec<HashValue>,
    info: TransactionInfo,
    ledger_info: LedgerInfoWithSignatures,
}

#[derive(Debug, Deserialize)]
enum TransactionInfo {
    V0(TransactionInfoV0),
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "the other fields stand around the one that is needed")]
struct TransactionInfoV0 {
    gas_used: u64,
    status: ExecutionStatus,
    transaction_hash: HashValue,
    event_root_hash: HashValue,
    state_change_hash: HashValue,
    state_checkpoint_hash: Option<HashValue>,
    auxiliary_info_hash: Option<HashValue>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only how long it is matters")]
enum ExecutionStatus {
    Success,
    OutOfGas,
    MoveAbort { location: AbortLocation, code: u64, info: Option<(String, String)> },
    ExecutionFailure { location: AbortLocation, function: u16, code_offset: u16 },
    MiscellaneousError(Option<u64>),
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only how long it is matters")]
enum AbortLocation {
    Module([u8; 32], String),
    Script,
}

/// What a proof of the state's root says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Root {
    /// The root of the state tree.
    pub(crate) hash: HashValue,
    /// The epoch of the ledger info that the proof leads to.
    pub(crate) epoch: u64,
}

/// What `proof` says.
///
/// # Errors
/// In words, when it is no such proof or the version has no state checkpoint.
pub(crate) fn read(proof: &[u8]) -> Result<Root, String> {
    let proof: RootProof = bcs::from_bytes(proof).map_err(|error| format!("it cannot be decoded: {error}"))?;
    let TransactionInfo::V0(info) = proof.info;
    let hash = info.state_checkpoint_hash.ok_or("there is no state checkpoint at this version")?;
    Ok(Root { hash, epoch: proof.ledger_info.epoch() })
}
