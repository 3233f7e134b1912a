//! Removing a blob: any, or the one that is meant.

use crate::client::Client;
use crate::errors::{condition_not_met, no_such_blob, not_permitted};
use azure_core::http::Etag;
use azure_storage_blob::models::BlobClientDeleteOptions;
use sealift::{Error, ErrorKind, ObjectInfo, Removal, Result};

const OPERATION: &str = "remove";

/// An ETag that no blob has.
const NOBODYS: &str = "\"0x0\"";

/// Removes whatever is under `key`.
pub(crate) async fn remove(client: &Client, key: &str) -> Result<Removal> {
    match client.blob(key).delete(None).await {
        Err(error) if !no_such_blob(&error) => Err(client.failed(OPERATION, key, error)),
        _ => Ok(Removal::Gone),
    }
}

/// Removes the blob that `info` describes. Every commit has an ETag of its own. Where the account keeps versions, what is
/// removed becomes an earlier version: the current one cannot be removed by its id.
pub(crate) async fn remove_exactly(client: &Client, key: &str, info: &ObjectInfo) -> Result<Removal> {
    let etag = info.etag.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::InvalidConfig, OPERATION, client.location(key), "its ETag is not known")
    })?;
    match remove_if_match(client, key, Etag::from(etag.as_str())).await {
        Ok(()) => Ok(Removal::Gone),
        // Said of no blob as well.
        Err(error) if condition_not_met(&error) => match client.properties(key).await {
            Ok(None) => Ok(Removal::Gone),
            Ok(Some(_)) => Ok(Removal::Another),
            Err(error) => Err(client.failed("look at what was to be removed at", key, error)),
        },
        Err(error) => Err(client.failed(OPERATION, key, error)),
    }
}

/// Deletes the blob under `key` if it is the one with this ETag. Fine when there is none.
pub(crate) async fn remove_if_match(client: &Client, key: &str, etag: Etag) -> azure_core::Result<()> {
    let options = BlobClientDeleteOptions { if_match: Some(etag), ..Default::default() };
    match client.blob(key).delete(Some(options)).await {
        Err(error) if !no_such_blob(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether these credentials may delete under `key`, where no blob is: asked by a delete that cannot be carried out, since
/// the service looks at permissions before it looks at conditions.
pub(crate) async fn is_permitted(client: &Client, key: &str) -> azure_core::Result<bool> {
    match remove_if_match(client, key, Etag::from(NOBODYS)).await {
        Err(error) if not_permitted(&error) => Ok(false),
        Err(error) if !condition_not_met(&error) => Err(error),
        _ => Ok(true),
    }
}
