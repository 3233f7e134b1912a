//! From options to a store: names, endpoint, part sizes, and the two clients.

use crate::client::Client;
use crate::credentials::Renewable;
use crate::options::{Credentials, GcsOptions, Streams};
use crate::pieces::QUANTUM;
use crate::sdk;
use crate::store::GcsStore;
use crate::transport::Http;
use reqwest::Url;
use sealift::{Error, ErrorKind, Growth, PartPolicy, Result};

const MIB: u64 = 1 << 20;
/// The largest object (Google, "Quotas and limits").
const MAX_OBJECT: u64 = 5 << 40;
/// The size of parts: the largest that a small memory budget holds without putting them on disk. Pieces of 32 MiB take a tenth
/// less time at 20 ms and 60 MB/s (benches/gcs-ways).
const PART: u64 = 8 * MIB;
/// The largest part that can be chosen. For sessions the service sets no limit; a part is what is sent again when a connection
/// breaks. For uploads in parts it is the service's.
const MAX_PART: u64 = 5 << 30;

/// What an upload in parts takes (Google, "Quotas and limits", XML API multipart uploads): 10,000 parts of 5 MiB to 5 GiB, the last
/// of which may be shorter. The concurrency is a choice.
const LEAST_PART: u64 = 5 * MIB;
const MAX_PARTS: u32 = 10_000;
const MAX_IN_FLIGHT: usize = 64;

impl GcsStore {
    /// A store on the bucket that `options` names. A credentials file is read; tokens are fetched in the background by a
    /// task of the current runtime, and the bucket is not asked for. Cancel-safe.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] for options that do not fit together or credentials that cannot be used,
    /// [`ErrorKind::InvalidName`] for what cannot be the name of a bucket.
    pub async fn connect(options: GcsOptions) -> Result<GcsStore> {
        check_bucket(&options.bucket)?;
        let location = format!("gs://{}", options.bucket);
        let invalid = |reason: String| Error::new(ErrorKind::InvalidConfig, "reach", &location, reason);
        let endpoint = endpoint(&options).map_err(|reason| invalid(reason.to_owned()))?;
        let policy = part_policy(&options)?;
        let credentials = Renewable::new(options.credentials.clone())?;
        let sdk = sdk::client(&endpoint, credentials.clone()).await.map_err(&invalid)?;
        let http = Http::new(options.connect_timeout, options.stall_timeout, credentials)
            .map_err(|error| invalid(format!("no HTTP client: {}", error.without_url())))?;
        let connect_timeout = options.connect_timeout;
        let client = Client { bucket: options.bucket, endpoint, http, sdk, connect_timeout };
        Ok(GcsStore { client, policy, streams: options.streams })
    }
}

/// The service's URL. What is wrong with it is said without showing it: it may hold a password.
fn endpoint(options: &GcsOptions) -> Result<Url, &'static str> {
    let endpoint = options.endpoint.as_deref().unwrap_or("https://storage.googleapis.com");
    let url = Url::parse(endpoint).map_err(|_| "the endpoint is not a URL")?;
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let origin = bare && url.password().is_none() && url.path() == "/" && url.has_host();
    if !origin || !matches!(url.scheme(), "http" | "https") {
        return Err("the endpoint is not a plain http or https URL without a path");
    }
    if url.scheme() == "http" && options.credentials != Credentials::Anonymous && !is_this_machine(&url) {
        return Err("credentials are sent over https only, except to this machine");
    }
    Ok(url)
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn part_policy(options: &GcsOptions) -> Result<PartPolicy> {
    let invalid = |reason: String| Err(Error::new(ErrorKind::InvalidConfig, "set up", "the part size", reason));
    let size = options.part_size.unwrap_or(PART);
    if !(QUANTUM..=MAX_PART).contains(&size) || !size.is_multiple_of(QUANTUM) {
        return invalid(format!(
            "{size} bytes is not a multiple of 256 KiB up to {MAX_PART} bytes, as Google takes it"
        ));
    }
    let expected = options.expected_size.unwrap_or(0);
    if expected > MAX_OBJECT {
        return invalid(format!("{expected} bytes are expected, and Google takes {MAX_OBJECT} at most"));
    }
    let policy = match options.streams {
        Streams::Session => {
            // The service counts none: as many as the largest object has.
            PartPolicy::new(Growth::Equal { size }).with_max_parts(MAX_OBJECT.div_ceil(size) as u32)
        }
        Streams::Multipart if size < LEAST_PART => {
            return invalid(format!(
                "{size} bytes is less than the 5 MiB that Google takes of a stream in parallel parts"
            ));
        }
        Streams::Multipart => {
            let least = options.part_size.unwrap_or(LEAST_PART);
            PartPolicy::new(Growth::Growing { first: size, least })
                .with_max_parts(MAX_PARTS)
                .with_max_in_flight(MAX_IN_FLIGHT)
        }
    };
    Ok(policy.with_max_part(MAX_PART).with_max_object(MAX_OBJECT))
}

