//! What the examples share.

pub mod shelf;

use sealift::{Bucket, Budget, Codec, Compressor, Level, ObjectStore};
use std::sync::Arc;

/// A bucket over `store` that compresses with gzip, on all cores, in 64 MiB.
pub fn bucket(store: impl ObjectStore) -> anyhow::Result<Bucket> {
    let compressor = Compressor::new(Codec::Gzip(Level::default()), None)?;
    Ok(Bucket::new(store, Arc::new(compressor), Budget::new(Budget::DEFAULT)?))
}

/// Closes the bucket before the runtime ends: aborts need a runtime to run on.
pub async fn close(bucket: &Bucket) -> anyhow::Result<()> {
    match bucket.close().await {
        Ok(()) => Ok(()),
        Err(errors) => anyhow::bail!("something was left behind: {errors:?}"),
    }
}
