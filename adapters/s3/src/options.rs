//! How to reach a bucket.

use crate::limits::CONNECT;
use crate::provider::{Checksums, Conditions, Provider};
use aws_credential_types::provider::SharedCredentialsProvider;
use sealift::RetryPolicy;
use std::path::PathBuf;
use std::time::Duration;

/// How to reach a bucket. What is not said comes from where the AWS SDK looks: environment, profiles, instance.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct S3Options {
    /// The bucket's name.
    pub bucket: String,
    /// The service's URL, for services other than AWS.
    pub endpoint_url: Option<String>,
    /// The bucket's region.
    pub region: Option<String>,
    /// Where credentials come from.
    pub credentials: Credentials,
    /// How the bucket is named in requests.
    pub addressing: Addressing,
    /// Which service it is; by default told from the endpoint's host.
    pub provider: Option<Provider>,
    /// Which checksums the service takes; by default the provider's.
    pub checksums: Option<Checksums>,
    /// Whether the service keeps conditions, if you know better than the provider's row.
    pub conditional_writes: Option<Conditions>,
    /// A file that remembers of which services it was proven that they keep conditions, so that it is proven once.
    pub conditions_cache: Option<PathBuf>,
    /// The size of the first parts, or of all where they must be equal, in bytes.
    pub part_size: Option<u64>,
    /// About how many bytes will be stored under one key, so that parts are large enough from the start.
    pub expected_size: Option<u64>,
    /// How the proof of conditions is tried again, the only work that is not a single request. Everything else is tried again
    /// by a [`Bucket`](sealift::Bucket).
    pub retry_policy: RetryPolicy,
    /// The time to connect, per attempt.
    pub connect_timeout: Duration,
}

impl S3Options {
    /// The bucket `bucket`, everything else by default.
    pub fn new(bucket: impl Into<String>) -> Self {
        S3Options {
            bucket: bucket.into(),
            endpoint_url: None,
            region: None,
            credentials: Credentials::Chain,
            addressing: Addressing::Automatic,
            provider: None,
            checksums: None,
            conditional_writes: None,
            conditions_cache: None,
            part_size: None,
            expected_size: None,
            retry_policy: RetryPolicy::default(),
            connect_timeout: CONNECT,
        }
    }
}

/// Where credentials come from.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Where the AWS SDK looks: environment, profiles, SSO, web identity, container and instance roles.
    Chain,
    /// A provider of your own, and nowhere else.
    Provider(SharedCredentialsProvider),
    /// None: requests are not signed.
    Anonymous,
}

/// How the bucket is named in requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// In the path where an endpoint was given, in the host name otherwise.
    Automatic,
    /// In the path: `https://host/bucket/key`.
    Path,
    /// In the host name: `https://bucket.host/key`.
    VirtualHost,
}
