//! Full-object checksums: computed over what is stored, part by part, and combined, so that each byte is hashed once.

use crc_fast::{CrcAlgorithm, Digest};
use std::fmt;

/// The checksum a service keeps for a whole object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumAlgorithm {
    /// CRC-64/NVME: S3's full-object checksum.
    Crc64Nvme,
    /// CRC-32C (Castagnoli, RFC 3720): Google Cloud Storage's.
    Crc32c,
}

impl ChecksumAlgorithm {
    fn engine(self) -> CrcAlgorithm {
        match self {
            ChecksumAlgorithm::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
            ChecksumAlgorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
        }
    }
}

impl ChecksumAlgorithm {
    /// A value that a service keeps, which is in network byte order, in the form of [`Checksum`]'s `Display`:
    /// `crc64nvme:…`.
    pub fn text_of(self, value: &[u8]) -> String {
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{self}:{hex}")
    }
}

/// As in `crc64nvme:…`.
impl fmt::Display for ChecksumAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChecksumAlgorithm::Crc64Nvme => "crc64nvme",
            ChecksumAlgorithm::Crc32c => "crc32c",
        })
    }
}

/// The checksum of a run of bytes, with the run's length, so that neighbours can be combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    value: u64,
    len: u64,
}

impl Checksum {
    /// The checksum of no bytes.
    pub fn empty(algorithm: ChecksumAlgorithm) -> Self {
        Checksum::of(algorithm, &[])
    }

    /// The checksum of `bytes`.
    pub fn of(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Self {
        let value = crc_fast::checksum(algorithm.engine(), bytes);
        Checksum { algorithm, value, len: bytes.len() as u64 }
    }

    /// The checksum of these bytes followed by those of `next`, which was made with the same algorithm.
    #[must_use]
    pub fn then(self, next: Checksum) -> Self {
        debug_assert_eq!(self.algorithm, next.algorithm);
        // To combine takes as long as to read a megabyte, and most objects are in one piece.
        if self.len == 0 {
            return next;
        }
        let value = crc_fast::checksum_combine(self.algorithm.engine(), self.value, next.value, next.len);
        Checksum { value, len: self.len + next.len, ..self }
    }

    /// The algorithm.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// The number of bytes it was taken over.
    pub fn byte_count(&self) -> u64 {
        self.len
    }

    /// The value in network byte order, as the services encode it (in base64): 8 bytes for CRC64NVME, 4 for CRC32C.
    pub fn to_be_bytes(&self) -> Vec<u8> {
        match self.algorithm {
            ChecksumAlgorithm::Crc64Nvme => self.value.to_be_bytes().to_vec(),
            ChecksumAlgorithm::Crc32c => (self.value as u32).to_be_bytes().to_vec(),
        }
    }
}

/// A checksum of bytes that come one after the other. To combine checksums costs as much as to hash megabytes, so
/// neighbours are hashed in one go where they can be.
pub(crate) struct Hashing {
    algorithm: ChecksumAlgorithm,
    digest: Digest,
    len: u64,
}

impl Hashing {
    pub(crate) fn new(algorithm: ChecksumAlgorithm) -> Self {
        Hashing { algorithm, digest: Digest::new(algorithm.engine()), len: 0 }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// The number of bytes so far.
    pub(crate) fn byte_count(&self) -> u64 {
        self.len
    }

    /// The checksum of what came, and the beginning of another.
    pub(crate) fn finish(&mut self) -> Checksum {
        let done = Checksum { algorithm: self.algorithm, value: self.digest.finalize(), len: self.len };
        *self = Hashing::new(self.algorithm);
        done
    }
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashing").field("algorithm", &self.algorithm).field("len", &self.len).finish_non_exhaustive()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.algorithm {
            ChecksumAlgorithm::Crc64Nvme => write!(f, "crc64nvme:{:016x}", self.value),
            ChecksumAlgorithm::Crc32c => write!(f, "crc32c:{:08x}", self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of parametrised CRC algorithms, over the ASCII digits 1 to 9.
    #[test]
    fn known_answers() {
        let crc64 = Checksum::of(ChecksumAlgorithm::Crc64Nvme, b"123456789");
        assert_eq!(crc64.to_string(), "crc64nvme:ae8b14860a799888");
        let crc32c = Checksum::of(ChecksumAlgorithm::Crc32c, b"123456789");
        assert_eq!(crc32c.to_string(), "crc32c:e3069283");
    }

    #[test]
    fn combined_parts_equal_the_whole() {
        for algorithm in [ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32c] {
            let whole: Vec<u8> = (0..100_000u32).map(|i| (i * 7 % 251) as u8).collect();
            let mut parts = Checksum::empty(algorithm);
            for part in whole.chunks(33_333) {
                parts = parts.then(Checksum::of(algorithm, part));
            }
            assert_eq!(parts, Checksum::of(algorithm, &whole));
            let mut hashing = Hashing::new(algorithm);
            for _ in 0..2 {
                whole.chunks(777).for_each(|piece| hashing.update(piece));
                assert_eq!((hashing.byte_count(), hashing.finish()), (100_000, parts));
            }
        }
    }
}
