//! What the generator of an archive tells, and the hashes alone repeat.

mod counts;

pub use counts::{Counts, Part};
