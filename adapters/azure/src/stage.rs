//! One block of an upload: Put Block.

use crate::body::body;
use crate::checksums::Transactional;
use crate::client::Client;
use azure_core::http::{ClientMethodOptions, Context};
use azure_storage_blob::models::BlockBlobClientStageBlockOptions;
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
