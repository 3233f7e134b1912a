//! Records of transactions: their parts, and whether those are what the transaction info says.

use super::accumulator::Accumulator;
use super::error::ChainError;
use super::hash::{HashValue, Hasher};
use super::reader::{Reader, uleb128};
use super::transaction_info::TransactionInfo;
use super::types::{AUXILIARY_INFO, EVENT, STATE_KEY, TRANSACTION, TRANSACTION_INFO, WRITE_OP, WRITE_SET};
use std::sync::LazyLock;

/// The hashers of the parts. Made once: each has hashed the name of its type.
static HASHERS: LazyLock<Hashers> = LazyLock::new(|| Hashers {
    transaction: Hasher::new("Transaction"),
    event: Hasher::new("ContractEvent"),
    write_set: Hasher::new("WriteSet"),
    auxiliary_info: Hasher::new("PersistedAuxiliaryInfo"),
});

struct Hashers {
    transaction: Hasher,
    event: Hasher,
    write_set: Hasher,
    auxiliary_info: Hasher,
}

/// Which parts a record of a transaction has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFormat {
    /// Transaction, info, events, write set.
    V0,
    /// Transaction, auxiliary info, info, events, write set: what nodes serve now.
    V1,
}

impl RecordFormat {
    /// The format of a record. Finding it goes through the whole record and hashes the transaction: it is for one
    /// record of a backup, not for all. Those that begin and end blocks are of the kinds that change least.
    ///
    /// # Errors
    /// As [`TransactionRecord::parse`], when the record is of neither format or holds what this version does not know.
    pub fn of(record: &[u8]) -> Result<Self, ChainError> {
        // What fits by accident does not name the hash of its own transaction.
        let fits = |format| {
            let parsed = TransactionRecord::parse(format, record)?;
            ChainError::unless_equal("transaction", parsed.transaction_hash(), parsed.info.outcome().transaction_hash)
        };
        fits(RecordFormat::V1).map(|()| RecordFormat::V1).or_else(|error| match fits(RecordFormat::V0) {
            Ok(()) => Ok(RecordFormat::V0),
            Err(_) => Err(error),
        })
    }
}

/// The parts of a record, each as the bytes it has there, which are also those that are hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRecord<'a> {
    /// The transaction.
    pub transaction: &'a [u8],
    /// What else the node keeps about it; not in every format.
    pub auxiliary_info: Option<&'a [u8]>,
    /// What it did, as hashes.
    pub info: TransactionInfo,
    /// Its events.
    pub events: Vec<&'a [u8]>,
    /// What it wrote.
    pub write_set: &'a [u8],
}

impl<'a> TransactionRecord<'a> {
    /// Takes a record apart.
    ///
    /// # Errors
    /// [`ChainError::UnknownVariant`] for what this version does not know; others when the record is cut or malformed.
    pub fn parse(format: RecordFormat, record: &'a [u8]) -> Result<Self, ChainError> {
        let mut reader = Reader::new("transaction record", record);
        let transaction = TRANSACTION.take(&mut reader)?;
        let auxiliary_info = match format {
            RecordFormat::V0 => None,
            RecordFormat::V1 => Some(AUXILIARY_INFO.take(&mut reader)?),
        };
        let info = bcs::from_bytes(TRANSACTION_INFO.take(&mut reader)?)
            .map_err(|error| ChainError::Malformed { what: "transaction info", reason: error.to_string() })?;
        let events = take_events(&mut reader)?;
        let write_set = WRITE_SET.take(&mut reader)?;
        match reader.left() {
            [] => Ok(TransactionRecord { transaction, auxiliary_info, info, events, write_set }),
            left => Err(reader.malformed(format!("{} bytes are left over", left.len()))),
        }
    }

