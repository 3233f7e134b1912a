//! How uncommitted blocks are removed now, and not by the service in a week.
//!
//! There is no request for it. A commit discards the uncommitted blocks that it does not name, and so does Put Blob
//! (Microsoft, "Put Block List" and "Put Blob", Remarks); nothing discards some and keeps others. So:
//!
//! * *No blob under the name*: an empty list is committed on the condition that still nothing is there
//!   (`If-None-Match: *`), which discards the blocks, and the empty blob is deleted on the condition that it is still
//!   that one (`If-Match`). Between the two an empty blob exists. It carries a marker in its metadata, by which Sealift
//!   neither sees nor lists it, writes over it, and removes it later, should this process die in between. Deleting
//!   outright would be one request less, but without a condition, so it could take a blob just committed by another.
//! * *A blob under the name*: it is committed anew as it is, on the condition that it is still that one: see `existing`,
//!   also for what cannot be done.
//! * *Blocks of another upload there too*: nothing is done, because it would destroy that upload, and the error says what
//!   is left. When the other is committed or aborted, ours go with its blocks.
//!
//! A block that is staged by another between the look and the commit is discarded with the rest; the other's commit then
//! fails loudly. Nothing that Azure offers closes that gap but a lease, which needs a blob to exist.

use crate::blocks::{self, UploadId};
use crate::errors::{condition_not_met, no_such_blob, status};
use crate::existing::{Kept, recommit};
use crate::store::{AzureStore, metadata};
use azure_core::http::Etag;
use azure_storage_blob::models::{
    BlobClientDeleteOptions, BlobClientGetPropertiesResultHeaders, Block, BlockBlobClientCommitBlockListOptions,
    BlockBlobClientCommitBlockListResultHeaders, BlockListType, BlockLookupList,
};
use sealift::{Error, ErrorKind, LeftBehind, Result};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// The pauses between a discard and the next look for blocks, in milliseconds: 16 s in all.
const PAUSES: [u64; 8] = [10, 100, 200, 500, 1_000, 2_000, 4_000, 8_000];
/// How many looks without a block end the abort of an upload that had blocks without an answer, which may still arrive:
/// 2 to 4 s. What was on a connection that is gone is gone from the service before.
const LOOKS_FOR_LATE_BLOCKS: usize = 5;
/// The metadata of an empty blob that stands for blocks being discarded.
const MARKER: &str = "sealift_discarding";

/// Whether a blob with these metadata entries (in lower case) is an empty one that is to be deleted.
pub(crate) fn is_marker(entries: &HashMap<String, String>) -> bool {
    entries.contains_key(MARKER)
}

/// The blocks of a name.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    pub(crate) committed: Vec<Block>,
    pub(crate) uncommitted: Vec<Block>,
}

