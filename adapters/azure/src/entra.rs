//! Entra ID's ways to a token, in the order in which they cost least to try.

use crate::credentials::Entra;
use crate::owned::Owned;
use crate::transport::Http;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{ErrorKind, ResultExt};
use azure_core::http::{ClientMethodOptions, ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use azure_core::{Error, Result};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, DeveloperToolsCredential, DeveloperToolsCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use std::env;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::timeout;

/// The time that one way may take: off Azure, the address of a machine's identity answers nothing. Two of them fit into
/// [`TOKEN_WITHIN`](crate::TOKEN_WITHIN).
const EACH: Duration = Duration::from_secs(14);

/// The credential that `entra` describes. Nothing is asked for yet.
pub(crate) fn credential(entra: &Entra, http: &Arc<Http>) -> Result<Arc<dyn TokenCredential>> {
    match entra {
        Entra::Chain => Ok(Arc::new(chain(http)?)),
        Entra::ManagedIdentity { client_id } => managed(client_id.clone(), http),
        Entra::WorkloadIdentity => workload(http),
        Entra::DeveloperTools => developer_tools(),
    }
}

/// A token is asked for three more times, within [`TOKEN_WITHIN`](crate::TOKEN_WITHIN).
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
    let needed = |name: &'static str| {
        let missing = || Error::with_message(ErrorKind::Credential, format!("a workload identity needs {name}"));
        variable(name).ok_or_else(missing)
    };
    let assertion = FederatedToken(needed("AZURE_FEDERATED_TOKEN_FILE")?.into());
    let options = ClientAssertionCredentialOptions { client_options: client_options(http) };
    let (tenant, client) = (needed("AZURE_TENANT_ID")?, needed("AZURE_CLIENT_ID")?);
    Ok(ClientAssertionCredential::new(tenant, client, assertion, Some(options))?)
}

/// What a workload identity shows for a token: the file is read at each exchange. The SDK's own reads it every ten minutes,
/// and may show one that has expired.
#[derive(Debug)]
struct FederatedToken(PathBuf);

#[async_trait::async_trait]
impl ClientAssertion for FederatedToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> Result<String> {
        let read = tokio::fs::read_to_string(&self.0).await;
        let read = read.with_context_fn(ErrorKind::Credential, || format!("cannot read {}", self.0.display()))?;
        Ok(read.trim().to_owned())
    }
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
    use azure_core::http::headers::Headers;
    use azure_core::http::policies::{Policy, PolicyResult};
    use azure_core::http::{AsyncRawResponse, Body, Context, Request, StatusCode};
    use azure_core::time::OffsetDateTime;
    use std::sync::Mutex;
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

    /// Gives tokens that are about to expire, and remembers what it was shown for them.
    #[derive(Debug, Default)]
    struct Exchange(Mutex<Vec<String>>);

    #[async_trait::async_trait]
    impl Policy for Exchange {
        async fn send(&self, _: &Context, request: &mut Request, _: &[Arc<dyn Policy>]) -> PolicyResult {
            let Body::Bytes(body) = request.body() else { panic!("bytes") };
            self.0.lock().expect("fine").push(String::from_utf8(body.to_vec()).expect("text"));
            let token = r#"{"access_token":"token","expires_in":1,"token_type":"Bearer"}"#;
            Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), token))
        }
    }

    #[tokio::test]
    async fn the_file_of_a_workload_identity_is_read_at_each_exchange() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("identity");
        let exchange = Arc::new(Exchange::default());
        let transport = Some(Transport::with_policy(Arc::clone(&exchange) as _));
        let options = ClientAssertionCredentialOptions {
            client_options: ClientOptions { transport, ..ClientOptions::default() },
        };
        let (tenant, client) = ("tenant".to_owned(), "client".to_owned());
        let identity = ClientAssertionCredential::new(tenant, client, FederatedToken(file.clone()), Some(options));
        let identity = identity.expect("made");
        for shown in ["first", "second"] {
            std::fs::write(&file, format!("{shown}\n")).expect("written");
            identity.get_token(&["scope"], None).await.expect("a token");
            let exchanged = exchange.0.lock().expect("fine").pop().expect("one");
            assert!(exchanged.contains(&format!("client_assertion={shown}&")), "{exchanged}");
        }
        std::fs::remove_file(&file).expect("removed");
        let error = identity.get_token(&["scope"], None).await.expect_err("no file");
        assert!(error.to_string().contains("identity"), "{error}");
    }
}
