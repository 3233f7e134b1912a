//! The gzip that Sealift writes: blocks compressed apart from one another, each a gzip member of its own, one after
//! the other. Any gzip reads the result. Each member says its length in an extra field, so that a reader can find the
//! next without inflating, and an empty last member says that the stream is whole.
//!
//! Reading for itself is `download`'s; this module knows no storage.

pub(crate) mod compressor;
pub(crate) mod member;

pub use compressor::{Codec, Compressor, Level};
