//! What a reader learns from the first bytes of a stream, and of each block in it.

use super::{gzip, zstd};
use crate::budget::BLOCK;

/// As many first bytes of a block as say everything about it, and all of what ends a stream.
pub(crate) const HEAD_LEN: usize = 40;

/// The most that a block takes as it is stored: what cannot be compressed, and a little for each part of the format
/// (zstd's bound for 1 MiB is 4 KiB above, libdeflate's less).
pub(crate) const MAX_STORED: usize = BLOCK + 8 * 1024;

/// What the stored bytes are, by the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// By Sealift: blocks that say their lengths, and an end.
    Ours(Format),
    /// By another tool.
    Elsewhere(Format),
}

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Gzip,
    Zstd,
}

/// One block, or the end, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// The length of the block as it is stored, and of its plain data where that is said here.
    Block { stored: usize, plain: Option<usize> },
    /// The mark that ends a stream: its own length, and the plain length of the whole.
    End { stored: usize, plain: u64 },
}

/// Recognises a stream by its first [`HEAD_LEN`] bytes, or by all if it is shorter.
pub(crate) fn recognise(start: &[u8]) -> Option<Written> {
    match start {
        [0x1f, 0x8b, ..] if gzip::is_ours(start) => Some(Written::Ours(Format::Gzip)),
        [0x1f, 0x8b, ..] => Some(Written::Elsewhere(Format::Gzip)),
        _ if zstd::is_ours(start) => Some(Written::Ours(Format::Zstd)),
        _ if zstd::is_any(start) => Some(Written::Elsewhere(Format::Zstd)),
        _ => None,
    }
}

impl Format {
    /// What follows, if `head`, the next [`HEAD_LEN`] bytes of a stream or all that are left, are ours and name lengths
    /// that a block of ours can have.
    pub(crate) fn head(self, head: &[u8]) -> Option<Head> {
        let found = match self {
            Format::Gzip => gzip::head(head),
            Format::Zstd => zstd::head(head),
        };
        found.filter(|head| match *head {
            Head::Block { stored, plain } => stored <= MAX_STORED && plain.is_none_or(|plain| plain <= BLOCK),
            Head::End { .. } => true,
        })
    }

    /// In the words of messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Gzip => "gzip",
            Format::Zstd => "zstd",
        }
    }
}
