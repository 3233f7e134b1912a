//! Ledger infos: what the validators agreed on and signed.

use super::error::ChainError;
use super::hash::HashValue;
use super::reader::Reader;
use super::validators::EpochState;
use super::waypoint::Waypoint;
use serde::{Deserialize, Serialize};

/// A ledger info and the signatures below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LedgerInfoWithSignatures {
    /// The only form there is so far.
    V0 {
        /// What was signed.
        ledger_info: LedgerInfo,
        /// By whom.
        signatures: AggregateSignature,
    },
}

/// What validators sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerInfo {
    /// The block that is committed, and with it all before.
    pub commit_info: BlockInfo,
    /// Consensus' own; nothing else reads it.
    pub consensus_data_hash: HashValue,
}

/// A block, and the ledger after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockInfo {
    /// The epoch the block is of.
    pub epoch: u64,
    /// The round of consensus.
    pub round: u64,
    /// The block's hash.
    pub id: HashValue,
    /// The root of the transaction accumulator after the block.
    pub executed_state_id: HashValue,
    /// The version of the block's last transaction.
    pub version: u64,
    /// When it was proposed, in microseconds since 1970.
    pub timestamp_usecs: u64,
    /// The validators of the next epoch, when this block ends one.
    pub next_epoch_state: Option<EpochState>,
}

/// Signatures of several validators in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregateSignature {
    /// Who signed: one bit for each validator in order, the first one the most significant of its byte.
    pub validator_bitmask: Vec<u8>,
    /// The BLS12-381 signature, compressed; none when nobody signed (genesis).
    pub signature: Option<Vec<u8>>,
}

impl LedgerInfoWithSignatures {
    /// Decodes a record.
    ///
    /// # Errors
    /// [`ChainError::UnknownVariant`] for a form this version does not know, [`ChainError::Malformed`] for what is no
    /// ledger info.
    pub fn decode(record: &[u8]) -> Result<Self, ChainError> {
        match Reader::new("ledger info", record).uleb128()? {
            0 => bcs::from_bytes(record)
                .map_err(|error| ChainError::Malformed { what: "ledger info", reason: error.to_string() }),
            variant => Err(ChainError::UnknownVariant { of: "LedgerInfoWithSignatures", variant }),
        }
    }

    /// What was signed.
    pub fn ledger_info(&self) -> &LedgerInfo {
        match self {
            LedgerInfoWithSignatures::V0 { ledger_info, .. } => ledger_info,
        }
    }

    /// Who signed it.
    pub fn signatures(&self) -> &AggregateSignature {
        match self {
            LedgerInfoWithSignatures::V0 { signatures, .. } => signatures,
        }
    }

    /// The epoch.
    pub fn epoch(&self) -> u64 {
        self.ledger_info().commit_info.epoch
    }

    /// The version of the last transaction it covers.
    pub fn version(&self) -> u64 {
        self.ledger_info().commit_info.version
    }

    /// The validators of the next epoch, when this one ends here.
    pub fn next_epoch_state(&self) -> Option<&EpochState> {
        self.ledger_info().commit_info.next_epoch_state.as_ref()
    }

    /// The waypoint it matches.
    ///
    /// # Errors
    /// As [`Waypoint::of`].
    pub fn waypoint(&self) -> Result<Waypoint, ChainError> {
        Waypoint::of(self.ledger_info())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{Validator, ValidatorVerifier};

    fn ledger_info() -> LedgerInfoWithSignatures {
        let validator = Validator { address: [4; 32], public_key: vec![5; 48], voting_power: 6 };
        let commit_info = BlockInfo {
            epoch: 1,
            round: 2,
            id: HashValue::new([1; 32]),
            executed_state_id: HashValue::new([2; 32]),
            version: 3,
            timestamp_usecs: 4,
            next_epoch_state: Some(EpochState {
                epoch: 2,
                verifier: ValidatorVerifier { validators: vec![validator] },
            }),
        };
        LedgerInfoWithSignatures::V0 {
            ledger_info: LedgerInfo { commit_info, consensus_data_hash: HashValue::new([3; 32]) },
            signatures: AggregateSignature { validator_bitmask: vec![0x80], signature: Some(vec![7; 96]) },
        }
    }

    /// Every byte written out, so that a change of a type shows.
    fn encoded() -> Vec<u8> {
        let number = |number: u64| number.to_le_bytes().to_vec();
        [
            vec![0],
            number(1),
            number(2),
            vec![1; 32],
            vec![2; 32],
            number(3),
            number(4),
            vec![1],
            number(2),
            vec![1],
            vec![4; 32],
            vec![48],
            vec![5; 48],
            number(6),
            vec![3; 32],
            vec![1, 0x80],
            vec![1, 96],
            vec![7; 96],
        ]
        .concat()
    }

    #[test]
    fn a_record_is_decoded_field_by_field() {
        assert_eq!(LedgerInfoWithSignatures::decode(&encoded()), Ok(ledger_info()));
        assert_eq!(bcs::to_bytes(&ledger_info()).unwrap(), encoded());
        let decoded = ledger_info();
        assert_eq!((decoded.epoch(), decoded.version()), (1, 3));
        assert_eq!(decoded.next_epoch_state().unwrap().epoch, 2);
    }

    #[test]
    fn the_waypoint_leaves_out_what_is_consensus_own() {
        let waypoint = ledger_info().waypoint().unwrap();
        let LedgerInfoWithSignatures::V0 { mut ledger_info, .. } = ledger_info();
        ledger_info.commit_info.round = 77;
        ledger_info.commit_info.id = HashValue::ZERO;
        ledger_info.consensus_data_hash = HashValue::ZERO;
        assert_eq!(Waypoint::of(&ledger_info), Ok(waypoint));
        assert_eq!(waypoint.version, 3);
        ledger_info.commit_info.timestamp_usecs += 1;
        assert_ne!(Waypoint::of(&ledger_info), Ok(waypoint));
    }

    #[test]
    fn what_is_cut_or_too_long_or_newer_is_an_error() {
        let whole = encoded();
        for length in 0..whole.len() {
            assert!(LedgerInfoWithSignatures::decode(&whole[..length]).is_err(), "{length}");
        }
        assert!(LedgerInfoWithSignatures::decode(&[whole, vec![0]].concat()).is_err());
        let newer = ChainError::UnknownVariant { of: "LedgerInfoWithSignatures", variant: 9 };
        assert_eq!(LedgerInfoWithSignatures::decode(&[9]), Err(newer));
    }
}
