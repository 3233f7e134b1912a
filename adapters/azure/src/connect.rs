//! From options to a client of the SDK: endpoint, authorisation and time limits.

use crate::account::Account;
use crate::checksums::{AddChecksum, Checksums};
use crate::client::{self, Client};
use crate::clock::ServiceClock;
use crate::credentials::Credentials;
use crate::entra;
use crate::options::AzureOptions;
use crate::sas::Sas;
use crate::sign::SharedKey;
use crate::store::AzureStore;
use crate::tokens::{Renewing, SeesRefusals};
use crate::trace::Traces;
use crate::transport::Http;
use azure_core::credentials::TokenCredential;
use azure_core::http::{RetryOptions, Transport, Url};
use azure_storage_blob::BlobContainerClientOptions;
use sealift::{Error, ErrorKind, Growth, PartPolicy, Result, SlowDowns};
use std::sync::Arc;

const MIB: u64 = 1 << 20;

/// The size of the first blocks by default. Azure takes any, but each is paid for; only those of more than 4 MiB may be
/// stored faster ("high-throughput block blobs").
const FIRST_BLOCK: u64 = 8 * MIB;
const LEAST_BLOCK: u64 = 5 * MIB;

/// What a block blob takes (Microsoft, "Scalability and performance targets for Blob storage"): 50,000 blocks of
/// 4,000 MiB. The concurrency is a choice.
const POLICY: PartPolicy = PartPolicy::new(Growth::Growing { first: FIRST_BLOCK, least: LEAST_BLOCK })
    .with_max_parts(50_000)
    .with_max_part(4_000 * MIB)
    .with_max_object(50_000 * 4_000 * MIB)
    .with_max_in_flight(64);

impl AzureStore {
    /// A store on the container that `options` names. A file with a signature is read; tokens are asked for with the first
    /// request, and the container is not asked for. Cancel-safe.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] for options that do not fit together and a file without a signature,
    /// [`ErrorKind::InvalidName`] for what cannot be the name of an account or a container.
    pub async fn connect(options: AzureOptions) -> Result<AzureStore> {
        check_names(&options)?;
        let location = client::location(&options.container);
        let invalid = |reason: String| Error::new(ErrorKind::InvalidConfig, "reach", &location, reason);
        let endpoint = match &options.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{}.blob.core.windows.net", options.account),
        };
        let url = Url::parse(&endpoint).map_err(|error| invalid(format!("the endpoint is not a URL: {error}")))?;
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !bare || url.password().is_some() || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            // Not shown: what follows a question mark is mostly a signature.
            return Err(invalid("the endpoint is not a plain http or https URL".to_owned())
                .with_hint("give a shared access signature by itself, not in the endpoint"));
        }
        let checksums = options.checksums.unwrap_or_else(|| Checksums::of_host(url.host_str().unwrap_or_default()));

        let clock = ServiceClock::default();
        let slow_downs = SlowDowns::default();
        let http = Http::new(options.connect_timeout, clock.clone(), slow_downs.clone());
        let http = Arc::new(http.map_err(|error| invalid(format!("no HTTP client: {}", error.without_url())))?);
        let mut requests = BlobContainerClientOptions::default();
        requests.client_options.retry = RetryOptions::none();
        requests.client_options.per_call_policies.push(Arc::new(AddChecksum));
        let calls = &mut requests.client_options.per_call_policies;
        let tokens = match &options.credentials {
            Credentials::Entra(entra) => {
                let (entra, http) = (entra.clone(), Arc::clone(&http));
                let tokens = Renewing::new(move || entra::credential(&entra, &http));
                Some(Arc::new(tokens.map_err(|error| invalid(error.to_string()))?))
            }
            Credentials::Token(source) => {
                Some(Arc::new(Renewing::of(source).map_err(|error| invalid(error.to_string()))?))
            }
            Credentials::SharedKey(key) => {
                let policy = SharedKey { account: options.account.clone(), key: key.clone() };
                requests.client_options.per_try_policies.push(Arc::new(policy));
                None
            }
            Credentials::Sas(sas) => {
                calls.push(Arc::new(Sas::fixed(sas)));
                None
            }
            Credentials::SasFile(file) => {
                calls.push(Arc::new(Sas::in_file(file).await?));
                None
            }
            Credentials::Anonymous => None,
        };
        if let Some(tokens) = &tokens {
            if url.scheme() != "https" {
                return Err(invalid("Entra tokens are sent over https only".to_owned()));
            }
            calls.push(Arc::new(SeesRefusals(Arc::clone(tokens))));
        }
        let credential = tokens.map(|tokens| tokens as Arc<dyn TokenCredential>);
        requests.client_options.transport = Some(Transport::with_policy(http));
        let account = Account { url, credential, options: requests };
        let container = account.container(&options.container).map_err(|error| invalid(error.to_string()))?;
        let policy = part_policy(&options)?;
        let client = Client {
            account: Arc::new(account),
            container: Arc::new(container),
            location,
            endpoint,
            checksums,
            clock,
            slow_downs,
            sweeping: Traces::default(),
        };
        Ok(AzureStore::of(client, policy))
    }
}

