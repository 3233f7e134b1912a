//! Who may sign: the validators of an epoch.

use super::hash::HashValue;
use serde::{Deserialize, Serialize};

/// The address of an account: 32 bytes.
pub type AccountAddress = [u8; 32];

/// The validators of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochState {
    /// The epoch they sign in.
    pub epoch: u64,
    /// The validators.
    pub verifier: ValidatorVerifier,
}

/// A set of validators, in the order in which a signature's bitmask counts them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorVerifier {
    /// The validators.
    pub validators: Vec<Validator>,
}

/// One of the validators of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// Its account.
    pub address: AccountAddress,
    /// Its BLS12-381 public key, compressed.
    pub public_key: Vec<u8>,
    /// What its vote counts.
    pub voting_power: u64,
}

impl Validator {
    /// Its address in hex, for people.
    pub(super) fn name(&self) -> String {
        HashValue::new(self.address).to_string()
    }
}
