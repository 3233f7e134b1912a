//! What a look at a blob tells besides its content.

use azure_core::http::{NoFormat, Response};
use azure_storage_blob::models::{
    AccessTier, BlobClientGetPropertiesResult, BlobClientGetPropertiesResultHeaders, BlobMetadata,
};
use std::collections::HashMap;

/// What Get Blob Properties answers. It has an ETag and a size, or it is no answer.
pub(crate) type Properties = Response<BlobClientGetPropertiesResult, NoFormat>;

/// The metadata of a blob, with the names in lower case: the service keeps their case, and does not tell them apart by it.
#[derive(Debug, Default)]
pub(crate) struct Metadata(HashMap<String, String>);

impl Metadata {
    pub(crate) fn of(properties: &Properties) -> Self {
        Metadata::from(properties.metadata().unwrap_or_default())
    }

    /// The metadata of a listed blob.
    pub(crate) fn listed(metadata: Option<&BlobMetadata>) -> Self {
        Metadata::from(metadata.and_then(|metadata| metadata.values.clone()).unwrap_or_default())
    }

    fn from(entries: HashMap<String, String>) -> Self {
        Metadata(entries.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The tier of a blob, where somebody set it.
pub(crate) fn tier(properties: &Properties) -> azure_core::Result<Option<AccessTier>> {
    match properties.access_tier_inferred()? {
        Some(true) => Ok(None),
        _ => Ok(properties.access_tier()?.and_then(|tier| tier.parse().ok())),
    }
}
