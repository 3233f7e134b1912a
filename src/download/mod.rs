//! The way in: ranges of the object ahead of the reader, verified, decompressed, in order.
//!
//! - `reader`: the reader's end, and what it recognises in the first bytes;
//! - `places`: what a reader may hold of the memory budget, and how it shares that out;
//! - `subject`: the object that is read, or a version of it;
//! - `ranges`: the requests, in order, each a task of its own;
//! - `stored`: the stored bytes as they come in, checked by their end, cut into blocks;
//! - `blocks`: a stream that Sealift wrote, its blocks decompressed at the same time;
//! - `verified`: what was checked of what was read;
//! - `foreign`: what other tools wrote, from its start to its end, away from the runtime's threads.
//!
//! A reader has no task of its own: it goes on when it is polled. What is under way meanwhile (requests, blocks) holds
//! nothing that the reader needs to be stopped, so dropping it is all there is to do.

mod blocks;
mod buffers;
mod foreign;
mod places;
mod ranges;
mod reader;
mod stored;
mod subject;
mod verified;

pub use reader::Reader;
pub(crate) use reader::{Unknown, open, open_known, open_listed, open_stored};
pub(crate) use subject::Subject;
pub use verified::Verified;
