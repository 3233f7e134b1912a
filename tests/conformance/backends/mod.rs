//! The storages that are tested.

mod command;
mod local_fs;
mod memory;
mod native;

pub(crate) use command::Command;
pub(crate) use local_fs::LocalFs;
pub(crate) use memory::Memory;
pub(crate) use native::Native;

use sealift::{Archive, Bucket, Budget, Codec, Compressor, ObjectStore};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// The archive below `prefix` in a store, with the command line's memory budget.
fn archive(store: impl ObjectStore, codec: Codec, prefix: &str) -> Archive {
    let compressor = Compressor::new(codec, NonZeroUsize::new(2)).expect("threads");
    let bucket = Bucket::new(store, Arc::new(compressor), Budget::new(Budget::DEFAULT).expect("valid"));
    Archive::new(bucket, prefix).expect("a prefix")
}

/// Whether nothing is under way. What stands or may still arrive, and of which nobody has been told, is listed until the
/// bucket is closed.
fn is_idle(bucket: &Bucket) -> bool {
    bucket.under_way().iter().all(|work| work.has_ended)
}
