//! The way in: ranges of the object ahead of the reader, in order, verified, then inflated.

mod ranges;
mod reader;
mod verify;

pub use reader::Reader;
pub(crate) use reader::open;
