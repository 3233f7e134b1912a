//! A whole object in one request: Put Blob.

use crate::body::body;
use crate::checksums::Transactional;
use crate::client::Client;
use crate::commit::{committed, condition_of, metadata_of};
use crate::marker;
use azure_core::http::{ClientMethodOptions, Context};
use azure_storage_blob::models::BlockBlobClientUploadOptions;
use sealift::{Attempts, CommitOptions, Committed, Payload, Result};
use std::num::NonZero;

/// Stores `payload` under `key`.
pub(crate) async fn put(
    client: &Client,
    key: &str,
    payload: &Payload,
    options: &CommitOptions,
    attempts: &Attempts,
) -> Result<Committed> {
    let checksum = client.checksum(key, payload).await?;
    let failed = |error| client.failed("store", key, error);
    let mut stored = put_blob(client, key, payload, &checksum, options, attempts).await;
    if let Err(refused) = &stored
        && marker::gave_way(client, key, refused).await.map_err(failed)?
    {
        stored = put_blob(client, key, payload, &checksum, options, attempts).await;
    }
    stored.map_err(failed)
}

pub(crate) async fn put_blob(
    client: &Client,
    key: &str,
    payload: &Payload,
    checksum: &Transactional,
    options: &CommitOptions,
    attempts: &Attempts,
) -> azure_core::Result<Committed> {
    let options = BlockBlobClientUploadOptions {
        metadata: Some(metadata_of(options, payload.checksum())),
        if_none_match: condition_of(options),
        // In one request, whatever its size.
        parallel: NonZero::new(1),
        partition_size: NonZero::new(payload.byte_count().max(1)),
        method_options: ClientMethodOptions {
            context: Context::new().with_value(checksum.clone()).with_value(attempts.clone()),
        },
        ..Default::default()
    };
    let stored = client.blocks(key).upload(body(payload).into(), Some(options)).await?;
    Ok(committed(stored.raw_response.headers()))
}
