//! One block of an upload: Put Block, and who may stage one.

use crate::body::body;
use crate::checksums::Transactional;
use crate::client::Client;
use crate::errors::{not_permitted, status};
use azure_core::http::{ClientMethodOptions, Context};
use azure_storage_blob::models::BlockBlobClientStageBlockOptions;
use bytes::Bytes;
use sealift::{Attempts, Payload};

/// Stages `payload` as the block `id` of `key`.
pub(crate) async fn stage(
    client: &Client,
    key: &str,
    id: &[u8],
    payload: &Payload,
    checksum: Transactional,
    attempts: &Attempts,
) -> azure_core::Result<()> {
    let options = BlockBlobClientStageBlockOptions {
        transactional_content_crc64: checksum.crc64,
        transactional_content_md5: checksum.md5,
        method_options: ClientMethodOptions { context: Context::new().with_value(attempts.clone()) },
        ..Default::default()
    };
    client.blocks(key).stage_block(id, payload.byte_count(), body(payload).into(), Some(options)).await.map(drop)
}

/// Whether these credentials may stage blocks under `key`: asked by a block whose checksum is another's, since the service
/// looks at permissions before it looks at bytes.
pub(crate) async fn is_permitted(client: &Client, key: &str, id: &[u8]) -> azure_core::Result<bool> {
    let bytes = Bytes::from_static(b"x");
    let options =
        BlockBlobClientStageBlockOptions { transactional_content_md5: Some(vec![0; 16]), ..Default::default() };
    match client.blocks(key).stage_block(id, bytes.len() as u64, bytes.into(), Some(options)).await {
        Err(error) if not_permitted(&error) => Ok(false),
        Err(error) if status(&error) != Some(400) => Err(error),
        _ => Ok(true),
    }
}
