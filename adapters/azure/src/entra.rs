//! Entra ID's ways to a token, in the order in which they cost least to try.

use crate::credentials::Entra;
use crate::owned::Owned;
use crate::transport::Http;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use azure_core::{Error, Result};
use azure_identity::{
    ClientSecretCredential, ClientSecretCredentialOptions, DeveloperToolsCredential, DeveloperToolsCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use std::env;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::timeout;

/// The time that a token may take, whoever gives it: a hanging `az` must not hang an upload, and not its end either.
pub const TOKEN_WITHIN: Duration = Duration::from_secs(30);
/// The time that one way may take: off Azure, the address of a machine's identity answers nothing. Two of them fit into
/// [`TOKEN_WITHIN`].
const EACH: Duration = Duration::from_secs(14);

/// The credential that `entra` describes. Nothing is asked for yet.
pub(crate) fn credential(entra: &Entra, http: &Arc<Http>) -> Result<Arc<dyn TokenCredential>> {
    Ok(limited(match entra {
        Entra::Chain => Arc::new(chain(http)?),
        Entra::ManagedIdentity { client_id } => managed(client_id.clone(), http)?,
        Entra::WorkloadIdentity => workload(http)?,
        Entra::DeveloperTools => developer_tools()?,
    }))
}

/// A source of tokens that answers within [`TOKEN_WITHIN`].
#[derive(Debug)]
struct Limited(Arc<dyn TokenCredential>);

/// `credential`, which answers within [`TOKEN_WITHIN`] then.
pub(crate) fn limited(credential: Arc<dyn TokenCredential>) -> Arc<dyn TokenCredential> {
    Arc::new(Limited(credential))
}

#[async_trait::async_trait]
impl TokenCredential for Limited {
    async fn get_token(&self, scopes: &[&str], options: Option<TokenRequestOptions<'_>>) -> Result<AccessToken> {
        timeout(TOKEN_WITHIN, self.0.get_token(scopes, options)).await.unwrap_or_else(|_| {
            let reason = format!("no token came within {} s", TOKEN_WITHIN.as_secs());
            Err(Error::with_message(ErrorKind::Credential, reason))
        })
    }
}

/// A token is asked for three more times, within [`TOKEN_WITHIN`].
fn retries() -> RetryOptions {
    RetryOptions::exponential(ExponentialRetryOptions {
        initial_delay: azure_core::time::Duration::milliseconds(200),
        max_retries: 3,
        max_total_elapsed: azure_core::time::Duration::seconds(30),
        max_delay: azure_core::time::Duration::seconds(2),
    })
}

fn client_options(http: &Arc<Http>) -> ClientOptions {
    let transport = Some(Transport::with_policy(Arc::clone(http) as _));
    ClientOptions { transport, retry: retries(), ..ClientOptions::default() }
}

fn managed(client_id: Option<String>, http: &Arc<Http>) -> Result<Arc<dyn TokenCredential>> {
    let mut options = ManagedIdentityCredentialOptions { client_options: client_options(http), ..Default::default() };
    options.user_assigned_id = client_id.map(UserAssignedId::ClientId);
    Ok(ManagedIdentityCredential::new(Some(options))?)
}

fn workload(http: &Arc<Http>) -> Result<Arc<dyn TokenCredential>> {
    let mut options = WorkloadIdentityCredentialOptions::default();
    options.credential_options.client_options = client_options(http);
    Ok(WorkloadIdentityCredential::new(Some(options))?)
}

fn developer_tools() -> Result<Arc<dyn TokenCredential>> {
    let options = DeveloperToolsCredentialOptions { executor: Some(Arc::new(Owned)) };
    Ok(DeveloperToolsCredential::new(Some(options))?)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn chain(http: &Arc<Http>) -> Result<Chain> {
    let mut ways: Vec<(&'static str, Arc<dyn TokenCredential>)> = Vec::new();
    let client = variable("AZURE_CLIENT_ID");
    if let (Some(tenant), Some(client), Some(secret)) =
        (variable("AZURE_TENANT_ID"), client.clone(), variable("AZURE_CLIENT_SECRET"))
    {
        let options = ClientSecretCredentialOptions { client_options: client_options(http) };
        let principal = ClientSecretCredential::new(&tenant, client, Secret::new(secret), Some(options))?;
        ways.push(("service principal of the environment", principal));
    }
    if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() {
        ways.push(("workload identity", workload(http)?));
    }
    let hosted = variable("IDENTITY_ENDPOINT").is_some();
    if hosted {
        ways.push(("managed identity", managed(client.clone(), http)?));
    }
    ways.push(("az or azd", developer_tools()?));
    if !hosted {
        ways.push(("managed identity", managed(client, http)?));
    }
    Ok(Chain { ways, found: OnceLock::new() })
}

/// The first way that gives a token, and from then on that one only.
#[derive(Debug)]
struct Chain {
    ways: Vec<(&'static str, Arc<dyn TokenCredential>)>,
    found: OnceLock<usize>,
}

#[async_trait::async_trait]
impl TokenCredential for Chain {
    async fn get_token(&self, scopes: &[&str], options: Option<TokenRequestOptions<'_>>) -> Result<AccessToken> {
        if let Some((_, found)) = self.found.get().and_then(|found| self.ways.get(*found)) {
            return found.get_token(scopes, options).await;
        }
        let mut reasons = Vec::new();
        for (index, (name, way)) in self.ways.iter().enumerate() {
            match timeout(EACH, way.get_token(scopes, options.clone())).await {
                Ok(Ok(token)) => {
                    tracing::debug!("authorised by the {name}");
                    // Another task may have been first; both found a way.
                    let _ = self.found.set(index);
                    return Ok(token);
                }
                Ok(Err(error)) => {
                    reasons.push(format!("{name}: {}", error.to_string().chars().take(120).collect::<String>()));
                }
                Err(_) => reasons.push(format!("{name}: no answer within {} s", EACH.as_secs())),
            }
        }
        Err(Error::with_message(ErrorKind::Credential, reasons.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::time::OffsetDateTime;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug)]
    struct Way(Option<&'static str>, AtomicUsize);

    #[async_trait::async_trait]
    impl TokenCredential for Way {
        async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> Result<AccessToken> {
            self.1.fetch_add(1, Ordering::Relaxed);
            match self.0 {
                Some(token) => Ok(AccessToken::new(token, OffsetDateTime::now_utc())),
                None => Err(Error::with_message(ErrorKind::Credential, "not here")),
            }
        }
    }

    #[tokio::test]
    async fn the_first_way_that_works_is_kept() {
        let ways = [None, Some("token"), Some("other")].map(|token| Arc::new(Way(token, AtomicUsize::new(0))));
        let of = |names: &[usize]| names.iter().map(|index| ("way", Arc::clone(&ways[*index]) as _)).collect();
        let chain = Chain { ways: of(&[0, 1, 2]), found: OnceLock::new() };
        for _ in 0..2 {
            assert_eq!(chain.get_token(&[], None).await.expect("a token").token.secret(), "token");
        }
        let asked = ways.each_ref().map(|way| way.1.load(Ordering::Relaxed));
        assert_eq!(asked, [1, 2, 0]);
        let none = Chain { ways: of(&[0]), found: OnceLock::new() };
        let error = none.get_token(&[], None).await.expect_err("none");
        assert!(error.to_string().contains("way: not here"), "{error}");
    }
}
