//! The bytes of one gzip member (RFC 1952) with Sealift's extra field, and of the member that ends a stream.
//!
//! The extra field has one subfield, `SL`. In a member with data it holds the member's whole length (4 bytes,
//! little-endian). In the member that ends a stream it holds that and the length of the whole plain stream (8 bytes).

use super::head::Head;
use libdeflater::{CompressionError, Compressor, crc32};

/// ID1 and ID2, CM = deflate, FLG = FEXTRA, MTIME = 0 (none), XFL = 0, OS = 255 (unknown): RFC 1952, 2.3.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255];
const SUBFIELD: [u8; 2] = *b"SL";
/// A deflate stream of one empty final block with fixed codes (RFC 1951, 3.2.6).
const EMPTY_DEFLATE: [u8; 2] = [3, 0];
/// HEADER, XLEN, subfield id, subfield length, member length.
const DATA_HEADER_LEN: usize = 10 + 2 + 2 + 2 + 4;
/// CRC32 and ISIZE.
const TRAILER_LEN: usize = 8;

/// The length of the member that ends a stream.
pub(crate) const END_LEN: usize = DATA_HEADER_LEN + 8 + EMPTY_DEFLATE.len() + TRAILER_LEN;

/// Compresses `plain` (at most 4 GiB) into one member, written to `out` from its start; returns the member's length.
/// `out` grows as needed and keeps its memory for the next call.
pub(crate) fn write_data(
    compressor: &mut Compressor,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<usize, CompressionError> {
    let bound = DATA_HEADER_LEN + compressor.deflate_compress_bound(plain.len()) + TRAILER_LEN;
    if out.len() < bound {
        out.resize(bound, 0);
    }
    let deflated = compressor.deflate_compress(plain, &mut out[DATA_HEADER_LEN..bound - TRAILER_LEN])?;
    let len = DATA_HEADER_LEN + deflated + TRAILER_LEN;
    out[..DATA_HEADER_LEN].copy_from_slice(&data_header(len as u32));
    let trailer = &mut out[len - TRAILER_LEN..len];
    trailer[..4].copy_from_slice(&crc32(plain).to_le_bytes());
    trailer[4..].copy_from_slice(&(plain.len() as u32).to_le_bytes());
    Ok(len)
}

fn data_header(member_len: u32) -> [u8; DATA_HEADER_LEN] {
    let mut header = [0; DATA_HEADER_LEN];
    header[..10].copy_from_slice(&HEADER);
    header[10..12].copy_from_slice(&8u16.to_le_bytes());
    header[12..14].copy_from_slice(&SUBFIELD);
    header[14..16].copy_from_slice(&4u16.to_le_bytes());
    header[16..20].copy_from_slice(&member_len.to_le_bytes());
    header
}

/// The member that ends a stream of `plain_len` bytes.
pub(crate) fn end(plain_len: u64) -> [u8; END_LEN] {
    let mut member = [0; END_LEN];
    member[..10].copy_from_slice(&HEADER);
    member[10..12].copy_from_slice(&16u16.to_le_bytes());
    member[12..14].copy_from_slice(&SUBFIELD);
    member[14..16].copy_from_slice(&12u16.to_le_bytes());
    member[16..20].copy_from_slice(&(END_LEN as u32).to_le_bytes());
    member[20..28].copy_from_slice(&plain_len.to_le_bytes());
    member[28..30].copy_from_slice(&EMPTY_DEFLATE);
    member
}

/// Whether a stream that begins with `start` was written by Sealift and so must finish with [`end`].
pub(super) fn is_ours(start: &[u8]) -> bool {
    start.len() >= 14 && start[..10] == HEADER && start[12..14] == SUBFIELD
}

/// What `head`, the next bytes of a stream of ours, says is to come.
pub(super) fn head(head: &[u8]) -> Option<Head> {
    let stored = u32::from_le_bytes(*head.get(16..)?.first_chunk()?);
    if head.starts_with(&data_header(stored)) {
        let stored = stored as usize;
        return (stored > DATA_HEADER_LEN + TRAILER_LEN).then_some(Head::Block { stored, plain: None });
    }
    let plain = u64::from_le_bytes(*head.get(20..)?.first_chunk()?);
    head.starts_with(&end(plain)).then_some(Head::End { stored: END_LEN, plain })
}

/// A whole member with data, taken apart.
pub(super) struct Member<'a> {
    pub(super) deflated: &'a [u8],
    pub(super) crc32: u32,
    /// The plain length, modulo 2^32.
    pub(super) isize: u32,
}

/// The parts of a whole member that began with a [`head`].
pub(super) fn member(member: &[u8]) -> Option<Member<'_>> {
    let (rest, isize) = member.split_last_chunk()?;
    let (rest, crc32) = rest.split_last_chunk()?;
    let deflated = rest.get(DATA_HEADER_LEN..)?;
    Some(Member { deflated, crc32: u32::from_le_bytes(*crc32), isize: u32::from_le_bytes(*isize) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use libdeflater::{CompressionLvl, Decompressor};

    fn compressor() -> Compressor {
        Compressor::new(CompressionLvl::default())
    }

    #[test]
    fn a_member_says_its_length_and_inflates() {
        let plain: Vec<u8> = (0..300_000u32).map(|i| (i / 7 % 256) as u8).collect();
        let mut out = Vec::new();
        let len = write_data(&mut compressor(), &plain, &mut out).expect("compressed");
        assert_eq!(head(&out[..DATA_HEADER_LEN]), Some(Head::Block { stored: len, plain: None }));
        assert_eq!(head(&out[..DATA_HEADER_LEN - 1]), None);
        let Member { isize, crc32: sum, .. } = member(&out[..len]).expect("whole");
        assert_eq!((isize, sum), (plain.len() as u32, crc32(&plain)));
        assert!(is_ours(&out));
        let mut back = vec![0; plain.len()];
        let n = Decompressor::new().gzip_decompress(&out[..len], &mut back).expect("a gzip member");
        assert!(n == plain.len() && back == plain);
    }

    #[test]
    fn incompressible_data_fits() {
        let plain: Vec<u8> = (0..100_000).map(|_| rand::random()).collect();
        let mut out = Vec::new();
        let len = write_data(&mut compressor(), &plain, &mut out).expect("compressed");
        assert!(len < plain.len() + 200);
    }

    #[test]
    fn the_end_is_a_gzip_member_of_nothing_and_is_recognised() {
        let end = end(123_456_789_012);
        assert_eq!(Decompressor::new().gzip_decompress(&end, &mut [0; 8]).expect("a gzip member"), 0);
        assert!(is_ours(&end));
        assert_eq!(head(&end), Some(Head::End { stored: END_LEN, plain: 123_456_789_012 }));
        assert_eq!(head(&end[..END_LEN - 1]), None);
        for at in (0..20).chain(28..END_LEN) {
            let mut damaged = end;
            damaged[at] ^= 1;
            assert_eq!(head(&damaged), None, "byte {at}");
        }
    }
}
