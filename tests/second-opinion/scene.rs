//! Records with transactions of users, and how the SDK reads one.

use aptos_sdk::transaction::{AccountAuthenticator, RawTransaction, SignedTransaction, TransactionAuthenticator};
use sealift_aptos::chain::{
    ChainError, ExecutionStatus, HashValue, Hasher, Outcome, RecordFormat, TransactionInfo, TransactionRecord,
    event_root,
};

/// An `AccountAuthenticator` of one Ed25519 key in the form that names its kind, below the variant for a single sender.
const SINGLE_KEY: usize = 2 + (2 + 32) + (2 + 64);

/// What the SDK makes of a `Transaction` in BCS.
///
/// It reads authenticators with named kinds of keys in a form of its own, though it writes them as the chain does. So
/// what it does not write back counts as not read. Then what is before the authenticator is read by it, and the
/// authenticator is put together from its parts.
pub(crate) fn read(transaction: &[u8]) -> Option<SignedTransaction> {
    let [0, user @ ..] = transaction else { return None };
    if let Ok(signed) = aptos_bcs::from_bytes::<SignedTransaction>(user)
        && write(&signed) == transaction
    {
        return Some(signed);
    }
    let (raw, authenticator) = user.split_at_checked(user.len().checked_sub(SINGLE_KEY)?)?;
    let raw: RawTransaction = aptos_bcs::from_bytes(raw).ok()?;
    let (&[4, 2], keys) = authenticator.split_first_chunk::<2>()? else { return None };
    let (public_key, signature) = keys.split_at(2 + 32);
    if !public_key.starts_with(&[0, 32]) || !signature.starts_with(&[0, 64]) {
        return None;
    }
    let sender = AccountAuthenticator::single_key(public_key.to_vec(), signature.to_vec());
    Some(SignedTransaction::new(raw, TransactionAuthenticator::single_sender(sender)))
}

/// The transaction's BCS as the SDK writes it.
pub(crate) fn write(signed: &SignedTransaction) -> Vec<u8> {
    [&[0], &signed.to_bcs().expect("it can be encoded")[..]].concat()
}

/// The transaction's hash by the SDK, as Sealift has hashes.
pub(crate) fn hash(signed: &SignedTransaction) -> HashValue {
    HashValue::new(signed.hash().expect("it can be encoded").to_bytes())
}

/// The record of `transaction` with its promised hash, with `events` and no changes.
pub(crate) fn record(format: RecordFormat, transaction: &[u8], promised: HashValue, events: &[&[u8]]) -> Vec<u8> {
    let (write_set, auxiliary_info) = ([0, 0], [0]);
    let outcome = Outcome {
        gas_used: 1,
        status: ExecutionStatus::Success,
        transaction_hash: promised,
        event_root_hash: event_root(events),
        state_change_hash: Hasher::new("WriteSet").update(write_set).finish(),
        state_checkpoint_hash: None,
    };
    let record = TransactionRecord {
        transaction,
        auxiliary_info: (format == RecordFormat::V1).then_some(&auxiliary_info),
        info: TransactionInfo::V0 { outcome, auxiliary_info_hash: None },
        events: events.to_vec(),
        write_set: &write_set,
    };
    record.to_bytes().expect("it can be encoded")
}

/// Sealift on a record whose transaction was changed: it must see that, whatever it makes of it.
pub(crate) fn refused_by_sealift(format: RecordFormat, record: &[u8]) -> bool {
    match TransactionRecord::parse(format, record) {
        Ok(parsed) => matches!(parsed.verify(), Err(ChainError::Mismatch { what: "transaction", .. })),
        Err(_) => true,
    }
}
