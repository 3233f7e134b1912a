//! A look at an object.

use crate::client::Client;
use crate::commit::{kept_checksum, token_metadata};
use crate::errors::status;
use crate::marker::is_marker;
use crate::properties::{Metadata, Properties};
use azure_core::http::headers::Headers;
use azure_core::http::{RawResponse, StatusCode};
use azure_storage_blob::models::BlobClientGetPropertiesResultHeaders;
use bytes::Bytes;
use sealift::{Error, ErrorKind, ObjectInfo, Result};

const OPERATION: &str = "look at";

/// What is under `key`.
pub(crate) async fn head(client: &Client, key: &str) -> Result<ObjectInfo> {
    let failed = |error| client.failed(OPERATION, key, error);
    match client.properties(key).await.map_err(failed)? {
        Some(found) => match Metadata::of(&found) {
            metadata if is_marker(&metadata) => Err(missing(client, key)),
            metadata => described(key, &found, &metadata).map_err(failed),
        },
        None => Err(missing(client, key)),
    }
}

/// What `version` of it is. A service that does not know the id says 400 or 404.
pub(crate) async fn head_version(client: &Client, key: &str, version: &str) -> Result<ObjectInfo> {
    let missing = || {
        Error::new(ErrorKind::NotFound, OPERATION, client.location(key), "there is no such version of it")
            .with_hint("`az storage blob list --include v` shows the versions there are")
    };
    let failed = |error| client.failed(OPERATION, key, error);
    match client.properties_of(key, Some(version)).await {
        Ok(Some(found)) => {
            let described = described(key, &found, &Metadata::of(&found)).map_err(failed)?;
            match &described.version {
                Some(told) if told == version => Ok(described),
                // A service that knows no versions, as emulators are, answers with what is there now.
                _ => Err(missing()),
            }
        }
        Ok(None) => Err(missing()),
        Err(error) if status(&error) == Some(400) => Err(missing()),
        Err(error) => Err(failed(error)),
    }
}

/// What the headers of an answer with its bytes say of a blob, which are those of a look.
pub(crate) fn answered(client: &Client, key: &str, headers: Headers) -> Result<ObjectInfo> {
    let found = Properties::from(RawResponse::from_bytes(StatusCode::Ok, headers, Bytes::new()));
    match Metadata::of(&found) {
        metadata if is_marker(&metadata) => Err(missing(client, key)),
        metadata => described(key, &found, &metadata).map_err(|error| client.failed(OPERATION, key, error)),
    }
}

fn missing(client: &Client, key: &str) -> Error {
    Error::new(ErrorKind::NotFound, OPERATION, client.location(key), "there is no such blob")
}

fn described(key: &str, found: &Properties, metadata: &Metadata) -> azure_core::Result<ObjectInfo> {
    let mut info = ObjectInfo::new(key.to_owned(), found.content_length()?.unwrap_or_default());
    info.modified = found.last_modified()?.map(Into::into);
    info.etag = found.etag()?.map(|etag| etag.to_string());
    info.version = found.version_id()?;
    info.token = metadata.get(&token_metadata()).map(str::to_owned);
    info.kept_checksum = kept_checksum(|name| metadata.get(name).map(str::to_owned));
    Ok(info)
}
