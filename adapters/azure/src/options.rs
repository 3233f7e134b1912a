//! How to reach a container.

use crate::checksums::Checksums;
use crate::connection_string;
use crate::transport::CONNECT;
use azure_core::credentials::{Secret, TokenCredential};
use sealift::Result;
use std::sync::Arc;
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
    /// The time to connect, per attempt (of four).
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

/// Where the authorisation comes from. Debugging it shows no secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// Entra ID, with what this machine or person has.
    Entra(Entra),
    /// A source of Entra tokens of your own, and nothing else.
    Token(Arc<dyn TokenCredential>),
    /// A shared access signature: `sv=…&sig=…`, with or without a question mark before it.
    Sas(Secret),
    /// The account's key, in base64.
    SharedKey(Secret),
    /// None: requests are not signed.
    Anonymous,
}

/// Which of Entra's ways to a token is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entra {
    /// The first of these that gives a token: a service principal or a workload identity that the environment describes
    /// (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, and `AZURE_CLIENT_SECRET` or `AZURE_FEDERATED_TOKEN_FILE`), the identity
    /// of an App Service (`IDENTITY_ENDPOINT`), whoever is logged in with `az` or `azd`, and the virtual machine's
    /// identity.
    Chain,
    /// The managed identity of this machine or service; a user-assigned one by its client id.
    ManagedIdentity {
        /// The client id of a user-assigned identity.
        client_id: Option<String>,
    },
    /// The workload identity of this pod, as the environment describes it.
    WorkloadIdentity,
    /// Whoever is logged in with `az` or `azd`.
    DeveloperTools,
}