/// Google, "Bucket naming requirements", as far as they are about characters: the name becomes part of a URL.
fn check_bucket(bucket: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let allowed = |byte: u8| plain(byte) || matches!(byte, b'-' | b'_' | b'.');
    let longest = if bucket.contains('.') { 222 } else { 63 };
    let ends = bucket.bytes().next().is_some_and(plain) && bucket.bytes().last().is_some_and(plain);
    match (3..=longest).contains(&bucket.len()) && ends && bucket.bytes().all(allowed) {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::InvalidName,
            "use the bucket",
            format!("{bucket:?}"),
            "a bucket's name has 3 to 63 of the characters a-z 0-9 - _ . and begins and ends with a letter or digit",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(bucket: &str, endpoint: Option<&str>) -> GcsOptions {
        GcsOptions {
            endpoint: endpoint.map(str::to_owned),
            credentials: Credentials::Anonymous,
            ..GcsOptions::new(bucket)
        }
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_refused_without_showing_a_password() {
        for (bucket, endpoint, kind) in [
            ("Bucket", "https://host", ErrorKind::InvalidName),
            ("ab", "https://host", ErrorKind::InvalidName),
            ("bucket-", "https://host", ErrorKind::InvalidName),
            ("a/b", "https://host", ErrorKind::InvalidName),
            ("bucket", "host", ErrorKind::InvalidConfig),
            ("bucket", "ftp://host", ErrorKind::InvalidConfig),
            ("bucket", "https://host/path", ErrorKind::InvalidConfig),
            ("bucket", "https://host?key=s3cret", ErrorKind::InvalidConfig),
            ("bucket", "https://user:s3cret@host", ErrorKind::InvalidConfig),
        ] {
            let error = GcsStore::connect(options(bucket, Some(endpoint))).await.expect_err(endpoint);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        for endpoint in [None, Some("https://host/"), Some("http://host:1"), Some("http://127.0.0.1:1")] {
            let store = GcsStore::connect(options("my.bucket_2", endpoint)).await.expect("fine");
            assert_eq!(sealift::ObjectStore::url(&store), "gs://my.bucket_2");
        }
    }

    #[test]
    fn tokens_go_over_https_or_stay_here() {
        let with_tokens = |url: &str| {
            endpoint(&GcsOptions { credentials: Credentials::ApplicationDefault, ..options("bucket", Some(url)) })
        };
        for url in ["https://host", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"] {
            assert!(with_tokens(url).is_ok(), "{url}");
        }
        for url in ["http://host", "http://10.0.0.1", "http://127.0.0.1.example"] {
            assert!(with_tokens(url).is_err(), "{url}");
        }
    }

    #[test]
    fn parts_reach_the_largest_object() {
        let sized =
            |part_size, expected_size| part_policy(&GcsOptions { part_size, expected_size, ..options("bucket", None) });
        for part_size in [None, Some(QUANTUM), Some(MAX_PART)] {
            assert_eq!(sized(part_size, Some(MAX_OBJECT)).expect("fine").longest_stream(), MAX_OBJECT);
        }
        for (part_size, expected) in
            [(Some(0), None), (Some(QUANTUM + 1), None), (Some(2 * MAX_PART), None), (None, Some(MAX_OBJECT + 1))]
        {
            assert_eq!(sized(part_size, expected).expect_err("refused").kind(), ErrorKind::InvalidConfig);
        }
    }

    #[test]
    fn parallel_parts_reach_the_largest_object_too() {
        let sized =
            |part_size| part_policy(&GcsOptions { part_size, streams: Streams::Multipart, ..options("bucket", None) });
        for part_size in [None, Some(LEAST_PART), Some(MAX_PART)] {
            let policy = sized(part_size).expect("fine");
            assert_eq!((policy.longest_stream(), policy.max_parts), (MAX_OBJECT, 10_000));
            assert!(policy.max_in_flight > 1);
        }
        assert_eq!(sized(Some(LEAST_PART - QUANTUM)).expect_err("too small").kind(), ErrorKind::InvalidConfig);
    }
}
