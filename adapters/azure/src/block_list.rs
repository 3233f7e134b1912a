//! The blocks of a name: Get Block List.

use crate::blocks::{self, UploadId};
use crate::client::Client;
use crate::errors::{no_such_blob, no_such_container};
use azure_storage_blob::models::{Block, BlockListType};
use std::time::SystemTime;

/// The blocks of a name.
#[derive(Debug, Default)]
pub(crate) struct BlockList {
    pub(crate) committed: Vec<Block>,
    pub(crate) uncommitted: Vec<Block>,
}

impl BlockList {
    /// The uploads that uncommitted blocks belong to, each once, in order; `None` stands for blocks not of Sealift.
    pub(crate) fn uploads(&self) -> Vec<Option<UploadId>> {
        let read = |block: &Block| blocks::read(block.name.as_deref().unwrap_or_default()).map(|(upload, _)| upload);
        let mut uploads: Vec<_> = self.uncommitted.iter().map(read).collect();
        uploads.sort();
        uploads.dedup();
        uploads
    }

    /// Whether the uncommitted block `id` is among them.
    pub(crate) fn holds(&self, id: &[u8]) -> bool {
        self.uncommitted.iter().any(|block| block.name.as_deref() == Some(id))
    }

    /// When the latest of the blocks that are Sealift's was staged.
    pub(crate) fn latest(&self) -> Option<SystemTime> {
        let ids = self.uncommitted.iter().filter_map(|block| block.name.as_deref());
        ids.filter_map(blocks::read).map(|(_, staged)| staged).max()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.uncommitted.iter().filter_map(|block| block.size).map(|size| size.max(0) as u64).sum()
    }
}

/// The blocks of `key`, as far as the service has any.
pub(crate) async fn block_list(client: &Client, key: &str) -> azure_core::Result<BlockList> {
    Ok(existing_block_list(client, key).await?.unwrap_or_default())
}

/// The blocks of `key`, which a listing shows: where they are said not to be there, it is looked twice, since one odd answer
/// would hide them.
pub(crate) async fn listed_block_list(client: &Client, key: &str) -> azure_core::Result<BlockList> {
    match existing_block_list(client, key).await? {
        Some(blocks) => Ok(blocks),
        None => block_list(client, key).await,
    }
}

/// `None` where the service says that there is no such blob.
pub(crate) async fn existing_block_list(client: &Client, key: &str) -> azure_core::Result<Option<BlockList>> {
    match client.blocks(key).get_block_list(BlockListType::All, None).await {
        Ok(listed) => {
            let listed = listed.into_model()?;
            Ok(Some(BlockList {
                committed: listed.committed_blocks.unwrap_or_default(),
                uncommitted: listed.uncommitted_blocks.unwrap_or_default(),
            }))
        }
        // No such name, or not even a container: no blocks.
        Err(error) if no_such_blob(&error) || no_such_container(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
