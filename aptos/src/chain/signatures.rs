//! Whether enough validators signed: BLS12-381, public keys in G1 and signatures in G2, all signatures in one.

use super::error::ChainError;
use super::hash::Hasher;
use super::ledger_info::{AggregateSignature, LedgerInfo, LedgerInfoWithSignatures};
use super::validators::{EpochState, Validator, ValidatorVerifier};
use blst::BLST_ERROR;
use blst::min_pk::{PublicKey, Signature};

const WHAT: &str = "signature of the ledger info";

impl LedgerInfo {
    /// The ciphersuite that validators sign with: the one with proofs of possession, which the chain checks when a
    /// validator registers its key.
    pub const SIGNING_DOMAIN: &'static [u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

    /// What a validator signs.
    ///
    /// # Errors
    /// When it cannot be encoded, which nothing that was decoded brings about.
    pub fn signing_message(&self) -> Result<Vec<u8>, ChainError> {
        let mut message = Hasher::salt("LedgerInfo").to_vec();
        bcs::serialize_into(&mut message, self)
            .map_err(|error| ChainError::Malformed { what: "ledger info", reason: error.to_string() })?;
        Ok(message)
    }
}

impl LedgerInfoWithSignatures {
    /// Checks that it is of the epoch of `validators` and that enough of them signed it.
    ///
    /// # Errors
    /// [`ChainError::Unproven`] with what is wrong.
    pub fn verify(&self, validators: &EpochState) -> Result<(), ChainError> {
        match self.epoch() == validators.epoch {
            true => validators.verifier.verify(self.ledger_info(), self.signatures()),
            false => {
                Err(unproven(format!("epoch {} is not that of the validators, {}", self.epoch(), validators.epoch)))
            }
        }
    }
}

impl ValidatorVerifier {
    /// The voting power that must sign: more than two thirds.
    pub fn quorum(&self) -> u128 {
        match self.validators.is_empty() {
            true => 0,
            false => {
                self.validators.iter().map(|validator| u128::from(validator.voting_power)).sum::<u128>() * 2 / 3 + 1
            }
        }
    }