impl Blocks {
    /// The uploads that uncommitted blocks belong to, each once, in order; `None` stands for blocks not of Sealift.
    pub(crate) fn uploads(&self) -> Vec<Option<UploadId>> {
        let read = |block: &Block| blocks::read(block.name.as_deref().unwrap_or_default()).map(|(upload, _)| upload);
        let mut uploads: Vec<_> = self.uncommitted.iter().map(read).collect();
        uploads.sort();
        uploads.dedup();
        uploads
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
pub(crate) async fn blocks_of(store: &AzureStore, key: &str) -> azure_core::Result<Blocks> {
    match store.blocks(key).get_block_list(BlockListType::All, None).await {
        Ok(listed) => {
            let listed = listed.into_model()?;
            Ok(Blocks {
                committed: listed.committed_blocks.unwrap_or_default(),
                uncommitted: listed.uncommitted_blocks.unwrap_or_default(),
            })
        }
        // No such name, or not even a container: no blocks.
        Err(error) if status(&error) == Some(404) => Ok(Blocks::default()),
        Err(error) => Err(error),
    }
}

/// Removes the blocks of `upload`, and looks until none is left.
pub(crate) async fn abort(store: &AzureStore, key: &str, upload: UploadId, unanswered: bool) -> Result<()> {
    let operation = "abort the upload of";
    let left = |error: Error| {
        let blocks = LeftBehind::upload(store.location(key), upload.to_string());
        error.with_left_behind([blocks.because("until the next commit to the key or for a week")])
    };
    let failed = |error| left(store.failed(operation, key, error));
    let refused = |reason: String| left(Error::new(ErrorKind::Service, operation, store.location(key), reason));
    let looks = if unanswered { LOOKS_FOR_LATE_BLOCKS } else { 1 };
    let mut empty_looks = 0;
    for pause in PAUSES {
        let blocks = blocks_of(store, key).await.map_err(failed)?;
        let uploads = blocks.uploads();
        if !uploads.contains(&Some(upload)) {
            empty_looks += 1;
            if empty_looks == looks {
                return Ok(());
            }
        } else if uploads.len() > 1 {
            let reason = "blocks of another upload to the same key are there, and Azure removes only all together";
            return Err(refused(reason.to_owned()).with_hint("upload to one key once at a time"));
        } else if let Err(why) = discard(store, key, &blocks, upload).await.map_err(failed)? {
            return Err(refused(format!("a blob is there that cannot be committed anew as it is: {why}")));
        } else {
            empty_looks = 0;
        }
        sleep(Duration::from_millis(pause)).await;
    }
    match empty_looks {
        0 => Err(refused("blocks are still listed after they were discarded".to_owned())),
        _ => Ok(()),
    }
}

/// Discards all uncommitted blocks of `key`, once; `Err` inside says why the blob that is there stands in the way.
/// A block that has to be staged for it is marked with `upload`. What another does to the name meanwhile is left as it
/// is, so the caller looks again.
pub(crate) async fn discard(
    store: &AzureStore,
    key: &str,
    blocks: &Blocks,
    upload: UploadId,
) -> azure_core::Result<std::result::Result<(), &'static str>> {
    let Some(properties) = store.properties(key).await? else {
        commit_marker_and_remove_it(store, key).await?;
        return Ok(Ok(()));
    };
    if metadata(&properties).is_some_and(|entries| is_marker(&entries)) {
        remove_marker(store, key, properties.etag()?).await?;
        return Ok(Ok(()));
    }
    match recommit(store, key, &properties, &blocks.committed, upload).await? {
        Kept::AsItWas | Kept::ChangedByAnother => Ok(Ok(())),
        Kept::Refused(why) => Ok(Err(why)),
    }
}

async fn commit_marker_and_remove_it(store: &AzureStore, key: &str) -> azure_core::Result<()> {
    let options = BlockBlobClientCommitBlockListOptions {
        if_none_match: Some(Etag::from("*")),
        metadata: Some(HashMap::from([(MARKER.to_owned(), "1".to_owned())])),
        ..Default::default()
    };
    let nothing = BlockLookupList { latest: Some(Vec::new()), ..Default::default() };
    match store.blocks(key).commit_block_list(nothing.try_into()?, Some(options)).await {
        Ok(committed) => remove_marker(store, key, committed.etag()?).await,
        // Another commit came first, and discarded the blocks; or ours did, and its answer was lost.
        Err(error) if condition_not_met(&error) => match store.properties(key).await? {
            Some(found) if metadata(&found).is_some_and(|entries| is_marker(&entries)) => {
                remove_marker(store, key, found.etag()?).await
            }
            _ => Ok(()),
        },
        Err(error) => Err(error),
    }
}

async fn remove_marker(store: &AzureStore, key: &str, etag: Option<Etag>) -> azure_core::Result<()> {
    let Some(etag) = etag else {
        return Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Other, "the blob has no ETag"));
    };
    match remove_if_match(store, key, etag).await {
        Err(error) if !condition_not_met(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Deletes the blob under `key` if it is the one with this ETag. Fine when there is none.
pub(crate) async fn remove_if_match(store: &AzureStore, key: &str, etag: Etag) -> azure_core::Result<()> {
    let options = BlobClientDeleteOptions { if_match: Some(etag), ..Default::default() };
    match store.blob(key).delete(Some(options)).await {
        Err(error) if !no_such_blob(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether a commit was refused because of a marker, which is removed then: the commit may be sent again.
pub(crate) async fn was_a_marker(store: &AzureStore, key: &str, refused: &azure_core::Error) -> bool {
    if !condition_not_met(refused) {
        return false;
    }
    match store.properties(key).await {
        Ok(Some(found)) if metadata(&found).is_some_and(|entries| is_marker(&entries)) => {
            let etag = found.etag().ok().flatten();
            remove_marker(store, key, etag).await.is_ok()
        }
        _ => false,
    }
}
