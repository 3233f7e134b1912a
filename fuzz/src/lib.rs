//! What several targets need. Each target states what must hold for every input, and panics where it does not.
//!
//! - `shelf`: an object store of one object, in memory;
//! - `streams`: what must hold for a codec, whatever is stored;
//! - `service`: a service on loopback whose answers are the input;
//! - `answers`: what must hold for an adapter, whatever its service answers.

mod answers;
mod service;
mod shelf;
mod streams;

pub use answers::{ask, runtime};
pub use service::Service;
pub use streams::Streams;
