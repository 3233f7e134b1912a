//! Keys of the state: where one ends in a record, and its hash, by which the state is ordered.

use super::error::ChainError;
use super::hash::{HashValue, Hasher};
use super::reader::Reader;
use std::sync::LazyLock;

/// The parts of a key in the front of a record.
enum StateKey<'a> {
    /// A module or resource below an account: address and path, as BCS has them.
    AccessPath(&'a [u8]),
    /// An entry of a table.
    TableItem { handle: &'a [u8], key: &'a [u8] },
    /// Bytes with no meaning to the chain; only its tests have them.
    Raw(&'a [u8]),
}

const ADDRESS_LENGTH: usize = 32;

/// Made once: a snapshot of a chain has hundreds of millions of keys.
static KEY: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("StateKey"));

impl<'a> StateKey<'a> {
    /// The key and how many bytes of the record it takes.
    fn parse(record: &'a [u8]) -> Result<(Self, usize), ChainError> {
        let mut reader = Reader::new("state key", record);
        let variant = reader.uleb128()?;
        let parts = reader.left();
        let key = match variant {
            0 => {
                reader.take(ADDRESS_LENGTH)?;
                reader.bytes()?;
                StateKey::AccessPath(parts.get(..parts.len() - reader.left().len()).unwrap_or_default())
            }
            1 => StateKey::TableItem { handle: reader.take(ADDRESS_LENGTH)?, key: reader.bytes()? },
            2 => StateKey::Raw(reader.bytes()?),
            variant => return Err(ChainError::UnknownVariant { of: "StateKey", variant }),
        };
        Ok((key, record.len() - reader.left().len()))
    }

    /// What is hashed is not BCS but the form in which nodes store keys: a tag, and the last part without its length.
    fn hash(&self) -> HashValue {
        let hasher = KEY.clone();
        match self {
            StateKey::AccessPath(path) => hasher.update([0]).update(path),
            StateKey::TableItem { handle, key } => hasher.update([1]).update(handle).update(key),
            StateKey::Raw(bytes) => hasher.update([255]).update(bytes),
        }
        .finish()
    }
}

/// The hash of the key that `record`, BCS of `(StateKey, StateValue)`, begins with. State is ordered by it. The value
/// behind the key is not looked at.
///
/// # Errors
/// [`ChainError::UnknownVariant`] for a kind of key this version does not know; others when the key is cut or
/// malformed.
pub fn state_key_hash(record: &[u8]) -> Result<HashValue, ChainError> {
    StateKey::parse(record).map(|(key, _)| key.hash())
}

/// How many bytes of `record` its key takes; the rest is the value.
///
/// # Errors
/// As [`state_key_hash`].
pub fn state_key_length(record: &[u8]) -> Result<usize, ChainError> {
    StateKey::parse(record).map(|(_, length)| length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &[u8] = &[9, 9, 9];

    fn hash_of(parts: &[&[u8]]) -> HashValue {
        parts.iter().fold(Hasher::new("StateKey"), |hasher, part| hasher.update(part)).finish()
    }

    #[test]
    fn an_access_path_is_hashed_as_it_stands() {
        let record = [&[0][..], &[7; 32], &[2, 1, 2], VALUE].concat();
        assert_eq!(state_key_length(&record), Ok(1 + 32 + 3));
        assert_eq!(state_key_hash(&record), Ok(hash_of(&[&[0], &[7; 32], &[2, 1, 2]])));
    }

    #[test]
    fn a_table_item_is_hashed_without_the_length_of_its_key() {
        let record = [&[1][..], &[7; 32], &[0x80, 0x01], &[5; 128], VALUE].concat();
        assert_eq!(state_key_length(&record), Ok(1 + 32 + 2 + 128));
        assert_eq!(state_key_hash(&record), Ok(hash_of(&[&[1], &[7; 32], &[5; 128]])));
    }

    #[test]
    fn a_raw_key_has_another_tag_where_it_is_stored() {
        let record = [&[2, 3][..], b"key", VALUE].concat();
        assert_eq!(state_key_length(&record), Ok(5));
        assert_eq!(state_key_hash(&record), Ok(hash_of(&[&[255], b"key"])));
    }

    #[test]
    fn unknown_and_cut_keys_are_errors() {
        assert_eq!(state_key_hash(&[3, 0]), Err(ChainError::UnknownVariant { of: "StateKey", variant: 3 }));
        let whole = [&[0][..], &[7; 32], &[2, 1, 2]].concat();
        for length in 0..whole.len() {
            assert!(matches!(state_key_hash(&whole[..length]), Err(ChainError::TooShort { .. })), "{length}");
        }
    }
}
