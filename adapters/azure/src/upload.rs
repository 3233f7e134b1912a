//! Blocks staged under one upload id, from the first to the commit or the abort.

use crate::abort::{self, Staged, abort};
use crate::blocks::UploadId;
use crate::client::Client;
use crate::commit::{committed, condition_of, metadata_of};
use crate::marker;
use crate::stage::stage;
use crate::trace::Trace;
use async_trait::async_trait;
use azure_core::base64;
use azure_core::http::{ClientMethodOptions, Context};
use azure_storage_blob::models::{BlockBlobClientCommitBlockListOptions, BlockLookupList};
use sealift::{
    Attempts, Checksum, CommitOptions, Committed, Error, ErrorKind, Key, LeftBehind, PartReceipt, Payload, Result,
    Upload,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One upload. Nothing is sent before its first block: there is nothing to start at the service.
#[derive(Debug)]
pub(crate) struct AzureUpload {
    client: Client,
    key: String,
    options: CommitOptions,
    upload: UploadId,
    id: String,
    state: Mutex<State>,
    /// The empty blobs that aborting it commits.
    marker: Trace,
}

/// What an abort has to know of the parts.
#[derive(Debug)]
enum State {
    /// These blocks were sent.
    UnderWay(Staged),
    /// It is aborted, or being aborted, of these blocks: another would be left behind.
    Over(Staged),
}

impl AzureUpload {
    pub(crate) fn new(client: &Client, key: &Key, options: &CommitOptions) -> Self {
        let upload = UploadId::random();
        AzureUpload {
            client: client.clone(),
            key: key.to_string(),
            options: options.clone(),
            upload,
            id: upload.to_string(),
            state: Mutex::new(State::UnderWay(Staged::new())),
            marker: Trace::default(),
        }
    }

    /// Notes a block that is going to be sent. Sent again in the same second, it is the same block.
    fn announce(&self, operation: &str, id: &[u8]) -> Result<Attempts> {
        match &mut *self.state() {
            State::UnderWay(blocks) => Ok(blocks.entry(id.to_vec()).or_default().attempts.clone()),
            State::Over(_) => Err(self.is_over(operation)),
        }
    }

    fn end(&self) -> Staged {
        let mut state = self.state();
        let blocks = match &mut *state {
            State::UnderWay(blocks) | State::Over(blocks) => std::mem::take(blocks),
        };
        *state = State::Over(blocks.clone());
        blocks
    }

    fn is_over(&self, operation: &str) -> Error {
        let location = self.client.location(&self.key);
        Error::new(ErrorKind::Service, operation.to_owned(), location, "the upload was aborted")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn commit(&self, ids: &[Vec<u8>], whole: Checksum, attempts: &Attempts) -> azure_core::Result<Committed> {
        // Uncommitted blocks only: a commit that arrives after the abort finds none, and fails.
        let list = BlockLookupList { uncommitted: Some(ids.to_vec()), ..Default::default() };
        let options = BlockBlobClientCommitBlockListOptions {
            metadata: Some(metadata_of(&self.options, whole)),
            if_none_match: condition_of(&self.options),
            method_options: ClientMethodOptions { context: Context::new().with_value(attempts.clone()) },
            ..Default::default()
        };
        let answer = self.client.blocks(&self.key).commit_block_list(list.try_into()?, Some(options)).await?;
        Ok(committed(answer.headers()))
    }
}

#[async_trait]
impl Upload for AzureUpload {
    fn id(&self) -> &str {
        &self.id
    }

    fn remedy(&self) -> &'static str {
        abort::REMEDY
    }

    /// A block that was sent twice, since the first was not answered, may arrive once more after the commit. What may
    /// arrive after an abort, the abort says.
    fn left_beside(&self) -> Vec<LeftBehind> {
        let State::UnderWay(blocks) = &*self.state() else { return Vec::new() };
        match blocks.values().any(|block| block.attempts.effect().is_pending()) {
            false => Vec::new(),
            true => {
                let left = LeftBehind::upload(self.client.location(&self.key), &self.id).with_remedy(abort::REMEDY);
                vec![left.perhaps().because("a block was sent twice, and one of them was not answered")]
            }
        }
    }

    /// Blocks belong to the name, not to an upload that could be gone.
    fn parts_may_come_late(&self) -> bool {
        true
    }

    async fn put_part(&self, number: u32, payload: Payload) -> Result<PartReceipt> {
        let operation = format!("upload part {number} of");
        let checksum = self.client.checksum(&self.key, &payload).await?;
        let id = self.upload.block(number, self.client.clock.now());
        let attempts = self.announce(&operation, &id)?;
        let staged = stage(&self.client, &self.key, &id, &payload, checksum, &attempts).await;
        staged.map_err(|error| self.client.failed(operation, &self.key, error))?;
        Ok(PartReceipt::new(number, base64::encode(id), payload.checksum()))
    }

    /// The service kept a checksum of each block until it had compared it, and keeps none of the whole: that is kept in
    /// the metadata, for those who read it.
    async fn complete(&self, parts: &[PartReceipt], whole: Checksum, attempts: &Attempts) -> Result<Committed> {
        let operation = "complete the upload of";
        if let State::Over(_) = &*self.state() {
            return Err(self.is_over(operation));
        }
        let ids = parts.iter().map(|part| base64::decode(&part.tag)).collect::<azure_core::Result<Vec<_>>>();
        let failed = |error| self.client.failed(operation, &self.key, error);
        let ids = ids.map_err(failed)?;
        let mut committed = self.commit(&ids, whole, attempts).await;
        if let Err(refused) = &committed
            && marker::gave_way(&self.client, &self.key, refused).await.map_err(failed)?
        {
            committed = self.commit(&ids, whole, attempts).await;
        }
        committed.map_err(failed)
    }

    async fn abort(&self) -> Result<()> {
        abort(&self.client, &self.key, self.upload, &self.end(), &self.marker).await
    }
}