    /// The record: the parts one after the other. Its format is V1 when it has auxiliary info.
    ///
    /// # Errors
    /// When the info cannot be encoded or there are too many events, which nothing that was decoded brings about.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ChainError> {
        let malformed = |reason| ChainError::Malformed { what: "transaction record", reason };
        let info = bcs::to_bytes(&self.info).map_err(|error| malformed(error.to_string()))?;
        let count = u32::try_from(self.events.len()).map_err(|error| malformed(error.to_string()))?;
        let parts = [self.transaction, self.auxiliary_info.unwrap_or_default(), &info, &uleb128(count)];
        Ok([parts.concat(), self.events.concat(), self.write_set.to_vec()].concat())
    }

    /// Checks every part against what the info says of it.
    ///
    /// # Errors
    /// [`ChainError::Mismatch`] for the first part that is another.
    pub fn verify(&self) -> Result<(), ChainError> {
        let outcome = self.info.outcome();
        let hash = |hasher: &Hasher, bytes| hasher.clone().update(bytes).finish();
        ChainError::unless_equal("transaction", self.transaction_hash(), outcome.transaction_hash)?;
        ChainError::unless_equal("events", event_root(&self.events), outcome.event_root_hash)?;
        ChainError::unless_equal("write set", hash(&HASHERS.write_set, self.write_set), outcome.state_change_hash)?;
        match (self.auxiliary_info, self.info.auxiliary_info_hash()) {
            // The first format has none, so there is nothing to check.
            (None, _) => Ok(()),
            // The variant that says that there is none.
            (Some([0]), None) => Ok(()),
            (Some(info), promised) => {
                let found = hash(&HASHERS.auxiliary_info, info);
                ChainError::unless_equal("auxiliary info", found, promised.unwrap_or(HashValue::ZERO))
            }
        }
    }
}

impl TransactionRecord<'_> {
    fn transaction_hash(&self) -> HashValue {
        HASHERS.transaction.clone().update(self.transaction).finish()
    }
}

/// The root of the accumulator over `events`, each in BCS.
pub fn event_root<T: AsRef<[u8]>>(events: &[T]) -> HashValue {
    let leaves: Vec<_> = events.iter().map(|event| HASHERS.event.clone().update(event).finish()).collect();
    Accumulator::Events.root(&leaves)
}

/// A count and so many events.
pub(super) fn take_events<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, ChainError> {
    (0..reader.uleb128()?).map(|_| EVENT.take(reader)).collect()
}

/// One change of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOp<'a> {
    /// The key, as in the front of a state record.
    pub key: &'a [u8],
    /// The value that the key has from then on, as in the rest of a state record; none when it was deleted.
    pub value: Option<Vec<u8>>,
}

