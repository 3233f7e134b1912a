//! The container: objects put, looked at, read, listed, removed.

use crate::checksums::{Checksums, Transactional};
use crate::discard::{is_marker, remove_if_match, was_a_marker};
use crate::errors::{condition_not_met, failed, no_such_blob};
use crate::transport::ServiceClock;
use crate::{body, copy, read, sweep, upload};
use async_trait::async_trait;
use azure_core::http::{ClientMethodOptions, Context, Etag, NoFormat, Response};
use azure_storage_blob::models::{
    BlobClientGetPropertiesResult, BlobClientGetPropertiesResultHeaders, BlobContainerClientListBlobsOptions, BlobItem,
    BlockBlobClientStageBlockOptions, BlockBlobClientUploadOptions, ListBlobsIncludeItem, ListBlobsResponse,
};
use azure_storage_blob::{BlobClient, BlobContainerClient, BlockBlobClient};
use bytes::Bytes;
use futures::TryStreamExt;
use sealift::{
    Attempts, ChecksumAlgorithm, CommitOptions, Committed, Error, ErrorKind, IfExists, Key, Leftover, ObjectInfo,
    ObjectStore, Page, PartPolicy, Payload, Removal, Result, SlowDowns, TOKEN_METADATA, Upload, Work,
};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

/// A container of Azure Blob Storage. Cheap to clone.
#[derive(Clone)]
pub struct AzureStore {
    pub(crate) container: Arc<BlobContainerClient>,
    /// `az://CONTAINER`, as others write it too (fsspec, DuckDB, Polars, delta-rs), and as the command line takes it.
    pub(crate) location: String,
    /// For messages.
    pub(crate) endpoint: String,
    pub(crate) policy: PartPolicy,
    pub(crate) checksums: Checksums,
    pub(crate) clock: ServiceClock,
    pub(crate) slow_downs: SlowDowns,
}

impl fmt::Debug for AzureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStore").field("location", &self.location).finish_non_exhaustive()
    }
}

/// What Get Blob Properties answers.
pub(crate) type Properties = Response<BlobClientGetPropertiesResult, NoFormat>;

/// The name of the metadata entry that holds the token: Azure's names are identifiers of C#, without hyphens.
pub(crate) fn token_metadata() -> String {
    TOKEN_METADATA.replace('-', "_")
}

impl AzureStore {
    pub(crate) fn blob(&self, key: &str) -> BlobClient {
        self.container.blob_client(key)
    }

    pub(crate) fn blocks(&self, key: &str) -> BlockBlobClient {
        self.blob(key).block_blob_client()
    }

    pub(crate) fn location(&self, key: &str) -> String {
        format!("{}/{key}", self.location)
    }

    pub(crate) fn failed(&self, operation: impl Into<Cow<'static, str>>, key: &str, error: azure_core::Error) -> Error {
        failed(operation, &self.location(key), &self.endpoint, error)
    }

