//! Uncommitted blocks that crashes left.
//!
//! One leftover is all uncommitted blocks of one name: they can only be removed together. Listings name blobs that have
//! nothing but uncommitted blocks; of a blob that exists they do not tell whether it has some as well, so each is asked.

use crate::blocks::UploadId;
use crate::discard::{Blocks, blocks_of, discard, is_marker};
use crate::errors::status;
use crate::store::{AzureStore, list, metadata};
use azure_storage_blob::models::{BlobItem, BlobType, ListBlobsIncludeItem};
use futures::{StreamExt, TryStreamExt};
use sealift::{Error, ErrorKind, LeftBehind, Leftover, Origin, Result};
use std::time::{Duration, SystemTime};

/// Block ids hold whole seconds, and machines take the service's time a moment apart.
const TOLERANCE: Duration = Duration::from_secs(5);
/// How many names are asked at once.
const AT_ONCE: usize = 16;
/// The id of a leftover that is an empty blob, left by a discard that was cut short.
const DISCARDING: &str = "discarding";
const FOREIGN: &str = "unknown";

/// Every name below `prefix` with uncommitted blocks.
pub(crate) async fn leftovers(store: &AzureStore, prefix: &str) -> Result<Vec<Leftover>> {
    let failed = |error| store.failed("list the uncommitted blocks of", prefix, error);
    let mut leftovers = Vec::new();
    let mut page: Option<String> = None;
    loop {
        let include = vec![ListBlobsIncludeItem::Metadata, ListBlobsIncludeItem::UncommittedBlobs];
        let listed = list(store, prefix, page.as_deref(), include).await.map_err(failed)?;
        let asked = futures::stream::iter(listed.blob_items.into_iter().filter(is_block_blob))
            .map(|blob| leftover_of(store, blob))
            .buffered(AT_ONCE);
        let found: Vec<Option<Leftover>> = asked.try_collect().await.map_err(failed)?;
        leftovers.extend(found.into_iter().flatten());
        page = listed.next_marker.filter(|next| !next.is_empty());
        if page.is_none() {
            return Ok(leftovers);
        }
    }
}

fn is_block_blob(blob: &BlobItem) -> bool {
    let kind = blob.properties.as_ref().and_then(|properties| properties.blob_type.as_ref());
    kind.is_none_or(|kind| *kind == BlobType::BlockBlob)
}

async fn leftover_of(store: &AzureStore, blob: BlobItem) -> azure_core::Result<Option<Leftover>> {
    let Some(key) = blob.name else { return Ok(None) };
    let blocks = match blocks_of(store, &key).await {
        Ok(blocks) => blocks,
        // Archived and the like: it answers only to those who own it.
        Err(error) if status(&error) == Some(409) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !blocks.uncommitted.is_empty() {
        return Ok(Some(describe(store, key, &blocks)));
    }
    let entries = blob.metadata.and_then(|metadata| metadata.values).unwrap_or_default();
    let entries = entries.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    let modified: Option<SystemTime> =
        blob.properties.and_then(|properties| properties.last_modified).map(SystemTime::from);
    Ok(is_marker(&entries).then(|| Leftover {
        key,
        id: DISCARDING.to_owned(),
        idle: idle_since(store, modified),
        bytes: 0,
        origin: Origin::Sealift,
    }))
}

fn describe(store: &AzureStore, key: String, blocks: &Blocks) -> Leftover {
    let uploads = blocks.uploads();
    let ids = uploads.iter().map(|upload| upload.map_or_else(|| FOREIGN.to_owned(), |upload| upload.to_string()));
    let foreign = uploads.contains(&None);
    Leftover {
        key,
        id: ids.collect::<Vec<_>>().join("+"),
        // Of blocks that are not ours no time is told, so nothing says that they are idle.
        idle: if foreign { Duration::ZERO } else { idle_since(store, blocks.latest()) },
        bytes: blocks.bytes(),
        origin: if foreign { Origin::Unknown } else { Origin::Sealift },
    }
}

fn idle_since(store: &AzureStore, time: Option<SystemTime>) -> Duration {
    let now = store.clock.now();
    now.duration_since(time.unwrap_or(now)).unwrap_or_default()
}

/// Discards the blocks that `leftover` describes, unless some have come or gone since.
pub(crate) async fn remove(store: &AzureStore, leftover: &Leftover) -> Result<()> {
    let (operation, key) = ("remove the uncommitted blocks of", leftover.key.as_str());
    let failed = |error| store.failed(operation, key, error);
    let blocks = blocks_of(store, key).await.map_err(failed)?;
    if blocks.uncommitted.is_empty() && leftover.id != DISCARDING {
        return Ok(());
    }
    if leftover.id == DISCARDING {
        let found = store.properties(key).await.map_err(failed)?;
        if !found.is_some_and(|found| metadata(&found).is_some_and(|entries| is_marker(&entries))) {
            return Ok(());
        }
    } else {
        let now = describe(store, leftover.key.clone(), &blocks);
        if now.id != leftover.id || now.bytes != leftover.bytes || now.idle + TOLERANCE < leftover.idle {
            let reason = format!("upload {} has gone on since it was listed, or another has begun", leftover.id);
            return Err(Error::new(ErrorKind::Changed, operation, store.location(key), reason)
                .with_hint("it was left alone; list again later if you still want it gone"));
        }
    }
    let left = || [LeftBehind::upload(store.location(key), &leftover.id)];
    match discard(store, key, &blocks, UploadId::random()).await.map_err(failed)? {
        Err(why) => {
            let reason = format!("a blob is there that cannot be committed anew as it is: {why}");
            Err(Error::new(ErrorKind::Service, operation, store.location(key), reason).with_left_behind(left()))
        }
        Ok(()) => match blocks_of(store, key).await.map_err(failed)?.uncommitted.is_empty() {
            true => Ok(()),
            false => {
                Err(Error::new(ErrorKind::Changed, operation, store.location(key), "blocks were staged meanwhile")
                    .with_left_behind(left()))
            }
        },
    }
}
