//! A blob that is there already, committed anew exactly as it is, so that uncommitted blocks under its name go.
//!
//! Its content, metadata, properties, tier and encryption scope stay; its ETag and time of change are new, and an account
//! that keeps versions has one more. That is done only where all of it can be kept, on the condition that nobody has
//! changed the blob since it was looked at:
//!
//! * A blob that was committed as a list of blocks: the same list again. No byte moves.
//! * A blob that was put at once has no list. If its bytes are few they are read, staged as one block and committed as a
//!   list of that; Sealift puts at once what fits in its first part. (To put it at once again discards blocks too, as
//!   documented, but not in Azurite, so it could not be tested.)
//! * Not done: a larger blob that was put at once; one with a lease, an immutability policy or a legal hold; one with
//!   tags, an expiry or a key of the customer's, which a commit would drop or cannot repeat; one in the archive, which
//!   would be charged for leaving it early; page and append blobs, which take no blocks anyway.

use crate::blocks::UploadId;
use crate::checksums::Transactional;
use crate::client::Client;
use crate::errors::{condition_not_met, no_such_blob};
use crate::properties::{Properties, tier};
use crate::read;
use crate::stage::stage;
use azure_core::http::Etag;
use azure_storage_blob::models::{
    AccessTier, BlobClientGetPropertiesResultHeaders, BlobType, Block, BlockBlobClientCommitBlockListOptions,
    BlockLookupList, LeaseStatus,
};
use sealift::{Attempts, Checksum, ChecksumAlgorithm, Payload};

/// The largest blob whose bytes are read and staged again.
const AT_ONCE: u64 = 64 << 20;

/// What came of it.
#[derive(Debug)]
pub(crate) enum Kept {
    /// The blob is as it was, and has no uncommitted blocks.
    AsItWas,
    /// Somebody else changed or removed it first.
    ChangedByAnother,
    /// It was not touched, for this reason.
    Refused(&'static str),
}

/// Commits the blob that `properties` describes anew. A block staged for it is marked with `upload`.
pub(crate) async fn recommit(
    client: &Client,
    key: &str,
    properties: &Properties,
    committed: &[Block],
    upload: UploadId,
) -> azure_core::Result<Kept> {
    if let Some(why) = in_the_way(properties)? {
        return Ok(Kept::Refused(why));
    }
    let Some(etag) = properties.etag()? else { return Ok(Kept::Refused("it has no ETag")) };
    let size = properties.content_length()?.unwrap_or_default();
    let listed: u64 = committed.iter().filter_map(|block| block.size).map(|size| size.max(0) as u64).sum();
    let done = match committed.iter().map(|block| block.name.clone()).collect::<Option<Vec<_>>>() {
        // Committed ones only: an uncommitted block of the same id must not take the place of one of them.
        Some(ids) if listed == size => {
            let same = BlockLookupList { committed: Some(ids), ..Default::default() };
            commit(client, key, properties, etag, same).await
        }
        _ if size <= AT_ONCE => match restage(client, key, size, &etag, upload).await {
            Ok(id) => {
                let same = BlockLookupList { uncommitted: Some(vec![id]), ..Default::default() };
                commit(client, key, properties, etag, same).await
            }
            Err(error) => Err(error),
        },
        _ => return Ok(Kept::Refused("it was put at once, and is too large to be staged again")),
    };
    match done {
        Ok(()) => Ok(Kept::AsItWas),
        Err(error) if condition_not_met(&error) || no_such_blob(&error) => Ok(Kept::ChangedByAnother),
        Err(error) => Err(error),
    }
}

/// Why the blob must not be touched.
fn in_the_way(properties: &Properties) -> azure_core::Result<Option<&'static str>> {
    let tier = properties.access_tier()?;
    Ok(if properties.blob_type()? != Some(BlobType::BlockBlob) {
        Some("it is not a block blob")
    } else if properties.lease_status()? == Some(LeaseStatus::Locked) {
        Some("somebody holds a lease on it")
    } else if properties.immutability_policy_mode()?.is_some() || properties.legal_hold()? == Some(true) {
        Some("it must not be changed")
    } else if properties.tag_count()?.unwrap_or_default() > 0 {
        Some("it has tags")
    } else if properties.expires_on()?.is_some() {
        Some("it expires")
    } else if properties.encryption_key_sha256()?.is_some() {
        Some("it is encrypted with a key of the customer's")
    } else if properties.archive_status()?.is_some() || tier.as_deref() == Some(AccessTier::Archive.as_ref()) {
        Some("it is in the archive")
    } else {
        None
    })
}

async fn commit(
    client: &Client,
    key: &str,
    properties: &Properties,
    etag: Etag,
    same: BlockLookupList,
) -> azure_core::Result<()> {
    let options = BlockBlobClientCommitBlockListOptions {
        if_match: Some(etag),
        metadata: Some(properties.metadata()?),
        blob_cache_control: properties.cache_control()?,
        blob_content_disposition: properties.content_disposition()?,
        blob_content_encoding: properties.content_encoding()?,
        blob_content_language: properties.content_language()?,
        blob_content_md5: properties.content_md5()?,
        blob_content_type: properties.content_type()?,
        encryption_scope: properties.encryption_scope()?,
        tier: tier(properties)?,
        ..Default::default()
    };
    client.blocks(key).commit_block_list(same.try_into()?, Some(options)).await.map(drop)
}

/// Stages the bytes of the blob that `etag` names as one block, and returns its id. Parts are numbered from 1.
async fn restage(client: &Client, key: &str, size: u64, etag: &Etag, upload: UploadId) -> azure_core::Result<Vec<u8>> {
    let bytes = read::whole(client, key, size, etag).await?;
    let payload = Payload::from_segments(vec![bytes.clone()], Checksum::of(ChecksumAlgorithm::Crc64Nvme, &bytes));
    let checksum = Transactional::of(client.checksums, &payload).await?;
    let id = upload.block(0, client.clock.now());
    stage(client, key, &id, &payload, checksum, &Attempts::default()).await?;
    Ok(id)
}
