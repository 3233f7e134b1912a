//! Transactions that Sealift's test node made: the SDK decodes, hashes and believes them.

use crate::scene::{hash, read, refused_by_sealift, write};
use aptos_sdk::transaction::{SignedTransaction, TransactionAuthenticator, TransactionPayload};
use sealift_aptos::chain::{RecordFormat, TransactionRecord};
use sealift_node::{Chain, Recipe};
use std::collections::BTreeSet;

/// Of a length at which each pair of a payload and a way of signing comes up.
fn chain(format: RecordFormat) -> Chain {
    Chain::generate(&Recipe { format, epochs: 3, transactions_per_epoch: 30, state_items: 10, ..Recipe::default() })
}

/// The version and the record of each transaction that a user sent.
fn users(chain: &Chain) -> impl Iterator<Item = (u64, &[u8], TransactionRecord<'_>)> {
    (0..=chain.last_version()).filter_map(|version| {
        let record: &[u8] = chain.transaction(version)?;
        let parsed = TransactionRecord::parse(chain.format(), record).expect("it parses");
        (parsed.transaction.first() == Some(&0)).then_some((version, record, parsed))
    })
}

fn kinds(signed: &SignedTransaction) -> (u8, u8) {
    let payload = match signed.raw_txn.payload {
        TransactionPayload::Script(_) => 0,
        TransactionPayload::ModuleBundle(_) => 1,
        TransactionPayload::EntryFunction(_) => 2,
        TransactionPayload::Multisig(_) => 3,
        TransactionPayload::Payload(_) => 4,
    };
    let authenticator = match signed.authenticator {
        TransactionAuthenticator::Ed25519 { .. } => 0,
        TransactionAuthenticator::MultiEd25519 { .. } => 1,
        TransactionAuthenticator::MultiAgent { .. } => 2,
        TransactionAuthenticator::FeePayer { .. } => 3,
        TransactionAuthenticator::SingleSender { .. } => 4,
    };
    (payload, authenticator)
}

#[test]
fn both_read_hash_and_write_them_alike_and_their_signatures_hold() {
    for format in [RecordFormat::V0, RecordFormat::V1] {
        let chain = chain(format);
        let mut seen = BTreeSet::new();
        for (version, _, parsed) in users(&chain) {
            parsed.verify().expect("it holds what it says");
            let transaction = parsed.transaction;
            let signed = read(transaction).unwrap_or_else(|| panic!("{version} cannot be read"));
            assert!(write(&signed) == transaction, "{version}");
            assert_eq!(hash(&signed), parsed.info.outcome().transaction_hash, "{version}");
            signed.verify_signature().unwrap_or_else(|error| panic!("{version}: {error}"));

            // Where Sealift's shapes have them: sender, sequence number, and the payload's variant.
            assert_eq!(signed.sender().to_bytes(), transaction[1..33]);
            assert_eq!(signed.sequence_number().to_le_bytes(), transaction[33..41]);
            let (payload, authenticator) = kinds(&signed);
            assert_eq!(payload, transaction[41]);
            assert_eq!(authenticator, (version % 5) as u8);
            let orderless = matches!(version % 7, 4 | 5);
            assert_eq!(signed.sequence_number(), if orderless { u64::MAX } else { version });
            seen.insert((payload, authenticator));
        }
        // All but bundles of modules, which no node takes any more.
        assert_eq!(seen.len(), 4 * 5, "{seen:?}");
    }
}

/// Also that both agree where a transaction ends, or that it is none, when it is damaged.
#[test]
fn a_flipped_bit_is_seen_by_both() {
    let chain = chain(RecordFormat::V1);
    let (mut flipped, mut read_by_both) = (0, 0);
    for (version, record, parsed) in users(&chain).take(35) {
        let (length, promised) = (parsed.transaction.len(), parsed.info.outcome().transaction_hash);
        for index in 0..length {
            let mut changed = record.to_vec();
            changed[index] ^= 1 << (index % 8);
            let at = format!("version {version}, byte {index}");
            assert!(refused_by_sealift(RecordFormat::V1, &changed), "{at}");
            flipped += 1;
            let Some(signed) = read(&changed[..length]) else { continue };
            assert_ne!(hash(&signed), promised, "{at}");
            assert!(signed.verify_signature().is_err(), "{at}");
            let parsed = TransactionRecord::parse(RecordFormat::V1, &changed);
            let ends = parsed.unwrap_or_else(|error| panic!("{at}: {error}")).transaction.len();
            assert_eq!(ends, length, "{at}");
            read_by_both += 1;
        }
    }
    println!("{flipped} bits flipped, {read_by_both} of them in what both can still read");
    assert!(read_by_both > flipped / 2 && read_by_both < flipped, "{read_by_both} of {flipped}");
}
