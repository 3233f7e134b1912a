//! Validators that can sign.

use crate::random::Random;
use blst::min_pk::{AggregateSignature as Aggregate, SecretKey};
use sealift_aptos::chain::{
    AggregateSignature, EpochState, LedgerInfo, LedgerInfoWithSignatures, Validator, ValidatorVerifier,
};

/// The validators of one epoch, with their keys.
#[derive(Debug)]
pub struct Signers {
    epoch: u64,
    keys: Vec<SecretKey>,
    validators: Vec<Validator>,
}

impl Signers {
    /// Those of a chain of this seed. Other ones for each epoch, as if all had rotated their keys.
    ///
    /// # Panics
    /// Never: keys are made of as many bytes as they need.
    pub fn of_epoch(seed: u64, epoch: u64, count: usize) -> Self {
        let random = Random::new(seed);
        let number = |index: usize| epoch << 20 | index as u64;
        let keys: Vec<_> = (0..count)
            .map(|index| SecretKey::key_gen(&random.bytes("validator key", number(index)), &[]).expect("32 bytes"))
            .collect();
        let validator = |(index, key): (usize, &SecretKey)| Validator {
            address: random.bytes("validator", index as u64),
            public_key: key.sk_to_pk().to_bytes().to_vec(),
            voting_power: 100 + random.below("power", number(index), 10),
        };
        let validators = keys.iter().enumerate().map(validator).collect();
        Signers { epoch, keys, validators }
    }

    /// What the ledger info before their epoch says of them.
    pub fn epoch_state(&self) -> EpochState {
        EpochState { epoch: self.epoch, verifier: ValidatorVerifier { validators: self.validators.clone() } }
    }

    pub(crate) fn validators(&self) -> &[Validator] {
        &self.validators
    }

    /// Signed by as few as make a quorum, so that the bitmask says something.
    ///
    /// # Panics
    /// When there are no validators.
    pub fn sign(&self, ledger_info: LedgerInfo) -> LedgerInfoWithSignatures {
        let quorum = self.epoch_state().verifier.quorum();
        let (mut power, mut who) = (0, Vec::new());
        for (index, validator) in self.validators.iter().enumerate().rev() {
            if power < quorum {
                power += u128::from(validator.voting_power);
                who.push(index);
            }
        }
        self.sign_by(ledger_info, &who)
    }

    /// Signed by these of them, whether they are enough or not.
    pub(crate) fn sign_by(&self, ledger_info: LedgerInfo, who: &[usize]) -> LedgerInfoWithSignatures {
        let message = ledger_info.signing_message().expect("it can be encoded");
        let mut validator_bitmask = vec![0u8; self.keys.len().div_ceil(8)];
        who.iter().for_each(|index| validator_bitmask[index / 8] |= 0x80 >> (index % 8));
        let signed = who.iter().map(|index| self.keys[*index].sign(&message, LedgerInfo::SIGNING_DOMAIN, &[]));
        let signed: Vec<_> = signed.collect();
        let signature = Aggregate::aggregate(&signed.iter().collect::<Vec<_>>(), false).expect("somebody signed");
        let signature = Some(signature.to_signature().to_bytes().to_vec());
        LedgerInfoWithSignatures::V0 { ledger_info, signatures: AggregateSignature { validator_bitmask, signature } }
    }
}