    /// The properties of the committed blob under `key`; `None` when there is none.
    pub(crate) async fn properties(&self, key: &str) -> azure_core::Result<Option<Properties>> {
        match self.blob(key).get_properties(None).await {
            Ok(properties) => Ok(Some(properties)),
            Err(error) if no_such_blob(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same, of a blob that must be there.
    pub(crate) async fn look(&self, operation: &'static str, key: &str) -> Result<Properties> {
        let missing = || Error::new(ErrorKind::NotFound, operation, self.location(key), "there is no such blob");
        match self.properties(key).await {
            Ok(Some(properties)) if !metadata(&properties).is_some_and(|entries| is_marker(&entries)) => Ok(properties),
            Ok(_) => Err(missing()),
            Err(error) => Err(self.failed(operation, key, error)),
        }
    }

    /// The checksum to send with `payload`.
    pub(crate) async fn checksum(&self, key: &str, payload: &Payload) -> Result<Transactional> {
        let read = Transactional::of(self.checksums, payload).await;
        read.map_err(|error| Error::io("read what is to be stored as", self.location(key), error))
    }

    /// One Put Block.
    pub(crate) async fn stage(
        &self,
        key: &str,
        id: &[u8],
        payload: &Payload,
        checksum: Transactional,
    ) -> azure_core::Result<()> {
        let options = BlockBlobClientStageBlockOptions {
            transactional_content_crc64: checksum.crc64,
            transactional_content_md5: checksum.md5,
            ..Default::default()
        };
        let body = body::body(payload).into();
        self.blocks(key).stage_block(id, payload.byte_count(), body, Some(options)).await.map(drop)
    }

    /// One Put Blob, with what `options` says besides.
    pub(crate) async fn put_blob(
        &self,
        key: &str,
        payload: &Payload,
        checksum: Transactional,
        options: BlockBlobClientUploadOptions<'_>,
    ) -> azure_core::Result<Committed> {
        let stored = self
            .blocks(key)
            .upload(
                body::body(payload).into(),
                Some(BlockBlobClientUploadOptions {
                    // In one request, whatever its size.
                    parallel: NonZero::new(1),
                    partition_size: NonZero::new(payload.byte_count().max(1)),
                    method_options: ClientMethodOptions { context: Context::new().with_value(checksum) },
                    ..options
                }),
            )
            .await?;
        Ok(Committed {
            etag: stored.etag.map(|etag| etag.to_string()),
            version: stored.version_id,
            ..Committed::default()
        })
    }
}

/// The metadata of a blob, with the names in lower case.
pub(crate) fn metadata(properties: &Properties) -> Option<HashMap<String, String>> {
    let entries = properties.metadata().ok()?;
    Some(entries.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect())
}

/// The metadata and the condition of a commit.
pub(crate) fn commit_terms(options: &CommitOptions) -> (HashMap<String, String>, Option<Etag>) {
    let metadata = HashMap::from([(token_metadata(), options.token.to_string())]);
    (metadata, (options.if_exists == IfExists::Fail).then(|| Etag::from("*")))
}

#[async_trait]
impl ObjectStore for AzureStore {
    fn url(&self) -> String {
        self.location.clone()
    }

    fn part_policy(&self) -> PartPolicy {
        self.policy
    }

    fn slow_downs(&self) -> u64 {
        self.slow_downs.count()
    }

    fn checksum_algorithm(&self) -> ChecksumAlgorithm {
        ChecksumAlgorithm::Crc64Nvme
    }

    async fn put(&self, key: &Key, payload: Payload, options: &CommitOptions, _: &Attempts) -> Result<Committed> {
        let key = key.as_ref();
        let checksum = self.checksum(key, &payload).await?;
        let terms = || {
            let (metadata, if_none_match) = commit_terms(options);
            BlockBlobClientUploadOptions { metadata: Some(metadata), if_none_match, ..Default::default() }
        };
        let mut stored = self.put_blob(key, &payload, checksum.clone(), terms()).await;
        if let Err(refused) = &stored
            && was_a_marker(self, key, refused).await
        {
            stored = self.put_blob(key, &payload, checksum, terms()).await;
        }
        stored.map_err(|error| self.failed("store", key, error))
    }

    async fn start(&self, key: &Key, options: &CommitOptions, _: &Attempts) -> Result<Box<dyn Upload>> {
        Ok(Box::new(upload::AzureUpload::new(self, key, options)))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let properties = self.look("look at", key.as_ref()).await?;
        let of = |properties: &Properties| -> azure_core::Result<ObjectInfo> {
            Ok(ObjectInfo {
                key: key.to_string(),
                size: properties.content_length()?.unwrap_or_default(),
                modified: properties.last_modified()?.map(Into::into),
                etag: properties.etag()?.map(|etag| etag.to_string()),
                version: properties.version_id()?,
                token: metadata(properties).and_then(|mut entries| entries.remove(&token_metadata())),
                checksum: None,
                kept_checksum: None,
            })
        };
        of(&properties).map_err(|error| self.failed("look at", key.as_ref(), error))
    }

    async fn get(&self, key: &Key, range: Range<u64>, etag: Option<&str>) -> Result<Bytes> {
        read::read(self, key.as_ref(), range, etag).await
    }

    async fn list(&self, prefix: &str, page: Option<&str>) -> Result<Page> {
        let listed = list(self, prefix, page, vec![ListBlobsIncludeItem::Metadata]).await;
        let listed = listed.map_err(|error| self.failed("list", prefix, error))?;
        let objects = listed.blob_items.into_iter().filter(|blob| !is_folder_or_marker(blob));
        let objects = objects.filter_map(|blob| {
            let properties = blob.properties.unwrap_or_default();
            Some(ObjectInfo {
                key: blob.name?,
                size: properties.content_length.unwrap_or_default(),
                modified: properties.last_modified.map(Into::into),
                etag: properties.etag.map(|etag| quoted(etag.as_ref())),
                version: None,
                token: None,
                checksum: None,
                kept_checksum: None,
            })
        });
        Ok(Page { objects: objects.collect(), next: listed.next_marker.filter(|next| !next.is_empty()) })
    }

    async fn delete(&self, key: &Key, only: Option<&ObjectInfo>) -> Result<Removal> {
        if let Some(info) = only {
            return self.retract(key, info).await;
        }
        match self.blob(key.as_ref()).delete(None).await {
            Err(error) if !no_such_blob(&error) => Err(self.failed("remove", key.as_ref(), error)),
            _ => Ok(Removal::Gone),
        }
    }

    /// Every commit has an ETag of its own. Where the account keeps versions, what is removed becomes an earlier version.
    async fn retract(&self, key: &Key, info: &ObjectInfo) -> Result<Removal> {
        let etag = info.etag.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfig, "remove", self.location(key.as_ref()), "its ETag is not known")
        })?;
        match remove_if_match(self, key.as_ref(), Etag::from(etag.as_str())).await {
            Ok(()) => Ok(Removal::Gone),
            // Said of no blob as well.
            Err(error) if condition_not_met(&error) => match self.properties(key.as_ref()).await {
                Ok(None) => Ok(Removal::Gone),
                Ok(Some(_)) => Ok(Removal::Another),
                Err(error) => Err(self.failed("look at what was to be removed at", key.as_ref(), error)),
            },
            Err(error) => Err(self.failed("remove", key.as_ref(), error)),
        }
    }

