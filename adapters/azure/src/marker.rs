//! The empty blob that stands for a moment under a name while its uncommitted blocks are discarded: how it is known, and
//! how it gives way.

use crate::client::Client;
use crate::delete::remove_if_match;
use crate::errors::condition_not_met;
use crate::passing::passing;
use crate::properties::{Metadata, Properties};
use azure_core::http::Etag;
use azure_storage_blob::models::BlobClientGetPropertiesResultHeaders;
use std::collections::HashMap;

const MARKER: &str = "sealift_discarding";

/// The metadata of a marker.
pub(crate) fn metadata() -> HashMap<String, String> {
    HashMap::from([(MARKER.to_owned(), "1".to_owned())])
}

/// Whether a blob with this metadata is a marker.
pub(crate) fn is_marker(metadata: &Metadata) -> bool {
    metadata.get(MARKER).is_some()
}

/// The ETag of the blob, if it is a marker.
pub(crate) fn marker_etag(properties: &Properties) -> azure_core::Result<Option<Etag>> {
    match is_marker(&Metadata::of(properties)) {
        true => properties.etag(),
        false => Ok(None),
    }
}

/// Removes the marker with this ETag, if it is still there.
pub(crate) async fn remove(client: &Client, key: &str, etag: Etag) -> azure_core::Result<()> {
    match remove_if_match(client, key, etag).await {
        Err(error) if !condition_not_met(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Removes the marker under `key`, if one is there. Whether one was.
pub(crate) async fn remove_any(client: &Client, key: &str) -> azure_core::Result<bool> {
    let Some(found) = client.properties(key).await? else { return Ok(false) };
    let Some(etag) = marker_etag(&found)? else { return Ok(false) };
    remove(client, key, etag).await.map(|()| true)
}

/// Whether a commit was refused because of a marker, which is removed then: the commit may be sent again. An error may
/// pass; where it does not (for credentials that may not look), the refusal is the last word.
pub(crate) async fn gave_way(client: &Client, key: &str, refused: &azure_core::Error) -> azure_core::Result<bool> {
    if !condition_not_met(refused) {
        return Ok(false);
    }
    match remove_any(client, key).await {
        Err(error) if passing(&error).is_none() => Ok(false),
        gave_way => gave_way,
    }
}
