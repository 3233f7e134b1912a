//! Transactions that the SDK made and signed, with every kind of payload and of key that it knows: Sealift finds where
//! they end, and their hashes.

use crate::scene::{hash, record, refused_by_sealift, write};
use aptos_sdk::account::{
    Account, AnyPrivateKey, Ed25519Account, Ed25519SingleKeyAccount, MultiEd25519Account, MultiKeyAccount,
    Secp256k1Account, WebAuthnAccount,
};
use aptos_sdk::crypto::{Ed25519PrivateKey, Secp256k1PrivateKey, Secp256r1PrivateKey};
use aptos_sdk::transaction::builder::{sign_fee_payer_transaction, sign_multi_agent_transaction, sign_transaction};
use aptos_sdk::transaction::payload::{Multisig, MultisigTransactionPayload};
use aptos_sdk::transaction::{
    EntryFunction, FeePayerRawTransaction, MultiAgentRawTransaction, RawTransaction, Script, ScriptArgument,
    SignedTransaction, TransactionExecutable, TransactionExtraConfig, TransactionPayload, TransactionPayloadInner,
};
use aptos_sdk::types::{AccountAddress, ChainId, TypeTag};
use sealift_aptos::chain::{HashValue, RecordFormat, TransactionRecord};

const TWO: [AccountAddress; 2] = [AccountAddress::ONE, AccountAddress::new([0xab; 32])];

fn payloads() -> Vec<TransactionPayload> {
    let coin = TypeTag::vector(TypeTag::aptos_coin());
    let call = EntryFunction::coin_transfer(coin.clone(), TWO[1], 1_000_000).expect("a call");
    // Longer than 127 bytes, so that lengths take two bytes.
    let script = Script::new(vec![0xa1; 300], vec![coin, TypeTag::U256], arguments());
    let multisig = |inner: Option<&EntryFunction>| {
        let transaction_payload = inner.cloned().map(MultisigTransactionPayload::EntryFunction);
        TransactionPayload::Multisig(Multisig { multisig_address: TWO[1], transaction_payload })
    };
    let stored = TransactionPayload::Payload(TransactionPayloadInner::V1 {
        executable: TransactionExecutable::Empty,
        extra_config: TransactionExtraConfig::V1 {
            multisig_address: Some(TWO[1]),
            replay_protection_nonce: Some(u64::MAX),
        },
    });
    let orderless = |payload: TransactionPayload| payload.into_orderless(7).expect("it can be orderless");
    vec![
        script.clone().into(),
        call.clone().into(),
        multisig(Some(&call)),
        multisig(None),
        orderless(script.into()),
        orderless(call.into()),
        stored,
    ]
}

/// One of each kind.
fn arguments() -> Vec<ScriptArgument> {
    vec![
        ScriptArgument::U8(1),
        ScriptArgument::U64(2),
        ScriptArgument::U128(3),
        ScriptArgument::Address(TWO[1]),
        ScriptArgument::U8Vector(vec![4; 200]),
        ScriptArgument::Bool(true),
        ScriptArgument::U16(6),
        ScriptArgument::U32(7),
        ScriptArgument::U256([8; 32]),
        ScriptArgument::Serialized(vec![9; 9]),
        ScriptArgument::I8(-10),
        ScriptArgument::I16(-11),
        ScriptArgument::I32(-12),
        ScriptArgument::I64(-13),
        ScriptArgument::I128(-14),
        ScriptArgument::I256([15; 32]),
    ]
}

fn ed25519(seed: u8) -> Ed25519PrivateKey {
    Ed25519PrivateKey::from_bytes(&[seed; 32]).expect("a key")
}

fn secp256k1(seed: u8) -> Secp256k1PrivateKey {
    Secp256k1PrivateKey::from_bytes(&[seed; 32]).expect("a key")
}

fn secp256r1(seed: u8) -> Secp256r1PrivateKey {
    Secp256r1PrivateKey::from_bytes(&[seed; 32]).expect("a key")
}

fn raw(sender: AccountAddress, payload: TransactionPayload) -> RawTransaction {
    RawTransaction::new(sender, 5, payload, 2_000, 100, 1_900_000_000, ChainId::mainnet())
}

fn alone<A: Account>(sender: &A) -> Vec<SignedTransaction> {
    let sign = |payload| sign_transaction(&raw(sender.address(), payload), sender).expect("it can be signed");
    payloads().into_iter().map(sign).collect()
}

