//! Blocks staged under one upload id, from the first to the commit or the abort.

use crate::blocks::UploadId;
use crate::discard::{abort, was_a_marker};
use crate::store::{AzureStore, commit_terms};
use async_trait::async_trait;
use azure_core::base64;
use azure_storage_blob::models::{
    BlockBlobClientCommitBlockListOptions, BlockBlobClientCommitBlockListResultHeaders, BlockLookupList,
};
use sealift::{
    Attempts, Checksum, CommitOptions, Committed, Error, ErrorKind, Key, PartReceipt, Payload, Result, Upload,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// One upload. Nothing is sent before its first block: there is nothing to start at the service.
#[derive(Debug)]
pub(crate) struct AzureUpload {
    store: AzureStore,
    key: String,
    options: CommitOptions,
    upload: UploadId,
    id: String,
    /// Set by an abort: a block staged later would be left behind.
    over: AtomicBool,
    /// Blocks that were sent and whose answer never came, so that they may still arrive.
    unanswered: AtomicUsize,
}

impl AzureUpload {
    pub(crate) fn new(store: &AzureStore, key: &Key, options: &CommitOptions) -> Self {
        let upload = UploadId::random();
        AzureUpload {
            store: store.clone(),
            key: key.to_string(),
            options: options.clone(),
            upload,
            id: upload.to_string(),
            over: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
        }
    }

    async fn commit(&self, ids: &[Vec<u8>]) -> azure_core::Result<Committed> {
        // Uncommitted blocks only: a commit that arrives after the abort finds none, and fails.
        let list = BlockLookupList { uncommitted: Some(ids.to_vec()), ..Default::default() };
        let (metadata, if_none_match) = commit_terms(&self.options);
        let options =
            BlockBlobClientCommitBlockListOptions { metadata: Some(metadata), if_none_match, ..Default::default() };
        let committed = self.store.blocks(&self.key).commit_block_list(list.try_into()?, Some(options)).await?;
        let etag = committed.etag()?.map(|etag| etag.to_string());
        Ok(Committed { etag, version: committed.version_id()?, ..Committed::default() })
    }

    fn check_under_way(&self, operation: &str) -> Result<()> {
        match self.over.load(Ordering::SeqCst) {
            false => Ok(()),
            true => {
                let location = self.store.location(&self.key);
                Err(Error::new(ErrorKind::Service, operation.to_owned(), location, "the upload was aborted"))
            }
        }
    }
}

#[async_trait]
impl Upload for AzureUpload {
    fn id(&self) -> &str {
        &self.id
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let operation = format!("upload part {number} of");
        let checksum = self.store.checksum(&self.key, &payload).await?;
        let id = self.upload.block(number, self.store.clock.now());
        self.unanswered.fetch_add(1, Ordering::SeqCst);
        // After the block was counted, so that an abort sees one or the other.
        if let Err(over) = self.check_under_way(&operation) {
            self.unanswered.fetch_sub(1, Ordering::SeqCst);
            return Err(over);
        }
        let staged = self.store.stage(&self.key, &id, &payload, checksum).await;
        if staged.as_ref().map_or_else(|error| error.http_status().is_some(), |_| true) {
            self.unanswered.fetch_sub(1, Ordering::SeqCst);
        }
        staged.map_err(|error| self.store.failed(operation, &self.key, error))?;
        Ok(PartReceipt { number, tag: base64::encode(id), checksum: payload.checksum() })
    }

    /// The service kept a checksum of each block until it had compared it, and keeps none of the whole: the caller, who
    /// is told `None`, looks whether the size is right.
    async fn complete(&self, parts: &[PartReceipt], _: Checksum, _: &Attempts) -> Result<Committed> {
        let operation = "complete the upload of";
        self.check_under_way(operation)?;
        let ids = parts.iter().map(|part| base64::decode(&part.tag)).collect::<azure_core::Result<Vec<_>>>();
        let failed = |error| self.store.failed(operation, &self.key, error);
        let ids = ids.map_err(failed)?;
        let mut committed = self.commit(&ids).await;
        if let Err(refused) = &committed
            && was_a_marker(&self.store, &self.key, refused).await
        {
            committed = self.commit(&ids).await;
        }
        committed.map_err(failed)
    }

    async fn abort(&self) -> Result<()> {
        self.over.store(true, Ordering::SeqCst);
        let unanswered = self.unanswered.load(Ordering::SeqCst) > 0;
        abort(&self.store, &self.key, self.upload, unanswered).await
    }
}
