//! The way out: sink → compressor → parts → uploads in flight → one commit, or an abort.
//!
//! A [`Sink`] is what the caller writes to. Behind it one task per file, the uploader, owns everything that could be
//! left behind; it ends only when the object is committed and accepted, or gone.

mod commit;
mod ending;
mod parts;
mod plan;
mod pour;
mod sealed;
mod sink;
mod stop;
mod uploader;
mod window;

pub(crate) use plan::{Plan, seat_size};
pub use sealed::Sealed;
pub use sink::Sink;
pub(crate) use sink::{Length, open};
pub(crate) use window::Window;
