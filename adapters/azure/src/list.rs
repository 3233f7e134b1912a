//! Listings: one page at a time, of what is an object.

use crate::answers::odd;
use crate::client::Client;
use crate::marker::is_marker;
use crate::properties::Metadata;
use azure_storage_blob::models::{
    BlobContainerClientListBlobsOptions, BlobItem, ListBlobsIncludeItem, ListBlobsResponse,
};
use futures::TryStreamExt;
use sealift::{ObjectInfo, Page, Result};

/// A page of the objects whose key begins with `prefix`.
pub(crate) async fn list(client: &Client, prefix: &str, page: Option<&str>) -> Result<Page> {
    let failed = |error| client.failed("list", prefix, error);
    let listed = blobs(client, prefix, page, vec![ListBlobsIncludeItem::Metadata]).await.map_err(failed)?;
    let objects = listed.blobs.into_iter().filter(|blob| !is_folder_or_marker(blob));
    let objects = objects.map(described).collect::<azure_core::Result<Vec<_>>>().map_err(failed)?;
    Ok(Page::new(objects, listed.next))
}

/// A page of blobs, and where the next begins.
pub(crate) struct Blobs {
    pub(crate) blobs: Vec<BlobItem>,
    pub(crate) next: Option<String>,
}

/// The page of blobs after `page`.
pub(crate) async fn blobs(
    client: &Client,
    prefix: &str,
    page: Option<&str>,
    include: Vec<ListBlobsIncludeItem>,
) -> azure_core::Result<Blobs> {
    let options = BlobContainerClientListBlobsOptions {
        include: Some(include),
        prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
        marker: page.map(str::to_owned),
        ..Default::default()
    };
    let mut pages = client.container.list_blobs(Some(options))?.into_pages();
    let listed: ListBlobsResponse = match pages.try_next().await? {
        Some(page) => page.into_model()?,
        None => return Err(odd("the listing has no page")),
    };
    let next = listed.next_marker.filter(|next| !next.is_empty());
    if next.is_some() && next.as_deref() == page {
        return Err(odd("the listing says that more follows, and where it has just been"));
    }
    Ok(Blobs { blobs: listed.blob_items, next })
}

fn described(blob: BlobItem) -> azure_core::Result<ObjectInfo> {
    let properties = blob.properties.unwrap_or_default();
    let (Some(key), Some(size)) = (blob.name, properties.content_length) else {
        return Err(odd("a blob in the listing has no name or no size"));
    };
    let mut info = ObjectInfo::new(key, size);
    info.modified = properties.last_modified.map(Into::into);
    info.etag = properties.etag.map(|etag| quoted(etag.as_ref()));
    Ok(info)
}

/// A blob that stands for a folder, in accounts that have them, or for blocks that are just being discarded.
fn is_folder_or_marker(blob: &BlobItem) -> bool {
    let metadata = Metadata::listed(blob.metadata.as_ref());
    is_marker(&metadata) || metadata.get("hdi_isfolder") == Some("true")
}

/// Listings show ETags without the quotes that they have everywhere else.
fn quoted(etag: &str) -> String {
    match etag.starts_with('"') {
        true => etag.to_owned(),
        false => format!("\"{etag}\""),
    }
}