fn together<A: Account>(sender: &A, others: &[&dyn Account], payer: &dyn Account) -> Vec<SignedTransaction> {
    let addresses: Vec<_> = others.iter().map(|other| other.address()).collect();
    let sign = |payload: TransactionPayload| {
        let raw = raw(sender.address(), payload);
        let agents = MultiAgentRawTransaction::new(raw.clone(), addresses.clone());
        let paid = FeePayerRawTransaction::new(raw.clone(), addresses.clone(), payer.address());
        let paid_alone = FeePayerRawTransaction::new_simple(raw, payer.address());
        [
            sign_multi_agent_transaction(&agents, sender, others).expect("it can be signed"),
            sign_fee_payer_transaction(&paid, sender, others, payer).expect("it can be signed"),
            sign_fee_payer_transaction(&paid_alone, sender, &[], payer).expect("it can be signed"),
        ]
    };
    payloads().into_iter().flat_map(sign).collect()
}

struct Made {
    checkable: Vec<SignedTransaction>,
    /// Signed as a passkey does, which the SDK cannot check.
    passkeys: Vec<SignedTransaction>,
}

/// By every kind of account, alone and with others.
fn made() -> Made {
    let one = Ed25519Account::from_private_key(ed25519(1));
    let single = Ed25519SingleKeyAccount::from_private_key(ed25519(2));
    let several = MultiEd25519Account::new(vec![ed25519(3), ed25519(4), ed25519(5)], 2).expect("an account");
    let bitcoin = Secp256k1Account::from_private_key(secp256k1(6));
    let passkey = WebAuthnAccount::from_private_key(secp256r1(7));
    let keys = vec![
        AnyPrivateKey::ed25519(ed25519(8)),
        AnyPrivateKey::secp256k1(secp256k1(9)),
        AnyPrivateKey::ed25519(ed25519(10)),
    ];
    let mixed = MultiKeyAccount::new(keys, 2).expect("an account");
    let checkable = [
        alone(&one),
        alone(&single),
        alone(&several),
        alone(&bitcoin),
        alone(&mixed),
        together(&one, &[&several, &single], &bitcoin),
        together(&mixed, &[&bitcoin], &one),
    ];
    let passkeys = [alone(&passkey), together(&passkey, &[&one], &single)];
    Made { checkable: checkable.concat(), passkeys: passkeys.concat() }
}

#[test]
fn sealift_finds_their_ends_and_their_hashes() {
    let Made { checkable, passkeys } = made();
    for signed in &checkable {
        signed.verify_signature().expect("the SDK believes itself");
    }
    for signed in &passkeys {
        signed.verify_signature().expect_err("the SDK can check passkeys now: they belong to the others");
    }
    let made = [checkable, passkeys].concat();
    assert_eq!(made.len(), (6 + 3 * 3) * payloads().len());
    for signed in made {
        // What is sent to have a transaction simulated has no signatures, but variants of its own.
        for signed in [signed.for_simulate_endpoint(), signed] {
            let (transaction, promised) = (write(&signed), hash(&signed));
            for format in [RecordFormat::V0, RecordFormat::V1] {
                let record = record(format, &transaction, promised, &[]);
                assert_eq!(RecordFormat::of(&record), Ok(format), "{signed:?}");
                let parsed = TransactionRecord::parse(format, &record).expect("it parses");
                assert!(parsed.transaction == transaction, "{signed:?}");
                parsed.verify().unwrap_or_else(|error| panic!("{error}: {signed:?}"));
            }
        }
    }
}

#[test]
fn another_hash_or_a_flipped_bit_is_refused() {
    let format = RecordFormat::V1;
    let Made { checkable, passkeys } = made();
    for signed in [checkable, passkeys].concat().into_iter().step_by(5) {
        let (transaction, promised) = (write(&signed), hash(&signed));
        let right = record(format, &transaction, promised, &[]);
        let wrong = record(format, &transaction, HashValue::ZERO, &[]);
        assert!(!refused_by_sealift(format, &right) && refused_by_sealift(format, &wrong));
        assert!(RecordFormat::of(&wrong).is_err());
        for index in 0..transaction.len() {
            let mut changed = right.clone();
            changed[index] ^= 1 << (index % 8);
            assert!(refused_by_sealift(format, &changed), "byte {index} of {signed:?}");
        }
    }
}
