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
//!   Credentials that may not delete would leave that blob for all to see, so they are asked first, and the blocks,
//!   which nobody sees, are left instead.
//! * *A blob under the name*: it is committed anew as it is, on the condition that it is still that one: see `existing`,
//!   also for what cannot be done.
//!
//! A block that is staged by another between the look and the commit is discarded with the rest; the other's commit then
//! fails loudly. Nothing that Azure offers closes that gap but a lease, which needs a blob to exist.

use crate::block_list::BlockList;
use crate::blocks::UploadId;
use crate::client::Client;
use crate::delete::is_permitted;
use crate::errors::condition_not_met;
use crate::existing::{Kept, recommit};
use crate::marker;
use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::{ClientMethodOptions, Context, Etag};
use azure_storage_blob::models::{
    BlockBlobClientCommitBlockListOptions, BlockBlobClientCommitBlockListResultHeaders, BlockLookupList,
};
use sealift::{Attempts, Error, ErrorKind, LeftBehind, Result};

/// What came of it.
#[derive(Debug)]
pub(crate) enum Discarded {
    /// The blocks are gone that were there.
    Done,
    /// They are gone, and a request for the empty blob was not answered, so it may still appear: the error names it.
    MarkerMayComeLate(Error),
    /// Somebody else did something to the name meanwhile: look again.
    Overtaken,
    /// A blob is there that cannot be committed anew as it is, for this reason.
    InTheWay(&'static str),
    /// These credentials may not delete, so an empty blob would be left.
    MayNotDelete,
}

/// Discards all uncommitted blocks of `key`, once. A block that has to be staged for it is marked with `upload`. The error
/// names the marker if that may be left.
pub(crate) async fn discard(
    client: &Client,
    operation: &'static str,
    key: &str,
    blocks: &BlockList,
    upload: UploadId,
) -> Result<Discarded> {
    let failed = |error| client.failed(operation, key, error);
    let Some(found) = client.properties(key).await.map_err(failed)? else {
        return by_marker(client, operation, key).await;
    };
    if let Some(etag) = marker::marker_etag(&found).map_err(failed)? {
        marker::remove(client, key, etag).await.map_err(failed)?;
        return Ok(Discarded::Done);
    }
    Ok(match recommit(client, key, &found, &blocks.committed, upload).await.map_err(failed)? {
        Kept::AsItWas => Discarded::Done,
        Kept::ChangedByAnother => Discarded::Overtaken,
        Kept::Refused(why) => Discarded::InTheWay(why),
    })
}

/// Commits a marker where no blob is, and removes it.
async fn by_marker(client: &Client, operation: &'static str, key: &str) -> Result<Discarded> {
    let failed = |error| client.failed(operation, key, error);
    if !is_permitted(client, key).await.map_err(failed)? {
        return Ok(Discarded::MayNotDelete);
    }
    let marker = || {
        let blob = LeftBehind::object(client.location(key)).because("an empty blob, in place of the discarded blocks");
        blob.with_remedy("`sealift sweep` removes it")
    };
    let attempts = Attempts::default();
    let late = || {
        let reason = "a request to commit an empty blob was not answered, so the blob may still appear";
        Error::new(ErrorKind::TimedOut, operation, client.location(key), reason)
            .with_left_behind([marker().perhaps().because(reason)])
    };
    let etag = match commit_marker(client, key, &attempts).await {
        Ok(etag) => etag,
        // Another commit came first, and discarded the blocks; or ours did, and its answer was lost.
        Err(error) if condition_not_met(&error) => {
            let found = client.properties(key).await.map_err(failed)?;
            match found.as_ref().map(marker::marker_etag).transpose().map_err(failed)?.flatten() {
                Some(etag) => etag,
                None if attempts.effect().is_pending() => return Ok(Discarded::MarkerMayComeLate(late())),
                None => return Ok(Discarded::Overtaken),
            }
        }
        Err(error) if attempts.effect().is_possible() => {
            return Err(failed(error).with_left_behind([marker().perhaps()]));
        }
        Err(error) => return Err(failed(error)),
    };
    let removed = marker::remove(client, key, etag).await;
    removed.map_err(|error| failed(error).with_left_behind([marker()]))?;
    Ok(match attempts.effect().may_repeat() {
        true => Discarded::MarkerMayComeLate(late()),
        false => Discarded::Done,
    })
}

async fn commit_marker(client: &Client, key: &str, attempts: &Attempts) -> azure_core::Result<Etag> {
    let options = BlockBlobClientCommitBlockListOptions {
        if_none_match: Some(Etag::from("*")),
        metadata: Some(marker::metadata()),
        method_options: ClientMethodOptions { context: Context::new().with_value(attempts.clone()) },
        ..Default::default()
    };
    let nothing = BlockLookupList { latest: Some(Vec::new()), ..Default::default() };
    let committed = client.blocks(key).commit_block_list(nothing.try_into()?, Some(options)).await?;
    committed.etag()?.ok_or_else(|| azure_core::Error::with_message(SdkKind::Other, "the blob has no ETag"))
}
