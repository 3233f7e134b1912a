//! Copies between buckets whose content is proven: what is held against what, and what may be said of it afterwards.
//!
//! - `names`: what an object is called where it is copied to, and which objects a shard has;
//! - `copying`: one object after another, from one bucket to another;
//! - `compare`: whether two objects have the same content;
//! - `outcome`: what became of an object, and by what that is known.
//!
//! How many are copied at a time, and what a failure means for the others, is the caller's.

mod compare;
mod copying;
mod names;
mod outcome;

pub use copying::{Compared, Copying, Existing};
pub use names::{Names, is_in_shard};
pub use outcome::{Copied, Due, Same, SourceProof, Way, Why};