    /// Checks that enough of the validators signed.
    ///
    /// # Errors
    /// [`ChainError::Unproven`] with what is wrong.
    pub fn verify(&self, ledger_info: &LedgerInfo, signatures: &AggregateSignature) -> Result<(), ChainError> {
        let signers = self.signers(&signatures.validator_bitmask)?;
        let power: u128 = signers.iter().map(|signer| u128::from(signer.voting_power)).sum();
        if power < self.quorum() {
            return Err(unproven(format!("voting power {power} signed of the {} that must", self.quorum())));
        }
        let signature = signatures.signature.as_deref().ok_or_else(|| unproven("there is none".into()))?;
        let signature = Signature::sig_validate(signature, true).map_err(|error| unproven(format!("{error:?}")))?;
        let keys = signers.iter().map(|signer| {
            PublicKey::key_validate(&signer.public_key)
                .map_err(|error| unproven(format!("the public key of {}: {error:?}", signer.name())))
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let message = ledger_info.signing_message()?;
        let domain = LedgerInfo::SIGNING_DOMAIN;
        // The signature's group was checked above.
        match signature.fast_aggregate_verify(false, &message, domain, &keys.iter().collect::<Vec<_>>()) {
            BLST_ERROR::BLST_SUCCESS => Ok(()),
            error => Err(unproven(format!("it is not of those {} validators: {error:?}", keys.len()))),
        }
    }

    /// Those whose bit is set.
    fn signers(&self, bitmask: &[u8]) -> Result<Vec<&Validator>, ChainError> {
        let bits = bitmask.iter().flat_map(|byte| (0..8).map(move |bit| byte << bit & 0x80 != 0));
        let set = bits.enumerate().filter_map(|(index, set)| set.then_some(index));
        if bitmask.len() != self.validators.len().div_ceil(8) {
            let (bytes, count) = (bitmask.len(), self.validators.len());
            return Err(unproven(format!("a bitmask of {bytes} bytes is not for {count} validators")));
        }
        set.map(|index| {
            self.validators.get(index).ok_or_else(|| unproven(format!("there is no validator with the number {index}")))
        })
        .collect()
    }
}

fn unproven(reason: String) -> ChainError {
    ChainError::Unproven { what: WHAT, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{BlockInfo, HashValue};
    use blst::min_pk::{AggregateSignature as Aggregate, SecretKey};

    fn keys(count: u8) -> Vec<SecretKey> {
        (0..count).map(|seed| SecretKey::key_gen(&[seed; 32], &[]).unwrap()).collect()
    }

    fn validators(keys: &[SecretKey]) -> ValidatorVerifier {
        let validator = |(index, key): (usize, &SecretKey)| Validator {
            address: [index as u8; 32],
            public_key: key.sk_to_pk().to_bytes().to_vec(),
            voting_power: 10 + index as u64,
        };
        ValidatorVerifier { validators: keys.iter().enumerate().map(validator).collect() }
    }

    fn ledger_info() -> LedgerInfo {
        let commit_info = BlockInfo {
            epoch: 3,
            round: 1,
            id: HashValue::ZERO,
            executed_state_id: HashValue::ZERO,
            version: 9,
            timestamp_usecs: 1,
            next_epoch_state: None,
        };
        LedgerInfo { commit_info, consensus_data_hash: HashValue::ZERO }
    }

    fn sign(keys: &[SecretKey], who: &[usize], info: &LedgerInfo) -> AggregateSignature {
        let message = info.signing_message().unwrap();
        let signed: Vec<_> =
            who.iter().map(|index| keys[*index].sign(&message, LedgerInfo::SIGNING_DOMAIN, &[])).collect();
        let signature = Aggregate::aggregate(&signed.iter().collect::<Vec<_>>(), true).unwrap().to_signature();
        let mut validator_bitmask = vec![0; keys.len().div_ceil(8)];
        who.iter().for_each(|index| validator_bitmask[index / 8] |= 0x80 >> (index % 8));
        AggregateSignature { validator_bitmask, signature: Some(signature.to_bytes().to_vec()) }
    }

    #[test]
    fn a_quorum_is_more_than_two_thirds_of_the_power() {
        let power = |powers: &[u64]| ValidatorVerifier {
            validators: powers
                .iter()
                .map(|power| Validator { address: [0; 32], public_key: vec![], voting_power: *power })
                .collect(),
        };
        assert_eq!(power(&[1, 1, 1]).quorum(), 3);
        assert_eq!(power(&[1, 1, 1, 1]).quorum(), 3);
        assert_eq!(power(&[u64::MAX; 3]).quorum(), u128::from(u64::MAX) * 2 + 1);
        assert_eq!(power(&[]).quorum(), 0);
    }

    #[test]
    fn what_a_quorum_signed_is_accepted_and_nothing_else() {
        let (keys, info) = (keys(10), ledger_info());
        let (validators, who) = (validators(&keys), [1, 3, 4, 5, 6, 7, 8, 9]);
        let signed = sign(&keys, &who, &info);
        validators.verify(&info, &signed).unwrap();

        let mut other = info.clone();
        other.commit_info.version += 1;
        let mut without_one = signed.clone();
        without_one.validator_bitmask[1] &= 0x80;
        let mut beyond = signed.clone();
        beyond.validator_bitmask[1] |= 1;
        let mut longer = signed.clone();
        longer.validator_bitmask.push(0);
        let mut damaged = signed.clone();
        damaged.signature.as_mut().unwrap()[50] ^= 1;
        let unsigned = AggregateSignature { signature: None, ..signed.clone() };
        let too_few = sign(&keys, &[0, 1, 2, 3, 4], &info);
        assert!(validators.verify(&other, &signed).is_err());
        for wrong in [without_one, beyond, longer, damaged, unsigned, too_few] {
            assert!(matches!(validators.verify(&info, &wrong), Err(ChainError::Unproven { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn the_validators_must_be_of_the_epoch() {
        let (keys, ledger_info) = (keys(4), ledger_info());
        let signatures = sign(&keys, &[0, 1, 2, 3], &ledger_info);
        let signed = LedgerInfoWithSignatures::V0 { ledger_info, signatures };
        signed.verify(&EpochState { epoch: 3, verifier: validators(&keys) }).unwrap();
        assert!(signed.verify(&EpochState { epoch: 4, verifier: validators(&keys) }).is_err());
    }
}
