//! What becomes of plain data before it is stored, and back: blocks compressed apart from one another, on threads of
//! their own, one after the other in the stream. Each says its length before its data, so that a reader finds the next
//! without decompressing, and a mark at the end says that the stream is whole. Any gzip or zstd reads the result.
//!
//! - `level`: what can be chosen, and `effort`: which level a block gets;
//! - `compressor`: the threads, and what they do to a block;
//! - `gzip`, `zstd`: the bytes of one block, and of the end;
//! - `head`: what a reader learns from a block's first bytes;
//! - `unpack`: one block back to plain data.
//!
//! Nothing here knows storage, or streams that others wrote; those are `download`'s.

pub(crate) mod compressor;
mod effort;
pub(crate) mod gzip;
pub(crate) mod head;
mod level;
pub(crate) mod unpack;
pub(crate) mod zstd;

pub use compressor::Compressor;
pub use level::{Codec, Level, ZstdLevel};
