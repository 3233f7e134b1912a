//! A cursor over BCS, for values of which only the extent or the front is needed.

use super::error::ChainError;

/// What is left of a value of the type `what`.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    what: &'static str,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Reader { what, left: bytes }
    }

    /// What has not been read.
    pub(super) fn left(&self) -> &'a [u8] {
        self.left
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], ChainError> {
        let Some((taken, left)) = self.left.split_at_checked(count) else {
            return Err(ChainError::TooShort { what: self.what, needed: count as u64, left: self.left.len() });
        };
        self.left = left;
        Ok(taken)
    }

    /// A number in ULEB128 of at most 32 bits, in its shortest form: lengths and the numbers of variants.
    pub(super) fn uleb128(&mut self) -> Result<u32, ChainError> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or_default();
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let canonical = byte != 0 || shift == 0;
                return u32::try_from(value)
                    .ok()
                    .filter(|_| canonical)
                    .ok_or_else(|| self.malformed("no canonical ULEB128"));
            }
        }
        Err(self.malformed("a ULEB128 of more than 32 bits"))
    }

    /// A string of bytes with its length before it.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], ChainError> {
        let length = self.uleb128()?;
        self.take(length as usize)
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> ChainError {
        ChainError::Malformed { what: self.what, reason: reason.into() }
    }
}

/// `value` in ULEB128.
pub(super) fn uleb128(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_bcs_writes_them() {
        for length in [0usize, 1, 127, 128, 300, 16_384, 3_000_000] {
            let encoded = bcs::to_bytes(&vec![0u8; length]).unwrap();
            let mut reader = Reader::new("bytes", &encoded);
            assert_eq!(reader.bytes().unwrap().len(), length);
            assert!(reader.left().is_empty());
        }
        for number in [0, 127, 128, 300, 16_384, u32::MAX] {
            assert_eq!(Reader::new("number", &uleb128(number)).uleb128(), Ok(number));
        }
        assert_eq!(Reader::new("number", &[0xff, 0xff, 0xff, 0xff, 0x0f]).uleb128(), Ok(u32::MAX));
    }

    #[test]
    fn numbers_in_other_forms_are_refused() {
        for bytes in [&[0x80, 0x00][..], &[0xff, 0xff, 0xff, 0xff, 0x1f], &[0x80; 6], &[0x80], &[]] {
            assert!(Reader::new("number", bytes).uleb128().is_err(), "{bytes:?}");
        }
    }
}
