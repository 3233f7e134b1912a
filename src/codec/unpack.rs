//! One block back to plain data, with every check that its format has.

use super::compressor::Idle;
use super::head::Format;
use super::{gzip, zstd};
use crate::budget::{BLOCK, Held};
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use libdeflater::crc32;
use std::fmt;

/// Below this a block takes less time to unpack than to give to another thread, in bytes of plain or stored data.
const SMALL: usize = 32 * 1024;

/// A whole block as it is stored, and where its plain data goes.
pub(crate) struct Packed {
    pub(crate) format: Format,
    /// The block's bytes in one piece, or in as many as ranges it lies in.
    pub(crate) pieces: Vec<Bytes>,
    /// How much plain data it says it has, at most [`BLOCK`].
    pub(crate) plain: usize,
    pub(crate) buffer: Buffer,
}

/// Memory for the plain data of one block, used again and again.
pub(crate) struct Buffer {
    data: Vec<u8>,
    #[expect(dead_code, reason = "held until the buffer is freed")]
    held: Held,
}

/// A block's plain data.
pub(crate) struct Unpacked {
    buffer: Buffer,
    len: usize,
}

impl Buffer {
    /// A buffer that takes up to [`BLOCK`] bytes, which `held` covers. It is made as long as it is needed.
    pub(crate) fn new(held: Held) -> Self {
        Buffer { data: Vec::new(), held }
    }

    /// The first `len` bytes, at most [`BLOCK`], to write to.
    pub(crate) fn first(&mut self, len: usize) -> &mut [u8] {
        debug_assert!(len <= BLOCK);
        if self.data.len() < len {
            self.data.reserve_exact(len - self.data.len());
            self.data.resize(len, 0);
        }
        &mut self.data[..len]
    }

    /// The buffer with its first `len` bytes written.
    pub(crate) fn filled(self, len: usize) -> Unpacked {
        debug_assert!(len <= self.data.len());
        Unpacked { buffer: self, len }
    }
}

impl Unpacked {
    /// The plain data.
    pub(crate) fn data(&self) -> &[u8] {
        &self.buffer.data[..self.len]
    }

    /// The memory, for another block.
    pub(crate) fn into_buffer(self) -> Buffer {
        self.buffer
    }
}

impl Packed {
    /// Whether it is unpacked sooner than another thread has it.
    pub(super) fn is_small(&self) -> bool {
        self.plain <= SMALL && self.pieces.iter().map(Bytes::len).sum::<usize>() <= SMALL
    }
}

/// How much plain data a gzip member with these last bytes says it has, if that is what a block of ours can have.
pub(crate) fn gzip_plain_len(last: [u8; 4]) -> Option<usize> {
    let len = u32::from_le_bytes(last) as usize;
    (len <= BLOCK).then_some(len)
}

/// What unpacks blocks, as many at a time as there are threads.
#[derive(Default)]
pub(super) struct Unpackers(Idle<Unpacker>);

#[derive(Default)]
struct Unpacker {
    gzip: Option<libdeflater::Decompressor>,
    zstd: Option<::zstd::bulk::Decompressor<'static>>,
    /// For blocks in several pieces.
    joined: Vec<u8>,
}

impl Unpackers {
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the block is not what its head and its checksum say. The error names no place.
    pub(super) fn unpack(&self, packed: Packed) -> Result<Unpacked> {
        let mut unpacker = self.0.take().unwrap_or_default();
        let Packed { format, pieces, plain, mut buffer } = packed;
        let out = buffer.first(plain);
        let checked = match &pieces[..] {
            [whole] => unpacker.unpack(format, whole, out),
            pieces => {
                let mut joined = std::mem::take(&mut unpacker.joined);
                joined.clear();
                pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
                let checked = unpacker.unpack(format, &joined, out);
                unpacker.joined = joined;
                checked
            }
        };
        // Before the answer: whoever gets it may need the memory.
        drop(pieces);
        self.0.give_back(unpacker);
        checked.map(|()| buffer.filled(plain))
    }
}

impl Unpacker {
    fn unpack(&mut self, format: Format, block: &[u8], out: &mut [u8]) -> Result<()> {
        match format {
            Format::Gzip => self.unpack_gzip(block, out),
            Format::Zstd => self.unpack_zstd(block, out),
        }
    }

    fn unpack_gzip(&mut self, block: &[u8], out: &mut [u8]) -> Result<()> {
        let Some(gzip::Member { deflated, crc32: stated, isize }) = gzip::member(block) else {
            return Err(corrupt("it is shorter than its frame".into()));
        };
        let engine = self.gzip.get_or_insert_with(libdeflater::Decompressor::new);
        let count = engine
            .deflate_decompress(deflated, out)
            .map_err(|error| corrupt(format!("its data is damaged ({})", said(error))))?;
        if count != out.len() || count != isize as usize {
            return Err(corrupt(format!("{count} bytes came out, and it says {isize}")));
        }
        match crc32(out) == stated {
            true => Ok(()),
            false => Err(corrupt("its CRC32 is another".into())),
        }
    }

    fn unpack_zstd(&mut self, block: &[u8], out: &mut [u8]) -> Result<()> {
        let engine = match &mut self.zstd {
            Some(engine) => engine,
            none => none.insert(::zstd::bulk::Decompressor::new().map_err(|error| Error::io("set up", "zstd", error))?),
        };
        let frame = zstd::frame(block).unwrap_or_default();
        // It checks the frame's own checksum.
        let unpacked = engine.decompress_to_buffer(frame, out);
        let count = unpacked.map_err(|error| corrupt(format!("its data is damaged ({error})")))?;
        match count == out.len() {
            true => Ok(()),
            false => Err(corrupt(format!("{count} bytes came out, and it says {}", out.len()))),
        }
    }
}

fn said(error: libdeflater::DecompressionError) -> &'static str {
    match error {
        libdeflater::DecompressionError::BadData => "it is no deflate",
        libdeflater::DecompressionError::InsufficientSpace => "it holds more than it says",
    }
}

fn corrupt(reason: String) -> Error {
    Error::new(ErrorKind::Corrupt, "decompress", "a block", reason)
}

impl fmt::Debug for Unpacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacked").field("len", &self.len).finish_non_exhaustive()
    }
}
