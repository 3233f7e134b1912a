//! Ledger infos and who signed them: BLS12-381 aggregated, by the SDK and by Sealift.

use aptos_sdk::crypto::{Bls12381PrivateKey, Bls12381PublicKey, Bls12381Signature, signing_message};
use sealift_aptos::chain::{
    AggregateSignature, BlockInfo, EpochState, HashValue, LedgerInfo, LedgerInfoWithSignatures, Validator,
    ValidatorVerifier,
};
use sealift_node::{Chain, Recipe};

/// What validators sign, by the SDK.
fn message(ledger_info: &LedgerInfo) -> Vec<u8> {
    signing_message("LedgerInfo", &aptos_bcs::to_bytes(ledger_info).expect("it can be encoded"))
}

/// Whether the SDK believes that those whose bit is set signed `message`.
fn believed_by_sdk(validators: &EpochState, message: &[u8], signatures: &AggregateSignature) -> bool {
    let set = |index: usize| signatures.validator_bitmask[index / 8] & 0x80 >> (index % 8) != 0;
    let keys = validators.verifier.validators.iter().enumerate().filter(|(index, _)| set(*index));
    let keys: Vec<_> =
        keys.map(|(_, validator)| Bls12381PublicKey::from_bytes(&validator.public_key).expect("a key")).collect();
    let Ok(signature) = Bls12381Signature::from_bytes(signatures.signature.as_ref().expect("it is signed")) else {
        return false;
    };
    let all = Bls12381PublicKey::aggregate(&keys.iter().collect::<Vec<_>>()).expect("some signed");
    all.verify(message, &signature).is_ok()
}

#[test]
fn the_sdk_believes_the_epochs_that_sealift_believes_and_no_others() {
    let chain = Chain::generate(&Recipe { validators: 11, ..Recipe::default() });
    for epoch in 1..chain.epoch() {
        let validators = chain.epoch_ending(epoch - 1).and_then(|info| info.next_epoch_state()).expect("validators");
        let ended = chain.epoch_ending(epoch).expect("it has ended");
        let message = message(ended.ledger_info());
        assert_eq!(ended.ledger_info().signing_message().as_ref(), Ok(&message));
        ended.verify(validators).expect("it is signed");
        assert!(believed_by_sdk(validators, &message, ended.signatures()));

        let changed = |change: &dyn Fn(&mut LedgerInfo, &mut AggregateSignature)| {
            let LedgerInfoWithSignatures::V0 { mut ledger_info, mut signatures } = ended.clone();
            change(&mut ledger_info, &mut signatures);
            let message = self::message(&ledger_info);
            let by_sdk = believed_by_sdk(validators, &message, &signatures);
            (by_sdk, LedgerInfoWithSignatures::V0 { ledger_info, signatures }.verify(validators).is_ok())
        };
        assert_eq!(changed(&|_, _| ()), (true, true));
        assert_eq!(changed(&|info, _| info.commit_info.version ^= 1), (false, false));
        assert_eq!(changed(&|info, _| info.consensus_data_hash = HashValue::ZERO), (false, false));
        // The last one signed, and the first did not: one more and one fewer.
        assert_eq!(changed(&|_, signatures| signatures.validator_bitmask[0] ^= 0x80), (false, false));
        assert_eq!(changed(&|_, signatures| signatures.validator_bitmask[1] ^= 0x20), (false, false));
        for byte in 0..96 {
            let flip = |_: &mut LedgerInfo, signatures: &mut AggregateSignature| {
                signatures.signature.as_mut().expect("it is signed")[byte] ^= 1 << (byte % 8);
            };
            assert_eq!(changed(&flip), (false, false), "byte {byte}");
        }
    }
}

#[test]
fn sealift_believes_what_the_sdk_signed_and_nothing_else() {
    let keys: Vec<_> = (1..=7).map(|seed| Bls12381PrivateKey::from_seed(&[seed; 32]).expect("a key")).collect();
    let validator = |key: &Bls12381PrivateKey| Validator {
        address: [1; 32],
        public_key: key.public_key().to_bytes(),
        voting_power: 10,
    };
    let validators = ValidatorVerifier { validators: keys.iter().map(validator).collect() };
    let commit_info = BlockInfo {
        epoch: 3,
        round: 1,
        id: HashValue::ZERO,
        executed_state_id: HashValue::new([2; 32]),
        version: 9,
        timestamp_usecs: 1,
        next_epoch_state: Some(EpochState { epoch: 4, verifier: validators.clone() }),
    };
    let ledger_info = LedgerInfo { commit_info, consensus_data_hash: HashValue::ZERO };
    let message = message(&ledger_info);
    let signed = |who: &[usize], message: &[u8]| {
        let signatures: Vec<_> = who.iter().map(|index| keys[*index].sign(message)).collect();
        let all = Bls12381Signature::aggregate(&signatures.iter().collect::<Vec<_>>()).expect("some signed");
        let bitmask = who.iter().fold(0u8, |bits, index| bits | 0x80 >> index);
        AggregateSignature { validator_bitmask: vec![bitmask], signature: Some(all.to_bytes()) }
    };
    validators.verify(&ledger_info, &signed(&[0, 1, 2, 3, 4, 5, 6], &message)).expect("all signed");
    validators.verify(&ledger_info, &signed(&[1, 2, 4, 5, 6], &message)).expect("a quorum signed");
    assert!(validators.verify(&ledger_info, &signed(&[1, 2, 4, 5], &message)).is_err(), "too few");
    let other = AggregateSignature { validator_bitmask: vec![0b1110_1110], ..signed(&[1, 2, 3, 4, 5, 6], &message) };
    assert!(validators.verify(&ledger_info, &other).is_err(), "others are named than signed");
    for index in [0, 31, 32, message.len() - 1] {
        let mut changed = message.clone();
        changed[index] ^= 1;
        assert!(validators.verify(&ledger_info, &signed(&[0, 1, 2, 3, 4, 5, 6], &changed)).is_err(), "{index}");
    }
}