/// The changes in a write set.
///
/// # Errors
/// [`ChainError::UnknownVariant`] for what this version does not know; others when it is cut or malformed.
pub fn write_ops(write_set: &[u8]) -> Result<Vec<WriteOp<'_>>, ChainError> {
    let mut reader = Reader::new("write set", write_set);
    match reader.uleb128()? {
        0 => {}
        variant => return Err(ChainError::UnknownVariant { of: "WriteSet", variant }),
    }
    let count = reader.uleb128()?;
    let op = |_| {
        let key = STATE_KEY.take(&mut reader)?;
        let value = match WRITE_OP.take(&mut reader)? {
            // Creations and modifications alike: first without metadata, then with. A state value has two variants too.
            [0 | 1, value @ ..] => Some([&[0], value].concat()),
            [3 | 4, value @ ..] => Some([&[1], value].concat()),
            _ => None,
        };
        Ok(WriteOp { key, value })
    };
    (0..count).map(op).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{ExecutionStatus, Outcome};

    /// A write set of a creation, a modification with metadata, and a deletion.
    fn write_set() -> Vec<u8> {
        let key = |name: u8| vec![2, 1, name];
        let ops = [
            [key(b'a'), vec![0, 2, 5, 5]].concat(),
            [key(b'b'), vec![4, 1, 6, 0], vec![0; 16]].concat(),
            [key(b'c'), vec![2]].concat(),
        ];
        [vec![0, 3], ops.concat()].concat()
    }

    fn info(transaction: &[u8], events: &[&[u8]], write_set: &[u8], auxiliary: Option<&[u8]>) -> TransactionInfo {
        let hash = |name, bytes: &[u8]| Hasher::new(name).update(bytes).finish();
        TransactionInfo::V0 {
            outcome: Outcome {
                gas_used: 1,
                status: ExecutionStatus::MiscellaneousError(Some(2)),
                transaction_hash: hash("Transaction", transaction),
                event_root_hash: event_root(events),
                state_change_hash: hash("WriteSet", write_set),
                state_checkpoint_hash: None,
            },
            auxiliary_info_hash: auxiliary.map(|info| hash("PersistedAuxiliaryInfo", info)),
        }
    }

    /// A state checkpoint with two events.
    fn record() -> Vec<u8> {
        let (transaction, write_set) = ([&[3], &[9; 32][..]].concat(), write_set());
        let events: [&[u8]; 2] = [&[1, 2, 1, 0xaa], &[1, 6, 1, 0]];
        let auxiliary_info = Some(&[1, 4, 0, 0, 0][..]);
        let info = info(&transaction, &events, &write_set, auxiliary_info);
        let record = TransactionRecord {
            transaction: &transaction,
            auxiliary_info,
            info,
            events: events.to_vec(),
            write_set: &write_set,
        };
        record.to_bytes().unwrap()
    }

    #[test]
    fn a_record_is_taken_apart_and_holds_what_it_says() {
        let record = record();
        let parsed = TransactionRecord::parse(RecordFormat::V1, &record).unwrap();
        assert_eq!((parsed.transaction.len(), parsed.events.len()), (33, 2));
        parsed.verify().unwrap();
        assert_eq!(parsed.to_bytes().unwrap(), record);
    }

    #[test]
    fn a_changed_byte_is_found_wherever_it_is() {
        let record = record();
        for index in 0..record.len() {
            let mut changed = record.clone();
            changed[index] ^= 1;
            // What the info says apart from hashes is covered by its own hash, which the accumulator holds.
            let before = TransactionRecord::parse(RecordFormat::V1, &record).unwrap();
            let found = match TransactionRecord::parse(RecordFormat::V1, &changed) {
                Ok(parsed) => parsed.verify().is_err() || parsed.info.hash() != before.info.hash(),
                Err(_) => true,
            };
            assert!(found, "{index}");
        }
    }

    #[test]
    fn the_format_can_be_told() {
        let record = record();
        assert_eq!(RecordFormat::of(&record), Ok(RecordFormat::V1));
        let mut older = TransactionRecord::parse(RecordFormat::V1, &record).unwrap();
        older.auxiliary_info = None;
        assert_eq!(RecordFormat::of(&older.to_bytes().unwrap()), Ok(RecordFormat::V0));
        assert!(RecordFormat::of(&record[1..]).is_err());
        let newer = ChainError::UnknownVariant { of: "Transaction", variant: 50 };
        assert_eq!(RecordFormat::of(&[50]), Err(newer));
    }

    #[test]
    fn a_newer_kind_of_transaction_is_named() {
        let newer = ChainError::UnknownVariant { of: "Transaction", variant: 50 };
        assert_eq!(TransactionRecord::parse(RecordFormat::V1, &[50]), Err(newer));
    }

    #[test]
    fn a_write_set_gives_values_as_the_state_has_them() {
        let write_set = write_set();
        let ops = write_ops(&write_set).unwrap();
        let values: Vec<_> = ops.iter().map(|op| op.value.clone()).collect();
        assert_eq!(ops[1].key, [2, 1, b'b']);
        assert_eq!(values, [Some(vec![0, 2, 5, 5]), Some([vec![1, 1, 6, 0], vec![0; 16]].concat()), None]);
    }
}
