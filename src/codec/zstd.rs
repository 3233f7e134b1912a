//! The bytes of one zstd frame (RFC 8878) with Sealift's mark before it, and of the mark that ends a stream.
//!
//! A mark is a skippable frame, which every decoder passes over. It holds `SL` and, before a frame with data, the
//! frame's length and the length of its plain data (4 bytes each, little-endian); at the end of a stream a length of 0
//! and the length of the whole plain stream (8 bytes). An empty frame stands before each mark, so that a stream begins
//! with the four bytes by which tools know zstd, which a skippable frame has not. It has a form that no compressor
//! gives it, so that it alone says who wrote the stream, also where the stream is cut off right behind it.

use super::head::Head;
use ::zstd::bulk::Compressor;
use ::zstd::zstd_safe::compress_bound;
use std::io;

/// A frame of nothing: magic number, no content size and no checksum, a window of 1 KiB, a last raw block of 0 bytes.
const EMPTY_FRAME: [u8; 9] = [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0];
/// One of the sixteen magic numbers of skippable frames, 0x184D2A53.
const SKIPPABLE: [u8; 4] = [0x53, 0x2a, 0x4d, 0x18];
const TAG: [u8; 2] = *b"SL";
/// What a mark before data holds: tag, frame length, plain length.
const DATA_MARK: u32 = 2 + 4 + 4;
/// What the mark at the end holds: tag, 0, plain length of the stream.
const END_MARK: u32 = 2 + 4 + 8;
/// Up to the end of the tag.
const START_LEN: usize = 9 + 4 + 4 + 2;
/// What stands before a frame with data.
pub(super) const DATA_HEADER_LEN: usize = START_LEN + 4 + 4;

/// The length of what ends a stream.
pub(crate) const END_LEN: usize = START_LEN + 4 + 8;

/// Compresses `plain` (at most 4 GiB) into a marked frame, written to `out` from its start; returns the length of both.
/// `out` grows as needed and keeps its memory for the next call.
pub(super) fn write_data(compressor: &mut Compressor<'_>, plain: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
    let bound = DATA_HEADER_LEN + compress_bound(plain.len());
    if out.len() < bound {
        out.resize(bound, 0);
    }
    let frame = compressor.compress_to_buffer(plain, &mut out[DATA_HEADER_LEN..bound])?;
    out[..START_LEN].copy_from_slice(&start(DATA_MARK));
    out[START_LEN..START_LEN + 4].copy_from_slice(&(frame as u32).to_le_bytes());
    out[START_LEN + 4..DATA_HEADER_LEN].copy_from_slice(&(plain.len() as u32).to_le_bytes());
    Ok(DATA_HEADER_LEN + frame)
}

fn start(mark: u32) -> [u8; START_LEN] {
    let mut start = [0; START_LEN];
    start[..9].copy_from_slice(&EMPTY_FRAME);
    start[9..13].copy_from_slice(&SKIPPABLE);
    start[13..17].copy_from_slice(&mark.to_le_bytes());
    start[17..].copy_from_slice(&TAG);
    start
}

/// What ends a stream of `plain_len` bytes.
pub(crate) fn end(plain_len: u64) -> [u8; END_LEN] {
    let mut end = [0; END_LEN];
    end[..START_LEN].copy_from_slice(&start(END_MARK));
    end[START_LEN + 4..].copy_from_slice(&plain_len.to_le_bytes());
    end
}

/// Whether a stream that begins with `start` was written by Sealift and so must finish with [`end`].
pub(super) fn is_ours(start: &[u8]) -> bool {
    start.starts_with(&EMPTY_FRAME)
}

/// Whether it is zstd of anybody's: a frame, or a skippable one.
pub(super) fn is_any(start: &[u8]) -> bool {
    matches!(start, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What `head`, the next bytes of a stream of ours, says is to come.
pub(super) fn head(head: &[u8]) -> Option<Head> {
    let at = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
    if head.starts_with(&start(DATA_MARK)) {
        let frame = at(START_LEN)?;
        let plain = at(START_LEN + 4)?;
        return Some(Head::Block { stored: DATA_HEADER_LEN + frame as usize, plain: Some(plain as usize) });
    }
    let plain = u64::from_le_bytes(*head.get(START_LEN + 4..)?.first_chunk()?);
    head.starts_with(&end(plain)).then_some(Head::End { stored: END_LEN, plain })
}

/// The frame itself, of a whole block.
pub(super) fn frame(block: &[u8]) -> Option<&[u8]> {
    block.get(DATA_HEADER_LEN..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn stream(plain: &[u8], block: usize) -> Vec<u8> {
        let mut compressor = Compressor::new(3).expect("valid");
        let (mut stored, mut out) = (Vec::new(), Vec::new());
        for plain in plain.chunks(block) {
            let len = write_data(&mut compressor, plain, &mut out).expect("compressed");
            stored.extend_from_slice(&out[..len]);
        }
        stored.extend_from_slice(&end(plain.len() as u64));
        stored
    }

    #[test]
    fn a_frame_says_its_length_and_any_zstd_reads_the_stream() {
        let plain: Vec<u8> = (0..300_000u32).map(|i| (i / 7 % 256) as u8).collect();
        for plain in [&plain[..], &plain[..1], &[]] {
            let stored = stream(plain, 100_000);
            assert!(is_ours(&stored) && is_any(&stored));
            let mut at = 0;
            for plain in plain.chunks(100_000) {
                let Some(Head::Block { stored: len, plain: Some(size) }) = head(&stored[at..]) else {
                    panic!("no block at {at}");
                };
                assert_eq!(size, plain.len());
                let mut back = vec![0; size];
                let frame = frame(&stored[at..at + len]).expect("a frame");
                let count = ::zstd::bulk::decompress_to_buffer(frame, &mut back).expect("a frame");
                assert!(count == size && back == plain);
                at += len;
            }
            assert_eq!(head(&stored[at..]), Some(Head::End { stored: END_LEN, plain: plain.len() as u64 }));
            let mut back = Vec::new();
            ::zstd::stream::read::Decoder::new(&stored[..]).expect("made").read_to_end(&mut back).expect("zstd");
            assert!(back == plain);
        }
    }

    #[test]
    fn what_is_cut_or_changed_is_no_head() {
        let stored = stream(b"x", 1);
        for len in 0..DATA_HEADER_LEN {
            assert_eq!(head(&stored[..len]), None);
        }
        let end = end(7);
        for at in 0..END_LEN - 8 {
            let mut damaged = end;
            damaged[at] ^= 1;
            assert_eq!(head(&damaged), None, "byte {at}");
            assert_eq!(head(&end[..at]), None);
        }
    }
}
