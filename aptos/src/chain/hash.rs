//! The chain's hash: SHA3-256, with the kind of the hashed value mixed in before it.

use super::error::ChainError;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha3::{Digest, Sha3_256};
use std::fmt;
use std::str::FromStr;

/// A hash of 32 bytes. Text and JSON have it as 64 lower-case hex digits, BCS as the bytes alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashValue([u8; HashValue::LENGTH]);

impl HashValue {
    /// Its length in bytes.
    pub const LENGTH: usize = 32;
    /// Nothing but zeros, as the chain has it for "no hash".
    pub const ZERO: HashValue = HashValue([0; HashValue::LENGTH]);

    /// The hash of these bytes.
    pub const fn new(bytes: [u8; HashValue::LENGTH]) -> Self {
        HashValue(bytes)
    }

    /// The letters of `word` and then zeros, as the chain marks places where nothing is. Longer words are cut.
    pub(super) const fn literal(word: &str) -> Self {
        let (letters, mut bytes, mut index) = (word.as_bytes(), [0; HashValue::LENGTH], 0);
        while index < letters.len() && index < HashValue::LENGTH {
            bytes[index] = letters[index];
            index += 1;
        }
        HashValue(bytes)
    }

    /// How many bits it has in common with `other` from the most significant on.
    pub fn common_prefix(&self, other: &HashValue) -> usize {
        let differing =
            self.0.iter().zip(&other.0).map(|(own, other)| own ^ other).enumerate().find(|(_, bits)| *bits != 0);
        differing.map_or(8 * HashValue::LENGTH, |(index, bits)| 8 * index + bits.leading_zeros() as usize)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; HashValue::LENGTH] {
        &self.0
    }

    /// Its bit at `index`, counted from the most significant one; zero behind the last.
    pub fn bit(&self, index: usize) -> bool {
        self.0.get(index / 8).is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1)
    }
}

impl fmt::Display for HashValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for HashValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashValue({self})")
    }
}

impl FromStr for HashValue {
    type Err = ChainError;

    fn from_str(text: &str) -> Result<Self, ChainError> {
        let invalid = || ChainError::Text { text: text.to_owned(), wanted: "a hash of 64 hex digits" };
        let digits = text.as_bytes();
        if digits.len() != 2 * HashValue::LENGTH {
            return Err(invalid());
        }
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let mut hash = [0; HashValue::LENGTH];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let &[high, low] = pair else { return Err(invalid()) };
            *byte = digit(high).ok_or_else(invalid)? << 4 | digit(low).ok_or_else(invalid)?;
        }
        Ok(HashValue(hash))
    }
}

impl Serialize for HashValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(self),
            false => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for HashValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => String::deserialize(deserializer)?.parse().map_err(de::Error::custom),
            false => <[u8; HashValue::LENGTH]>::deserialize(deserializer).map(HashValue),
        }
    }
}

/// SHA3-256 of values of one kind, so that no value of another kind can have the same hash. Cloning one is cheaper than
/// making another: that hashes the name.
#[derive(Debug, Clone)]
pub struct Hasher(Sha3_256);

impl Hasher {
    /// A hasher for values of the type `name`, in the words of the chain's registry of types.
    pub fn new(name: &str) -> Self {
        Hasher(Sha3_256::new_with_prefix(Hasher::salt(name)))
    }

    /// What goes before values of the type `name`.
    pub(super) fn salt(name: &str) -> [u8; HashValue::LENGTH] {
        Sha3_256::new().chain_update(b"APTOS::").chain_update(name).finalize().into()
    }

    /// Takes more of the value.
    pub fn update(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.update(bytes);
        self
    }

    /// The hash of what was taken.
    pub fn finish(self) -> HashValue {
        HashValue(self.0.finalize().into())
    }
}

impl AsRef<[u8]> for HashValue {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn hashes_are_64_hex_digits_in_text_and_32_bytes_in_bcs() {
        let hash: HashValue = DIGITS.parse().unwrap();
        assert_eq!(hash.to_string(), DIGITS);
        assert_eq!(serde_json::to_string(&hash).unwrap(), format!("\"{DIGITS}\""));
        assert_eq!(serde_json::from_str::<HashValue>(&format!("\"{DIGITS}\"")).unwrap(), hash);
        assert_eq!(bcs::to_bytes(&hash).unwrap(), hash.as_bytes());
        assert_eq!(bcs::from_bytes::<HashValue>(hash.as_bytes()).unwrap(), hash);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "00", &DIGITS[1..], &DIGITS.replace('f', "g"), &format!("0x{DIGITS}"), &"é".repeat(32)] {
            assert!(text.parse::<HashValue>().is_err(), "{text}");
        }
    }

    #[test]
    fn bits_are_counted_from_the_most_significant() {
        let hash: HashValue = DIGITS.parse().unwrap();
        let set: Vec<usize> = (0..24).filter(|&index| hash.bit(index)).collect();
        assert_eq!(set, [11, 15, 18, 22]);
        assert!(!hash.bit(256));
        let other = HashValue::new([0; 32]);
        assert_eq!((hash.common_prefix(&other), hash.common_prefix(&hash)), (11, 256));
    }

    #[test]
    fn the_kind_of_a_value_goes_before_it_as_a_hash() {
        let salt = Sha3_256::digest(b"APTOS::Transaction");
        let whole: [u8; 32] = Sha3_256::digest([salt.as_slice(), b"value"].concat()).into();
        assert_eq!(Hasher::new("Transaction").update(b"val").update(b"ue").finish(), HashValue(whole));
        assert_ne!(Hasher::new("WriteSet").update(b"value").finish(), HashValue(whole));
    }
}