fn part_policy(options: &AzureOptions) -> Result<PartPolicy> {
    let invalid = |reason: String| Err(Error::new(ErrorKind::InvalidConfig, "set up", "the part size", reason));
    let first = options.part_size.unwrap_or(FIRST_BLOCK);
    if !(MIB..=POLICY.max_part).contains(&first) {
        return invalid(format!("{first} bytes is outside of 1 MiB to {} bytes, which Azure takes", POLICY.max_part));
    }
    let expected = options.expected_size.unwrap_or(0);
    if expected > POLICY.max_object {
        return invalid(format!("{expected} bytes are expected, and Azure takes {} at most", POLICY.max_object));
    }
    // A tenth of the blocks in reserve, for streams that come out longer than expected.
    let wanted = expected.div_ceil(u64::from(POLICY.max_parts) * 9 / 10).next_multiple_of(MIB);
    let size_of = |default: u64| options.part_size.unwrap_or(default).max(wanted).min(POLICY.max_part);
    let growth = Growth::Growing { first: size_of(FIRST_BLOCK), least: size_of(LEAST_BLOCK) };
    Ok(POLICY.with_growth(growth))
}

/// Microsoft, "Storage account name" and "Naming and referencing containers", as far as they are about characters: the
/// names become part of a URL.
fn check_names(options: &AzureOptions) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let invalid = |what: &'static str, name: &str, rule: &'static str| {
        Err(Error::new(ErrorKind::InvalidName, what, format!("{name:?}"), rule))
    };
    let (account, container) = (&options.account, &options.container);
    if !(1..=63).contains(&account.len()) || !account.bytes().all(plain) {
        return invalid("use the account", account, "an account's name has 3 to 24 of the characters a-z 0-9");
    }
    let special = matches!(container.as_str(), "$root" | "$web" | "$logs");
    if !special && (!(3..=63).contains(&container.len()) || !container.bytes().all(plain)) {
        return invalid("use the container", container, "a container's name has 3 to 63 of the characters a-z 0-9 -");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::credentials::Secret;

    fn options(container: &str, endpoint: &str) -> AzureOptions {
        AzureOptions {
            endpoint: Some(endpoint.to_owned()),
            credentials: Credentials::SharedKey(Secret::new("c2VjcmV0")),
            ..AzureOptions::new("account", container)
        }
    }

    #[tokio::test]
    async fn a_store_shows_no_secret() {
        let store = AzureStore::connect(options("container", "https://host/")).await.expect("fine");
        assert!(!format!("{store:?}").contains("c2VjcmV0"));
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_refused_without_showing_a_signature() {
        for (container, endpoint, kind) in [
            ("Container", "https://host", ErrorKind::InvalidName),
            ("a", "https://host", ErrorKind::InvalidName),
            ("container", "host", ErrorKind::InvalidConfig),
            ("container", "ftp://host", ErrorKind::InvalidConfig),
            ("container", "https://host?sv=1&sig=s3cret", ErrorKind::InvalidConfig),
            ("container", "https://user:s3cret@host", ErrorKind::InvalidConfig),
        ] {
            let error = AzureStore::connect(options(container, endpoint)).await.expect_err(endpoint);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        let mut entra = AzureOptions::new("account", "container");
        entra.endpoint = Some("http://host".to_owned());
        assert_eq!(AzureStore::connect(entra).await.expect_err("http").kind(), ErrorKind::InvalidConfig);
    }

    #[test]
    fn parts_reach_far() {
        let sized =
            |part_size, expected_size| part_policy(&AzureOptions { part_size, expected_size, ..options("c", "") });
        assert!(sized(None, None).expect("fine").longest_stream() > 100 << 40);
        assert!(sized(None, Some(POLICY.max_object)).expect("fine").longest_stream() >= POLICY.max_object);
        assert_eq!(sized(Some(64 * MIB), None).expect("fine").first_part(), 64 * MIB);
        for (part_size, expected) in [(Some(1), None), (Some(4_001 * MIB), None), (None, Some(POLICY.max_object + 1))] {
            assert_eq!(sized(part_size, expected).expect_err("refused").kind(), ErrorKind::InvalidConfig);
        }
    }
}
