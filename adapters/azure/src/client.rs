//! What every verb needs: the container's client, how its blobs are named in messages, and a look at a blob.

use crate::account::Account;
use crate::checksums::{Checksums, Transactional};
use crate::clock::ServiceClock;
use crate::errors::{failed, no_such_blob};
use crate::properties::Properties;
use crate::trace::Traces;
use azure_storage_blob::models::BlobClientGetPropertiesOptions;
use azure_storage_blob::{BlobClient, BlobContainerClient, BlockBlobClient};
use sealift::{Error, Payload, Result, SlowDowns};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A container at the service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) account: Arc<Account>,
    pub(crate) container: Arc<BlobContainerClient>,
    /// `az://CONTAINER`, as others write it too (fsspec, DuckDB, Polars, delta-rs), and as the command line takes it.
    pub(crate) location: String,
    /// For messages.
    pub(crate) endpoint: String,
    pub(crate) checksums: Checksums,
    pub(crate) clock: ServiceClock,
    pub(crate) slow_downs: SlowDowns,
    /// The empty blobs that removing leftovers commits.
    pub(crate) sweeping: Traces,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("location", &self.location).finish_non_exhaustive()
    }
}

/// How a container is written.
pub(crate) fn location(container: &str) -> String {
    format!("az://{container}")
}

impl Client {
    /// Another container of the account.
    pub(crate) fn with_container(&self, name: &str) -> azure_core::Result<Client> {
        let container = Arc::new(self.account.container(name)?);
        Ok(Client { container, location: location(name), ..self.clone() })
    }

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

    /// The checksum to send with `payload`, which is to be stored under `key`.
    pub(crate) async fn checksum(&self, key: &str, payload: &Payload) -> Result<Transactional> {
        let read = Transactional::of(self.checksums, payload).await;
        read.map_err(|error| Error::io("read what is to be stored as", self.location(key), error))
    }

    /// The properties of the committed blob under `key`; `None` when the service says that there is none.
    pub(crate) async fn properties(&self, key: &str) -> azure_core::Result<Option<Properties>> {
        self.properties_of(key, None).await
    }

    /// The same of a version of it.
    pub(crate) async fn properties_of(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> azure_core::Result<Option<Properties>> {
        let options = BlobClientGetPropertiesOptions { version_id: version.map(str::to_owned), ..Default::default() };
        match self.blob(key).get_properties(Some(options)).await {
            Ok(properties) => Ok(Some(properties)),
            Err(error) if no_such_blob(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