    async fn copy(&self, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
        copy::copy(self, from.as_ref(), info, to.as_ref(), work).await
    }

    async fn leftovers(&self, prefix: &str) -> Result<Vec<Leftover>> {
        sweep::leftovers(self, prefix).await
    }

    async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        sweep::remove(self, leftover).await
    }
}

/// One page of a listing.
pub(crate) async fn list(
    store: &AzureStore,
    prefix: &str,
    page: Option<&str>,
    include: Vec<ListBlobsIncludeItem>,
) -> azure_core::Result<ListBlobsResponse> {
    let options = BlobContainerClientListBlobsOptions {
        include: Some(include),
        prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
        marker: page.map(str::to_owned),
        ..Default::default()
    };
    let mut pages = store.container.list_blobs(Some(options))?.into_pages();
    match pages.try_next().await? {
        Some(page) => page.into_model(),
        None => Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Other, "the listing has no page")),
    }
}

/// A blob that stands for a folder, in accounts that have them, or for blocks that are just being discarded.
fn is_folder_or_marker(blob: &BlobItem) -> bool {
    let entries = blob.metadata.as_ref().and_then(|metadata| metadata.values.as_ref());
    entries.is_some_and(|entries| {
        let entries = entries.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        is_marker(&entries) || entries.get("hdi_isfolder").is_some_and(|value| value == "true")
    })
}

/// Listings show ETags without the quotes that they have everywhere else.
fn quoted(etag: &str) -> String {
    match etag.starts_with('"') {
        true => etag.to_owned(),
        false => format!("\"{etag}\""),
    }
}
