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

use crate::answers::odd;
use crate::block_list::BlockList;
use crate::blocks::UploadId;
use crate::client::Client;
use crate::delete::is_permitted;
use crate::errors::condition_not_met;
use crate::existing::{Kept, recommit};
use crate::marker;
use crate::trace::Trace;
use azure_core::http::{ClientMethodOptions, Context, Etag};
use azure_storage_blob::models::{
    BlockBlobClientCommitBlockListOptions, BlockBlobClientCommitBlockListResultHeaders, BlockLookupList,
};
use sealift::{Attempts, LeftBehind, Result};

/// What came of it.
#[derive(Debug)]
pub(crate) enum Discarded {
    /// The blocks are gone that were there.
    Done,
    /// Somebody else did something to the name meanwhile: look again.
    Overtaken,
    /// A blob is there that cannot be committed anew as it is, for this reason.
    InTheWay(&'static str),
    /// These credentials may not delete, so an empty blob would be left.
    MayNotDelete,
}

/// Discards all uncommitted blocks of `key`, once. A block that has to be staged for it is marked with `upload`; a marker
/// that has to be committed is accounted for in `marker`, and is to be settled ([`settle_marker`]) or named
/// ([`marker_left`]).
pub(crate) async fn discard(
    client: &Client,
    operation: &'static str,
    key: &str,
    blocks: &BlockList,
    upload: UploadId,
    marker: &Trace,
) -> Result<Discarded> {
    let failed = |error| client.failed(operation, key, error);
    let Some(found) = client.properties(key).await.map_err(failed)? else {
        return by_marker(client, operation, key, marker).await;
    };
    if let Some(etag) = marker::marker_etag(&found).map_err(failed)? {
        marker::remove(client, key, etag).await.map_err(failed)?;
        marker.removed();
        return Ok(Discarded::Done);
    }
    Ok(match recommit(client, key, &found, &blocks.committed, upload).await.map_err(failed)? {
        Kept::AsItWas => Discarded::Done,
        Kept::ChangedByAnother => Discarded::Overtaken,
        Kept::Refused(why) => Discarded::InTheWay(why),
    })
}

/// Commits a marker where no blob is, and removes it.
async fn by_marker(client: &Client, operation: &'static str, key: &str, marker: &Trace) -> Result<Discarded> {
    let failed = |error| client.failed(operation, key, error);
    if !is_permitted(client, key).await.map_err(failed)? {
        return Ok(Discarded::MayNotDelete);
    }
    match commit_marker(client, key, &marker.attempts).await {
        Ok(etag) => marker::remove(client, key, etag).await.map_err(failed)?,
        // Another commit came first, and discarded the blocks; or an earlier one of ours, whose answer was lost.
        Err(error) if condition_not_met(&error) => {
            if !marker::remove_any(client, key).await.map_err(failed)? {
                return Ok(Discarded::Overtaken);
            }
        }
        Err(error) => return Err(failed(error)),
    }
    marker.removed();
    Ok(Discarded::Done)
}

/// Looks for a marker that is not accounted for, and removes it. What may still appear after that, if anything.
pub(crate) async fn settle_marker(
    client: &Client,
    operation: &'static str,
    key: &str,
    marker: &Trace,
) -> Result<Option<LeftBehind>> {
    if marker.open() > 0 {
        let removed = marker::remove_any(client, key).await.map_err(|error| client.failed(operation, key, error));
        if removed.map_err(|error| error.with_left_behind(marker_left(client, key, marker)))? {
            marker.removed();
        }
    }
    let reason = "a request to commit an empty blob was not answered, so the blob may still appear";
    Ok((marker.late() > 0).then(|| marker_at(client, key).perhaps().because(reason)))
}

/// The marker, where it is not known that it is gone.
pub(crate) fn marker_left(client: &Client, key: &str, marker: &Trace) -> Option<LeftBehind> {
    let left = marker_at(client, key).because("an empty blob, in place of the discarded blocks");
    match (marker.is_there(), marker.open()) {
        (true, _) => Some(left),
        (false, 0) => None,
        (false, _) => Some(left.perhaps()),
    }
}

fn marker_at(client: &Client, key: &str) -> LeftBehind {
    LeftBehind::object(client.location(key)).with_remedy("`sealift sweep` removes it")
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
    committed.etag()?.ok_or_else(|| odd("the blob has no ETag"))
}
