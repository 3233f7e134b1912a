//! Where the authorisation comes from.

use azure_core::credentials::{Secret, TokenCredential};
use std::path::PathBuf;
use std::sync::Arc;

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
    /// A file that holds one, or a whole URL with one. It is read again when the service does not take the signature any
    /// more, so that whatever renews the file renews what goes on.
    SasFile(PathBuf),
    /// The account's key, in base64.
    SharedKey(Secret),
    /// None: requests are not signed.
    Anonymous,
}

impl Credentials {
    /// The shared access signature in `text`, which may be a whole URL, as the portal gives it too; `None` where there is
    /// none.
    pub fn from_sas(text: &str) -> Option<Self> {
        crate::sas::in_text(text).map(Credentials::Sas)
    }
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
