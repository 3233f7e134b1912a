//! From options to a client of the SDK: credentials, endpoint and time limits.

use crate::credentials::{Renewable, Source, loader};
use crate::given::{check_endpoint, check_region};
use crate::options::{Addressing, Credentials, S3Options};
use crate::provider::Provider;
use crate::signed::Signed;
use crate::store::S3Store;
use aws_config::SdkConfig;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region};
use aws_types::service_config::ServiceConfigKey;
use sealift::{Error, ErrorKind, Result};

impl S3Store {
    /// A store on the bucket that `options` names. Loads the SDK's configuration; credentials are looked for with the
    /// first request, and the bucket is not asked for. Cancel-safe.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] for options that do not fit together, and on AWS when no region is set;
    /// [`ErrorKind::InvalidName`] for what cannot be a bucket's name.
    pub async fn connect(options: S3Options) -> Result<S3Store> {
        check_bucket(&options.bucket)?;
        if let Some(endpoint) = &options.endpoint_url {
            check_endpoint(endpoint, &options.bucket, "--endpoint-url")?;
        }
        let mut loader = loader(options.connect_timeout);
        if let Some(endpoint) = &options.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        let configured = match &options.region {
            Some(region) => Some(Region::new(region.clone())),
            None => configured_region().await,
        };
        if let Some(region) = &configured {
            check_region(region.as_ref(), &options.bucket)?;
        }
        if configured.is_some() || !asks_the_instance(&options) {
            // Given none, the loader asks the instance.
            loader = loader.region(configured.clone().unwrap_or(ANY_REGION));
        }
        loader = match &options.credentials {
            Credentials::Chain => loader,
            Credentials::Provider(provider) => loader.credentials_provider(provider.clone()),
            Credentials::Anonymous => loader.no_credentials(),
        };
        let shared = loader.load().await;
        let endpoint = options.endpoint_url.clone().or_else(|| configured_endpoint(&shared));
        if let Some(endpoint) = &endpoint {
            let said_by = "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or the profile's endpoint_url";
            check_endpoint(endpoint, &options.bucket, said_by)?;
        }
        let provider = options.provider.unwrap_or_else(|| Provider::of_endpoint(endpoint.as_deref()));
        let mut config = Builder::from(&shared);
        let region = match asks_the_instance(&options) {
            true => shared.region().cloned(),
            false => configured,
        };
        config = config.region(region.map_or_else(|| default_region(provider, &options), Ok)?);
        config = config.force_path_style(match options.addressing {
            Addressing::Path => true,
            Addressing::VirtualHost => false,
            Addressing::Automatic => endpoint.is_some() && provider.takes_path_style(),
        });
        let credentials = renewable(&options, &shared);
        if let Some(credentials) = &credentials {
            config = config
                .credentials_provider(credentials.clone())
                .identity_cache(credentials.clone())
                .interceptor(Signed);
        }
        let policy = provider.part_policy(options.part_size, options.expected_size)?;
        let mut store = S3Store::from_client(Client::from_conf(config.build()), options.bucket, provider)
            .with_part_policy(policy)
            .with_checksums(options.checksums.unwrap_or_else(|| provider.checksums()))
            .with_conditional_writes(options.conditional_writes.unwrap_or_else(|| provider.conditional_puts()));
        if let Some(credentials) = credentials {
            store = store.with_credentials(credentials);
        }
        if let Some(endpoint) = endpoint {
            store = store.with_endpoint(without_credentials(&endpoint));
        }
        store = store.with_retry_policy(options.retry_policy);
        if let Some(cache) = options.conditions_cache {
            store = store.with_conditions_cache(cache);
        }
        Ok(store)
    }
}

/// The credentials that requests are signed with.
fn renewable(options: &S3Options, shared: &SdkConfig) -> Option<Renewable> {
    let source = match &options.credentials {
        Credentials::Anonymous => return None,
        Credentials::Provider(provider) => Source::Given(provider.clone()),
        Credentials::Chain => Source::Chain { connect: options.connect_timeout, region: shared.region().cloned() },
    };
    Some(Renewable::new(source, shared.credentials_provider()))
}

/// For services that have none, and where nothing is asked of one.
const ANY_REGION: Region = Region::from_static("us-east-1");

/// The region that environment or profile name.
async fn configured_region() -> Option<Region> {
    let environment = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
    environment.or_else(ProfileFileRegionProvider::new()).region().await
}

/// Whether the region, if nothing else tells it, is asked for at the metadata service of the machine. Only where the
/// credentials may come from there too, and on AWS.
fn asks_the_instance(options: &S3Options) -> bool {
    matches!(options.credentials, Credentials::Chain) && options.endpoint_url.is_none()
}

/// The endpoint that environment or profile name, for S3 or for all services, as the SDK itself looks for it.
fn configured_endpoint(shared: &SdkConfig) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    let of_s3 = shared.service_config().and_then(|config| config.load_config(key));
    of_s3.or_else(|| shared.endpoint_url().map(str::to_owned))
}

/// Services other than AWS mostly have no regions, or tell them by their endpoint.
fn default_region(provider: Provider, options: &S3Options) -> Result<Region> {
    match provider {
        Provider::Aws => {
            Err(Error::new(ErrorKind::InvalidConfig, "reach", format!("s3://{}", options.bucket), "no region is set")
                .with_hint("use --region, set AWS_REGION, or choose a profile that has one (AWS_PROFILE)"))
        }
        Provider::CloudflareR2 | Provider::Tigris => Ok(Region::from_static("auto")),
        _ => Ok(ANY_REGION),
    }
}

/// AWS, "General purpose bucket naming rules", as far as they are about characters: the name becomes part of a URL.
fn check_bucket(bucket: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/');
    match (3..=255).contains(&bucket.len()) && bucket.bytes().all(allowed) {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::InvalidName,
            "use the bucket",
            format!("{bucket:?}"),
            "a bucket's name has 3 to 63 of the characters a-z 0-9 . -",
        )),
    }
}

/// An endpoint without the user and password that a URL may hold.
fn without_credentials(endpoint: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((_, host)) => format!("{scheme}://{host}"),
            None => endpoint.to_owned(),
        },
        None => endpoint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names() {
        assert!(check_bucket("my-bucket.2").is_ok());
        assert!(check_bucket("ab").is_err());
        assert!(check_bucket("my bucket").is_err());
    }

    #[test]
    fn endpoints_lose_their_credentials() {
        assert_eq!(without_credentials("http://user:secret@host:1/x"), "http://host:1/x");
        assert_eq!(without_credentials("http://host:1"), "http://host:1");
    }
}
