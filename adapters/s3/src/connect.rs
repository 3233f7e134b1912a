//! From options to a client of the SDK: credentials, endpoint, retries and time limits.

use crate::options::{Addressing, Credentials, S3Options};
use crate::provider::Provider;
use crate::store::S3Store;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use sealift::{Error, ErrorKind, Result};
use std::time::Duration;

/// How often a request is tried, the first time included.
const ATTEMPTS: u32 = 4;
/// The pauses between attempts double from this (with jitter) up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// The time to connect, per attempt.
const CONNECT: Duration = Duration::from_secs(5);

/// An endpoint that cannot be connected to is given up within this time: four attempts and the pauses between them.
pub const UNREACHABLE_WITHIN: Duration = Duration::from_secs(30);

/// The time for the answer to a request without a large body, per attempt.
pub(crate) const ANSWER: Duration = Duration::from_secs(60);
/// The time for the answer to a complete: services assemble the object first, which takes minutes for a large one
/// ("CompleteMultipartUpload": "processing … could take several minutes").
pub(crate) const COMPLETE: Duration = Duration::from_secs(600);
/// What a body may take on top of [`ANSWER`]: a line slower than this is taken for stalled. In bytes a second.
const SLOWEST: u64 = 64 << 10;

/// Time limits for one attempt that moves `bytes`.
pub(crate) fn limits_for(bytes: u64) -> Builder {
    limits(ANSWER + Duration::from_secs(bytes / SLOWEST))
}

/// A time limit for one attempt.
pub(crate) fn limits(attempt: Duration) -> Builder {
    Builder::new()
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(attempt).build())
}

/// The same, tried only once.
pub(crate) fn once() -> Builder {
    limits(ANSWER).retry_config(RetryConfig::disabled())
}

impl S3Store {
    /// A store on the bucket that `options` names. Loads the SDK's configuration; credentials are looked for with the
    /// first request, and the bucket is not asked for.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] for options that do not fit together.
    pub async fn connect(options: S3Options) -> Result<S3Store> {
        check_bucket(&options.bucket)?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(FIRST_PAUSE)
                    .with_max_backoff(MAX_PAUSE),
            )
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ANSWER).build(),
            );
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &options.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        loader = match &options.credentials {
            Credentials::Chain => loader,
            Credentials::Provider(provider) => loader.credentials_provider(provider.clone()),
            Credentials::Anonymous => loader.no_credentials(),
        };
        let shared = loader.load().await;
        let endpoint = shared.endpoint_url().map(str::to_owned);
        let provider = options.provider.unwrap_or_else(|| Provider::of_endpoint(endpoint.as_deref()));
        let mut config = Builder::from(&shared);
        if shared.region().is_none() {
            config = config.region(default_region(provider, &options)?);
        }
        config = config.force_path_style(match options.addressing {
            Addressing::Path => true,
            Addressing::VirtualHost => false,
            Addressing::Automatic => provider != Provider::Aws,
        });
        // Sealift gives its own checksums, and checks the whole object; the SDK is to add and check no others.
        config = config
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        let policy = provider.part_policy(options.part_size, options.expected_size)?;
        let client = Client::from_conf(config.build());
        let endpoint = endpoint.unwrap_or_else(|| "Amazon S3".to_owned());
        let checksums = options.checksums.unwrap_or_else(|| provider.checksums());
        Ok(S3Store::new(client, options.bucket, without_credentials(&endpoint), policy, checksums))
    }
}

/// Services other than AWS mostly have no regions, or tell them by their endpoint.
fn default_region(provider: Provider, options: &S3Options) -> Result<Region> {
    match provider {
        Provider::Aws => {
            Err(Error::new(ErrorKind::InvalidConfig, "reach", format!("s3://{}", options.bucket), "no region is set")
                .with_hint("use --region, set AWS_REGION, or choose a profile that has one (AWS_PROFILE)"))
        }
        Provider::CloudflareR2 | Provider::Tigris => Ok(Region::from_static("auto")),
        _ => Ok(Region::from_static("us-east-1")),
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
