//! The storage account: how a client of any of its containers is made.

use azure_core::credentials::TokenCredential;
use azure_core::http::Url;
use azure_storage_blob::{BlobContainerClient, BlobContainerClientOptions};
use std::fmt;
use std::sync::Arc;

/// An account at the service, and who asks there.
pub(crate) struct Account {
    /// Without credentials, which are in the options.
    pub(crate) url: Url,
    pub(crate) credential: Option<Arc<dyn TokenCredential>>,
    pub(crate) options: BlobContainerClientOptions,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl Account {
    /// The container of this name.
    pub(crate) fn container(&self, name: &str) -> azure_core::Result<BlobContainerClient> {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(name);
        }
        BlobContainerClient::new(url, self.credential.clone(), Some(self.options.clone()))
    }
}
