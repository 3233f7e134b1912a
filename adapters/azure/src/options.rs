//! How to reach a container.

use crate::checksums::Checksums;
use crate::connection_string;
use crate::credentials::{Credentials, Entra};
use crate::transport::CONNECT;
use azure_core::credentials::Secret;
use sealift::Result;
use std::time::Duration;

/// How to reach a container.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AzureOptions {
    /// The storage account's name.
    pub account: String,
    /// The container's name.
    pub container: String,
    /// The blob service's URL, without a query; by default `https://ACCOUNT.blob.core.windows.net`.
    pub endpoint: Option<String>,
    /// Where the authorisation comes from.
    pub credentials: Credentials,
    /// The checksum sent with the bytes; by default what the endpoint's host takes.
    pub checksums: Option<Checksums>,
    /// The size of the first parts, in bytes.
    pub part_size: Option<u64>,
    /// About how many bytes will be stored under one key, so that parts are large enough from the start.
    pub expected_size: Option<u64>,
    /// The time to connect.
    pub connect_timeout: Duration,
}

impl AzureOptions {
    /// The container `container` of `account`, with Entra's chain of credentials, everything else by default.
    pub fn new(account: impl Into<String>, container: impl Into<String>) -> Self {
        AzureOptions {
            account: account.into(),
            container: container.into(),
            endpoint: None,
            credentials: Credentials::Entra(Entra::Chain),
            checksums: None,
            part_size: None,
            expected_size: None,
            connect_timeout: CONNECT,
        }
    }

    /// The container `container` of the account that a connection string describes, as the portal shows it and
    /// `AZURE_STORAGE_CONNECTION_STRING` holds it; `UseDevelopmentStorage=true` is Azurite.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`](sealift::ErrorKind::InvalidConfig) for what is not one. The error never shows it.
    pub fn from_connection_string(connection: &Secret, container: impl Into<String>) -> Result<Self> {
        let described = connection_string::read(connection.secret())?;
        Ok(AzureOptions {
            endpoint: Some(described.endpoint),
            credentials: described.credentials,
            ..AzureOptions::new(described.account, container)
        })
    }
}
