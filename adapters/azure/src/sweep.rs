//! Uncommitted blocks that crashes left.
//!
//! One leftover is all uncommitted blocks of one name: they can only be removed together. Listings name blobs that have
//! nothing but uncommitted blocks; of a blob that exists they do not tell whether it has some as well, so each is asked.

use crate::block_list::{BlockList, block_list, listed_block_list};
use crate::blocks::UploadId;
use crate::client::Client;
use crate::discard::{Discarded, discard, marker_left, settle_marker};
use crate::errors::status;
use crate::list::blobs;
use crate::marker::{self, is_marker, marker_etag};
use crate::properties::Metadata;
use crate::trace::Trace;
use azure_storage_blob::models::{BlobItem, BlobType, ListBlobsIncludeItem};
use futures::StreamExt;
use sealift::{Error, ErrorKind, LeftBehind, Leftover, Leftovers, Origin, Result, Unread};
use std::time::{Duration, SystemTime};

/// Block ids hold whole seconds, and machines take the service's time a moment apart.
const TOLERANCE: Duration = Duration::from_secs(5);
/// How many names are asked at once: a question is a small request, and there can be thousands.
const AT_ONCE: usize = 64;
/// The id of a leftover that is an empty blob, left by a discard that was cut short.
const DISCARDING: &str = "discarding";
const LISTING: &str = "list the uncommitted blocks of";
const REMOVING: &str = "remove the uncommitted blocks of";
const FOREIGN: &str = "unknown";

/// A page of the names below `prefix` with uncommitted blocks.
pub(crate) async fn leftovers(client: &Client, prefix: &str, page: Option<&str>) -> Result<Leftovers> {
    let failed = |error| client.failed(LISTING, prefix, error);
    let include = vec![ListBlobsIncludeItem::Metadata, ListBlobsIncludeItem::UncommittedBlobs];
    let listed = blobs(client, prefix, page, include).await.map_err(failed)?;
    let mut leftovers = Leftovers::default();
    leftovers.next = listed.next;
    let mut asked = futures::stream::iter(listed.blobs.into_iter().filter(is_block_blob))
        .map(|blob| leftover_of(client, blob))
        .buffered(AT_ONCE);
    while let Some(asked) = asked.next().await {
        match asked {
            Ok(found) => leftovers.found.extend(found),
            Err(unread) => leftovers.unread.push(unread),
        }
    }
    Ok(leftovers)
}

fn is_block_blob(blob: &BlobItem) -> bool {
    let kind = blob.properties.as_ref().and_then(|properties| properties.blob_type.as_ref());
    kind.is_none_or(|kind| *kind == BlobType::BlockBlob)
}

async fn leftover_of(client: &Client, blob: BlobItem) -> Result<Option<Leftover>, Unread> {
    let Some(key) = blob.name else { return Ok(None) };
    let blocks = match listed_block_list(client, &key).await {
        Ok(blocks) => blocks,
        // Archived and the like: it answers only to those who own it.
        Err(error) if status(&error) == Some(409) => return Ok(None),
        Err(error) => {
            let error = client.failed(LISTING, &key, error);
            return Err(Unread::new(key, error));
        }
    };
    if !blocks.uncommitted.is_empty() {
        return Ok(Some(describe(client, key, &blocks)));
    }
    let metadata = Metadata::listed(blob.metadata.as_ref());
    let modified: Option<SystemTime> =
        blob.properties.and_then(|properties| properties.last_modified).map(SystemTime::from);
    Ok(is_marker(&metadata).then(|| {
        let mut leftover = Leftover::new(key, DISCARDING, Origin::Sealift);
        leftover.idle = idle_since(client, modified);
        leftover
    }))
}

fn describe(client: &Client, key: String, blocks: &BlockList) -> Leftover {
    let uploads = blocks.uploads();
    let ids = uploads.iter().map(|upload| upload.map_or_else(|| FOREIGN.to_owned(), |upload| upload.to_string()));
    let foreign = uploads.contains(&None);
    let origin = if foreign { Origin::Unknown } else { Origin::Sealift };
    let mut leftover = Leftover::new(key, ids.collect::<Vec<_>>().join("+"), origin);
    // Of blocks that are not ours no time is told, so nothing says that they are idle.
    leftover.idle = if foreign { Duration::ZERO } else { idle_since(client, blocks.latest()) };
    leftover.bytes = blocks.bytes();
    leftover
}

fn idle_since(client: &Client, time: Option<SystemTime>) -> Duration {
    let now = client.clock.now();
    now.duration_since(time.unwrap_or(now)).unwrap_or_default()
}

/// Discards the blocks that `leftover` describes, unless some have come or gone since.
pub(crate) async fn remove(client: &Client, leftover: &Leftover) -> Result<()> {
    let key = leftover.key.as_str();
    let marker = client.sweeping.of(key);
    let removed = match discard_listed(client, leftover, &marker).await {
        Ok(()) => gone(client, key, &marker).await,
        Err(error) => Err(error.with_left_behind(marker_left(client, key, &marker))),
    };
    let to_be_tried_again = removed.as_ref().is_err_and(|error| error.passing().is_some());
    if !to_be_tried_again {
        client.sweeping.forget(key);
    }
    removed
}

/// The end of it, unless an empty blob may still come.
async fn gone(client: &Client, key: &str, marker: &Trace) -> Result<()> {
    let Some(late) = settle_marker(client, REMOVING, key, marker).await? else { return Ok(()) };
    let reason = late.reason().unwrap_or_default().to_owned();
    Err(Error::new(ErrorKind::TimedOut, REMOVING, client.location(key), reason).with_left_behind([late]))
}

async fn discard_listed(client: &Client, leftover: &Leftover, marker: &Trace) -> Result<()> {
    let (operation, key) = (REMOVING, leftover.key.as_str());
    let failed = |error| client.failed(operation, key, error);
    let blocks = listed_block_list(client, key).await.map_err(failed)?;
    if blocks.uncommitted.is_empty() {
        return match leftover.id == DISCARDING {
            true => marker::remove_any(client, key).await.map(drop).map_err(failed),
            false => Ok(()),
        };
    }
    if leftover.id == DISCARDING {
        let found = client.properties(key).await.map_err(failed)?;
        let Some(found) = found else { return Ok(()) };
        if marker_etag(&found).map_err(failed)?.is_none() {
            return Ok(());
        }
    } else {
        let now = describe(client, leftover.key.clone(), &blocks);
        if now.id != leftover.id || now.bytes != leftover.bytes || now.idle + TOLERANCE < leftover.idle {
            let reason = format!("upload {} has gone on since it was listed, or another has begun", leftover.id);
            return Err(Error::new(ErrorKind::Changed, operation, client.location(key), reason)
                .with_hint("it was left alone; list again later if you still want it gone"));
        }
    }
    let left = || [LeftBehind::upload(client.location(key), &leftover.id)];
    let refused =
        |kind, reason: &str| Err(Error::new(kind, operation, client.location(key), reason).with_left_behind(left()));
    match discard(client, operation, key, &blocks, UploadId::random(), marker).await? {
        Discarded::InTheWay(why) => {
            refused(ErrorKind::Service, &format!("a blob is there that cannot be committed anew as it is: {why}"))
        }
        Discarded::MayNotDelete => refused(ErrorKind::Denied, "these credentials may not delete"),
        Discarded::Done | Discarded::Overtaken => {
            match block_list(client, key).await.map_err(failed)?.uncommitted.is_empty() {
                true => Ok(()),
                false => refused(ErrorKind::Changed, "blocks were staged meanwhile"),
            }
        }
    }
}
